//! A server that lives in the host's own process, for examples that are about something else.

use std::collections::BTreeMap;

use mcp_gateway_core::runtime::MemoryServer;
use rmcp::handler::server::tool::InputResponses;
use rmcp::handler::server::wrapper::Parameters;
use rmcp::model::{CallToolResponse, CallToolResult, ContentBlock, InputRequest, InputRequests, InputRequiredResult};
use rmcp::schemars::{self, JsonSchema};
use rmcp::{ErrorData, ServerHandler, ServiceExt, tool, tool_handler, tool_router};
use serde::Deserialize;
use serde_json::json;
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

/// The question who is there.
fn who_is_there() -> Result<InputRequests, ErrorData> {
    let form = json!({
        "type": "object",
        "properties": {"name": {"type": "string", "title": "Your name"}},
        "required": ["name"],
    });
    let question =
        json!({"method": "elicitation/create", "params": {"message": "Who are you?", "requestedSchema": form}});
    let question: InputRequest =
        serde_json::from_value(question).map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
    Ok(InputRequests::from([("who".to_owned(), question)]))
}

#[tool_router]
impl Connected {
    #[tool(description = "Greets somebody")]
    async fn greet(&self, Parameters(Who { who }): Parameters<Who>) -> String {
        format!("hello {who}")
    }

    #[tool(description = "Asks who is there, and welcomes them")]
    async fn welcome(&self, InputResponses(answers): InputResponses) -> Result<CallToolResponse, ErrorData> {
        // Asked by an answer, and answered by a second call: this server speaks the protocol's newest version.
        let Some(answer) = answers.as_ref().and_then(|answers| answers.get("who")) else {
            return Ok(InputRequiredResult::from_input_requests(who_is_there()?).into());
        };
        let name = answer["content"]["name"].as_str().unwrap_or("whoever you are");
        Ok(CallToolResult::success(vec![ContentBlock::text(format!("welcome, {name}"))]).into())
    }

    #[tool(description = "Says how long the secret is that it got")]
    async fn measure_secret(&self) -> String {
        format!("GREETER_TOKEN has {} bytes", self.env.get("GREETER_TOKEN").map_or(0, String::len))
    }
}

#[tool_handler]
impl ServerHandler for Connected {}
