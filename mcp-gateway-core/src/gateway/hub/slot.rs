//! One server of the profile, with all of it that runs.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use tokio::sync::watch;

use super::health::Health;
use super::instance::Instance;
use super::pool::Pool;
use super::{ServerState, ServerStatus};
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::settings::Settings;
use crate::gateway::surfaces::{Finding, Settled, admitted, judge_all, settle, speaks_of_tools};
use crate::gateway::view::View;
use crate::model::{ServerEntry, ServerName, SessionId, Surface, Verification};
use crate::profile::{ApprovedSurface, Isolation, ServerLock, ServerSpec, SurfaceItem, SurfacePin, SurfacesSpec};
use crate::protocol::ClientCapabilities;

/// A server of the profile.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) name: ServerName,
    /// Tells it from another one of its name, before or after it.
    pub(crate) number: u64,
    /// What it is, or why it cannot be used.
    pub(crate) body: Result<Body>,
    /// What was recorded of it, and whether that has yet to be written to the lock.
    record: RwLock<Record>,
    places: Mutex<HashMap<Place, State>>,
    pub(super) pool: Pool,
    health: Mutex<Health>,
}

/// What profile and catalog say about a server.
#[derive(Clone, Debug)]
pub(crate) struct Body {
    pub(crate) entry: Arc<ServerEntry>,
    pub(crate) fingerprint: String,
    pub(crate) spec: ServerSpec,
    pub(crate) settings: Settings,
}

#[derive(Debug, Default)]
struct Record {
    lock: Option<Arc<ServerLock>>,
    /// What was found out about the image that runs or is about to.
    verification: Option<Arc<Verification>>,
    /// What stands out in what is recorded.
    findings: Arc<Vec<Finding>>,
    /// What in it speaks of tools, perhaps another server's.
    speaking: Arc<Vec<SurfaceItem>>,
    /// What stands out because of other servers.
    shadows: Arc<Vec<Finding>>,
    /// What of both is shown.
    review: Arc<Vec<Finding>>,
    /// The pin as it is in the lock file, as far as it is known.
    written: Option<SurfacePin>,
    dirty: bool,
}

impl Record {
    /// Holds what is recorded against its pin.
    fn settle(&mut self, lock: &mut ServerLock, rules: &SurfacesSpec) -> Settled {
        let settled = settle(lock, rules);
        self.findings = Arc::new(settled.findings.clone());
        self.speaking = Arc::new(speaks_of_tools(lock));
        self.review();
        settled
    }

    fn review(&mut self) {
        let mut all = Vec::clone(&self.findings);
        for shadow in self.shadows.iter() {
            match all.iter_mut().find(|finding| finding.item == shadow.item) {
                Some(finding) => {
                    finding.is_held |= shadow.is_held;
                    finding.flags.extend(shadow.flags.iter().cloned());
                }
                None => all.push(shadow.clone()),
            }
        }
        self.review = Arc::new(all);
    }
}

/// What came of a record.
#[derive(Debug, Default)]
pub(crate) struct Recorded {
    /// Whether anything is new.
    pub(crate) is_new: bool,
    /// What is held back that was not before.
    pub(crate) held: Vec<Finding>,
    /// What the profile's rules have let in.
    pub(crate) accepted: Vec<Finding>,
}

/// Who shares one running server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    /// Everyone, and requests without a session.
    Shared,
    /// One session.
    Session(SessionId),
    /// One of several of a session, for calls of clients that must not meet.
    Lane(SessionId, usize),
}

impl Place {
    /// The session that it belongs to.
    pub(crate) fn session(&self) -> Option<&SessionId> {
        match self {
            Self::Shared => None,
            Self::Session(session) | Self::Lane(session, _) => Some(session),
        }
    }
}

/// The outcome of a start, for all who wait for it.
pub(crate) type Started = watch::Receiver<Option<Result<Arc<Instance>>>>;

#[derive(Debug)]
enum State {
    Starting(Started),
    Running(Arc<Instance>),
}

