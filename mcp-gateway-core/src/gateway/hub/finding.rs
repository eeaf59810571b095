//! Finding servers and tools: the index of the catalog, made when it is first asked and kept up to date after that.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Hub;
use crate::catalog::{SearchIndex, SearchQuery, SearchResult, VectorCache};
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::surfaces::{Finding, admitted};
use crate::model::{ServerEntry, ServerName};
use crate::profile::ServerLock;

/// How many texts the model is given between two looks at whether the gateway is shutting down.
const AT_ONCE: usize = 32;

/// What is searched, and what it was made of.
#[derive(Debug, Default)]
pub(super) struct Finder {
    index: SearchIndex,
    /// The records whose surfaces are in it, as far as these are let through.
    seen: HashMap<ServerName, Reviewed>,
    /// Whether vectors are being computed.
    is_learning: bool,
}

/// Every entry of the catalog, as of a revision.
struct Listed {
    revision: Option<u64>,
    entries: Vec<Arc<ServerEntry>>,
}

/// What is recorded of a server, and what stands out in it.
type Reviewed = (Arc<ServerLock>, Arc<Vec<Finding>>);

impl Finder {
    /// Nothing yet, to be searched by meaning too where there is a model.
    pub(super) fn shared(vectors: Option<Arc<VectorCache>>) -> Arc<Shared> {
        let index = vectors.map_or_else(SearchIndex::new, |vectors| SearchIndex::new().with_vectors(vectors));
        Arc::new(Shared { finder: Mutex::new(Self { index, ..Self::default() }), ..Shared::default() })
    }

    /// The texts whose vectors somebody has to compute now.
    fn begin_learning(&mut self) -> Vec<Arc<str>> {
        self.index.refresh();
        let missing = if self.is_learning { Vec::new() } else { self.index.missing() };
        self.is_learning |= !missing.is_empty();
        missing
    }

    /// Takes in what was computed.
    fn learnt(&mut self) {
        self.index.refresh();
        self.is_learning = false;
    }

    /// Takes in what has changed since it was last asked: in the catalog, where it was listed, and in the records.
    fn update(&mut self, listed: Option<Listed>, records: HashMap<ServerName, Reviewed>) {
        let entries = match listed {
            Some(listed) => {
                self.forget_others(&listed.entries);
                listed.entries
            }
            None => {
                let touched: HashSet<&ServerName> = records.keys().chain(self.seen.keys()).collect();
                touched.into_iter().filter_map(|name| self.index.get(name).map(Arc::clone)).collect()
            }
        };
        self.take_in(entries, records);
    }

    fn forget_others(&mut self, entries: &[Arc<ServerEntry>]) {
        let there: HashSet<&ServerName> = entries.iter().map(|entry| &entry.name).collect();
        let gone: Vec<_> = self.index.entries().map(|entry| &entry.name).filter(|name| !there.contains(name)).collect();
        for name in gone.into_iter().cloned().collect::<Vec<_>>() {
            self.index.remove(&name);
            self.seen.remove(&name);
        }
    }

    fn take_in(&mut self, entries: Vec<Arc<ServerEntry>>, mut records: HashMap<ServerName, Reviewed>) {
        for entry in entries {
            let name = entry.name.clone();
            let Some(record) = records.remove(&name) else {
                self.seen.remove(&name);
                self.index.put(entry, None);
                continue;
            };
            let is_known = self.seen.get(&name).is_some_and(|known| is_same(known, &record))
                && self.index.get(&name).is_some_and(|known| Arc::ptr_eq(known, &entry) || *known == entry);
            if !is_known {
                let (lock, findings) = &record;
                let offered = lock.surface.as_ref();
                // What is held back is found by nobody.
                let part = offered.and_then(|all| admitted(all, findings, lock));
                self.index.put(entry, part.as_ref().or(offered));
                self.seen.insert(name, record);
            }
        }
    }
}

fn is_same((lock, findings): &Reviewed, (other, others): &Reviewed) -> bool {
    Arc::ptr_eq(lock, other) && Arc::ptr_eq(findings, others)
}

impl Hub {
    /// The servers of the catalog, and their tools, that fit a query best.
    ///
    /// Works beside what calls run on: a large catalog is read for seconds when it is first asked. Where there is a model,
    /// the vectors of texts that are new are computed in the background, and words alone count until they are there.
    pub(crate) async fn search(&self, query: &SearchQuery) -> Result<SearchResult> {
        let listed = self.listed().await?;
        let slots = self.slots();
        let records = slots.values().filter_map(|slot| Some((slot.name.clone(), slot.reviewed()?)));
        let records = records.filter(|(_, (record, _))| record.surface.is_some()).collect();
        let (shared, query) = (Arc::clone(&self.finder), query.clone());
        let found = tokio::task::spawn_blocking(move || {
            let (vectors, missing) = {
                let mut finder = lock(&shared.finder);
                if let Some(listed) = &listed {
                    *lock(&shared.revision) = listed.revision;
                }
                finder.update(listed, records);
                let missing = finder.begin_learning();
                let is_whole = finder.index.missing().is_empty();
                (finder.index.vectors().filter(|_| is_whole).map(Arc::clone), missing)
            };
            // The model computes while nobody waits for the index.
            let asked = vectors.and_then(|vectors| {
                let failed = |error: &Error| tracing::warn!("searched by words alone: {}", error.report());
                vectors.embed_query(query.clone()).inspect_err(failed).ok()
            });
            (lock(&shared.finder).index.search(&asked.unwrap_or(query)), missing)
        });
        let broken = |cause| Error::new(ErrorKind::Internal, "the search was broken off").with_source(cause);
        let (found, missing) = found.await.map_err(broken)?;
        if !missing.is_empty() {
            self.embed(missing);
        }
        Ok(found)
    }

