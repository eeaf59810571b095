//! `mcp-find`: servers and their tools, by words.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::answer::one_line;
use super::arguments::{self, Detail, Sought};
use super::config;
use super::schema::{list_of, output};
use crate::catalog::{Match, SearchQuery};
use crate::error::Result;
use crate::gateway::hub::{Hub, Slot, Slots};
use crate::gateway::settings::Settings;
use crate::gateway::view::View;
use crate::model::{CallContext, Definition, ImageReference, ServerEntry, ToolEntry};
use crate::profile::ProfileSpec;
use crate::protocol::{ClientCapabilities, RawJson};

pub(super) const NAME: &str = "mcp-find";

/// How many servers are given where nothing is said, and how many at the most.
const USUAL: usize = 5;
const MOST: usize = 25;
/// How many tools are named of a server that fits by itself.
const SOME: usize = 5;

pub(super) fn definition() -> Value {
    json!({
        "title": "Find servers and tools",
        "description": "Searches the servers that can be used and their tools by words, such as `what time is it in Tokyo`. \
            Gives the best tools by server, whether it is added already, what it needs, and how to go on. An answer without \
            servers means that nothing fits.",
        "inputSchema": {
            "properties": {
                "query": {"type": "string", "minLength": 1, "maxLength": 4096, "description": "What is to be done, in words"},
                "category": {"type": "string", "description": "Servers of this category only"},
                "source": {"type": "string", "description": "Servers of this catalog only"},
                "limit": {"type": "integer", "minimum": 1, "maximum": MOST, "default": USUAL},
                "detail": {
                    "type": "string",
                    "enum": ["summary", "schema"],
                    "default": "summary",
                    "description": "`schema` gives the input schemas of the tools too, so that they can be called at once",
                },
            },
            "required": ["query"],
        },
        "outputSchema": output(json!({
            "servers": list_of(json!({
                "server": {"type": "string"},
                "title": {"type": "string"},
                "description": {"type": "string"},
                "score": {"type": "number"},
                "added": {"type": "boolean"},
                "state": {"type": "string"},
                "publisher": {"type": "string"},
                "category": {"type": "string"},
                "license": {"type": "string"},
                "source": {"type": "string", "description": "The catalog that it came from"},
                "verification": {"type": "object"},
                "secrets": {"type": "array", "items": {"type": "object"}},
                "config": {"type": "object"},
                "tools": list_of(json!({
                    "tool": {"type": "string", "description": "Its name for `mcp-exec`: `server.tool`"},
                    "score": {"type": "number"},
                    "description": {"type": "string"},
                    "inputSchema": {"type": "object"},
                })),
                "next": {"type": "string"},
            })),
            "categories": {
                "type": "array",
                "items": {"type": "string"},
                "description": "Where nothing fits: categories to look in",
            },
        })),
        "annotations": {"readOnlyHint": true, "openWorldHint": false},
    })
}

/// What one search is about.
struct Looking {
    spec: ProfileSpec,
    slots: Arc<Slots>,
    view: Arc<View>,
    detail: Detail,
}

impl Hub {
    pub(super) async fn run_find(&self, ctx: &CallContext, arguments: &RawJson) -> Result<Value> {
        let sought: Sought = arguments::read(NAME, arguments)?;
        self.get_to_know(ctx).await;
        let mut query = SearchQuery::new(sought.query).with_limit(sought.limit.unwrap_or(USUAL).clamp(1, MOST));
        (query.category, query.source) = (sought.category, sought.source);
        let found = self.search(&query).await?;
        let looking = Looking {
            spec: self.profile.spec().await?,
            slots: self.slots_of(ctx.session.as_ref()),
            view: self.view_of(ctx.session.as_ref()).await,
            detail: sought.detail,
        };
        let servers: Vec<_> = found.matches.iter().map(|found| shown(&looking, found)).collect();
        if servers.is_empty() {
            let next = "nothing fits: try other words, or look in one of the categories";
            return Ok(json!({"servers": [], "categories": found.categories, "next": next}));
        }
        Ok(json!({"servers": servers, "next": "each server says how to go on"}))
    }
}

fn shown(looking: &Looking, found: &Match) -> Value {
    let entry = &found.entry;
    let slot = looking.slots.get(&entry.name);
    let mut shown = json!({"server": entry.name, "score": rounded(found.score), "added": slot.is_some()});
    let metadata = entry.metadata.as_ref();
    let said = [
        ("title", entry.title.as_ref()),
        ("description", entry.description.as_ref()),
        ("publisher", metadata.and_then(|metadata| metadata.owner.as_ref())),
        ("category", metadata.and_then(|metadata| metadata.category.as_ref())),
        ("license", metadata.and_then(|metadata| metadata.license.as_ref())),
        ("source", entry.source.as_ref()),
    ];
    for (member, text) in said {
        if let Some(text) = text {
            shown[member] = one_line(text).into();
        }
    }
    let status = slot.map(|slot| slot.status(&looking.view));
    if let Some(status) = &status {
        shown["state"] = json!(status.state);
        if let Some(reason) = &status.reason {
            shown["reason"] = one_line(reason).into();
        }
    }
    shown["verification"] = verification(&looking.spec, entry, slot);
    if !entry.secrets.is_empty() {
        shown["secrets"] = entry.secrets.iter().map(secret).collect();
    }
    let properties = config::properties(entry);
    if !properties.is_empty() {
        shown["config"] =
            json!({"properties": properties, "required": config::missing(entry, &indexmap::IndexMap::new())});
    }
    shown["tools"] = tools(looking, found, slot.map(Arc::as_ref)).into();
    shown["next"] = next(entry, slot.is_some()).into();
    shown
}

