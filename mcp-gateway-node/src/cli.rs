//! The command line, the same as the program's.

use std::ffi::OsString;

use napi_derive::napi;

/// Carries out a command line and gives its exit code; the first argument is the program. Waits in the calling thread.
#[napi(catch_unwind)]
pub fn run_cli(arguments: Vec<String>) -> u32 {
    mcp_gateway_core::cli::run(arguments.into_iter().map(OsString::from).collect()).into()
}
