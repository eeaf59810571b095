//! Who hears of changes of which resource.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;

use super::Hub;
use super::instance::{InUse, Instance};
use super::slot::{Place, Slot};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{CallContext, SessionId};
use crate::profile::Isolation;
use crate::protocol::stateless::ListenFilter;
use crate::protocol::{ClientLink, Era, RawJson, RawObject, Request, RequestKind, Response, RpcError, Target};
use crate::transport::client::PeerRequest;

/// The most resources that one gateway subscribes to.
const MAX_SUBSCRIPTIONS: usize = 10_000;

/// How long the first listening may keep a start, and servers beside another a subscription.
const FIRST: Duration = Duration::from_secs(2);

/// How long an acknowledgement may take before the one before it ends all the same.
const ACKNOWLEDGEMENT: Duration = Duration::from_secs(10);

/// One resource of one running server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    slot: u64,
    place: Place,
    uri: String,
}

/// Every subscription, with those who hear of it.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions(Mutex<HashMap<Key, Subscription>>);

#[derive(Debug)]
struct Subscription {
    /// The server that tells of changes; `None` after it has ended, until another takes its place.
    held: Option<InUse>,
    listeners: Vec<Listener>,
}

#[derive(Debug)]
struct Listener {
    session: Option<SessionId>,
    link: Arc<dyn ClientLink>,
}

impl Subscriptions {
    /// Tells those who hear of a resource, or of one that it is a part of.
    pub(super) async fn tell(&self, slot: u64, place: &Place, params: Option<RawJson>) {
        let uri = params.as_ref().and_then(|params| params.object().ok()).and_then(|params| params.text("uri"));
        let Some(uri) = uri else { return };
        let links: Vec<_> = {
            let table = self.locked();
            let concerned =
                table.iter().filter(|(key, _)| key.slot == slot && key.place == *place && is_part_of(&uri, &key.uri));
            let mut links: Vec<Arc<dyn ClientLink>> = Vec::new();
            for listener in concerned.flat_map(|(_, of)| &of.listeners) {
                if !links.iter().any(|link| Arc::ptr_eq(link, &listener.link)) {
                    links.push(Arc::clone(&listener.link));
                }
            }
            links
        };
        for link in links {
            // A client that does not keep up reads the resource again when it needs it.
            let _ = link.notify("notifications/resources/updated", params.clone()).await;
        }
    }

    /// Adds a listener to a subscription that is there already; says whether it is.
    fn join(&self, key: &Key, instance: &Arc<Instance>, listener: &Listener) -> Result<bool> {
        let mut table = self.locked();
        if table.len() >= MAX_SUBSCRIPTIONS && !table.contains_key(key) {
            return Err(Error::new(ErrorKind::Overloaded, format!("{MAX_SUBSCRIPTIONS} resources are subscribed to")));
        }
        let Some(subscription) = table.get_mut(key).filter(|of| of.is_at(instance)) else {
            return Ok(false);
        };
        subscription.add(listener);
        Ok(true)
    }

    fn begin(&self, key: Key, instance: &Arc<Instance>, listener: &Listener) {
        let mut table = self.locked();
        let subscription = table.entry(key).or_insert_with(|| Subscription { held: None, listeners: Vec::new() });
        if !subscription.is_at(instance) {
            subscription.held = Some(InUse::new(instance));
        }
        subscription.add(listener);
    }

    /// Takes listeners out; gives the subscriptions that nobody hears of any more.
    fn leave(&self, concerns: impl Fn(&Key, &Listener) -> bool) -> Vec<(Key, Arc<Instance>)> {
        let mut table = self.locked();
        for (key, subscription) in table.iter_mut() {
            subscription.listeners.retain(|listener| !concerns(key, listener));
        }
        let ended = table.extract_if(|_, subscription| subscription.listeners.is_empty());
        ended.filter_map(|(key, subscription)| Some((key, Arc::clone(&subscription.held?.0)))).collect()
    }

    /// Lets go of a server that is stopped; who subscribed hears again once another takes its place.
    pub(super) fn release(&self, instance: &Arc<Instance>) {
        for subscription in self.locked().values_mut().filter(|subscription| subscription.is_at(instance)) {
            subscription.held = None;
        }
    }

    /// The resources at a place.
    fn uris(&self, slot: u64, place: &Place) -> Vec<String> {
        let table = self.locked();
        let mut uris: Vec<_> =
            table.keys().filter(|key| key.slot == slot && key.place == *place).map(|key| key.uri.clone()).collect();
        uris.sort_unstable();
        uris
    }

    /// Hands the subscriptions of a place to the server that has taken it; gives the resources.
    fn hand_over(&self, slot: u64, place: &Place, instance: &Arc<Instance>) -> Vec<String> {
        let mut table = self.locked();
        let mut uris = Vec::new();
        for (key, subscription) in table.iter_mut() {
            if key.slot == slot && key.place == *place && !subscription.is_at(instance) {
                subscription.held = Some(InUse::new(instance));
                uris.push(key.uri.clone());
            }
        }
        uris
    }

