//! Sugar over the funnel.

use async_trait::async_trait;
use serde::Serialize;

use super::Gateway;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{CallContext, Definition};
use crate::protocol::{ListKind, ListPage, RawJson, Request, Response};

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

    /// A whole list.
    ///
    /// # Errors
    /// As [`Gateway::dispatch`].
    async fn list(&self, ctx: &CallContext, kind: ListKind) -> Result<Vec<Definition>> {
        let answer = result(self.dispatch(ctx, Request::list(kind)).await?)?;
        Ok(ListPage::read(kind, &answer)?.items)
    }
}

impl<G: Gateway + ?Sized> GatewayExt for G {}

fn result(response: Response) -> Result<RawJson> {
    response.result.map_err(|error| {
        Error::new(ErrorKind::Protocol, error.message.clone())
            .with_fault(crate::error::Fault::Server)
            .with_context("code", error.code)
    })
}
