//! The sessions of one gateway.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, PoisonError, RwLock};

use crate::error::{Error, ErrorKind, Result};
use crate::gateway::SessionOptions;
use crate::model::{LogLevel, SessionId};
use crate::protocol::{ClientCapabilities, ClientLink};
use crate::telemetry::GaugeGuard;

/// The most ways to one client.
const MAX_ATTACHED: usize = 1_024;

/// The open sessions.
#[derive(Debug)]
pub(crate) struct Sessions {
    bound: usize,
    open: RwLock<HashMap<SessionId, Session>>,
}

#[derive(Debug)]
struct Session {
    options: SessionOptions,
    /// Further ways to the client, such as streams on which it listens.
    attached: Vec<Arc<dyn ClientLink>>,
    /// From which level on it wants log messages, for servers that start later too.
    log_level: Option<LogLevel>,
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
        open.insert(id.clone(), Session { options, attached: Vec::new(), log_level: None, _counted: counted });
        Ok(id)
    }

    pub(crate) fn close(&self, id: &SessionId) {
        self.open.write().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    pub(crate) fn is_open(&self, id: &SessionId) -> bool {
        self.read(id, |_| ()).is_some()
    }

    /// The way to the client for what belongs to no request.
    pub(crate) fn link(&self, id: &SessionId) -> Option<Arc<dyn ClientLink>> {
        self.read(id, |session| session.options.link.clone())?
    }

    /// Whose session it is, as records show it.
    pub(crate) fn principal(&self, id: &SessionId) -> Option<Arc<str>> {
        self.read(id, |session| Some(Arc::clone(&session.options.principal.as_ref()?.name)))?
    }

    /// What the client can do; nothing for a session that has ended.
    pub(crate) fn capabilities(&self, id: Option<&SessionId>) -> ClientCapabilities {
        id.and_then(|id| self.read(id, |session| session.options.capabilities.clone())).unwrap_or_default()
    }

    /// What the clients of the open sessions can do.
    pub(crate) fn kinds(&self) -> HashSet<ClientCapabilities> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        open.values().map(|session| session.options.capabilities.clone()).collect()
    }

    /// The ways to the client of a session.
    pub(crate) fn links_of(&self, id: &SessionId) -> Vec<Arc<dyn ClientLink>> {
        let links = |session: &Session| session.options.link.iter().chain(&session.attached).cloned().collect();
        self.read(id, links).unwrap_or_default()
    }

    /// Every way to a client that can be told something, with its session and what it can do.
    pub(crate) fn links(&self) -> Vec<(SessionId, ClientCapabilities, Arc<dyn ClientLink>)> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        let mut told = Vec::new();
        for (id, session) in open.iter() {
            let links = session.options.link.iter().chain(&session.attached);
            told.extend(links.map(|link| (id.clone(), session.options.capabilities.clone(), Arc::clone(link))));
        }
        told
    }

    /// Adds a way to the client of a session.
    pub(crate) fn attach(&self, id: &SessionId, link: Arc<dyn ClientLink>) -> Result<()> {
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        let session = open.get_mut(id).ok_or_else(|| Error::new(ErrorKind::Closed, "the session has ended"))?;
        if session.attached.len() >= MAX_ATTACHED {
            return Err(Error::new(ErrorKind::Overloaded, format!("the client listens {MAX_ATTACHED} times already")));
        }
        session.attached.push(link);
        Ok(())
    }

    /// Takes a way to the client of a session out.
    pub(crate) fn detach(&self, id: &SessionId, link: &Arc<dyn ClientLink>) {
        if let Some(session) = self.open.write().unwrap_or_else(PoisonError::into_inner).get_mut(id) {
            session.attached.retain(|attached| !Arc::ptr_eq(attached, link));
        }
    }

    pub(crate) fn set_log_level(&self, id: &SessionId, level: LogLevel) {
        if let Some(session) = self.open.write().unwrap_or_else(PoisonError::into_inner).get_mut(id) {
            session.log_level = Some(level);
        }
    }

    pub(crate) fn log_level(&self, id: &SessionId) -> Option<LogLevel> {
        self.read(id, |session| session.log_level)?
    }

    fn read<T>(&self, id: &SessionId, read: impl FnOnce(&Session) -> T) -> Option<T> {
        self.open.read().unwrap_or_else(PoisonError::into_inner).get(id).map(read)
    }
}
