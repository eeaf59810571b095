//! What is known of a registry between two visits.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::convert::convert;
use super::document::Official;
use super::images::PackageImages;
use super::name;
use crate::catalog::{FileCatalog, LoadOptions, RefusedEntry};
use crate::error::{Error, ErrorKind, Result};
use crate::util::clock;
use crate::util::fs::MAX_FILE_BYTES;

/// Changes with what is made of a `server.json`: entries that were made otherwise are made anew.
const FORM: u32 = 1;
/// The most servers that are kept of one registry.
const MAX_SERVERS: usize = 100_000;
/// How much earlier than the last change is asked from, so that none is missed at the border.
const OVERLAP_MS: i64 = 1_000;

/// What is known of a registry: its servers as entries, until when they are known, and how far a visit came that failed.
///
/// It is written as JSON, to be kept beside the catalog that is made of it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RegistryState {
    form: u32,
    url: String,
    /// What packages are run in: entries were made for it.
    #[serde(default, skip_serializing_if = "PackageImages::is_empty")]
    images: PackageImages,
    /// The time of the last change that is known, in milliseconds since the Unix epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    changed: Option<i64>,
    /// By their names in the registry.
    servers: BTreeMap<String, Kept>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) visit: Option<Visit>,
}

/// A visit that is under way, or failed on its way.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Visit {
    /// From when on changes were asked for; all servers where nothing is written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) since: Option<i64>,
    /// Where the next page is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) cursor: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    changed: Option<i64>,
    found: BTreeMap<String, Option<Kept>>,
}

/// A server of a registry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Kept {
    /// Its entry.
    Entry(Value),
    /// Why it cannot be one.
    Refused(String),
}

/// What a visit to a registry brought.
#[derive(Debug)]
#[non_exhaustive]
pub struct Synced {
    /// The catalog, as the text of a JSON file.
    pub catalog: String,
    /// How many servers it has.
    pub servers: usize,
    /// How many came or changed.
    pub changed: usize,
    /// How many went.
    pub removed: usize,
    /// Servers that no entry can be made of, each with the reason.
    pub refused: Vec<RefusedEntry>,
}

impl RegistryState {
    /// Nothing is known yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads what [`to_text`](Self::to_text) wrote.
    ///
    /// # Errors
    /// `InvalidConfig` when it is broken; begin with [`new`](Self::new) then.
    pub fn parse(text: &str) -> Result<Self> {
        serde_json::from_str(text).map_err(|cause| {
            Error::new(ErrorKind::InvalidConfig, "what is known of the registry is broken")
                .with_hint("remove it: everything is asked for again")
                .with_source(cause)
        })
    }

    /// Writes it as JSON.
    ///
    /// # Errors
    /// `Internal` when that fails.
    pub fn to_text(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|cause| {
            Error::new(ErrorKind::Internal, "what is known of the registry cannot be written").with_source(cause)
        })
    }

    /// Begins a visit, or goes on with the one that failed.
    pub(super) fn begin(&mut self, url: &str, images: &PackageImages) {
        if self.form != FORM || self.url != url || self.images != *images {
            *self = Self { form: FORM, url: url.to_owned(), images: images.clone(), ..Self::default() };
        }
        if self.visit.is_none() {
            self.restart();
        }
    }

    /// Begins the visit again at its first page.
    pub(super) fn restart(&mut self) {
        self.visit = Some(Visit { since: self.changed.map(|at| at - OVERLAP_MS), ..Visit::default() });
    }

    /// Takes what a whole visit found.
    pub(super) fn finish(&mut self) -> Result<Synced> {
        let visit = self.visit.clone().unwrap_or_default();
        let is_whole = visit.since.is_none();
        let mut next = if is_whole { BTreeMap::new() } else { self.servers.clone() };
        for (name, kept) in visit.found {
            match kept {
                Some(kept) => drop(next.insert(name, kept)),
                None => drop(next.remove(&name)),
            }
        }
        if is_whole && next.is_empty() && !self.servers.is_empty() {
            return Err(Error::new(ErrorKind::Protocol, "registry has no servers any more")
                .with_context("registry", &self.url)
                .with_hint("what is known of it is kept; remove the catalog if it is meant to be empty"));
        }
        let changed = next.iter().filter(|(name, kept)| self.servers.get(*name) != Some(kept)).count();
        let removed = self.servers.keys().filter(|name| !next.contains_key(*name)).count();
        let (catalog, servers, refused) = catalog(&self.url, &next)?;
        self.servers = next;
        // A registry whose clock is ahead must not make its later changes be missed.
        let newest = visit.changed.map(|at| at.min(clock::now_millis()));
        self.changed = newest.max(self.changed);
        self.visit = None;
        Ok(Synced { catalog, servers, changed, removed, refused })
    }
}

