//! One request of a session.

use std::sync::Arc;
use std::time::Duration;

use mcp_gateway_core::gateway::{CallOptions, Session};
use mcp_gateway_core::protocol::RawJson;
use mcp_gateway_core::{Error, ErrorKind, Result};
use napi_derive::napi;

use super::Engine;
use crate::error::to_napi;
use crate::util::Reply;

/// How a request is made.
#[napi(object)]
#[non_exhaustive]
#[derive(Debug)]
pub struct RequestOptions {
    /// Arguments as JSON, apart from the parameters.
    pub arguments: Option<String>,
    /// When the caller stops waiting, in milliseconds.
    pub timeout_ms: Option<f64>,
    /// Whether its progress is told.
    pub progress: bool,
    /// Whether its result is handed over as bytes.
    pub raw: bool,
}

#[napi]
impl Engine {
    /// Carries out an MCP request: its parameters as JSON, its result as JSON.
    #[napi(catch_unwind)]
    pub fn request(
        &self,
        ticket: u32,
        session: u32,
        method: String,
        params: String,
        options: RequestOptions,
    ) -> napi::Result<()> {
        let params = Session::params(&params, options.arguments.as_deref()).map_err(|error| to_napi(&error))?;
        let timeout = options.timeout_ms.map(duration).transpose().map_err(|error| to_napi(&error))?;
        // Only work that is started leaves its ticket again.
        let mut call = CallOptions::new().with_cancellation(self.tickets.enter(ticket));
        if let Some(timeout) = timeout {
            call = call.with_timeout(timeout);
        }
        if options.progress {
            let post = self.post.clone();
            call = call.with_progress(Arc::new(move |params: RawJson| post.progress(ticket, params.get())));
        }
        let session = self.state.sessions.get(session);
        self.start(ticket, async move {
            let session = session.ok_or_else(ended)?;
            let text = session.request(&method, params, call).await?.into_text();
            Ok(if options.raw { Reply::Bytes(text) } else { Reply::Text(text) })
        })
    }

    /// A whole list by its method, every page of it, as JSON.
    #[napi(catch_unwind)]
    pub fn list(&self, ticket: u32, session: u32, method: String) -> napi::Result<()> {
        let call = CallOptions::new().with_cancellation(self.tickets.enter(ticket));
        let session = self.state.sessions.get(session);
        self.start(ticket, async move {
            let session = session.ok_or_else(ended)?;
            Ok(Reply::Text(session.list_json(&method, &call).await?.into_text()))
        })
    }

    /// Tells the session's servers that the roots of its client are others now.
    #[napi(catch_unwind)]
    pub fn roots_changed(&self, ticket: u32, session: u32) -> napi::Result<()> {
        let session = self.state.sessions.get(session);
        self.start(ticket, async move {
            session.ok_or_else(ended)?.roots_changed().await;
            Ok(Reply::None)
        })
    }
}

fn ended() -> Error {
    Error::new(ErrorKind::Closed, "the session has ended")
}

fn duration(milliseconds: f64) -> Result<Duration> {
    Duration::try_from_secs_f64(milliseconds / 1_000.0).map_err(|_| {
        Error::new(ErrorKind::InvalidInput, format!("`{milliseconds}` is not a number of milliseconds to wait"))
    })
}
