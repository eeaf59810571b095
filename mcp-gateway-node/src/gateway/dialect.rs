//! Tools in the shape of a model API.

use mcp_gateway_core::gateway::dialect;
use mcp_gateway_core::protocol::RawJson;
use napi_derive::napi;

use crate::error::to_napi;

/// Tools in the shape of a model API, with the way back; JSON in and JSON out.
#[napi]
#[derive(Debug)]
pub struct ToolSet(dialect::ToolSet);

#[napi]
impl ToolSet {
    /// Makes a set of the result of `tools/list`.
    #[napi(factory, catch_unwind)]
    pub fn of(dialect: String, listed: String) -> napi::Result<Self> {
        let made = || dialect::ToolSet::of_listed(dialect.parse()?, &RawJson::parse(listed)?);
        made().map(Self).map_err(|error| to_napi(&error))
    }

    /// `{"dialect", "tools", "names", "changes"}`.
    #[napi(catch_unwind)]
    pub fn json(&self) -> napi::Result<String> {
        self.0.to_json().map_err(|error| to_napi(&error))
    }

    /// The gateway's name of a tool.
    #[napi(catch_unwind)]
    pub fn name_of(&self, api_name: String) -> napi::Result<String> {
        self.0.name_of(&api_name).map(str::to_owned).map_err(|error| to_napi(&error))
    }

    /// The API's name of a tool.
    #[napi(catch_unwind)]
    pub fn api_name_of(&self, name: String) -> Option<String> {
        self.0.api_name_of(&name).map(str::to_owned)
    }

    /// A call as the API sends it, as `{"id", "name", "arguments"}`.
    #[napi(catch_unwind)]
    pub fn read_call(&self, call: String) -> napi::Result<String> {
        self.0.read_call_json(&call).map_err(|error| to_napi(&error))
    }

    /// What tells the model that its call was refused.
    #[napi(catch_unwind)]
    pub fn refusal(&self, call: String, message: String) -> napi::Result<String> {
        self.0.refusal_json(&call, &message).map_err(|error| to_napi(&error))
    }

    /// What goes back to the model.
    #[napi(catch_unwind)]
    pub fn answer(&self, call: String, result: String) -> napi::Result<String> {
        self.0.answer_json(&call, &result).map_err(|error| to_napi(&error))
    }
}