/// What is asked of the image, and what was found out about it.
fn verification(spec: &ProfileSpec, entry: &ServerEntry, slot: Option<&Arc<Slot>>) -> Value {
    let image = entry.image.as_deref().and_then(|image| ImageReference::parse(image).ok());
    let settings = Settings::of(spec, &entry.name, entry).ok();
    let rule = settings.zip(image).map(|(settings, image)| settings.verify.rule(&image));
    let mut shown = json!({"asked": rule.as_ref().map_or("off", |rule| rule.mode.as_str())});
    if let Some(signer) = rule.and_then(|rule| rule.signer) {
        shown["signer"] = signer.to_string().into();
    }
    if let Some(found) = slot.and_then(|slot| slot.verification()) {
        shown["found"] = found.level.as_str().into();
    }
    shown
}

fn secret(secret: &crate::model::SecretEntry) -> Value {
    let mut shown = json!({"name": secret.name, "required": secret.required != Some(false)});
    if let Some(text) = secret.extra.get("description").and_then(Value::as_str) {
        shown["description"] = one_line(text).into();
    }
    shown
}

fn next(entry: &ServerEntry, is_added: bool) -> String {
    if is_added {
        return "added: call its tools with `mcp-exec`".to_owned();
    }
    let needed =
        entry.secrets.iter().filter(|secret| secret.required != Some(false)).map(|secret| secret.name.as_str());
    let needed: Vec<_> = needed.collect();
    let add = format!("not added: call `mcp-add` with `server: {}`", entry.name);
    if needed.is_empty() { add } else { format!("{add}; an operator sets its secrets: {}", needed.join(", ")) }
}

/// The tools that the query is about; of a server that fits by itself, its first ones.
fn tools(looking: &Looking, found: &Match, slot: Option<&Slot>) -> Vec<Value> {
    let entry = &found.entry;
    let surface = slot.and_then(|slot| slot.admitted(&ClientCapabilities::none()));
    let surface = surface.as_deref();
    let names = looking.view.tool_names(&entry.name);
    let is_offered = |name: &str| surface.is_none() || names.contains_key(name);
    let mut wanted: Vec<(&str, Option<f64>, Option<&str>)> =
        found.tools.iter().map(|tool| (tool.name.as_str(), Some(tool.score), tool.description.as_deref())).collect();
    if wanted.is_empty() {
        wanted = match surface {
            Some(surface) => surface.tools.iter().take(SOME).map(|tool| (tool.key.as_str(), None, None)).collect(),
            None => {
                let some = entry.tools.iter().take(SOME);
                some.map(|tool| (tool.name.as_str(), None, tool.description.as_deref())).collect()
            }
        };
    }
    let mut shown = Vec::new();
    for (name, score, description) in wanted.into_iter().filter(|(name, ..)| is_offered(name)) {
        let definition = surface.and_then(|surface| surface.tools.iter().find(|tool| tool.key == name));
        let definition: Value = definition.map(read).unwrap_or_default();
        let described = entry.tools.iter().find(|tool| tool.name == name);
        let mut tool = json!({"tool": format!("{}.{name}", entry.name)});
        if let Some(score) = score {
            tool["score"] = rounded(score);
        }
        if let Some(text) = definition["description"].as_str().or(description) {
            tool["description"] = one_line(text).into();
        }
        if looking.detail == Detail::Schema {
            let known = definition.get("inputSchema").cloned();
            if let Some(schema) = known.or_else(|| described.and_then(schema_of)) {
                tool["inputSchema"] = schema;
            }
        }
        shown.push(tool);
    }
    shown
}

fn read(definition: &Definition) -> Value {
    serde_json::from_str(&definition.json).unwrap_or_default()
}

/// The input schema of a tool as far as a catalog knows it; nothing where it says nothing.
fn schema_of(tool: &ToolEntry) -> Option<Value> {
    if tool.parameters.is_object() {
        let mut schema = tool.parameters.clone();
        schema["type"] = "object".into();
        return Some(schema);
    }
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for argument in tool.arguments.as_array()? {
        let Some(name) = argument["name"].as_str() else { continue };
        let mut schema = Map::new();
        for (from, to) in
            [("type", "type"), ("desc", "description"), ("description", "description"), ("items", "items")]
        {
            if let Some(said) = argument.get(from) {
                schema.insert(to.to_owned(), said.clone());
            }
        }
        if argument["optional"] != true {
            required.push(name);
        }
        properties.insert(name.to_owned(), Value::Object(schema));
    }
    Some(json!({"type": "object", "properties": properties, "required": required}))
}

/// Three digits are enough to compare.
fn rounded(score: f64) -> Value {
    json!((score * 1_000.0).round() / 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_catalogs_arguments_become_a_schema() {
        let arguments = json!([
            {"name": "zone", "type": "string", "desc": "such as Asia/Tokyo"},
            {"name": "tags", "type": "array", "items": {"type": "string"}, "optional": true},
        ]);
        let tool = ToolEntry { arguments, ..ToolEntry::default() };
        let schema = schema_of(&tool).unwrap();
        assert_eq!(schema["required"], json!(["zone"]));
        assert_eq!(schema["properties"]["zone"], json!({"type": "string", "description": "such as Asia/Tokyo"}));
        assert_eq!(schema["properties"]["tags"]["items"], json!({"type": "string"}));
        assert_eq!(schema_of(&ToolEntry::default()), None);
    }
}