/// What a caller finds at its place.
#[derive(Debug)]
pub(crate) enum Found {
    /// A running server, which the caller has entered.
    Running(Arc<Instance>),
    /// A start that is under way.
    Starting(Started),
    /// Nothing; the caller starts it and tells the outcome here.
    Vacant(watch::Sender<Option<Result<Arc<Instance>>>>),
}

impl Slot {
    pub(crate) fn new(name: ServerName, body: Result<Body>, lock: Option<ServerLock>) -> Self {
        static NUMBERS: AtomicU64 = AtomicU64::new(1);
        let verification = lock.as_ref().and_then(|lock| lock.verification.clone()).map(Arc::new);
        let mut record = Record { verification, ..Record::default() };
        if let Some(mut lock) = lock {
            record.written.clone_from(&lock.pin);
            let rules = body.as_ref().map(|body| body.settings.surfaces).unwrap_or_default();
            record.settle(&mut lock, &rules);
            record.lock = Some(Arc::new(lock));
        }
        Self {
            name,
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            body,
            record: RwLock::new(record),
            places: Mutex::default(),
            pool: Pool::default(),
            health: Mutex::default(),
        }
    }

    /// Whether a scope shuts it out: then nobody but an operator may learn that it is there.
    pub(crate) fn is_shut_out(&self) -> bool {
        self.body.as_ref().is_err_and(|error| error.kind() == ErrorKind::Denied)
    }

    /// The place of a request.
    pub(crate) fn place(&self, session: Option<&SessionId>) -> Place {
        let isolation = self.body.as_ref().map(|body| body.settings.isolation).unwrap_or_default();
        match (isolation, session) {
            (Isolation::Session, Some(session)) => Place::Session(session.clone()),
            _ => Place::Shared,
        }
    }

    /// Looks at a place and takes it if it is vacant; a server that has died meanwhile is handed out for burial.
    pub(crate) fn look(&self, place: &Place) -> (Found, Option<Arc<Instance>>) {
        let mut places = self.places();
        let mut dead = None;
        match places.get(place) {
            Some(State::Running(instance)) if !instance.peer.is_closed() => {
                instance.enter();
                return (Found::Running(Arc::clone(instance)), None);
            }
            Some(State::Running(instance)) => dead = Some(Arc::clone(instance)),
            Some(State::Starting(started)) => return (Found::Starting(started.clone()), None),
            None => {}
        }
        let (sender, receiver) = watch::channel(None);
        places.insert(place.clone(), State::Starting(receiver));
        (Found::Vacant(sender), dead)
    }

    /// The server that has a place now.
    pub(crate) fn running_at(&self, place: &Place) -> Option<Arc<Instance>> {
        match self.places().get(place) {
            Some(State::Running(instance)) => Some(Arc::clone(instance)),
            _ => None,
        }
    }

    /// The servers that work beside the one at a session's place.
    pub(crate) fn beside(&self, place: &Place) -> Vec<Arc<Instance>> {
        let Place::Session(of) = place else { return Vec::new() };
        let places = self.places();
        let beside = places.iter().filter_map(|(place, state)| match (place, state) {
            (Place::Lane(session, _), State::Running(instance)) if session == of => Some(Arc::clone(instance)),
            _ => None,
        });
        beside.filter(|instance| !instance.peer.is_closed()).collect()
    }

    /// Puts a started server into its place; `false` when the place was given up meanwhile.
    pub(crate) fn settle(&self, place: &Place, instance: &Arc<Instance>) -> bool {
        let mut places = self.places();
        let expected = matches!(places.get(place), Some(State::Starting(_)));
        if expected {
            places.insert(place.clone(), State::Running(Arc::clone(instance)));
        }
        expected
    }

    /// Gives up a place whose start failed.
    pub(crate) fn vacate(&self, place: &Place) {
        let mut places = self.places();
        if matches!(places.get(place), Some(State::Starting(_))) {
            places.remove(place);
        }
    }

    /// Takes a server out of its place if it is still there.
    pub(crate) fn take(&self, instance: &Arc<Instance>) -> bool {
        let mut places = self.places();
        let before = places.len();
        places.retain(|_, state| !matches!(state, State::Running(held) if Arc::ptr_eq(held, instance)));
        places.len() < before
    }

