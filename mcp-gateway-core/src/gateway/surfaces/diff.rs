//! What stands out in what a server offers, as an operator looks at it.

use std::collections::HashSet;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::fields::{FieldChange, field_changes};
use super::finding::{ChangeKind, Finding};
use super::flags::SurfaceFlag;
use super::hidden::visible;
use crate::model::{ServerName, Surface};
use crate::profile::{PinnedItem, ServerLock, SurfaceItem};

/// How many characters an id has.
const ID: usize = 12;

/// What a server offers that is not what was accepted, and what of it is held back.
///
/// Characters that cannot be seen are written out, such as `\u{202E}`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SurfaceDiff {
    /// The server.
    pub server: ServerName,
    /// What runs: the image's digest or id, the package with its version, the address.
    pub identity: String,
    /// What ran when something was accepted last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub accepted_identity: Option<String>,
    /// Names what is held back: an approval that gives it is of exactly that.
    pub id: String,
    /// How many items are held back.
    pub held: usize,
    /// What stands out.
    pub items: Vec<SurfaceChange>,
}

/// One item that stands out.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct SurfaceChange {
    /// The list that it is in, such as `tools`; `instructions` for a server's instructions.
    pub list: String,
    /// Its name there, or its URI; empty for instructions.
    pub name: String,
    /// How it stands to what was accepted.
    pub change: ChangeKind,
    /// Whether it is held back.
    pub held: bool,
    /// Whether it is offered to a session alone, and recorded nowhere.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub session: bool,
    /// The SHA-256, in hex, of the definition in its canonical form.
    pub definition: String,
    /// What differs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldChange>,
    /// What in it looks as if it were made to deceive.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub flags: Vec<SurfaceFlag>,
}

/// The id of what is held back.
pub(super) fn id(findings: &[Finding]) -> String {
    let held = findings.iter().filter(|finding| finding.is_held);
    let mut held: Vec<_> = held
        .map(|finding| (finding.item.list_name(), finding.item.key.as_str(), finding.definition.as_str()))
        .collect();
    held.sort_unstable();
    held.dedup();
    let mut id = hex::encode(Sha256::digest(serde_json::json!(held).to_string()));
    id.truncate(ID);
    id
}

/// What stands out in what is recorded of a server, and in what is offered to sessions alone.
pub(crate) fn diff(server: &ServerName, lock: &ServerLock, recorded: usize, findings: &[Finding]) -> SurfaceDiff {
    let pinned = lock.pin.as_ref().map(|pin| pin.items.as_slice()).unwrap_or_default();
    let mut told = HashSet::new();
    let mut items = Vec::new();
    for (at, finding) in findings.iter().enumerate() {
        let item = &finding.item;
        if !told.insert((item.list_name(), item.key.as_str(), finding.definition.as_str())) {
            continue;
        }
        let before = pinned.iter().rfind(|pinned| pinned.list == item.list_name() && pinned.name == item.key);
        let fields = match (finding.change, before) {
            (ChangeKind::Changed, Some(before)) => field_changes(accepted(lock, before).as_deref(), Some(&item.json)),
            (ChangeKind::Flagged, _) => Vec::new(),
            _ => field_changes(None, Some(&item.json)),
        };
        items.push(SurfaceChange {
            list: item.list_name().to_owned(),
            name: visible(&item.key),
            change: finding.change,
            held: finding.is_held,
            session: at >= recorded,
            definition: finding.definition.clone(),
            fields,
            flags: finding.flags.clone(),
        });
    }
    items.extend(removed(lock, pinned));
    SurfaceDiff {
        server: server.clone(),
        identity: lock.identity.clone(),
        accepted_identity: lock.pin.as_ref().map(|pin| pin.identity.clone()),
        id: id(findings),
        held: items.iter().filter(|item| item.held).count(),
        items,
    }
}

/// What was accepted and is offered no more.
fn removed(lock: &ServerLock, pinned: &[PinnedItem]) -> Vec<SurfaceChange> {
    let offered: HashSet<(&str, String)> =
        lock.surfaces().into_iter().flat_map(Surface::items).map(|item| (item.list_name(), item.key)).collect();
    let mut gone: Vec<SurfaceChange> = Vec::new();
    for item in pinned.iter().filter(|item| !offered.contains(&(item.list.as_str(), item.name.clone()))) {
        gone.push(SurfaceChange {
            list: item.list.clone(),
            name: visible(&item.name),
            change: ChangeKind::Removed,
            held: false,
            session: false,
            definition: item.definition.clone(),
            fields: Vec::new(),
            flags: Vec::new(),
        });
    }
    gone
}

/// An accepted definition, where it is known.
fn accepted(lock: &ServerLock, pinned: &PinnedItem) -> Option<String> {
    if pinned.json.is_some() {
        return pinned.json.clone();
    }
    let items = lock.surfaces().into_iter().flat_map(Surface::items);
    let mut named = items.filter(|item: &SurfaceItem| item.list_name() == pinned.list && item.key == pinned.name);
    named.find(|item| item.definition() == pinned.definition).map(|item| item.json)
}
