//! Which log messages a client wants, told to its servers.

use std::sync::Arc;
use std::time::Duration;

use super::Hub;
use super::instance::Instance;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{CallContext, LogLevel};
use crate::protocol::{Era, RawJson, RawObject, Request, RequestKind, Response};
use crate::transport::client::PeerRequest;

/// How long a server may take to set its level.
const LIMIT: Duration = Duration::from_secs(5);

impl Hub {
    /// Sets the level of a session, for its servers that run and those that start later.
    pub(super) async fn set_log_level(&self, ctx: &CallContext, request: &Request) -> Result<Response> {
        let level = request.params.text("level").and_then(|level| LogLevel::from_name(&level)).ok_or_else(|| {
            let wrong = format!("`level` is one of {}", LogLevel::ALL.map(LogLevel::as_str).join(", "));
            Error::new(ErrorKind::InvalidInput, wrong).with_operation("Hub::set_log_level")
        })?;
        if let Some(session) = &ctx.session {
            self.sessions.set_log_level(session, level);
            for slot in self.slots_of(Some(session)).values() {
                for instance in slot.running().into_iter().filter(|instance| instance.session.as_ref() == Some(session))
                {
                    self.apply_log_level(ctx, &instance, level).await;
                }
            }
        }
        Ok(Response::new(RawJson::empty_object()))
    }

    /// Lets a server know from which level on a caller wants messages, if it does not know yet.
    ///
    /// One whose requests stand alone is told by each of them.
    pub(super) async fn apply_log_level(&self, ctx: &CallContext, instance: &Arc<Instance>, level: LogLevel) {
        if instance.peer.era() == Era::Stateless || !instance.hello.has("logging") || !instance.lower_to(level) {
            return;
        }
        let mut params = RawObject::default();
        params.set_text("level", level.as_str());
        // A server that refuses sends what it likes; what is not wanted goes nowhere.
        let _ = instance.peer.request(ctx, PeerRequest::new(RequestKind::SetLogLevel.method(), params, LIMIT)).await;
    }
}