    /// Takes out what a session had.
    pub(crate) fn take_session(&self, session: &SessionId) -> Vec<Arc<Instance>> {
        let mut places = self.places();
        let taken = places.extract_if(|place, _| place.session() == Some(session));
        taken
            .filter_map(|(_, state)| match state {
                State::Running(instance) => Some(instance),
                // A start under way finds its place gone and stops what it started.
                State::Starting(_) => None,
            })
            .collect()
    }

    /// Takes out everything.
    pub(crate) fn take_all(&self) -> Vec<Arc<Instance>> {
        let states: Vec<State> = self.places().drain().map(|(_, state)| state).collect();
        let running = states.into_iter().filter_map(|state| match state {
            State::Running(instance) => Some(instance),
            State::Starting(_) => None,
        });
        running.chain(self.pool.take_all()).collect()
    }

    /// Takes out what is dead or idle for too long.
    pub(crate) fn take_spent(&self) -> Vec<Arc<Instance>> {
        let idle = self.body.as_ref().ok().and_then(|body| body.settings.idle);
        let spent =
            |instance: &Instance| instance.peer.is_closed() || idle.is_some_and(|limit| instance.is_idle(limit));
        let mut taken = self.pool.take_spent(&spent);
        self.places().retain(|_, state| match state {
            State::Running(instance) if spent(instance) => {
                taken.push(Arc::clone(instance));
                false
            }
            _ => true,
        });
        taken
    }

    /// What runs; one that has died and was not buried yet does not.
    pub(crate) fn running(&self) -> Vec<Arc<Instance>> {
        let places = self.places();
        let running = places.values().filter_map(|state| match state {
            State::Running(instance) => Some(Arc::clone(instance)),
            State::Starting(_) => None,
        });
        running.chain(self.pool.waiting()).filter(|instance| !instance.peer.is_closed()).collect()
    }

    pub(crate) fn health(&self) -> MutexGuard<'_, Health> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was recorded, if it was recorded of the entry that the catalog has now.
    pub(crate) fn lock(&self) -> Option<Arc<ServerLock>> {
        let body = self.body.as_ref().ok()?;
        let record = self.record.read().unwrap_or_else(PoisonError::into_inner);
        record.lock.clone().filter(|lock| lock.entry == body.fingerprint)
    }

    pub(crate) fn has_surface(&self) -> bool {
        self.lock().is_some_and(|lock| lock.surface.is_some())
    }

    /// Whether it offers something else to clients that can do this than to all others.
    pub(crate) fn has_variant(&self, capabilities: &ClientCapabilities) -> bool {
        self.lock().is_some_and(|lock| lock.variant(capabilities).is_some())
    }

    /// Records what it offers to clients that can do this, and holds that against what is accepted.
    pub(crate) fn set_record(
        &self,
        mut lock: ServerLock,
        capabilities: &ClientCapabilities,
        surface: Surface,
    ) -> Recorded {
        let mut record = self.record.write().unwrap_or_else(PoisonError::into_inner);
        lock.approved = record.lock.as_ref().and_then(|old| old.approved.clone());
        // Whatever else is another one now, what was accepted stays what was accepted.
        lock.pin = record.lock.as_ref().and_then(|old| old.pin.clone());
        if let Some(old) = record.lock.as_ref().filter(|old| old.entry == lock.entry && old.identity == lock.identity) {
            lock.surface.clone_from(&old.surface);
            lock.variants.clone_from(&old.variants);
        }
        let found = record.verification.as_deref().filter(|found| found.digest == lock.digest);
        lock.verification = found.cloned();
        lock.record(capabilities, surface);
        let same = record.lock.as_ref().is_some_and(|old| {
            old.entry == lock.entry
                && old.identity == lock.identity
                && old.digest == lock.digest
                && old.surface == lock.surface
                && old.variants == lock.variants
                && old.protocol == lock.protocol
                && old.verification == lock.verification
        });
        if same {
            return Recorded::default();
        }
        let before = record.lock.clone();
        if let (Some(before), Some(mut pin)) = (&before, lock.pin.take()) {
            pin.keep_definitions(&before.surfaces(), &lock.surfaces());
            lock.pin = Some(pin);
        }
        let reviewed = Arc::clone(&record.review);
        let settled = record.settle(&mut lock, &self.rules());
        let was_held = |finding: &Finding| reviewed.iter().any(|old| old.is_held && old.item == finding.item);
        let held = settled.findings.into_iter().filter(|finding| finding.is_held && !was_held(finding)).collect();
        record.lock = Some(Arc::new(lock));
        record.dirty = true;
        Recorded { is_new: true, held, accepted: settled.accepted }
    }

