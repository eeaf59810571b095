//! The files that are read, and the index that is made of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use mcp_gateway_core::catalog::{SearchIndex, SearchQuery};
use mcp_gateway_core::model::{ServerEntry, ServerName, ToolEntry};
use serde_json::{Map, Value, json};

/// The most servers that are asked for; their tools together are ranked.
const SERVERS: usize = 20;

/// A tool that can be found.
#[derive(Clone)]
pub(crate) struct Tool {
    pub(crate) set: String,
    pub(crate) name: String,
    pub(crate) server: String,
    pub(crate) description: String,
    pub(crate) parameters: Map<String, Value>,
}

/// A query, and the tools that should come of it.
pub(crate) struct Query {
    pub(crate) set: String,
    pub(crate) text: String,
    pub(crate) expected: Vec<String>,
}

impl Tool {
    pub(crate) fn read(line: &str) -> Result<Self, String> {
        let json: Value = serde_json::from_str(line).map_err(|error| format!("{error}: {line}"))?;
        let text = |key: &str| json[key].as_str().unwrap_or_default().to_owned();
        Ok(Self {
            set: text("set"),
            name: text("tool"),
            server: text("server"),
            description: text("description"),
            parameters: json["parameters"].as_object().cloned().unwrap_or_default(),
        })
    }
}

impl Query {
    pub(crate) fn read(line: &str) -> Result<Self, String> {
        let json: Value = serde_json::from_str(line).map_err(|error| format!("{error}: {line}"))?;
        let expected = json["expected"].as_array().into_iter().flatten();
        Ok(Self {
            set: json["set"].as_str().unwrap_or_default().to_owned(),
            text: json["query"].as_str().ok_or_else(|| format!("no `query`: {line}"))?.to_owned(),
            expected: expected.filter_map(|name| name.as_str().map(str::to_owned)).collect(),
        })
    }
}

/// Entries as a catalog would have them.
pub(crate) fn entries(tools: &[&Tool]) -> Vec<Arc<ServerEntry>> {
    let mut servers: BTreeMap<&str, Vec<ToolEntry>> = BTreeMap::new();
    for tool in tools {
        let described = |(name, text): (&String, &Value)| (name.clone(), json!({"description": text}));
        let properties: Map<String, Value> = tool.parameters.iter().map(described).collect();
        let mut entry = ToolEntry::default();
        entry.name.clone_from(&tool.name);
        entry.description = Some(tool.description.clone());
        entry.parameters = json!({"type": "object", "properties": properties});
        servers.entry(&tool.server).or_default().push(entry);
    }
    let entry = |(server, tools): (&str, Vec<ToolEntry>)| {
        let name = server.replace(|c: char| !c.is_ascii_alphanumeric() && !"._-".contains(c), "-");
        let mut entry = ServerEntry::image(ServerName::new(&name).ok()?, "example.test/any");
        entry.tools = tools;
        Some(Arc::new(entry))
    };
    servers.into_iter().filter_map(entry).collect()
}

pub(crate) fn index(tools: &[&Tool]) -> SearchIndex {
    let mut index = SearchIndex::new();
    entries(tools).into_iter().for_each(|entry| index.put(entry, None));
    index
}

/// The names of the tools that are found, the best first.
pub(crate) fn search(index: &SearchIndex, text: &str) -> Vec<String> {
    best(index, &query(text))
}

pub(crate) fn query(text: &str) -> SearchQuery {
    SearchQuery::new(text).with_limit(SERVERS)
}

pub(crate) fn best(index: &SearchIndex, query: &SearchQuery) -> Vec<String> {
    let found = index.search(query);
    let mut tools: Vec<_> = found.matches.into_iter().flat_map(|found| found.tools).collect();
    tools.sort_by(|a, b| b.score.total_cmp(&a.score));
    tools.into_iter().map(|tool| tool.name).collect()
}
