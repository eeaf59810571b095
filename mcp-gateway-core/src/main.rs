//! The `mcp-gateway` binary, which is also `docker-mcp`.

use std::process::ExitCode;

fn main() -> ExitCode {
    mcp_gateway_core::cli::main()
}