    /// What the profile says about changes of what it offers.
    fn rules(&self) -> SurfacesSpec {
        self.body.as_ref().map(|body| body.settings.surfaces).unwrap_or_default()
    }

    /// What was recorded, with what stands out in it, if it was recorded of the entry that the catalog has now.
    pub(crate) fn reviewed(&self) -> Option<(Arc<ServerLock>, Arc<Vec<Finding>>)> {
        let body = self.body.as_ref().ok()?;
        let record = self.record.read().unwrap_or_else(PoisonError::into_inner);
        let lock = record.lock.clone().filter(|lock| lock.entry == body.fingerprint)?;
        Some((lock, Arc::clone(&record.review)))
    }

    /// What it offers to clients that can do this, without what is held back.
    pub(crate) fn admitted(&self, capabilities: &ClientCapabilities) -> Option<Arc<Surface>> {
        let (lock, findings) = self.reviewed()?;
        let all = lock.surface_for(capabilities)?;
        Some(Arc::new(admitted(all, &findings, &lock).unwrap_or_else(|| all.clone())))
    }

    /// What stands out in what is recorded.
    pub(crate) fn findings(&self) -> Arc<Vec<Finding>> {
        self.reviewed().map(|(_, findings)| findings).unwrap_or_default()
    }

    /// What stands out in what it offers to one session alone.
    pub(crate) fn judge(&self, own: &Surface) -> Vec<Finding> {
        self.lock().map(|lock| judge_all(own, &lock, &self.rules())).unwrap_or_default()
    }

    /// What in it speaks of tools.
    pub(crate) fn speaking(&self) -> Arc<Vec<SurfaceItem>> {
        Arc::clone(&self.record.read().unwrap_or_else(PoisonError::into_inner).speaking)
    }

    /// Takes over what stands out because of other servers; gives what is held back that was not before.
    pub(crate) fn set_shadows(&self, shadows: Vec<Finding>) -> Vec<Finding> {
        if self.record.read().unwrap_or_else(PoisonError::into_inner).shadows.as_slice() == shadows {
            return Vec::new();
        }
        let mut record = self.record.write().unwrap_or_else(PoisonError::into_inner);
        let reviewed = std::mem::replace(&mut record.shadows, Arc::new(shadows));
        record.review();
        let is_new = |finding: &&Finding| finding.is_held && !reviewed.iter().any(|old| old.item == finding.item);
        record.shadows.iter().filter(is_new).cloned().collect()
    }

    /// Takes over what is accepted, from the lock file.
    pub(crate) fn adopt(&self, pin: &SurfacePin, approved: Option<ApprovedSurface>) -> bool {
        let mut record = self.record.write().unwrap_or_else(PoisonError::into_inner);
        let Some(before) = record.lock.clone().filter(|_| record.written.as_ref() != Some(pin)) else { return false };
        let mut lock = ServerLock { pin: Some(pin.clone()), approved, ..ServerLock::clone(&before) };
        record.settle(&mut lock, &self.rules());
        record.dirty |= lock.pin.as_ref() != Some(pin);
        record.written = Some(pin.clone());
        record.lock = Some(Arc::new(lock));
        true
    }

    /// The pin as it is in the lock file, as far as it is known.
    pub(crate) fn written(&self) -> Option<SurfacePin> {
        self.record.read().unwrap_or_else(PoisonError::into_inner).written.clone()
    }

