//! Tools in the shape of a model API.

use mcp_gateway_core::gateway::dialect;
use pyo3::prelude::*;

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
        self.0.to_json().map_err(|error| to_python(py, &error))
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
        self.0.read_call_json(call).map_err(|error| to_python(py, &error))
    }

    /// What tells the model that its call was refused.
    fn refusal(&self, py: Python<'_>, call: &str, message: &str) -> PyResult<String> {
        self.0.refusal_json(call, message).map_err(|error| to_python(py, &error))
    }

    /// What goes back to the model.
    fn answer(&self, py: Python<'_>, call: &str, result: &str) -> PyResult<String> {
        self.0.answer_json(call, result).map_err(|error| to_python(py, &error))
    }
}
