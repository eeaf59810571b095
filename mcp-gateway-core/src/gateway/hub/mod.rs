//! The hub: routes requests to their servers and starts servers on first use.

mod added;
mod alone;
mod asking;
mod call;
mod discovery;
mod events;
mod finding;
mod health;
mod instance;
mod logging;
mod oneshot;
mod outside;
mod own;
mod pool;
mod publish;
mod reaper;
mod rounds;
mod servers;
mod sessions;
mod slot;
mod start;
mod subscriptions;
mod surfaces;
mod tasks;

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, Weak};
use std::time::Duration;

use indexmap::IndexMap;
use tokio::sync::{Mutex, Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::audit::{AuditEvent, AuditStore};
use crate::catalog::{Catalog, VectorCache};
use crate::error::Result;
use crate::model::{ServerName, SessionId};
use crate::profile::Profile;
use crate::protocol::{ClientCapabilities, ClientLink, Era};
use crate::telemetry::Metrics;

use super::dynamic::{Dynamic, SecretPages};
use super::events::{EventBus, GatewayEvent};
use super::launch::Launcher;
use super::surfaces::mark_shadows;
use super::view::{AllNames, View, Views};
use super::{ServerState, ServerStatus, SessionOptions};
use discovery::Discovery;
use own::Own;
use sessions::Sessions;
use subscriptions::Subscriptions;
use tasks::Tasks;

pub(crate) use added::MOST as MOST_ADDED;
pub(crate) use asking::ASKING;
pub(crate) use call::{checked, told};
pub(crate) use oneshot::surface as container_tools;
pub(crate) use servers::Editor;
pub(crate) use slot::{Body, Slot};

/// How long the end of every server may take when the gateway shuts down.
const SHUTDOWN_LIMIT: Duration = Duration::from_secs(20);

/// Bounds and times of the hub.
#[derive(Clone, Debug)]
pub(crate) struct HubOptions {
    /// How many servers may be starting at once.
    pub(crate) start_concurrency: usize,
    /// How long a list waits for servers that were never seen.
    pub(crate) list_wait: Duration,
    /// How many started servers wait for calls, per server with a fresh container per call.
    pub(crate) pool_size: usize,
    /// How many sessions may be open.
    pub(crate) max_sessions: usize,
    /// How long a client may take to answer what a server asks.
    pub(crate) question_timeout: Duration,
    /// How many items one page of a list has.
    pub(crate) page_size: usize,
}

/// The servers of a profile, in its order.
pub(crate) type Slots = IndexMap<ServerName, Arc<Slot>>;

/// One profile's servers, sessions and names.
#[derive(Debug)]
pub(crate) struct Hub {
    this: Weak<Self>,
    pub(crate) launcher: Launcher,
    pub(crate) profile: Arc<dyn Profile>,
    pub(crate) audit: Arc<dyn AuditStore>,
    pub(crate) metrics: Metrics,
    options: HubOptions,
    /// Where a server that is added is looked up.
    pub(crate) catalog: Arc<dyn Catalog>,
    finder: Arc<finding::Shared>,
    pub(crate) bus: EventBus,
    /// The gateway's own tools, where the profile lets agents use them.
    pub(crate) dynamic: Option<Dynamic>,
    /// Where people type secrets that servers lack, where the profile lets them.
    pub(crate) secret_pages: Option<Arc<SecretPages>>,
    slots: RwLock<Arc<Slots>>,
    /// Held while the set of servers is changed, so that one change follows on the other.
    editing: Mutex<()>,
    sessions: Sessions,
    subscriptions: Subscriptions,
    tasks_begun: Tasks,
    views: RwLock<Views>,
    /// What sessions are offered alone.
    own: RwLock<HashMap<SessionId, Own>>,
    names: Mutex<AllNames>,
    changed: Notify,
    discovery: Discovery,
    starting: Semaphore,
    closing: CancellationToken,
    tasks: TaskTracker,
}

/// What a hub is made of.
#[derive(Debug)]
pub(crate) struct HubParts {
    pub(crate) launcher: Launcher,
    pub(crate) profile: Arc<dyn Profile>,
    pub(crate) audit: Arc<dyn AuditStore>,
    pub(crate) metrics: Metrics,
    pub(crate) options: HubOptions,
    pub(crate) catalog: Arc<dyn Catalog>,
    /// The vectors of what is searched, where there is a model.
    pub(crate) vectors: Option<Arc<VectorCache>>,
    pub(crate) bus: EventBus,
    pub(crate) dynamic: Option<Dynamic>,
    pub(crate) secret_pages: Option<Arc<SecretPages>>,
    pub(crate) slots: Slots,
    pub(crate) names: AllNames,
}

impl Hub {
    /// Joins the parts and begins to look after idle servers and changed surfaces.
    pub(crate) fn start(parts: HubParts) -> Arc<Self> {
        let mut names = parts.names;
        mark_shadows(&parts.slots, &parts.slots);
        let view =
            publish::build_view(&parts.slots, &ClientCapabilities::none(), None, parts.dynamic.as_ref(), &mut names);
        let hub = Arc::new_cyclic(|this| Self {
            this: Weak::clone(this),
            launcher: parts.launcher,
            profile: parts.profile,
            audit: parts.audit,
            metrics: parts.metrics,
            starting: Semaphore::new(parts.options.start_concurrency),
            sessions: Sessions::new(parts.options.max_sessions),
            options: parts.options,
            catalog: parts.catalog,
            finder: finding::Finder::shared(parts.vectors),
            bus: parts.bus,
            dynamic: parts.dynamic,
            secret_pages: parts.secret_pages,
            slots: RwLock::new(Arc::new(parts.slots)),
            editing: Mutex::new(()),
            subscriptions: Subscriptions::default(),
            tasks_begun: Tasks::default(),
            views: RwLock::new(Views::new(view)),
            own: RwLock::default(),
            names: Mutex::new(names),
            changed: Notify::new(),
            discovery: Discovery::default(),
            closing: CancellationToken::new(),
            tasks: TaskTracker::new(),
        });
        tokio::spawn(reaper::run(Weak::clone(&hub.this), hub.closing.clone()));
        tokio::spawn(publish::run(Weak::clone(&hub.this), hub.closing.clone()));
        hub
    }

    pub(crate) fn slot(&self, server: &ServerName) -> Option<Arc<Slot>> {
        self.slots().get(server).map(Arc::clone)
    }

    /// The servers as they are now; a change makes another set and leaves this one as it is.
    pub(crate) fn slots(&self) -> Arc<Slots> {
        Arc::clone(&self.slots.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What every client sees that can do nothing beside asking.
    pub(crate) fn view(&self) -> Arc<View> {
        self.views.read().unwrap_or_else(PoisonError::into_inner).common()
    }

    /// What a client sees: some servers offer more to one that can do more.
    pub(crate) async fn view_for(&self, capabilities: &ClientCapabilities) -> Arc<View> {
        if let Some(view) = self.views.read().unwrap_or_else(PoisonError::into_inner).of(capabilities) {
            return view;
        }
        if !self.slots().values().any(|slot| slot.has_variant(capabilities)) {
            // Known until the next publication, so that it is not looked for in every record again.
            let mut views = self.views.write().unwrap_or_else(PoisonError::into_inner);
            let common = views.common();
            views.keep(capabilities, &common);
            return common;
        }
        let mut names = self.names.lock().await;
        let view = Arc::new(publish::build_view(&self.slots(), capabilities, None, self.dynamic.as_ref(), &mut names));
        self.views.write().unwrap_or_else(PoisonError::into_inner).keep(capabilities, &view);
        view
    }

    /// What the client of a session sees.
    pub(crate) async fn view_of(&self, session: Option<&SessionId>) -> Arc<View> {
        match session.and_then(|session| self.own_view(session)) {
            Some(view) => view,
            None => self.view_for(&self.sessions.capabilities(session)).await,
        }
    }

    pub(crate) fn open_session(&self, options: SessionOptions) -> Result<SessionId> {
        self.sessions.open(options, self.metrics.active_session(), self.closing.is_cancelled())
    }

    /// Says that the gateway is shutting down.
    pub(crate) fn closing(&self) -> CancellationToken {
        self.closing.clone()
    }

    /// What the client of a session can do; nothing for a session that has ended.
    pub(crate) fn capabilities_of(&self, session: Option<&SessionId>) -> ClientCapabilities {
        self.sessions.capabilities(session)
    }

    /// Adds a way to tell the client of a session something.
    pub(crate) fn attach_link(&self, session: &SessionId, link: Arc<dyn ClientLink>) -> Result<()> {
        self.sessions.attach(session, link)
    }

    /// Ends a session; its servers stop in the background.
    pub(crate) fn close_session(&self, session: &SessionId) {
        self.sessions.close(session);
        self.unsubscribe_session(session);
        self.tasks_begun.forget(session);
        for slot in self.forget_own(session).iter().flat_map(Slots::values) {
            self.retire_all(slot);
        }
        for slot in self.slots().values() {
            for instance in slot.take_session(session) {
                self.retire(slot, instance);
            }
        }
    }

    /// The servers and how they are.
    pub(crate) fn servers(&self) -> Vec<ServerStatus> {
        let view = self.view();
        self.slots().values().map(|slot| slot.status(&view)).collect()
    }

    /// Tells the servers of a session, as far as they were told of roots, that these are others now.
    pub(crate) async fn roots_changed(&self, session: &SessionId) {
        for slot in self.slots_of(Some(session)).values() {
            let running = slot.running().into_iter().filter(|instance| instance.session.as_ref() == Some(session));
            for instance in running {
                let was_told = instance.capabilities.to_value()["roots"]["listChanged"] == true;
                if was_told && instance.peer.era() == Era::Session {
                    // A server that is going need not know.
                    let _ = instance.peer.notify("notifications/roots/list_changed", None).await;
                }
            }
        }
    }

    /// Stops every server and waits for their end.
    pub(crate) async fn shutdown(&self) {
        self.closing.cancel();
        for slot in self.all_slots() {
            self.retire_all(&slot);
        }
        self.tasks.close();
        if tokio::time::timeout(SHUTDOWN_LIMIT, self.tasks.wait()).await.is_err() {
            tracing::warn!("some servers did not stop in time; the next start sweeps them");
        }
        self.persist().await;
        if let Err(error) = self.audit.checkpoint().await {
            tracing::error!(error = %error.report(), "the end of the audit trail could not be signed");
        }
        self.bus.close();
    }

    /// Stops everything of a server in the background.
    pub(crate) fn retire_all(&self, slot: &Arc<Slot>) {
        for instance in slot.take_all() {
            self.retire(slot, instance);
        }
    }

    /// Stops a server in the background, off every response path.
    fn retire(&self, slot: &Arc<Slot>, instance: Arc<instance::Instance>) {
        self.retire_after(Duration::ZERO, slot, instance);
    }

    /// As [`retire`](Self::retire), a while later; at once when the gateway shuts down.
    fn retire_after(&self, grace: Duration, slot: &Arc<Slot>, instance: Arc<instance::Instance>) {
        let (audit, bus, slot) = (Arc::clone(&self.audit), self.bus.clone(), Arc::clone(slot));
        let profile = self.profile.name().clone();
        self.subscriptions.release(&instance);
        self.tasks_begun.forget_server(&instance);
        if let Some(session) = &instance.session {
            self.forget_own_of(slot.number, session);
        }
        let closing = self.closing.clone();
        self.tasks.spawn(async move {
            tokio::select! {
                () = tokio::time::sleep(grace) => {}
                () = closing.cancelled() => {}
            }
            instance.stop().await;
            let mut event = AuditEvent::new(profile, "gateway", "server/stop");
            event.server = Some(slot.name.clone());
            event.session.clone_from(&instance.session);
            event.instance = Some(instance.id.clone());
            event.duration_micros = u64::try_from(instance.started.elapsed().as_micros()).unwrap_or(u64::MAX);
            bus.tell(|| GatewayEvent::ServerStopped { server: slot.name.clone(), instance: instance.id.clone() });
            if let Err(error) = audit.append(event).await {
                tracing::error!(error = %error.report(), "the stop of a server could not be recorded");
            }
        });
    }
}
