//! Asking the person at the client for configuration that a server needs, before anything is decided about it.
//!
//! Secrets are not asked for by forms: they are set by an operator, or on a page, where no model and no client sees them.

use serde_json::{Map, Value, json};

use super::arguments::Wanted;
use super::config;
use crate::error::Result;
use crate::gateway::hub::Hub;
use crate::model::CallContext;
use crate::protocol::{RawJson, Request, ServerChange};

impl Hub {
    /// Whether a call adds a server that needs more configuration than it says.
    pub(crate) async fn lacks_config(&self, request: &Request) -> bool {
        if request.change() != Some(ServerChange::Add) {
            return false;
        }
        let arguments = request.arguments().cloned().unwrap_or_else(RawJson::empty_object);
        let Ok(wanted) = Wanted::read(ServerChange::Add, &arguments) else { return false };
        let Ok(candidate) = self.candidate_to_add(&wanted).await else { return false };
        candidate.body().is_ok_and(|body| !config::missing(&body.entry, &wanted.config).is_empty())
    }

    /// Completes a call that adds a server by the configuration that it lacks, as far as the person at the client gives it.
    /// What is given is then part of what policy and approvals see.
    pub(crate) async fn complete_config(&self, ctx: &CallContext, request: &mut Request) {
        if let Ok(Some(arguments)) = self.completed(ctx, request).await {
            request.params.set("arguments", arguments);
            request.described = self.describe_change(ctx, ServerChange::Add, request).await;
        }
    }

    async fn completed(&self, ctx: &CallContext, request: &Request) -> Result<Option<RawJson>> {
        let arguments = request.arguments().cloned().unwrap_or_else(RawJson::empty_object);
        let mut wanted = Wanted::read(ServerChange::Add, &arguments)?;
        let candidate = self.candidate_to_add(&wanted).await?;
        let entry = &candidate.body()?.entry;
        let missing = config::missing(entry, &wanted.config);
        let known = config::properties(entry);
        let mut fields = Map::new();
        for key in &missing {
            let Some(field) = known.get(key.as_str()).and_then(|schema| field(schema)) else { return Ok(None) };
            fields.insert(key.clone(), field);
        }
        if fields.is_empty() {
            return Ok(None);
        }
        let question = json!({
            "message": format!("MCP Gateway: server `{}` needs these values before it can be added. Give no secrets here.", entry.name),
            "requestedSchema": {"type": "object", "properties": fields, "required": missing},
        });
        let Some(answer) = self.ask_form(ctx, request, RawJson::from_value(&question)?).await else { return Ok(None) };
        let Some(content) = answer["content"].as_object().filter(|_| answer["action"] == "accept") else {
            return Ok(None);
        };
        for key in missing {
            if let Some(value) = content.get(&key) {
                wanted.config.insert(key, value.clone());
            }
        }
        let mut arguments = arguments.object()?;
        arguments.set("config", RawJson::from_value(&wanted.config)?);
        Ok(Some(arguments.to_raw()))
    }
}

/// The field of a form for a value; nothing for one that no form can ask for.
fn field(schema: &Value) -> Option<Value> {
    let kind = schema["type"].as_str().filter(|kind| ["string", "number", "integer", "boolean"].contains(kind))?;
    let mut field = json!({"type": kind});
    for member in ["title", "description", "enum"] {
        if let Some(said) = schema.get(member) {
            field[member] = said.clone();
        }
    }
    Some(field)
}
