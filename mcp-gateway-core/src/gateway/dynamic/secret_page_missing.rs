//! A build that can show nobody a page.

use std::sync::Arc;
use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};
use crate::gateway::hub::{Hub, Slot};
use crate::gateway::launch::Launcher;
use crate::model::CallContext;
use crate::profile::DynamicSpec;
use crate::protocol::Request;

/// There are none.
#[derive(Debug)]
pub(crate) enum SecretPages {}

impl SecretPages {
    /// Refuses a profile that wants them.
    ///
    /// # Errors
    /// `Unsupported`.
    pub(crate) fn of(spec: &DynamicSpec, _launcher: &Launcher, _life: Duration) -> Result<Option<Arc<Self>>> {
        if !spec.secret_page {
            return Ok(None);
        }
        Err(Error::new(ErrorKind::Unsupported, "this build cannot show a page on which secrets are typed")
            .with_hint("build it with the feature `transport-http`, or take `secretPage` out of the profile"))
    }
}

impl Hub {
    pub(crate) async fn lacks_secrets(&self, _ctx: &CallContext, _request: &Request) -> bool {
        self.secret_pages.is_some()
    }

    pub(crate) async fn complete_secrets(&self, _ctx: &CallContext, _request: &Request) {}

    pub(super) async fn ask_for_secrets(&self, _ctx: &CallContext, _request: &Request, _slot: &Slot) -> Result<()> {
        Ok(())
    }
}
