//! The sessions of one gateway.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::error::{Error, ErrorKind, Result};
use crate::gateway::SessionOptions;
use crate::model::SessionId;
use crate::protocol::{ClientLink, RawObject};
use crate::telemetry::GaugeGuard;

/// The open sessions.
#[derive(Debug)]
pub(crate) struct Sessions {
    bound: usize,
    open: RwLock<HashMap<SessionId, Session>>,
}

#[derive(Debug)]
struct Session {
    link: Option<Arc<dyn ClientLink>>,
    /// The parameters of the last `logging/setLevel`, for servers that start later.
    log_level: Option<RawObject>,
    /// Counts among the open sessions for as long as this lives.
    _counted: GaugeGuard,
}

impl Sessions {
    pub(crate) fn new(bound: usize) -> Self {
        Self { bound, open: RwLock::default() }
    }

    pub(crate) fn open(&self, options: SessionOptions, counted: GaugeGuard, closing: bool) -> Result<SessionId> {
        if closing {
            return Err(super::start::closing());
        }
        let id = SessionId::random()?;
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= self.bound {
            return Err(Error::new(ErrorKind::Overloaded, format!("{} sessions are open already", self.bound)));
        }
        open.insert(id.clone(), Session { link: options.link, log_level: None, _counted: counted });
        Ok(id)
    }

    pub(crate) fn close(&self, id: &SessionId) {
        self.open.write().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    pub(crate) fn is_open(&self, id: &SessionId) -> bool {
        self.open.read().unwrap_or_else(PoisonError::into_inner).contains_key(id)
    }

    pub(crate) fn link(&self, id: &SessionId) -> Option<Arc<dyn ClientLink>> {
        self.open.read().unwrap_or_else(PoisonError::into_inner).get(id)?.link.clone()
    }

    pub(crate) fn links(&self) -> Vec<Arc<dyn ClientLink>> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        open.values().filter_map(|session| session.link.clone()).collect()
    }

    pub(crate) fn set_log_level(&self, id: &SessionId, params: RawObject) {
        if let Some(session) = self.open.write().unwrap_or_else(PoisonError::into_inner).get_mut(id) {
            session.log_level = Some(params);
        }
    }

    pub(crate) fn log_level(&self, id: &SessionId) -> Option<RawObject> {
        self.open.read().unwrap_or_else(PoisonError::into_inner).get(id)?.log_level.clone()
    }
}
