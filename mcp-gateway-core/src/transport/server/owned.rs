//! A session that cannot be forgotten.

use std::sync::Arc;

use super::ServerSession;

/// Closes its session when it is dropped, so that a transport that is cut off leaves none open.
#[derive(Debug)]
pub(super) struct OwnedSession(Arc<dyn ServerSession>);

impl OwnedSession {
    pub(super) fn new(session: Arc<dyn ServerSession>) -> Self {
        Self(session)
    }

    pub(super) fn get(&self) -> &Arc<dyn ServerSession> {
        &self.0
    }
}

impl Drop for OwnedSession {
    fn drop(&mut self) {
        let session = Arc::clone(&self.0);
        // Without a runtime the process is ending, and its servers with it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { session.close().await });
        }
    }
}
