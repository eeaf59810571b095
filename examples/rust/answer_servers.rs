//! A host that answers what servers ask in the course of a call: one that knows its users, and one that says nothing.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

mod greeter;

use std::error::Error;
use std::sync::Arc;

use async_trait::async_trait;
use mcp_gateway_core::catalog::MemoryCatalog;
use mcp_gateway_core::gateway::{CallOptions, Client, ClientQuestion, Gateway, GatewayBuilder, Session};
use mcp_gateway_core::model::{Effect, Principal, ProfileName, ServerEntry, ServerKind, ServerName};
use mcp_gateway_core::profile::{MemoryProfile, PolicySpec, ProfileSpec, ServerSpec};
use mcp_gateway_core::protocol::{ClientCapabilities, RawJson};
use mcp_gateway_core::runtime::MemoryRuntime;
use mcp_gateway_core::{ErrorKind, Result};
use serde_json::{Value, json};

/// Stands for a person with a form.
#[derive(Debug)]
struct Desk;

#[async_trait]
impl Client for Desk {
    fn capabilities(&self) -> ClientCapabilities {
        // Forms only: an address to visit would need a person who says that they trust it.
        ClientCapabilities::of(&json!({"elicitation": {"form": {}}}))
    }

    async fn answer(&self, question: &ClientQuestion) -> Result<RawJson> {
        if question.method != "elicitation/create" {
            return Err(mcp_gateway_core::Error::new(ErrorKind::Unsupported, "only forms are filled in"));
        }
        let asked: Value = question.params.read()?;
        let server = question.server.as_ref().map(ToString::to_string).unwrap_or_default();
        println!("{server} asks {}: {}", question.principal, asked["message"]);
        if question.principal == "guest" {
            return RawJson::from_value(&json!({"action": "decline"}));
        }
        RawJson::from_value(&json!({"action": "accept", "content": {"name": question.principal}}))
    }
}

#[tokio::main]
async fn main() -> std::result::Result<(), Box<dyn Error>> {
    let name = ServerName::new("greeter")?;
    let mut server = ServerSpec::default();
    server.runtime = Some("memory".to_owned());
    let gateway = GatewayBuilder::new()
        .with_catalog(Arc::new(
            MemoryCatalog::new("mine").with_entry(ServerEntry::new(name.clone(), ServerKind::Server)),
        ))
        .with_profile(Arc::new(MemoryProfile::new(
            // The server is the host's own: nobody has to confirm what it does.
            ProfileSpec::new(ProfileName::new("desk")?)
                .with_server(name, server)
                .with_policy(PolicySpec::new().with_default(Effect::Allow)),
        )))
        .with_runtime(Arc::new(MemoryRuntime::new().with_server("greeter", Arc::new(greeter::Greeter))))
        .with_client(Arc::new(Desk))
        .build()
        .await?;

    // Servers ask sessions: a request in no session belongs to nobody who could answer.
    for who in ["ada", "guest"] {
        let session = gateway.session(Principal::new(who)).await?;
        println!("{who} is told: {}", welcome(&session).await?);
        session.close().await;
    }
    gateway.shutdown().await;
    Ok(())
}

async fn welcome(session: &Session) -> Result<String> {
    let params = Session::params(r#"{"name": "welcome"}"#, None)?;
    let answer: Value = session.request("tools/call", params, CallOptions::new()).await?.read()?;
    Ok(answer["content"][0]["text"].as_str().unwrap_or_default().to_owned())
}
