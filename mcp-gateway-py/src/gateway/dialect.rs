//! Tools in the shape of a model API.

use mcp_gateway_core::gateway::dialect::{self, ToolCall};
use mcp_gateway_core::{Error, ErrorKind, Result};
use pyo3::prelude::*;
use serde::de::DeserializeOwned;

use crate::error::to_python;

/// Tools in the shape of a model API, with the way back; JSON in and JSON out.
#[pyclass(frozen, module = "mcp_gateway._native")]
#[derive(Debug)]
pub(crate) struct ToolSet(dialect::ToolSet);

impl ToolSet {
    pub(crate) fn new(set: dialect::ToolSet) -> Self {
        Self(set)
    }
}

#[pymethods]
impl ToolSet {
    /// `{"dialect", "tools", "names", "changes"}`.
    fn json(&self, py: Python<'_>) -> PyResult<String> {
        serde_json::to_string(&self.0).map_err(|cause| to_python(py, &unshown(cause)))
    }

    /// The gateway's name of a tool.
    fn name_of(&self, py: Python<'_>, api_name: &str) -> PyResult<&str> {
        self.0.name_of(api_name).map_err(|error| to_python(py, &error))
    }

    /// The API's name of a tool.
    fn api_name_of(&self, name: &str) -> Option<&str> {
        self.0.api_name_of(name)
    }

    /// A call as the API sends it, as `{"id", "name", "arguments"}`.
    fn read_call(&self, py: Python<'_>, call: &str) -> PyResult<String> {
        let read = read(call, "a tool call").and_then(|call| self.0.read_call(&call));
        let text = read.and_then(|call| serde_json::to_string(&call).map_err(unshown));
        text.map_err(|error| to_python(py, &error))
    }

    /// What goes back to the model.
    fn answer(&self, py: Python<'_>, call: &str, result: &str) -> PyResult<String> {
        let answer = read::<ToolCall>(call, "a tool call")
            .and_then(|call| Ok(self.0.answer(&call, &read(result, "a result of a tool")?)));
        answer.map(|answer| answer.to_string()).map_err(|error| to_python(py, &error))
    }
}

fn read<T: DeserializeOwned>(text: &str, what: &str) -> Result<T> {
    serde_json::from_str(text)
        .map_err(|cause| Error::new(ErrorKind::InvalidInput, format!("not {what}: {cause}")).with_operation("ToolSet"))
}

fn unshown(cause: serde_json::Error) -> Error {
    Error::new(ErrorKind::Internal, "tools have no JSON form").with_source(cause)
}
