//! Surfaces: read from servers, kept in the lock, shown to clients.

use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, Weak};
use std::time::Duration;

use indexmap::IndexMap;
use tokio_util::sync::CancellationToken;

use super::Hub;
use super::instance::Instance;
use super::slot::{Body, Slot};
use super::{GatewayEvent, Slots};
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::definitions::{Definitions, Source};
use crate::gateway::dynamic::Dynamic;
use crate::gateway::surfaces::mark_shadows;
use crate::gateway::view::{AllNames, Part, View};
use crate::model::{CallContext, Definition, Digest, Surface};
use crate::profile::{NameTable, ServerLock};
use crate::protocol::stateless::header_parameters;
use crate::protocol::{ClientCapabilities, Era, ListKind, ListPage, RawJson, RawObject};
use crate::transport::client::{Caller, PeerRequest};
use crate::util::clock;

/// How long changes are collected before clients hear of them.
const DEBOUNCE: Duration = Duration::from_millis(50);
/// The most pages of one list that are read, and the most items.
const MAX_PAGES: usize = 1_000;
const MAX_ITEMS: usize = 20_000;

/// Shows changes to clients and writes them to the lock, a moment after they happen.
pub(super) async fn run(hub: Weak<Hub>, closing: CancellationToken) {
    loop {
        {
            let Some(hub) = hub.upgrade() else { return };
            // Waking up now and then lets a hub that nobody holds any more go.
            tokio::select! {
                () = hub.changed.notified() => {}
                () = tokio::time::sleep(Duration::from_secs(5)) => {
                    if hub.holds_back() {
                        hub.learn().await;
                    }
                    continue;
                }
                () = closing.cancelled() => return,
            }
        }
        tokio::time::sleep(DEBOUNCE).await;
        let Some(hub) = hub.upgrade() else { return };
        hub.publish().await;
        hub.persist().await;
    }
}

/// Joins what was recorded of all servers.
///
/// What a server offers to one session alone, by the server's number, counts before what is recorded. The gateway's own
/// tools come first.
pub(super) fn build_view(
    slots: &Slots,
    capabilities: &ClientCapabilities,
    own: Option<&HashMap<u64, Arc<Surface>>>,
    dynamic: Option<&Dynamic>,
    names: &mut AllNames,
) -> View {
    let surfaces: Vec<_> = slots
        .values()
        .filter_map(|slot| {
            let own = own.and_then(|own| own.get(&slot.number)).map(Arc::clone);
            Some((slot, slot.body.as_ref().ok()?, Source::new(slot, capabilities, own)?))
        })
        .collect();
    let offers: Vec<_> = surfaces.iter().map(|(_, body, _)| move |tool: &str| body.settings.offers(tool)).collect();
    let parts: Vec<Part<'_>> = surfaces
        .iter()
        .zip(&offers)
        .filter_map(|((slot, body, source), offers)| {
            let (surface, held) = (source.surface()?, source.held().collect());
            Some(Part { server: &slot.name, surface, prefix: body.entry.prefix.as_deref(), offers, held })
        })
        .collect();
    let sources = surfaces.iter().map(|(slot, _, source)| (slot.name.clone(), source.clone()));
    let sources = sources.chain(dynamic.map(Dynamic::source)).collect();
    let parts: Vec<Part<'_>> = dynamic.and_then(Dynamic::part).into_iter().chain(parts).collect();
    let view = View::build(&parts, dynamic.is_some_and(Dynamic::is_lean), names);
    view.with_definitions(Definitions::new(sources))
}

