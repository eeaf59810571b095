//! `mcp-config-set`: other values for a server that is there.

use serde_json::{Value, json};

use super::arguments::Wanted;
use super::progress;
use super::schema::{output, profile, server, tools};
use super::tried::Tried;
use crate::error::Result;
use crate::gateway::hub::{Editor, Hub};
use crate::gateway::layers::Call;
use crate::model::CallContext;
use crate::protocol::{RawJson, ServerChange};

pub(super) const NAME: &str = ServerChange::Configure.tool();

pub(super) fn definition() -> Value {
    json!({
        "title": "Configure a server",
        "description": "Gives a server that this session has added other values for its configuration, checked against its \
            schema, and starts it anew; a person may have to approve that. Values that are not named stay. Where it does \
            not start with them, it stays as it was.",
        "inputSchema": {
            "properties": {
                "server": server("The server, by its name in the answer of `mcp-list`"),
                "config": {
                    "type": "object",
                    "minProperties": 1,
                    "description": "The values, by the keys in the answer of `mcp-find`; never secrets",
                },
                "profile": profile(),
            },
            "required": ["server", "config"],
        },
        "outputSchema": output(json!({
            "server": {"type": "string"},
            "status": {"type": "string", "enum": ["configured"]},
            "instructions": {"type": "string"},
            "heldBack": {"type": "string", "description": "That an operator has yet to accept some of what it offers"},
            "tools": tools(),
        })),
        "annotations": {"readOnlyHint": false, "destructiveHint": false, "idempotentHint": true, "openWorldHint": false},
    })
}

impl Hub {
    pub(super) async fn run_config_set(&self, ctx: &CallContext, call: &Call, arguments: &RawJson) -> Result<Value> {
        let wanted = Wanted::read(ServerChange::Configure, arguments)?;
        self.ensure_same_change(ctx, ServerChange::Configure, &call.request).await?;
        let held = self.held(ctx, &wanted)?;
        let candidate = self.candidate_to_configure(ctx, &wanted).await?;
        let by = Editor::tool(NAME, ctx);
        let slot = if wanted.profile.is_some() {
            self.configure_server(&wanted.server, candidate.settings, &by).await?
        } else {
            let session = self.session_of(ctx)?;
            let slot = candidate.slot;
            self.exchange_added(session, &slot.name, Some(&held), Some(&slot)).await?;
            let settings = Some(candidate.settings.to_record());
            let tried = Tried::new(self, session, &slot, Some(&held));
            progress::told(self, &call.request, &slot, self.see_now(ctx, &slot))
                .await
                .map_err(|error| error.with_hint(format!("`{}` stays as it was", slot.name)))?;
            self.record_edit("config/set", &slot.name, &by, settings, None).await?;
            tried.keep();
            self.publish_own(session).await;
            slot
        };
        self.shown_surface(ctx, &slot, "configured").await
    }
}
