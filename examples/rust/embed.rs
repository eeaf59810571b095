//! The least that a host needs: a catalog file, a profile, the runtimes, one call.
//!
//! `cargo run --example embed -- CATALOG SERVER TOOL [ARGUMENTS]`, such as
//! `cargo run --example embed -- examples/catalog.yaml time get_current_time '{"timezone": "Asia/Tokyo"}'`
#![expect(clippy::print_stdout, reason = "an example shows what it does")]

use std::error::Error;
use std::sync::Arc;

use mcp_gateway_core::catalog::FileCatalog;
use mcp_gateway_core::gateway::{Gateway, GatewayBuilder, GatewayExt};
use mcp_gateway_core::model::{CallContext, Effect, ProfileName, ServerName};
use mcp_gateway_core::profile::{MemoryProfile, PolicySpec, ProfileSpec, ServerSpec};
use mcp_gateway_core::runtime::{DockerRuntime, GatewayInstance, ProcessRuntime, ProcessRuntimeConfig, RemoteRuntime};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [catalog, server, tool, rest @ ..] = args.as_slice() else {
        return Err("usage: embed CATALOG SERVER TOOL [ARGUMENTS]".into());
    };
    let arguments: serde_json::Value = serde_json::from_str(rest.first().map_or("{}", String::as_str))?;

    // A host that keeps this folder finds packages installed the next time, and leftovers of a crash.
    let state = std::env::temp_dir().join("mcp-gateway-embed");
    let instance = Arc::new(GatewayInstance::register(&state)?);
    // Who types this line has confirmed the call; a host with an agent leaves that to its policy.
    let spec = ProfileSpec::new(ProfileName::new("embed")?)
        .with_server(ServerName::new(server)?, ServerSpec::default())
        .with_policy(PolicySpec::new().with_default(Effect::Allow));
    // Of the runtimes that could run a server, the first that is ready does.
    let gateway = GatewayBuilder::new()
        .with_catalog(Arc::new(FileCatalog::load(catalog).await?.catalog))
        .with_profile(Arc::new(MemoryProfile::new(spec)))
        .with_instance(Arc::clone(&instance))
        .with_runtime(Arc::new(DockerRuntime::builder(Arc::clone(&instance)).build()?))
        .with_runtime(Arc::new(ProcessRuntime::new(ProcessRuntimeConfig::new(state.join("process")), Some(instance))?))
        .with_runtime(Arc::new(RemoteRuntime::new()))
        .build()
        .await?;

    let answer = gateway.call_tool(&CallContext::local(), &format!("{server}.{tool}"), &arguments).await;
    gateway.shutdown().await;
    println!("{}", answer?.get());
    Ok(())
}
