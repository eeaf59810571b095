//! What a view knows of single definitions: worked out when it is first asked for, and then kept.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use super::hub::Slot;
use super::surfaces::{Finding, admitted};
use crate::model::{Definition, Described, ServerName, Surface};
use crate::profile::ServerLock;
use crate::protocol::{ClientCapabilities, ListKind, RawJson, Target};

/// Where a server's part in a view comes from.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) lock: Arc<ServerLock>,
    /// What one session alone is offered, in the place of what is recorded.
    pub(crate) own: Option<Arc<Surface>>,
    /// What is let through of either, where some of it is held back.
    pub(crate) admitted: Option<Arc<Surface>>,
    /// What stands out in it.
    pub(crate) findings: Arc<Vec<Finding>>,
    pub(crate) capabilities: ClientCapabilities,
}

impl Source {
    /// A server's part for clients that can do this, without what is held back of it.
    pub(crate) fn new(slot: &Slot, capabilities: &ClientCapabilities, own: Option<Arc<Surface>>) -> Option<Self> {
        let (lock, mut findings) = slot.reviewed()?;
        if let Some(own) = &own {
            findings = Arc::new(slot.judge(own));
        }
        let mut source = Self { lock, own, admitted: None, findings, capabilities: capabilities.clone() };
        source.admitted = source.offered().and_then(|all| admitted(all, &source.findings, &source.lock)).map(Arc::new);
        Some(source)
    }

    /// The gateway's own part, of which nothing is held back.
    pub(crate) fn of_gateway(lock: Arc<ServerLock>) -> Self {
        let capabilities = ClientCapabilities::none();
        Self { lock, own: None, admitted: None, findings: Arc::default(), capabilities }
    }

    /// What is let through.
    pub(crate) fn surface(&self) -> Option<&Surface> {
        self.admitted.as_deref().or_else(|| self.offered())
    }

    /// All that the server offers.
    fn offered(&self) -> Option<&Surface> {
        self.own.as_deref().or_else(|| self.lock.surface_for(&self.capabilities))
    }

    /// What is held back of what it offers.
    pub(crate) fn held(&self) -> impl Iterator<Item = &Finding> {
        let offers = |finding: &&Finding| match finding.item.list {
            Some(list) => self.offered().is_some_and(|all| {
                all.list(list).iter().any(|item| item.key == finding.item.key && item.json == finding.item.json)
            }),
            None => false,
        };
        self.findings.iter().filter(|finding| finding.is_held).filter(offers)
    }

    /// A definition of its surface, described.
    pub(crate) fn describe(&self, definition: &Definition) -> Described {
        describe(&self.lock, definition)
    }
}

/// The definitions of a view.
#[derive(Debug, Default)]
pub(crate) struct Definitions {
    sources: HashMap<ServerName, Source>,
    /// Only what was asked for: of thousands of definitions, few are ever called.
    known: RwLock<HashMap<ListKind, HashMap<Target, Arc<Described>>>>,
}

impl Definitions {
    pub(crate) fn new(sources: HashMap<ServerName, Source>) -> Self {
        Self { sources, known: RwLock::default() }
    }

    /// Whether a server's part comes from this record.
    pub(crate) fn is_current(&self, server: &ServerName, lock: Option<&Arc<ServerLock>>) -> bool {
        match (self.sources.get(server), lock) {
            (Some(source), Some(lock)) => Arc::ptr_eq(&source.lock, lock),
            (source, lock) => source.is_none() && lock.is_none(),
        }
    }

    /// What a list says about one of its items.
    pub(crate) fn get(&self, list: ListKind, target: &Target) -> Option<Arc<Described>> {
        {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            if let Some(described) = known.get(&list).and_then(|known| known.get(target)) {
                return Some(Arc::clone(described));
            }
        }
        let source = self.sources.get(&target.server)?;
        let definition = source.surface()?.list(list).iter().find(|definition| definition.key == target.name)?;
        let described = Arc::new(source.describe(definition));
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.entry(list).or_default().insert(target.clone(), Arc::clone(&described));
        Some(described)
    }
}

/// A definition of a recorded server.
pub(crate) fn describe(lock: &ServerLock, definition: &Definition) -> Described {
    let json = RawJson::parse(definition.json.as_str());
    let hash = json.as_ref().map(RawJson::canonical_hash).unwrap_or_default();
    let annotations = json.and_then(|json| json.object()).ok();
    let annotations = annotations.and_then(|json| json.get("annotations")?.read().ok()).unwrap_or_default();
    let approved = lock.approves(&hash);
    Described::new(lock.identity.as_str(), hash).with_annotations(annotations).with_approved(approved)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::profile::ApprovedSurface;

    fn definition(json: &str) -> Definition {
        Definition::new("x", json)
    }

    #[test]
    fn an_approval_is_of_one_definition_of_one_server() {
        let (plain, spaced) = (
            r#"{"name":"x","annotations":{"readOnlyHint":true}}"#,
            r#"{ "annotations": {"readOnlyHint": true}, "name": "x"}"#,
        );
        let mut lock = ServerLock { entry: "e".to_owned(), identity: "i".to_owned(), ..ServerLock::default() };
        let first = describe(&lock, &definition(plain));
        assert_eq!((first.hint("readOnlyHint"), first.approved), (Some(true), false));
        let approved =
            ApprovedSurface { definitions: BTreeSet::from([first.definition]), ..ApprovedSurface::new("e", "i") };
        lock.approved = Some(approved);
        assert!(describe(&lock, &definition(plain)).approved);
        assert!(describe(&lock, &definition(spaced)).approved);
        assert!(!describe(&lock, &definition(r#"{"name":"x","annotations":{"readOnlyHint":false}}"#)).approved);
        let elsewhere = |entry: &str, identity: &str| ServerLock {
            entry: entry.to_owned(),
            identity: identity.to_owned(),
            ..lock.clone()
        };
        assert!(!describe(&elsewhere("e", "j"), &definition(plain)).approved, "another version");
        assert!(!describe(&elsewhere("f", "i"), &definition(plain)).approved, "another entry");
    }
}