impl Visit {
    /// Takes the servers of one page, all or none of them.
    ///
    /// # Errors
    /// `Protocol` for what has no name, `TooLarge` for too many.
    pub(super) fn take(&mut self, servers: &[Value], next: Option<String>, images: &PackageImages) -> Result<()> {
        let read = servers.iter().map(|server| Read::of(server, images)).collect::<Result<Vec<_>>>()?;
        for Read { name, kept, changed } in read {
            self.changed = self.changed.max(changed);
            if let Some(kept) = kept {
                self.found.insert(name, kept);
            }
        }
        if self.found.len() > MAX_SERVERS {
            return Err(Error::new(ErrorKind::TooLarge, format!("registry has more than {MAX_SERVERS} servers")));
        }
        self.cursor = next;
        Ok(())
    }
}

/// One server of a page.
struct Read {
    name: String,
    /// What becomes of it, unless it is an older version of something; `None` inside where it is no more.
    kept: Option<Option<Kept>>,
    changed: Option<i64>,
}

impl Read {
    fn of(item: &Value, images: &PackageImages) -> Result<Self> {
        let document = item.get("server").filter(|server| server.is_object()).unwrap_or(item);
        let name = document.get("name").and_then(Value::as_str).unwrap_or_default();
        name::server_name(name).map_err(|error| {
            Error::new(ErrorKind::Protocol, "registry lists a server without a valid name").with_source(error)
        })?;
        let meta = item.get("_meta").or_else(|| document.get("_meta")).and_then(Value::as_object);
        let official = Official::of(meta);
        let times = [&official.updated_at, &official.status_changed_at, &official.published_at];
        let changed = times.into_iter().flatten().filter_map(|text| clock::parse_rfc3339(text)).max();
        let status = official.status.as_deref().or_else(|| document.get("status")?.as_str());
        let kept = match (official.is_latest, status) {
            (Some(false), _) => None,
            (_, Some("deleted")) => Some(None),
            _ => Some(Some(Kept::of(document, &official, images))),
        };
        Ok(Self { name: name.to_owned(), kept, changed })
    }
}

impl Kept {
    fn of(document: &Value, official: &Official, images: &PackageImages) -> Self {
        let entry = convert(document, official, images).map(|entry| serde_json::to_value(entry).unwrap_or_default());
        match entry {
            Ok(entry) => Self::Entry(entry),
            Err(error) => Self::Refused(error.report()),
        }
    }
}

/// The text of a catalog, with each server on a line of its own.
fn written(url: &str, registry: &Map<String, Value>) -> Result<String> {
    let mut text = format!("{{\"displayName\": {}, \"registry\": {{", json!(format!("MCP registry ({url})")));
    for (index, (name, entry)) in registry.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        text.push_str(&format!("{comma}\n{}: {entry}", json!(name)));
    }
    text.push_str("\n}}\n");
    if text.len() as u64 > MAX_FILE_BYTES {
        return Err(Error::new(ErrorKind::TooLarge, "the servers of the registry make too large a catalog")
            .with_context("registry", url)
            .with_context("bytes", text.len()));
    }
    Ok(text)
}

/// The text of the catalog, how many servers it has, and those that it cannot have.
fn catalog(url: &str, servers: &BTreeMap<String, Kept>) -> Result<(String, usize, Vec<RefusedEntry>)> {
    let (mut registry, mut refused, mut folded) = (Map::new(), Vec::new(), BTreeSet::new());
    for (name, kept) in servers {
        let refuse = |reason: String| RefusedEntry { name: name.clone(), reason: super::draft::unusable(reason) };
        match kept {
            // Two names that only differ in case are one to people.
            Kept::Entry(_) if !folded.insert(name.to_lowercase()) => {
                refused.push(refuse("another server has the same name but for upper and lower case".to_owned()));
            }
            Kept::Entry(entry) => drop(registry.insert(name::server_name(name)?.to_string(), entry.clone())),
            Kept::Refused(reason) => refused.push(refuse(reason.clone())),
        }
    }
    let text = written(url, &registry)?;
    // Once more as any file is read: nothing that was made of a registry is believed more than that.
    let report = FileCatalog::parse("registry.json", &text, LoadOptions::new().with_lenient(true))?;
    if report.refused.is_empty() {
        return Ok((text, report.catalog.len(), refused));
    }
    for broken in &report.refused {
        registry.remove(&broken.name);
    }
    refused.extend(report.refused);
    let text = written(url, &registry)?;
    Ok((text, registry.len(), refused))
}
