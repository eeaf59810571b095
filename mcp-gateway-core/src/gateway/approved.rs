//! What an operator approves of a server.

use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};

use super::definitions::describe;
use super::hub::{Hub, Slot};
use super::surfaces::{Accepted, Approval, Finding, SurfaceDiff, accept, diff};
use crate::audit::AuditEvent;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{CallContext, Principal, ServerName, Surface};
use crate::profile::{ApprovedSurface, ServerLock, SurfacePin};
use crate::protocol::ListKind;

/// What a server offers, as an operator looks at it before approving it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ServerSurface {
    /// The server.
    pub server: ServerName,
    /// What runs: the image's digest or id, the package with its version, the address.
    pub identity: String,
    /// Whether every definition is approved.
    pub approved: bool,
    /// Who approved, where somebody did and it still counts for this server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<String>,
    /// Its tools, prompts, resources and templates.
    pub items: Vec<DescribedItem>,
}

/// One definition of a server.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct DescribedItem {
    /// The list that it is in, such as `tools`.
    pub list: String,
    /// Its name there, or its URI.
    pub name: String,
    /// The SHA-256, in hex, of the definition in its canonical form.
    pub definition: String,
    /// What it says of itself, where it says something.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub annotations: Value,
    /// Whether it is approved.
    pub approved: bool,
}

impl Hub {
    pub(crate) async fn surface_of(&self, server: &ServerName) -> Result<ServerSurface> {
        let slot = self.recorded(server).await?;
        Ok(surface(server, &*self.seen(&slot).await?))
    }

    /// What stands out in what a server offers.
    pub(crate) async fn diff(&self, server: &ServerName) -> Result<SurfaceDiff> {
        let slot = self.recorded(server).await?;
        self.seen(&slot).await?;
        // What is held back may be of before: an operator wants to see what it offers now.
        if slot.findings().iter().any(|finding| finding.is_held)
            && self.holds(&slot)
            && slot.running().is_empty()
            && let Err(error) = self.see_now(&CallContext::local(), &slot).await
        {
            tracing::info!(server = %slot.name, error = %error.report(), "the server cannot be started; this is what it was seen with");
        }
        let lock = self.seen(&slot).await?;
        let (recorded, findings) = self.stands_out(&slot);
        Ok(diff(server, &lock, recorded, &findings))
    }

    /// What stands out in what is recorded of a server, and after so many, in what is offered to sessions alone.
    fn stands_out(&self, slot: &Slot) -> (usize, Vec<Finding>) {
        let mut findings = slot.findings().to_vec();
        let recorded = findings.len();
        let own = self.findings_of_sessions(slot);
        let is_new = |own: &Finding| !findings.iter().any(|known| known.item == own.item);
        let own: Vec<_> = own.into_iter().filter(is_new).collect();
        findings.extend(own);
        (recorded, findings)
    }

    pub(crate) async fn approve(
        &self,
        server: &ServerName,
        by: &Principal,
        approval: &Approval,
    ) -> Result<ServerSurface> {
        let slot = self.recorded(server).await?;
        self.seen(&slot).await?;
        // What was accepted elsewhere meanwhile stays accepted.
        self.learn().await;
        let lock = self.seen(&slot).await?;
        let Accepted { approved, pin, findings } = accept(server, &lock, &self.stands_out(&slot).1, approval, by)?;
        let detail = json!({"identity": lock.identity, "definitions": approved.definitions.len()});
        self.keep_approved(&slot, &lock, Some(approved), Some(pin), by, "server/approve", detail).await?;
        if !findings.is_empty() {
            self.note_accepted(&slot, Some(by), &findings).await;
        }
        Ok(surface(server, &*self.seen(&slot).await?))
    }

    pub(crate) async fn revoke(&self, server: &ServerName, by: &Principal) -> Result<bool> {
        let slot = self.recorded(server).await?;
        let Some(lock) = slot.lock().filter(|lock| lock.approved.is_some()) else { return Ok(false) };
        self.keep_approved(&slot, &lock, None, None, by, "server/revoke", Value::Null).await?;
        Ok(true)
    }

    /// What is recorded of a server, which is started when nothing is.
    async fn seen(&self, slot: &Arc<Slot>) -> Result<Arc<ServerLock>> {
        slot.body.as_ref().map_err(Clone::clone)?;
        if !slot.has_surface() {
            self.get_to_know(&CallContext::local()).await;
        }
        slot.lock().filter(|lock| lock.surface.is_some()).ok_or_else(|| {
            let last = slot.health().last().cloned();
            last.unwrap_or_else(|| {
                Error::new(ErrorKind::NotFound, format!("what server `{}` offers is not known yet", slot.name))
                    .with_hint("the server may still be starting; try again in a moment")
            })
        })
    }

    /// Records who approved what before it counts, keeps it in the lock, and shows it to policy and clients.
    #[expect(clippy::too_many_arguments, reason = "each is another part of one record")]
    async fn keep_approved(
        &self,
        slot: &Arc<Slot>,
        lock: &ServerLock,
        approved: Option<ApprovedSurface>,
        pin: Option<SurfacePin>,
        by: &Principal,
        action: &str,
        detail: Value,
    ) -> Result<()> {
        let mut event = AuditEvent::new(self.profile.name().clone(), &*by.name, action);
        event.server = Some(slot.name.clone());
        event.detail = Some(detail).filter(|detail| !detail.is_null());
        self.audit.append(event).await?;
        let (server, mut record) = (slot.name.clone(), ServerLock { approved: approved.clone(), ..lock.clone() });
        if pin.is_some() {
            record.pin.clone_from(&pin);
        }
        let (mut written, lock_before) = (None, lock);
        self.profile
            .update_lock(Box::new(|lock| {
                if let Some(held) = lock.servers.get_mut(&server) {
                    held.approved = record.approved;
                    if let Some(mut pin) = pin {
                        pin.keep_definitions(&lock_before.surfaces(), &held.surfaces());
                        held.pin = Some(pin);
                    }
                    written.clone_from(&held.pin);
                } else {
                    written.clone_from(&record.pin);
                    lock.servers.insert(server, record);
                }
                Ok(())
            }))
            .await?;
        let pin = written.clone().or_else(|| lock.pin.clone());
        slot.set_approved(approved, pin);
        slot.set_written(written);
        self.publish().await;
        Ok(())
    }
}

/// The definitions that are recorded, those for clients that can do more too, each once.
fn surface(server: &ServerName, lock: &ServerLock) -> ServerSurface {
    let surfaces: Vec<&Surface> = lock.surface.iter().chain(lock.variants.values().flatten()).collect();
    let mut found: Vec<DescribedItem> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for surface in surfaces {
        for kind in ListKind::ALL {
            for definition in surface.list(kind) {
                let described = describe(lock, definition);
                if seen.insert((kind, described.definition.clone())) {
                    found.push(DescribedItem {
                        list: kind.member().to_owned(),
                        name: definition.key.clone(),
                        definition: described.definition,
                        annotations: described.annotations,
                        approved: described.approved,
                    });
                }
            }
        }
    }
    let valid = lock.approved.as_ref().filter(|approved| approved.is_of(&lock.entry, &lock.identity));
    ServerSurface {
        server: server.clone(),
        identity: lock.identity.clone(),
        approved: valid.is_some() && found.iter().all(|item| item.approved),
        by: valid.map(|approved| approved.by.clone()),
        time: valid.map(|approved| approved.time.clone()),
        items: found,
    }
}