    fn locked(&self) -> MutexGuard<'_, HashMap<Key, Subscription>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether a resource is another one, or lies in it.
fn is_part_of(uri: &str, whole: &str) -> bool {
    uri.strip_prefix(whole)
        .is_some_and(|rest| rest.is_empty() || whole.ends_with('/') || rest.starts_with(['/', '?', '#']))
}

impl Subscription {
    fn is_at(&self, instance: &Arc<Instance>) -> bool {
        self.held.as_ref().is_some_and(|held| Arc::ptr_eq(&held.0, instance))
    }

    fn add(&mut self, listener: &Listener) {
        if !self.listeners.iter().any(|known| Arc::ptr_eq(&known.link, &listener.link)) {
            let Listener { session, link } = listener;
            self.listeners.push(Listener { session: session.clone(), link: Arc::clone(link) });
        }
    }
}

impl Hub {
    /// Subscribes the caller to a resource, or takes that back.
    pub(super) async fn subscribe(
        &self,
        ctx: &CallContext,
        slot: &Arc<Slot>,
        request: &Request,
        target: &Target,
    ) -> Result<Response> {
        let body = slot.body.as_ref().map_err(Clone::clone)?;
        let own = ctx.session.as_ref().and_then(|session| self.sessions.link(session));
        let link = own.or_else(|| request.link.clone()).ok_or_else(|| {
            Error::new(ErrorKind::InvalidInput, "only a client that can be told of changes can subscribe")
        })?;
        let place = slot.place(ctx.session.as_ref());
        let key = Key { slot: slot.number, place, uri: target.name.clone() };
        if request.kind == RequestKind::Unsubscribe {
            let ended = self.subscriptions.leave(|at, listener| *at == key && Arc::ptr_eq(&listener.link, &link));
            self.unsubscribe(ctx, ended).await;
            return Ok(Response::new(RawJson::empty_object()));
        }
        if body.settings.isolation == Isolation::Call {
            let why =
                format!("server `{}` is a fresh one for each call, so nothing of it can be subscribed to", slot.name);
            return Err(Error::new(ErrorKind::Unsupported, why));
        }
        let instance = self.acquire(ctx, slot).await?;
        let _in_use = InUse::new(&instance);
        instance.leave();
        self.ensure_accepted(ctx, slot, request, target).await?;
        let listener = Listener { session: ctx.session.clone(), link };
        if self.subscriptions.join(&key, &instance, &listener)? {
            return Ok(Response::new(RawJson::empty_object()));
        }
        if instance.peer.era() == Era::Session {
            let answer = self.tell_server(ctx, slot, &instance, RequestKind::Subscribe, &key.uri).await?;
            if let Err(error) = answer {
                return Ok(Response::from_server(
                    Err(instance.redaction.error(error)),
                    instance.id.clone(),
                    Era::Session,
                ));
            }
        }
        let (place, uri) = (key.place.clone(), key.uri.clone());
        self.subscriptions.begin(key, &instance, &listener);
        // Whoever ended the session meanwhile has found nothing to end.
        if ctx.session.as_ref().is_some_and(|session| !self.sessions.is_open(session)) || instance.peer.is_closed() {
            if let Some(session) = &ctx.session {
                self.unsubscribe_session(session);
            }
            return Err(Error::new(ErrorKind::Closed, "the session or its server has ended"));
        }
        match slot.running_at(&place).filter(|current| !Arc::ptr_eq(current, &instance)) {
            // Another server has taken the place meanwhile, and was handed what was subscribed to before this.
            Some(current) => self.resubscribe(slot, &place, &current).await,
            None if instance.peer.era() == Era::Stateless => self.listen(slot, &instance).await,
            None => {}
        }
        self.tell_beside(slot, &place, RequestKind::Subscribe, &uri).await;
        Ok(Response::from_server(Ok(RawJson::empty_object()), instance.id.clone(), Era::Session))
    }

    /// Takes back all subscriptions of a session.
    pub(super) fn unsubscribe_session(&self, session: &SessionId) {
        let ended = self.subscriptions.leave(|_, listener| listener.session.as_ref() == Some(session));
        let Some(hub) = self.this.upgrade().filter(|_| !ended.is_empty()) else { return };
        self.tasks.spawn(async move { hub.unsubscribe(&CallContext::local(), ended).await });
    }

    /// Takes a way to a client out, with what was subscribed to over it.
    pub(crate) fn detach_link(&self, session: &SessionId, link: &Arc<dyn ClientLink>) {
        self.sessions.detach(session, link);
        let ended = self.subscriptions.leave(|_, listener| Arc::ptr_eq(&listener.link, link));
        let Some(hub) = self.this.upgrade().filter(|_| !ended.is_empty()) else { return };
        self.tasks.spawn(async move { hub.unsubscribe(&CallContext::local(), ended).await });
    }

    /// Listens to a server of the stateless era that has just started, before its first request can change anything.
    async fn listen_first(&self, slot: &Slot, instance: &Arc<Instance>) {
        // A server that is slow to acknowledge is listened to all the same.
        let _ = tokio::time::timeout(FIRST, self.listen(slot, instance)).await;
    }

