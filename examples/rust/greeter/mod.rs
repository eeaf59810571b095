//! A server that lives in the host's own process, for examples that are about something else.

use std::collections::BTreeMap;

use mcp_gateway_core::runtime::MemoryServer;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::schemars::{self, JsonSchema};
use rmcp::{ServerHandler, ServiceExt, tool, tool_handler, tool_router};
use serde::Deserialize;
use tokio::io::DuplexStream;

/// The server, not yet connected to anything.
#[derive(Debug)]
pub(crate) struct Greeter;

#[async_trait::async_trait]
impl MemoryServer for Greeter {
    async fn serve(&self, stream: DuplexStream, env: BTreeMap<String, String>) {
        // A client that goes before its greeting is no matter for an example.
        if let Ok(server) = (Connected { env }).serve(stream).await {
            let _ = server.waiting().await;
        }
    }
}

#[derive(Clone)]
struct Connected {
    env: BTreeMap<String, String>,
}

#[derive(Deserialize, JsonSchema)]
struct Who {
    /// Whom to greet.
    who: String,
}

#[tool_router]
impl Connected {
    #[tool(description = "Greets somebody")]
    async fn greet(&self, Parameters(Who { who }): Parameters<Who>) -> String {
        format!("hello {who}")
    }

    #[tool(description = "Says how long the secret is that it got")]
    async fn measure_secret(&self) -> String {
        format!("GREETER_TOKEN has {} bytes", self.env.get("GREETER_TOKEN").map_or(0, String::len))
    }
}

#[tool_handler]
impl ServerHandler for Connected {}