    /// Has the pin written to the lock, where it is another one than there.
    pub(crate) fn keep_pin(&self) {
        let mut record = self.record.write().unwrap_or_else(PoisonError::into_inner);
        record.dirty |= record.lock.as_ref().is_some_and(|lock| lock.pin != record.written);
    }

    /// Says what was written to the lock file.
    pub(crate) fn set_written(&self, pin: Option<SurfacePin>) {
        self.record.write().unwrap_or_else(PoisonError::into_inner).written = pin;
    }

    /// Takes over what an operator has approved and accepted; it is written by whoever calls this.
    pub(crate) fn set_approved(&self, approved: Option<ApprovedSurface>, pin: Option<SurfacePin>) {
        let mut record = self.record.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(lock) = record.lock.clone() {
            let mut lock = ServerLock { approved, pin, ..ServerLock::clone(&lock) };
            record.settle(&mut lock, &self.rules());
            record.lock = Some(Arc::new(lock));
        }
    }

    /// What was found out about the image that ran last, or is about to run.
    pub(crate) fn verification(&self) -> Option<Arc<Verification>> {
        self.record.read().unwrap_or_else(PoisonError::into_inner).verification.clone()
    }

    /// Keeps what was found out, or that nothing was asked; in the lock, too, where that is of the same image.
    pub(crate) fn set_verification(&self, found: Option<&Arc<Verification>>) {
        let mut record = self.record.write().unwrap_or_else(PoisonError::into_inner);
        // That it was found again is not worth writing.
        if !found.zip(record.verification.as_ref()).is_some_and(|(new, old)| new.is_same(old)) {
            record.verification = found.map(Arc::clone);
        }
        let verification = record.verification.clone();
        let stale = record.lock.as_ref().filter(|lock| {
            let is_of_it =
                verification.as_ref().is_none_or(|found| lock.digest.is_some() && lock.digest == found.digest);
            is_of_it && lock.verification.as_ref() != verification.as_deref()
        });
        if let Some(lock) = stale {
            let mut lock = ServerLock::clone(lock);
            lock.verification = verification.as_deref().cloned();
            record.lock = Some(Arc::new(lock));
            record.dirty = true;
        }
    }

    /// Takes what has yet to be written to the lock file.
    pub(crate) fn take_unwritten(&self) -> Option<Arc<ServerLock>> {
        let mut record = self.record.write().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut record.dirty).then(|| record.lock.clone()).flatten()
    }

    /// Says that what was taken could not be written.
    pub(crate) fn set_unwritten(&self) {
        self.record.write().unwrap_or_else(PoisonError::into_inner).dirty = true;
    }

    pub(crate) fn status(&self, view: &View) -> ServerStatus {
        let running = self.running().len();
        let failure: Option<Error> = self.health().last().cloned();
        let (state, reason) = match (&self.body, failure) {
            (Err(error), _) => (ServerState::Refused, Some(error.report())),
            (Ok(_), Some(error)) if running == 0 => (ServerState::Failed, Some(error.report())),
            (Ok(_), _) if running > 0 => (ServerState::Running, None),
            (Ok(_), _) if self.has_surface() => (ServerState::Recorded, None),
            (Ok(_), _) => (ServerState::Unknown, None),
        };
        let tools = self.has_surface().then(|| view.tool_count(&self.name));
        let verification = self.verification().as_deref().cloned();
        let held: Vec<_> = self.findings().iter().filter(|finding| finding.is_held).cloned().collect();
        let reason = reason.or_else(|| held_reason(&self.name, &held));
        ServerStatus { name: self.name.clone(), state, reason, running, tools, held: held.len(), verification }
    }

    fn places(&self) -> MutexGuard<'_, HashMap<Place, State>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// That something is held back, where it is.
fn held_reason(server: &ServerName, held: &[Finding]) -> Option<String> {
    let first = held.first()?;
    let more = match held.len() {
        1 => String::new(),
        count => format!(" and {} more", count - 1),
    };
    let subject = first.subject();
    Some(format!("held back: {subject}{more}; see `mcp-gateway server diff {server}`"))
}
