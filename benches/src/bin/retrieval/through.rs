//! The same searches by an agent: `mcp-find`, through a gateway that has the catalog.

use std::sync::Arc;
use std::time::Instant;

use mcp_gateway_core::catalog::{LayeredCatalog, MemoryCatalog, SourcedCatalog};
use mcp_gateway_core::gateway::{Gateway as _, GatewayBuilder};
use mcp_gateway_core::model::{CallContext, ServerEntry};
use mcp_gateway_core::profile::DynamicSpec;
use mcp_gateway_core::protocol::Request;

use crate::figures::at;

/// What it took.
pub(crate) struct Through {
    /// To make the gateway, in milliseconds.
    pub(crate) start: f64,
    /// The first search, for which the catalog is read, in seconds.
    pub(crate) first: f64,
    /// Every other one in the middle, in microseconds.
    pub(crate) half: f64,
    /// And at worst, but for one in a hundred.
    pub(crate) most: f64,
}

/// Searches by `mcp-find`.
pub(crate) fn through(entries: &[Arc<ServerEntry>], queries: &[&str]) -> Result<Through, String> {
    let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
    runtime.block_on(timed(entries, queries)).map_err(|error| error.report())
}

async fn timed(entries: &[Arc<ServerEntry>], queries: &[&str]) -> mcp_gateway_core::Result<Through> {
    let catalog =
        entries.iter().fold(MemoryCatalog::new("all"), |catalog, entry| catalog.with_entry(ServerEntry::clone(entry)));
    let started = Instant::now();
    // As the catalogs of a home are put together.
    let catalog = LayeredCatalog::new(vec![Arc::new(SourcedCatalog::new(Arc::new(catalog), "all"))]);
    let builder = GatewayBuilder::new().with_catalog(Arc::new(catalog)).with_dynamic(DynamicSpec::on());
    let gateway = builder.build().await?;
    let start = started.elapsed().as_secs_f64() * 1e3;
    let (mut first, mut micros) = (0.0, Vec::new());
    for (number, query) in queries.iter().enumerate() {
        let request = Request::call_tool("mcp-find", &serde_json::json!({"query": query}))?;
        let started = Instant::now();
        std::hint::black_box(gateway.dispatch(&CallContext::local(), request).await?);
        match number {
            0 => first = started.elapsed().as_secs_f64(),
            _ => micros.push(started.elapsed().as_secs_f64() * 1e6),
        }
    }
    gateway.shutdown().await;
    micros.sort_by(f64::total_cmp);
    Ok(Through { start, first, half: at(&micros, 0.5), most: at(&micros, 0.99) })
}