    /// Every entry, unless the catalog has the same as when it was listed last.
    async fn listed(&self) -> Result<Option<Listed>> {
        let revision = self.catalog.revision();
        if revision.is_some() && *lock(&self.finder.revision) == revision {
            return Ok(None);
        }
        Ok(Some(Listed { revision, entries: self.catalog.list().await? }))
    }

    /// Computes vectors in the background, until the gateway shuts down.
    fn embed(&self, texts: Vec<Arc<str>>) {
        let (shared, closing) = (Arc::clone(&self.finder), self.closing.clone());
        let Some(vectors) = lock(&shared.finder).index.vectors().map(Arc::clone) else { return };
        self.tasks.spawn(async move {
            for some in texts.chunks(AT_ONCE) {
                if closing.is_cancelled() {
                    break;
                }
                let (vectors, some) = (Arc::clone(&vectors), some.to_vec());
                let learnt = tokio::task::spawn_blocking(move || vectors.compute(&some)).await;
                if let Ok(Err(error)) = learnt {
                    tracing::warn!("texts are not searched by meaning: {}", error.report());
                    break;
                }
            }
            let written = tokio::task::spawn_blocking(move || {
                let written = vectors.write();
                lock(&shared.finder).learnt();
                written
            });
            if let Ok(Err(error)) = written.await {
                tracing::warn!("vectors were not stored: {}", error.report());
            }
        });
    }
}

fn lock<T>(held: &Mutex<T>) -> MutexGuard<'_, T> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A finder, and what the catalog had when it was listed for it last, where that is known. Beside the finder, which is
/// held for as long as a large catalog is read.
#[derive(Debug, Default)]
pub(super) struct Shared {
    finder: Mutex<Finder>,
    revision: Mutex<Option<u64>>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Definition, Surface};

    fn entry(name: &str, description: &str) -> Arc<ServerEntry> {
        let mut entry = ServerEntry::image(ServerName::new(name).unwrap(), "x");
        entry.description = Some(description.to_owned());
        Arc::new(entry)
    }

    fn seen(name: &str, tool: &str) -> HashMap<ServerName, Reviewed> {
        let mut surface = Surface::default();
        surface.tools.push(Definition::new(tool, format!(r#"{{"name":"{tool}"}}"#)));
        let record = ServerLock { surface: Some(surface), ..ServerLock::default() };
        HashMap::from([(ServerName::new(name).unwrap(), (Arc::new(record), Arc::default()))])
    }

    fn all(entries: &[Arc<ServerEntry>]) -> Option<Listed> {
        Some(Listed { revision: None, entries: entries.to_vec() })
    }

    #[test]
    fn the_index_follows_catalog_and_records() {
        let mut finder = Finder::default();
        let entries = vec![entry("a", "weather"), entry("b", "payments")];
        let names = |finder: &Finder, query: &str| {
            let found = finder.index.search(&SearchQuery::new(query)).matches;
            found.into_iter().map(|found| found.entry.name.to_string()).collect::<Vec<_>>()
        };
        finder.update(all(&entries), HashMap::new());
        assert_eq!(names(&finder, "weather"), ["a"]);
        let records = seen("b", "teleport");
        finder.update(all(&entries), records.clone());
        assert_eq!(names(&finder, "teleport"), ["b"]);
        finder.update(all(&entries), records);
        assert_eq!(names(&finder, "teleport"), ["b"]);
        finder.update(all(&entries), seen("b", "levitate"));
        assert!(names(&finder, "teleport").is_empty(), "what it offers no more is forgotten");
        finder.update(None, seen("b", "soar"));
        assert!(names(&finder, "levitate").is_empty(), "records count where the catalog is as it was");
        assert_eq!(names(&finder, "soar"), ["b"]);
        finder.update(None, HashMap::new());
        assert!(names(&finder, "soar").is_empty());
        assert_eq!(names(&finder, "payments"), ["b"]);
        finder.update(all(&[entry("b", "refunds")]), HashMap::new());
        assert!(names(&finder, "weather").is_empty());
        assert!(names(&finder, "payments").is_empty());
        assert_eq!(names(&finder, "refunds"), ["b"]);
    }
}
