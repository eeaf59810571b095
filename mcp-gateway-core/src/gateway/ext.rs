//! Sugar over the funnel.

use async_trait::async_trait;
use serde::Serialize;

use super::Gateway;
use super::dialect::{Dialect, ToolSet};
use super::whole::WholeList;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{CallContext, Definition};
use crate::protocol::{ListKind, RawJson, Request, Response};

/// Calls that a Rust host makes most, each one dispatch.
#[async_trait]
pub trait GatewayExt: Gateway {
    /// Calls a tool by its exposed name or its canonical name `server.tool`; gives the server's result as it came.
    ///
    /// # Errors
    /// As [`Gateway::dispatch`]; a JSON-RPC error of the server becomes `Protocol` with its code and message.
    async fn call_tool<A: Serialize + Sync>(&self, ctx: &CallContext, name: &str, arguments: &A) -> Result<RawJson> {
        result(self.dispatch(ctx, Request::call_tool(name, arguments)?).await?)
    }

    /// Every tool that the profile offers, each as its server defined it, under its exposed name.
    ///
    /// # Errors
    /// As [`Gateway::dispatch`].
    async fn list_tools(&self, ctx: &CallContext) -> Result<Vec<Definition>> {
        self.list(ctx, ListKind::Tools).await
    }

    /// Every tool in the shape that a model API takes, with the way back from its calls.
    ///
    /// # Errors
    /// As [`Gateway::dispatch`].
    async fn present_tools(&self, ctx: &CallContext, dialect: Dialect) -> Result<ToolSet> {
        ToolSet::of(dialect, &self.list_tools(ctx).await?)
    }

    /// A whole list, one dispatch for each of its pages.
    ///
    /// # Errors
    /// As [`Gateway::dispatch`]; `TooLarge` when it does not end.
    async fn list(&self, ctx: &CallContext, kind: ListKind) -> Result<Vec<Definition>> {
        let mut list = WholeList::new(kind);
        while let Some(params) = list.next() {
            let mut request = Request::list(kind);
            request.params = params;
            list.take(self.dispatch(ctx, request).await.and_then(result))?;
        }
        Ok(list.into_items())
    }
}

impl<G: Gateway + ?Sized> GatewayExt for G {}

/// The most that an error shows of what a server said beside its message, in bytes.
const MAX_DATA: usize = 4_096;

/// The result, with the server's own error as one of ours.
pub(super) fn result(response: Response) -> Result<RawJson> {
    response.result.map_err(|answer| {
        let error = Error::new(ErrorKind::Protocol, answer.message)
            .with_fault(crate::error::Fault::Server)
            .with_context("code", answer.code);
        match answer.data {
            Some(data) if data.get().len() <= MAX_DATA => error.with_context("data", data.get()),
            _ => error,
        }
    })
}
