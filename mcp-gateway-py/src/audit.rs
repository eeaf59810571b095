//! Audit files, without a gateway.

use mcp_gateway_core::audit::FileCommand;
use pyo3::prelude::*;

use crate::error::to_python;

/// Carries out a command about an audit file, as JSON in and JSON out; waits in the calling thread.
#[pyfunction]
pub(crate) fn audit_files(py: Python<'_>, command: &str) -> PyResult<String> {
    let done = py.detach(|| FileCommand::run(command));
    done.map(mcp_gateway_core::protocol::RawJson::into_text).map_err(|error| to_python(py, &error))
}
