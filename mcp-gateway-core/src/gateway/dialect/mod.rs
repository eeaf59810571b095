//! Tools in the shapes that model APIs take, and the way back.
//!
//! A [`ToolSet`] is made of what the gateway lists. It goes to the model as [`ToolSet::tools`]; what the model calls
//! comes back through [`ToolSet::read_call`], and what the tool answered goes to the model through [`ToolSet::answer`].
//! It calls nothing itself: the call is the host's, through the gateway.
//!
//! An API refuses the whole request when one tool has a name or a schema that it does not take. So names and schemas
//! are adapted where they must be, and only there; [`ToolSet::changes`] says what was done.

mod api;
mod call;
mod merge;
mod names;
mod report;
mod result;
mod schema;
#[cfg(test)]
mod tests;
mod text;
mod tool;
mod walk;

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::error::{Error, ErrorKind, Result};
use crate::model::Definition;
use crate::util::pattern::did_you_mean;

pub use api::Dialect;
pub use call::ToolCall;
pub use report::Change;

use report::Report;
use schema::Way;

/// Tools in the shape of one API, with the way back from its names.
///
/// # Examples
/// ```
/// use mcp_gateway_core::gateway::dialect::{Dialect, ToolSet};
/// use mcp_gateway_core::model::Definition;
/// use serde_json::json;
///
/// # fn main() -> mcp_gateway_core::Result<()> {
/// let json = r#"{"name": "time.now", "inputSchema": {"type": "object", "properties": {"zone": {}}}}"#;
/// let set = ToolSet::of(Dialect::Anthropic, &[Definition::new("time.now", json)])?;
/// assert_eq!(set.tools[0]["name"], "time_now");
///
/// let written = json!({"type": "tool_use", "id": "c1", "name": "time_now", "input": {"zone": "Asia/Tokyo"}});
/// let call = set.read_call(&written)?;
/// assert_eq!((call.name.as_str(), &call.arguments), ("time.now", &json!({"zone": "Asia/Tokyo"})));
///
/// let result = json!({"content": [{"type": "text", "text": "09:00"}]});
/// let answer = json!({"type": "tool_result", "tool_use_id": "c1", "content": [{"type": "text", "text": "09:00"}]});
/// assert_eq!(set.answer(&call, &result), answer);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ToolSet {
    /// The API.
    pub dialect: Dialect,
    /// The tools as the API takes them, in the order of their definitions.
    pub tools: Vec<Value>,
    /// The gateway's name of each tool by the name that the API knows.
    pub names: BTreeMap<String, String>,
    /// What had to be adapted.
    pub changes: Vec<Change>,
    /// The API's names by the gateway's.
    #[serde(skip)]
    api_names: BTreeMap<String, String>,
    /// The tools whose arguments have another form at the API, by the gateway's names.
    #[serde(skip)]
    ways: BTreeMap<String, Way>,
}

impl ToolSet {
    /// Turns definitions into tools of one API.
    ///
    /// # Behavior
    /// - A name that the API takes stays. In another one each character that it does not take becomes `_`; where that
    ///   is too long or meets another name, it is cut and ends in `_` and eight hex digits of the name's SHA-256. Names
    ///   do not depend on the order of the definitions.
    /// - The root of a schema becomes an object without `anyOf` and its like, which no API takes there. What cannot be
    ///   made one stands under a single property `input`, and `read_call` takes it out again.
    /// - What else would make the API refuse a schema is put right: `properties` or `required` of a wrong kind, for
    ///   OpenAI arrays without `items`, for Anthropic the names of properties, which `read_call` gives back.
    /// - A schema that the API takes is passed on with the same value, apart from `$schema` and `$id` at its root.
    ///
    /// # Errors
    /// `InvalidInput` when two definitions have one name, `Protocol` when a definition is no JSON object.
    pub fn of(dialect: Dialect, definitions: &[Definition]) -> Result<Self> {
        let api_names = names::give(dialect.alphabet(), definitions.iter().map(|tool| tool.key.as_str()))
            .map_err(|error| error.with_operation("ToolSet::of"))?;
        let mut set = Self {
            dialect,
            tools: Vec::with_capacity(definitions.len()),
            names: api_names.iter().map(|(name, api_name)| (api_name.clone(), name.clone())).collect(),
            changes: Vec::new(),
            api_names,
            ways: BTreeMap::new(),
        };
        for definition in definitions {
            let api_name = set.api_names.get(&definition.key).unwrap_or(&definition.key);
            let mut report = Report::of(&definition.key, &mut set.changes);
            let (tool, way) = tool::present(dialect, api_name, definition, &mut report)?;
            set.tools.push(tool);
            if way != Way::Same {
                set.ways.insert(definition.key.clone(), way);
            }
        }
        Ok(set)
    }

    /// The gateway's name of a tool that the API knows by this name.
    ///
    /// # Errors
    /// `NotFound` when there is none, with the name that may have been meant.
    pub fn name_of(&self, api_name: &str) -> Result<&str> {
        /// The longest name that is compared with the known ones; it is a model's text and may be anything.
        const MOST: usize = 4 * names::MOST;
        if let Some(name) = self.names.get(api_name) {
            return Ok(name);
        }
        let known = self.names.keys().map(String::as_str);
        let meant = if api_name.len() <= MOST { did_you_mean(api_name, known) } else { None };
        let error = Error::new(ErrorKind::NotFound, format!("there is no tool `{}`", report::cut(api_name, MOST)))
            .with_operation("ToolSet::name_of");
        Err(match meant {
            Some(meant) => error.with_hint(format!("did you mean `{meant}`?")),
            None => error.with_hint("call one of the tools that were given to the model"),
        })
    }

    /// The name by which the API knows a tool of the gateway, if it is in this set.
    pub fn api_name_of(&self, name: &str) -> Option<&str> {
        self.api_names.get(name).map(String::as_str)
    }
}
