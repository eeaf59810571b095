//! The way to a client on which nothing of a server's secrets goes.

use std::sync::Arc;

use async_trait::async_trait;

use super::{Carry, Redaction};
use crate::error::Result;
use crate::protocol::{ClientLink, RawJson, RpcError};

/// A way to a client on which nothing of a server's secrets goes, not even in parts of it one after the other.
#[derive(Debug)]
pub(crate) struct RedactedLink {
    link: Arc<dyn ClientLink>,
    redaction: Arc<Redaction>,
    carry: Carry,
}

impl RedactedLink {
    pub(crate) fn new(link: Arc<dyn ClientLink>, redaction: &Arc<Redaction>) -> Self {
        Self { link, redaction: Arc::clone(redaction), carry: Carry::default() }
    }
}

#[async_trait]
impl ClientLink for RedactedLink {
    async fn notify(&self, method: &str, params: Option<RawJson>) -> Result<()> {
        let params = params.map(|params| self.redaction.part(params, "message", &self.carry));
        self.link.notify(method, params).await
    }

    async fn request(&self, method: &str, params: Option<RawJson>) -> Result<std::result::Result<RawJson, RpcError>> {
        self.link.request(method, params.map(|params| self.redaction.json(params))).await
    }
}
