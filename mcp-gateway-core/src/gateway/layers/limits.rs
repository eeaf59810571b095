//! Bounds how much is under way at once.

use async_trait::async_trait;
use tokio::sync::Semaphore;

use super::{Call, Service};
use crate::error::{Error, ErrorKind, Result};
use crate::model::CallContext;
use crate::protocol::Response;

/// Refuses requests over the bound instead of queueing them without end.
#[derive(Debug)]
pub(crate) struct LimitLayer<S> {
    inner: S,
    permits: Semaphore,
    bound: usize,
}

impl<S> LimitLayer<S> {
    pub(crate) fn new(inner: S, bound: usize) -> Self {
        Self { inner, permits: Semaphore::new(bound), bound }
    }
}

#[async_trait]
impl<S: Service> Service for LimitLayer<S> {
    async fn call(&self, ctx: &CallContext, call: &mut Call) -> Result<Response> {
        let _permit = self
            .permits
            .try_acquire()
            .map_err(|_| Error::new(ErrorKind::Overloaded, format!("{} requests are under way already", self.bound)))?;
        self.inner.call(ctx, call).await
    }
}
