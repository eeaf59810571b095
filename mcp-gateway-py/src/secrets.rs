//! The secrets of a home, without a gateway.

use mcp_gateway_core::gateway::home::SecretCommand;
use pyo3::prelude::*;

use crate::error::to_python;

/// Carries out a command about the secrets of a home, as JSON in and JSON out; waits in the calling thread.
#[pyfunction]
pub(crate) fn home_secrets(py: Python<'_>, command: &str) -> PyResult<String> {
    let done = py.detach(|| SecretCommand::run(command));
    done.map(mcp_gateway_core::protocol::RawJson::into_text).map_err(|error| to_python(py, &error))
}
