//! `mcp-remove`: a server that is not needed any more.

use serde_json::{Value, json};

use super::arguments::Wanted;
use super::schema::{output, profile, server};
use crate::error::Result;
use crate::gateway::hub::{Editor, Hub};
use crate::gateway::layers::Call;
use crate::model::CallContext;
use crate::protocol::{RawJson, ServerChange};

pub(super) const NAME: &str = ServerChange::Remove.tool();

pub(super) fn definition() -> Value {
    json!({
        "title": "Remove a server",
        "description": "Takes a server out that this session has added, and stops it; its calls under way fail. Servers of \
            the profile stay, unless `profile` is named and the operator allows that.",
        "inputSchema": {
            "properties": {"server": server("The server, by its name in the answer of `mcp-list`"), "profile": profile()},
            "required": ["server"],
        },
        "outputSchema": output(json!({
            "server": {"type": "string"},
            "status": {"type": "string", "enum": ["removed"]},
        })),
        "annotations": {"readOnlyHint": false, "destructiveHint": true, "idempotentHint": true, "openWorldHint": false},
    })
}

impl Hub {
    pub(super) async fn run_remove(&self, ctx: &CallContext, call: &Call, arguments: &RawJson) -> Result<Value> {
        let wanted = Wanted::read(ServerChange::Remove, arguments)?;
        self.ensure_same_change(ctx, ServerChange::Remove, &call.request).await?;
        let by = Editor::tool(NAME, ctx);
        if wanted.profile.is_some() {
            self.remove_server(&wanted.server, &by).await?;
        } else {
            let slot = self.held(ctx, &wanted)?;
            let session = self.session_of(ctx)?;
            self.record_edit("server/remove", &slot.name, &by, None, None).await?;
            self.put_back(session, &slot, None);
            self.publish_own(session).await;
            self.tell_removed(&slot.name, Some(session));
        }
        Ok(json!({"server": wanted.server, "status": "removed"}))
    }
}
