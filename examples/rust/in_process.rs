//! An MCP client of the official SDK, connected to a gateway in the same process: no port, no child, no daemon.
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

mod greeter;

use std::error::Error;
use std::sync::Arc;

use mcp_gateway_core::catalog::MemoryCatalog;
use mcp_gateway_core::gateway::{Gateway, GatewayBuilder, GatewayHost};
use mcp_gateway_core::model::{Effect, Principal, ProfileName, ServerEntry, ServerKind, ServerName};
use mcp_gateway_core::profile::{MemoryProfile, PolicySpec, ProfileSpec, ServerSpec};
use mcp_gateway_core::runtime::MemoryRuntime;
use mcp_gateway_core::transport::server::{StreamConfig, serve_stream};
use rmcp::ServiceExt;
use rmcp::model::CallToolRequestParams;
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let name = ServerName::new("greeter")?;
    let mut server = ServerSpec::default();
    server.runtime = Some("memory".to_owned());
    // The server is the host's own: nobody has to confirm what it does.
    let spec = ProfileSpec::new(ProfileName::new("in-process")?)
        .with_server(name.clone(), server)
        .with_policy(PolicySpec::new().with_default(Effect::Allow));
    let gateway = GatewayBuilder::new()
        .with_catalog(Arc::new(MemoryCatalog::new("mine").with_entry(ServerEntry::new(name, ServerKind::Server))))
        .with_profile(Arc::new(MemoryProfile::new(spec)))
        .with_runtime(Arc::new(MemoryRuntime::new().with_server("greeter", Arc::new(greeter::Greeter))))
        .build()
        .await?;

    // One end for the gateway, which treats it as any client's connection, one for the SDK.
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    let (read, write) = tokio::io::split(ours);
    let host = Arc::new(GatewayHost::new(Arc::new(gateway.clone())));
    let principal = Principal::new("agent");
    let stop = CancellationToken::new();
    let face = tokio::spawn(serve_stream(host, principal, read, write, StreamConfig::default(), stop.clone()));

    let client = ().serve(theirs).await?;
    for tool in client.list_all_tools().await? {
        println!("{}: {}", tool.name, tool.description.unwrap_or_default());
    }
    let arguments = serde_json::json!({"who": "you"}).as_object().cloned().unwrap_or_default();
    let answer = client.call_tool(CallToolRequestParams::new("greet").with_arguments(arguments)).await?;
    println!("{}", serde_json::to_string(&answer)?);

    client.cancel().await?;
    face.await??;
    gateway.shutdown().await;
    Ok(())
}
