//! A build in which no secret can be put into headers.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::carry::{Begun, Carrier};
use super::hosts::Host;
use crate::error::{Error, ErrorKind, Result};
use crate::runtime::LaunchPlan;

/// There is none.
#[derive(Debug)]
pub(crate) enum Injection {}

impl Injection {
    /// Refuses a plan with secrets in headers.
    ///
    /// # Errors
    /// `Unsupported`.
    pub(crate) fn enter(plan: &mut LaunchPlan) -> Result<Option<Arc<Self>>> {
        if plan.headers.is_empty() {
            return Ok(None);
        }
        Err(Error::new(ErrorKind::Unsupported, "this build cannot put secrets into headers")
            .with_hint("build it with the feature `egress-injection`, or set `delivery: file` in the profile"))
    }

    pub(super) fn is_for(&self, _host: &Host, _port: u16) -> bool {
        match *self {}
    }

    pub(super) async fn serve<S>(&self, _: &Carrier, _: Begun<S>, _: TcpStream, _: &Host, _: u16)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        match *self {}
    }
}
