//! Tools that are one container run each (`type: poci`).

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::Hub;
use super::call::{checked, told};
use super::slot::{Body, Slot};
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::expand;
use crate::gateway::layers::Call;
use crate::model::{CallContext, Definition, ServerEntry, Surface};
use crate::protocol::{RawJson, RequestKind, Response, Target};

/// The surface of a server whose tools the catalog defines.
pub(crate) fn surface(entry: &ServerEntry) -> Surface {
    let mut surface = Surface { capabilities: json!({"tools": {}}), ..Surface::default() };
    surface.tools = entry
        .tools
        .iter()
        .filter(|tool| tool.container.is_some())
        .map(|tool| {
            let mut definition = Map::new();
            definition.insert("name".to_owned(), tool.name.as_str().into());
            if let Some(description) = &tool.description {
                definition.insert("description".to_owned(), description.as_str().into());
            }
            let schema = if tool.parameters.is_object() { tool.parameters.clone() } else { json!({}) };
            let mut schema = schema;
            schema["type"] = "object".into();
            definition.insert("inputSchema".to_owned(), schema);
            if tool.annotations.is_object() {
                definition.insert("annotations".to_owned(), tool.annotations.clone());
            }
            Definition::new(tool.name.as_str(), Value::Object(definition).to_string())
        })
        .collect();
    surface
}

impl Hub {
    /// Runs the container of a tool and gives what it printed.
    pub(super) async fn run_tool(
        &self,
        ctx: &CallContext,
        call: &Call,
        slot: &Arc<Slot>,
        body: &Body,
        target: &Target,
    ) -> Result<Response> {
        let request = &call.request;
        let container = body
            .entry
            .tools
            .iter()
            .find(|tool| tool.name == target.name)
            .and_then(|tool| tool.container.as_ref())
            .filter(|_| request.kind == RequestKind::CallTool)
            .ok_or_else(|| Error::new(ErrorKind::NotFound, format!("`{target}` is no container tool")))?;
        let params = checked(call, &self.launcher.unstarted(body), request.params.clone())?;
        let arguments = params.get("arguments").map_or(Ok(json!({})), RawJson::read)?;
        let plan = expand::tool_container(&self.launcher.profile, body, container, &arguments)?;
        let (output, redaction) = self.launcher.run_once(ctx, slot, body, plan).await?;
        let failed = output.exit_code != 0;
        let mut text = output.stdout;
        if failed {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&output.stderr);
            text.push_str(&format!("\nexit code {}", output.exit_code));
        }
        let result = json!({"content": [{"type": "text", "text": text}], "isError": failed});
        let redaction = Arc::new(redaction);
        // Set once: a call goes to one server.
        let _ = call.redaction.set(Arc::clone(&redaction));
        let result = told(call, &redaction, Ok(RawJson::from_value(&result)?))?;
        Ok(Response { result, ..Response::new(RawJson::empty_object()) })
    }
}
