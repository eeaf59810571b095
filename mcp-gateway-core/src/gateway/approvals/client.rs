//! Asking the person at the client, by a form.

use serde_json::{Value, json};

use super::Approvals;
use crate::approval::{Question, Scope, Verdict};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{CallContext, Effect};
use crate::protocol::{RawJson, Request};

/// Says in the `_meta` of a form that the gateway itself asks whether a request may go on; no server can say so.
pub(crate) const APPROVAL: &str = "mcp-gateway/approval";

impl Approvals {
    /// The answer of the person at the client.
    pub(super) async fn ask_client(
        &self,
        ctx: &CallContext,
        request: &Request,
        question: &Question,
    ) -> Result<Verdict> {
        let closed = || Error::new(ErrorKind::Closed, "the client cannot be asked");
        let link = request.link.as_ref().ok_or_else(closed)?;
        // Whoever stands alone shares its session with every client of its principal: nothing is remembered for that.
        let may_remember_session = question.session.is_some() && !request.stands_alone;
        let params = RawJson::from_value(&form(question, may_remember_session)?)?;
        let asked = async {
            let answer = link.confirm(params).await?;
            answer.map_err(|error| closed().with_context("client", format!("{}: {}", error.code, error.message)))
        };
        let answer = ctx.bounded(self.parts.question_timeout, asked).await?;
        read(question, &answer.read()?, may_remember_session)
    }
}

fn form(question: &Question, may_remember_session: bool) -> Result<Value> {
    let mut scopes = vec!["once", "arguments"];
    if may_remember_session {
        scopes.push("session");
    }
    let is_hard = question.decision.effect == Effect::HardConfirm;
    let mut required = vec!["decision"];
    if is_hard {
        required.push("reason");
    }
    Ok(json!({
        "message": format!("MCP Gateway: may this request go on?\n\n{}", question.to_text()?),
        "requestedSchema": {
            "type": "object",
            "properties": {
                "decision": {
                    "type": "string",
                    "title": "Decision",
                    "enum": ["approve", "reject"],
                },
                "remember": {
                    "type": "string",
                    "title": "For what it holds",
                    "description": "once: this request. arguments: every such request with these arguments. \
                        session: every request to this tool in this session.",
                    "enum": scopes,
                    "default": "once",
                },
                "reason": {"type": "string", "title": "Reason"},
            },
            "required": required,
        },
        "_meta": {
            APPROVAL: {
                "server": question.target.server,
                "name": question.target.name,
                "effect": question.decision.effect,
                "argumentsHash": question.arguments_hash(),
            },
        },
    }))
}

/// Only a form that was sent off with `approve` is a yes.
fn read(question: &Question, answer: &Value, may_remember_session: bool) -> Result<Verdict> {
    let text = |key: &str| answer["content"][key].as_str().unwrap_or_default();
    let granted = answer["action"] == "accept" && text("decision") == "approve";
    let by = format!("the client of {}", question.principal.name);
    let reason = match (granted, answer["action"].as_str()) {
        (false, Some(action @ ("decline" | "cancel"))) if text("reason").is_empty() => action,
        _ => text("reason"),
    };
    let scope = match text("remember") {
        "arguments" => Scope::Arguments,
        "session" if may_remember_session => Scope::Session,
        "session" if granted => {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "a session was to be remembered where that was not offered",
            ));
        }
        _ => Scope::Once,
    };
    Ok(Verdict::new(granted, by, reason).with_scope(scope))
}