    /// Subscribes a server that has taken the place of another to what that was subscribed to, before its first request
    /// can change anything; one beside another, to what its session has subscribed to there.
    pub(super) async fn resubscribe(&self, slot: &Arc<Slot>, place: &Place, instance: &Arc<Instance>) {
        let uris = match place {
            Place::Lane(session, _) => self.subscriptions.uris(slot.number, &Place::Session(session.clone())),
            Place::Shared | Place::Session(_) => self.subscriptions.hand_over(slot.number, place, instance),
        };
        let Some(hub) = self.this.upgrade().filter(|_| !uris.is_empty() || instance.peer.era() == Era::Stateless)
        else {
            return;
        };
        match instance.peer.era() {
            Era::Session => {
                let (slot, instance) = (Arc::clone(slot), Arc::clone(instance));
                let subscribing = self.tasks.spawn(async move {
                    let ctx = CallContext::local().with_cancellation(hub.closing.child_token());
                    for uri in uris {
                        // A server that refuses now tells of no change, as it would if nobody had subscribed.
                        let _ = hub.tell_server(&ctx, &slot, &instance, RequestKind::Subscribe, &uri).await;
                    }
                });
                // One that is slow to subscribe does so all the same, and does not keep the call that started it.
                let _ = tokio::time::timeout(FIRST, subscribing).await;
            }
            // What is handed over is part of what is listened for first.
            Era::Stateless => self.listen_first(slot, instance).await,
        }
    }

    async fn unsubscribe(&self, ctx: &CallContext, ended: Vec<(Key, Arc<Instance>)>) {
        let mut changed: Vec<Arc<Instance>> = Vec::new();
        for (key, instance) in ended {
            let slot = self.all_slots().into_iter().find(|slot| slot.number == key.slot);
            let Some(slot) = slot.filter(|_| !instance.peer.is_closed()) else { continue };
            match instance.peer.era() {
                // A server that refuses tells of changes that nobody hears of.
                Era::Session => {
                    drop(self.tell_server(ctx, &slot, &instance, RequestKind::Unsubscribe, &key.uri).await);
                    self.tell_beside(&slot, &key.place, RequestKind::Unsubscribe, &key.uri).await;
                }
                // What is listened for is said anew, once for all of it.
                Era::Stateless if changed.iter().any(|told| Arc::ptr_eq(told, &instance)) => {}
                Era::Stateless => {
                    self.listen(&slot, &instance).await;
                    changed.push(instance);
                }
            }
        }
    }

    /// Tells the servers beside the one at a session's place, all at once. One that refuses tells of no change, or of some
    /// that nobody hears of; one that is slow is told all the same, and keeps nobody.
    async fn tell_beside(&self, slot: &Arc<Slot>, place: &Place, kind: RequestKind, uri: &str) {
        let beside = slot.beside(place);
        let Some(hub) = self.this.upgrade().filter(|_| !beside.is_empty()) else { return };
        let (slot, uri) = (Arc::clone(slot), uri.to_owned());
        let telling = self.tasks.spawn(async move {
            let ctx = CallContext::local().with_cancellation(hub.closing.child_token());
            let each = beside.iter().map(|instance| hub.tell_server(&ctx, &slot, instance, kind, &uri));
            drop(join_all(each).await);
        });
        let _ = tokio::time::timeout(FIRST, telling).await;
    }

    async fn tell_server(
        &self,
        ctx: &CallContext,
        slot: &Slot,
        instance: &Instance,
        kind: RequestKind,
        uri: &str,
    ) -> Result<Result<RawJson, RpcError>> {
        let body = slot.body.as_ref().map_err(Clone::clone)?;
        let mut params = RawObject::default();
        params.set_text("uri", uri);
        instance.peer.request(ctx, PeerRequest::new(kind.method(), params, body.settings.limits.call_timeout)).await
    }

    /// Listens to a server of the stateless era for what its clients want to hear now.
    pub(super) async fn listen(&self, slot: &Slot, instance: &Arc<Instance>) {
        let place = instance.session.clone().map_or(Place::Shared, Place::Session);
        let changes = |list: &str| instance.hello.capabilities[list]["listChanged"] == true;
        let filter = ListenFilter {
            tools_list_changed: changes("tools"),
            prompts_list_changed: changes("prompts"),
            resources_list_changed: changes("resources"),
            resource_subscriptions: self.subscriptions.uris(slot.number, &place),
            ..ListenFilter::default()
        };
        let (listening, acknowledged) = if filter.is_empty() {
            (None, None)
        } else {
            let (listening, acknowledged) = instance.peer.listen(filter);
            (Some(listening), Some(acknowledged))
        };
        let mut current = instance.listening.lock().await;
        let before = std::mem::replace(&mut *current, listening);
        drop(current);
        if let Some(acknowledged) = acknowledged {
            // The new one is there before the old one ends, so that nothing is missed.
            let _ = tokio::time::timeout(ACKNOWLEDGEMENT, acknowledged).await;
        }
        drop(before);
    }
}
