//! Finding servers and tools: the index of the catalog, made when it is first asked and kept up to date after that.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

use super::Hub;
use crate::catalog::{SearchIndex, SearchQuery, SearchResult};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ServerEntry, ServerName};
use crate::profile::ServerLock;

/// What is searched, and what it was made of.
#[derive(Debug, Default)]
pub(super) struct Finder {
    index: SearchIndex,
    /// The records whose surfaces are in it.
    seen: HashMap<ServerName, Arc<ServerLock>>,
}

impl Finder {
    /// Takes in what has changed since it was last asked.
    fn update(&mut self, entries: Vec<Arc<ServerEntry>>, mut records: HashMap<ServerName, Arc<ServerLock>>) {
        let there: HashSet<&ServerName> = entries.iter().map(|entry| &entry.name).collect();
        let gone: Vec<_> = self.index.entries().map(|entry| &entry.name).filter(|name| !there.contains(name)).collect();
        for name in gone.into_iter().cloned().collect::<Vec<_>>() {
            self.index.remove(&name);
            self.seen.remove(&name);
        }
        for entry in entries {
            let name = entry.name.clone();
            let Some(record) = records.remove(&name) else {
                self.seen.remove(&name);
                self.index.put(entry, None);
                continue;
            };
            let is_known = self.seen.get(&name).is_some_and(|known| Arc::ptr_eq(known, &record))
                && self.index.get(&name).is_some_and(|known| Arc::ptr_eq(known, &entry) || *known == entry);
            if !is_known {
                self.index.put(entry, record.surface.as_ref());
                self.seen.insert(name, record);
            }
        }
    }
}

impl Hub {
    /// The servers of the catalog, and their tools, that fit a query best.
    ///
    /// Works beside what calls run on: a large catalog is read for seconds when it is first asked.
    pub(crate) async fn search(&self, query: &SearchQuery) -> Result<SearchResult> {
        let entries = self.catalog.list().await?;
        let slots = self.slots();
        let records = slots.values().filter_map(|slot| Some((slot.name.clone(), slot.lock()?)));
        let records = records.filter(|(_, record)| record.surface.is_some()).collect();
        let (finder, query) = (Arc::clone(&self.finder), query.clone());
        let found = tokio::task::spawn_blocking(move || {
            let mut finder = finder.lock().unwrap_or_else(PoisonError::into_inner);
            finder.update(entries, records);
            finder.index.search(&query)
        });
        found.await.map_err(|cause| Error::new(ErrorKind::Internal, "the search was broken off").with_source(cause))
    }
}

/// A place for a finder.
pub(super) type Shared = Arc<Mutex<Finder>>;