impl Hub {
    /// Rebuilds what clients see and tells them what has changed.
    pub(crate) async fn publish(&self) {
        let slots = self.slots();
        for (slot, held) in mark_shadows(&slots, &slots) {
            self.note_held(&slot, None, &held).await;
        }
        let changes = {
            let mut names = self.names.lock().await;
            let mut kinds = self.views.read().unwrap_or_else(PoisonError::into_inner).kinds();
            let open = self.sessions.kinds();
            kinds.retain(|kind| kind.is_empty() || open.contains(kind));
            // A client that has seen what everybody sees hears of it when something is offered to it alone.
            for (_, capabilities, _) in self.sessions.links() {
                if !kinds.contains(&capabilities) && slots.values().any(|slot| slot.has_variant(&capabilities)) {
                    kinds.push(capabilities);
                }
            }
            let next: Vec<_> = kinds
                .into_iter()
                .map(|capabilities| {
                    let view = Arc::new(build_view(&slots, &capabilities, None, self.dynamic.as_ref(), &mut names));
                    (capabilities, view)
                })
                .collect();
            self.views.write().unwrap_or_else(PoisonError::into_inner).replace(next)
        };
        let common = changes.of(&ClientCapabilities::none());
        for kind in &common {
            self.bus.tell(|| GatewayEvent::list_changed(*kind));
        }
        for (session, capabilities, link) in self.sessions.links() {
            if self.has_own(&session) {
                continue;
            }
            for kind in changes.of(&capabilities) {
                // A client that does not keep up sees the change when it lists again.
                let _ = link.notify(kind.changed(), None).await;
            }
        }
        self.publish_all_own().await;
    }

    /// Writes what is new to the lock.
    pub(crate) async fn persist(&self) {
        let slots = self.all_slots();
        let unwritten: Vec<_> = slots.iter().filter_map(|slot| Some((slot, slot.take_unwritten()?))).collect();
        if unwritten.is_empty() {
            return;
        }
        let mut table = NameTable::default();
        // The file may have to be waited for; nobody who lists waits for it too.
        self.names.lock().await.save(&mut table);
        let mut kept = Vec::new();
        let written = self
            .profile
            .update_lock(Box::new(|lock| {
                for (slot, record) in &unwritten {
                    let mut record = ServerLock::clone(record);
                    let before = lock.servers.get(&slot.name);
                    // An operator's word, which may have been given elsewhere meanwhile.
                    record.approved = before.and_then(|before| before.approved.clone());
                    if let Some(before) = before
                        && before.pin.is_some()
                        && before.pin != slot.written()
                    {
                        record.pin.clone_from(&before.pin);
                        if let Some(mut pin) = record.pin.take() {
                            pin.keep_definitions(&before.surfaces(), &record.surfaces());
                            record.pin = Some(pin);
                        }
                    }
                    kept.push((record.pin.clone(), record.approved.clone()));
                    lock.servers.insert(slot.name.clone(), record);
                }
                lock.names.clone_from(&table);
                Ok(())
            }))
            .await;
        if let Err(error) = written {
            tracing::warn!(error = %error.report(), "what servers offer could not be written to the lock");
            for (slot, _) in &unwritten {
                slot.set_unwritten();
            }
            return;
        }
        for ((slot, record), (pin, approved)) in unwritten.iter().zip(kept) {
            match pin {
                Some(pin) if record.pin.as_ref() != Some(&pin) => {
                    if slot.adopt(&pin, approved) {
                        self.changed.notify_one();
                    }
                }
                pin => slot.set_written(pin),
            }
        }
    }

    /// Reads what a server offers and keeps it.
    pub(super) async fn record(
        &self,
        ctx: &CallContext,
        slot: &Arc<Slot>,
        body: &Body,
        instance: &Instance,
        digest: Option<Digest>,
    ) -> Result<()> {
        let surface = read_surface(ctx, slot, instance, body.settings.limits.start_timeout).await?;
        let surface = instance.redaction.surface(surface);
        if let (Some(session), true) = (&instance.session, instance.was_told.load(Ordering::Acquire)) {
            self.keep_own(slot, session, surface).await;
            return Ok(());
        }
        let lock = ServerLock {
            entry: body.fingerprint.clone(),
            digest,
            identity: instance.identity.clone(),
            protocol: instance.peer.known_version().map(|version| version.as_str().to_owned()),
            recorded: clock::rfc3339(clock::now_millis()),
            ..ServerLock::default()
        };
        let recorded = slot.set_record(lock, &instance.capabilities, surface);
        if recorded.is_new {
            self.changed.notify_one();
        }
        self.note_surface(slot, instance.session.as_ref(), &recorded).await;
        Ok(())
    }

