//! The command line, the same as the program's.

use std::ffi::OsString;

use pyo3::prelude::*;

/// Carries out a command line and gives its exit code; the first argument is the program.
#[pyfunction]
pub(crate) fn run_cli(py: Python<'_>, arguments: Vec<OsString>) -> u8 {
    py.detach(|| mcp_gateway_core::cli::run(arguments))
}
