//! Counts and times every request.

use std::time::Instant;

use async_trait::async_trait;

use super::{Call, Service};
use crate::error::Result;
use crate::model::CallContext;
use crate::protocol::Response;
use crate::telemetry::Metrics;

/// Counts requests by kind, server and outcome, and times them.
#[derive(Debug)]
pub(crate) struct TelemetryLayer<S> {
    pub(crate) inner: S,
    pub(crate) metrics: Metrics,
}

#[async_trait]
impl<S: Service> Service for TelemetryLayer<S> {
    async fn call(&self, ctx: &CallContext, call: &mut Call) -> Result<Response> {
        let begun = Instant::now();
        let result = self.inner.call(ctx, call).await;
        let outcome = match &result {
            Ok(response) if response.result.is_ok() => "ok",
            Ok(_) => "server_error",
            Err(error) => error.kind().as_str(),
        };
        let server = call.request.target.as_ref().map(|target| target.server.as_str());
        self.metrics.record_request(call.request.kind.method(), server, outcome, begun.elapsed());
        result
    }
}