    /// Reads again what a server offers.
    pub(super) async fn refresh(&self, slot: &Arc<Slot>, instance: &Instance) {
        let Ok(body) = &slot.body else { return };
        let ctx = CallContext::local().with_cancellation(self.closing.child_token());
        let digest = slot.lock().and_then(|lock| lock.digest.clone());
        if let Err(error) = self.record(&ctx, slot, body, instance, digest).await
            && !instance.peer.is_closed()
        {
            tracing::warn!(server = %slot.name, error = %error.report(), "server's lists could not be read again");
        }
    }
}

async fn read_surface(ctx: &CallContext, slot: &Slot, instance: &Instance, timeout: Duration) -> Result<Surface> {
    let hello = &instance.hello;
    let mut surface = Surface {
        capabilities: hello.capabilities.clone(),
        instructions: hello.instructions.clone(),
        server_info: hello.server_info.clone(),
        ..Surface::default()
    };
    for kind in ListKind::ALL {
        if hello.has(kind.capability()) {
            let items = read_list(ctx, instance, kind, timeout).await?;
            match kind {
                ListKind::Tools => surface.tools = usable(slot, instance, items),
                ListKind::Prompts => surface.prompts = items,
                ListKind::Resources => surface.resources = items,
                ListKind::ResourceTemplates => surface.resource_templates = items,
            }
        }
    }
    Ok(surface)
}

/// The tools that can be called: of the stateless era, only those whose arguments can be made headers as they ask for.
fn usable(slot: &Slot, instance: &Instance, mut tools: Vec<Definition>) -> Vec<Definition> {
    if instance.peer.era() == Era::Stateless {
        tools.retain(|tool| {
            let schema = RawJson::parse(tool.json.as_str()).and_then(|tool| tool.object());
            let schema = schema.ok().and_then(|tool| tool.get("inputSchema").cloned());
            match schema.map_or(Ok(Vec::new()), |schema| header_parameters(&schema)) {
                Ok(_) => true,
                Err(why) => {
                    tracing::warn!(server = %slot.name, tool = tool.key, why, "tool is left out");
                    false
                }
            }
        });
    }
    tools
}

/// Reads all pages of a list; of two items with one key the first counts.
async fn read_list(
    ctx: &CallContext,
    instance: &Instance,
    kind: ListKind,
    timeout: Duration,
) -> Result<Vec<Definition>> {
    let mut items: IndexMap<String, Definition> = IndexMap::new();
    let mut params = RawObject::default();
    let mut caller = Caller::new("gateway");
    caller.capabilities = instance.capabilities.clone();
    let caller = Arc::new(caller);
    for _ in 0..MAX_PAGES {
        let method = kind.request().method();
        let mut request = PeerRequest::new(method, params.clone(), timeout);
        request.caller = Some(Arc::clone(&caller));
        let page = match instance.peer.request(ctx, request).await? {
            Ok(page) => ListPage::read(kind, &page)?,
            // A server may have resources and no templates; what it does not serve, it does not offer.
            Err(error) if error.code == crate::protocol::code::METHOD_NOT_FOUND => return Ok(Vec::new()),
            Err(error) => {
                return Err(Error::new(ErrorKind::Protocol, format!("server refused `{method}`"))
                    .with_context("answer", instance.redaction.text(error.message)));
            }
        };
        for item in page.items {
            items.entry(item.key.clone()).or_insert(item);
        }
        if items.len() > MAX_ITEMS {
            break;
        }
        match page.next_cursor {
            Some(cursor) => params.set_text("cursor", &cursor),
            None => return Ok(items.into_values().collect()),
        }
    }
    Err(Error::new(ErrorKind::TooLarge, format!("server's list of {} does not end", kind.member())))
}
