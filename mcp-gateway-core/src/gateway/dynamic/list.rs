//! `mcp-list`: which servers there are, and how they are.

use serde_json::{Value, json};

use super::answer::one_line;
use super::arguments::{self, Nothing};
use super::schema::{list_of, output};
use crate::error::Result;
use crate::gateway::hub::Hub;
use crate::gateway::{ServerState, ServerStatus};
use crate::model::CallContext;
use crate::protocol::RawJson;

pub(super) const NAME: &str = "mcp-list";

pub(super) fn definition() -> Value {
    json!({
        "title": "List servers",
        "description": "Lists the servers that this session can use: those of the profile and those that it has added, \
            each with its state, how many tools it offers, and why it is refused or failed; and other profiles, whose \
            servers can be added.",
        "inputSchema": {"properties": {}},
        "outputSchema": output(json!({
            "servers": list_of(json!({
                "server": {"type": "string"},
                "added": {"type": "string", "enum": ["profile", "session"]},
                "state": {"type": "string", "enum": ["recorded", "unknown", "running", "failed", "refused"]},
                "reason": {"type": "string"},
                "tools": {"type": "integer"},
                "verification": {"type": "string"},
            })),
            // Other profiles, whose servers can be added: all by `mcp-activate-profile`, or one by `mcp-add`.
            "profiles": list_of(json!({
                "profile": {"type": "string"},
                "description": {"type": "string"},
                "servers": {"type": "array", "items": {"type": "string"}},
                "reason": {"type": "string"},
            })),
        })),
        "annotations": {"readOnlyHint": true, "openWorldHint": false},
    })
}

impl Hub {
    pub(super) async fn run_list(&self, ctx: &CallContext, arguments: &RawJson) -> Result<Value> {
        let Nothing {} = arguments::read(NAME, arguments)?;
        let view = self.view_of(ctx.session.as_ref()).await;
        let added = ctx.session.as_ref().map(|session| self.added(session)).unwrap_or_default();
        let slots = self.slots_of(ctx.session.as_ref());
        let known = slots.values().filter(|slot| !slot.is_shut_out());
        let servers: Vec<_> = known.map(|slot| shown(&slot.status(&view), added.contains_key(&slot.name))).collect();
        let next = if servers.is_empty() {
            "there is no server yet: find one with `mcp-find` and add it with `mcp-add`"
        } else {
            "call a tool with `mcp-exec`, or find more with `mcp-find`"
        };
        let mut answer = json!({"servers": servers, "next": next});
        let profiles = self.shown_profiles().await?;
        if !profiles.is_empty() {
            answer["profiles"] = profiles.into();
        }
        Ok(answer)
    }
}

fn shown(status: &ServerStatus, is_own: bool) -> Value {
    let mut shown = json!({
        "server": status.name,
        "added": if is_own { "session" } else { "profile" },
        "state": status.state,
    });
    if let (ServerState::Failed | ServerState::Refused, Some(reason)) = (status.state, &status.reason) {
        shown["reason"] = one_line(reason).into();
    }
    if let Some(tools) = status.tools {
        shown["tools"] = tools.into();
    }
    if let Some(found) = &status.verification {
        shown["verification"] = found.level.as_str().into();
    }
    shown
}
