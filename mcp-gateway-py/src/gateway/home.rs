//! The profiles of a home and the clients of a user, without a gateway.

use mcp_gateway_core::gateway::home::ShareCommand;
use mcp_gateway_core::protocol::RawJson;
use pyo3::prelude::*;

use crate::error::to_python;

/// Carries out a command about profiles and clients, as JSON in and JSON out; waits in the calling thread.
#[pyfunction]
pub(crate) fn share(py: Python<'_>, command: &str) -> PyResult<String> {
    let done = py.detach(|| ShareCommand::run(command));
    done.map(RawJson::into_text).map_err(|error| to_python(py, &error))
}
