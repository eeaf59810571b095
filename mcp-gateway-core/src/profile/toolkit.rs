//! The files in which Docker's MCP toolkit keeps what is enabled.

use indexmap::IndexMap;
use serde_json::Value;

use super::ProfileSpec;
use crate::catalog::{Diagnostic, Fields, Node, Problems, joined};
use crate::error::Result;
use crate::model::ServerName;

/// What the toolkit's files say, to be put into a profile.
///
/// # Behavior
/// - Each `read_…` adds to what was read before; of the same server, the later file's word counts.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Toolkit {
    /// The enabled servers, of `registry.yaml`.
    pub servers: Vec<ServerName>,
    /// Configuration values by server, of `config.yaml`.
    pub config: IndexMap<ServerName, IndexMap<String, Value>>,
    /// The enabled tools by server, of `tools.yaml`; a server that is not named has all.
    pub tools: IndexMap<ServerName, Vec<String>>,
}

impl Toolkit {
    /// Nothing enabled.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads `registry.yaml`: `registry: {name: {ref: ""}}`. Gives what is odd about it.
    ///
    /// # Errors
    /// `InvalidConfig` with file and line.
    pub fn read_registry(&mut self, file: &str, text: &str) -> Result<Vec<Diagnostic>> {
        read(file, text, |mut root| {
            if !root.has("registry") {
                root.missing("registry");
            }
            for field in root.entries("registry") {
                let Some(name) = name(&root, &field.key, field.at) else { continue };
                if !field.value.is_null()
                    && let Some(mut entry) = Fields::of(&field.value, format!("registry.{name}"), root.problems())
                {
                    entry.text("ref");
                    entry.rest(&[]);
                }
                if !self.servers.contains(&name) {
                    self.servers.push(name);
                }
            }
            root.rest(&["version"]);
        })
    }

    /// Reads `config.yaml`: `{server: {key: value}}`. Gives what is odd about it.
    ///
    /// # Errors
    /// `InvalidConfig` with file and line.
    pub fn read_config(&mut self, file: &str, text: &str) -> Result<Vec<Diagnostic>> {
        read(file, text, |root| {
            for field in root.all() {
                let Some(name) = name(&root, &field.key, field.at) else { continue };
                let values = if field.value.is_null() { &[] } else { root.mapping(field) };
                let values = values.iter().map(|field| (field.key.clone(), field.value.to_json()));
                self.config.entry(name).or_default().extend(values);
            }
        })
    }

    /// Reads `tools.yaml`: `{server: [tool]}`. Gives what is odd about it.
    ///
    /// # Errors
    /// `InvalidConfig` with file and line.
    pub fn read_tools(&mut self, file: &str, text: &str) -> Result<Vec<Diagnostic>> {
        read(file, text, |root| {
            for field in root.all() {
                let Some(name) = name(&root, &field.key, field.at) else { continue };
                // A server without a list is one that was not narrowed.
                if !field.value.is_null() {
                    self.tools.insert(name, root.list_of_texts(field));
                }
            }
        })
    }

    /// Puts everything into a profile; what the profile says itself about a server stays.
    ///
    /// # Behavior
    /// - Adds the enabled servers. Values and tools of servers that are in neither are left out.
    pub fn apply(&self, spec: &mut ProfileSpec) {
        for name in &self.servers {
            spec.servers.entry(name.clone()).or_default();
        }
        for (name, server) in &mut spec.servers {
            for (key, value) in self.config.get(name).into_iter().flatten() {
                server.config.entry(key.clone()).or_insert_with(|| value.clone());
            }
            if let Some(tools) = self.tools.get(name).filter(|_| server.tools.is_empty()) {
                // For a profile an empty list means all tools; here it means that none is enabled.
                server.tools = if tools.is_empty() { vec!["!*".to_owned()] } else { tools.clone() };
            }
        }
    }
}

fn read(file: &str, text: &str, take: impl FnOnce(Fields<'_>)) -> Result<Vec<Diagnostic>> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    let root = Node::parse(file, text).map_err(Diagnostic::into_error)?;
    let problems = Problems::new(file);
    // The toolkit leaves `{}` or nothing at all behind when the last server was disabled.
    if !root.is_null()
        && let Some(fields) = Fields::of(&root, "", &problems)
    {
        take(fields);
    }
    joined(problems.take_errors()).map_or_else(|| Ok(problems.take_warnings()), Err)
}

fn name(root: &Fields<'_>, key: &str, at: crate::catalog::Position) -> Option<ServerName> {
    ServerName::new(key).map_err(|error| root.problems().error(at, error.message().to_owned(), None)).ok()
}
