//! What is accepted of what a server offers.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::ServerLock;
use crate::model::{Definition, Surface};
use crate::protocol::{ListKind, RawJson};

/// The name of the list that has a server's instructions for its one item.
pub(crate) const INSTRUCTIONS: &str = "instructions";

/// The accepted definitions of a server; what differs from them is held back.
///
/// # Behavior
/// - Another image, package version, address or catalog entry leaves it as it is: definitions that are the same stay
///   accepted, and others do not become so. `entry` and `identity` say what it was last accepted of.
/// - One name may have several accepted definitions, where a server offers other ones to clients that can do more.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct SurfacePin {
    /// The fingerprint of the catalog entry.
    pub entry: String,
    /// What ran: the image's digest or id, the package with its version, the address.
    pub identity: String,
    /// Who accepted last, where an operator did.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub by: String,
    /// When something was accepted last, RFC 3339.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub time: String,
    /// What is accepted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub items: Vec<PinnedItem>,
}

/// One accepted definition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct PinnedItem {
    /// The list that it is in, such as `tools`; `instructions` for a server's instructions.
    pub list: String,
    /// Its name there, or its URI; empty for instructions.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// The SHA-256, in hex, of the definition in its canonical form.
    pub definition: String,
    /// On whose word.
    pub accepted: Acceptance,
    /// The definition, where it is not among what is recorded, so that a change of it can be shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json: Option<String>,
}

/// On whose word a definition is accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Acceptance {
    /// It was there when the server was first seen: that it was added was the consent.
    FirstUse,
    /// The profile's `surfaces` lets it in.
    Rule,
    /// An operator has seen and accepted it.
    Operator,
}

/// One thing that a server offers: a definition of a list, or its instructions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SurfaceItem {
    /// The list; `None` for instructions.
    pub(crate) list: Option<ListKind>,
    pub(crate) key: String,
    pub(crate) json: String,
}

impl SurfaceItem {
    pub(crate) fn of(kind: ListKind, definition: &Definition) -> Self {
        Self { list: Some(kind), key: definition.key.clone(), json: definition.json.clone() }
    }

    pub(crate) fn instructions(text: &str) -> Self {
        Self { list: None, key: String::new(), json: serde_json::Value::from(text).to_string() }
    }

    pub(crate) fn list_name(&self) -> &'static str {
        self.list.map_or(INSTRUCTIONS, ListKind::member)
    }

    /// The hash of its canonical form.
    pub(crate) fn definition(&self) -> String {
        RawJson::parse(self.json.as_str()).map(|json| json.canonical_hash()).unwrap_or_default()
    }
}

impl Surface {
    /// The definitions of a list.
    pub(crate) fn list(&self, kind: ListKind) -> &[Definition] {
        match kind {
            ListKind::Tools => &self.tools,
            ListKind::Prompts => &self.prompts,
            ListKind::Resources => &self.resources,
            ListKind::ResourceTemplates => &self.resource_templates,
        }
    }

    /// Everything that it offers, one by one.
    pub(crate) fn items(&self) -> impl Iterator<Item = SurfaceItem> + '_ {
        let listed = |kind| self.list(kind).iter().map(move |definition| SurfaceItem::of(kind, definition));
        let lists = ListKind::ALL.into_iter().flat_map(listed);
        lists.chain(self.instructions.as_deref().map(SurfaceItem::instructions))
    }
}

impl SurfacePin {
    /// Its items by list and name.
    pub(crate) fn by_name(&self) -> HashMap<(&str, &str), Vec<&PinnedItem>> {
        let mut found: HashMap<_, Vec<_>> = HashMap::new();
        for item in &self.items {
            found.entry((item.list.as_str(), item.name.as_str())).or_default().push(item);
        }
        found
    }

    /// The same definitions, none of them on an operator's word.
    pub(crate) fn without_operator(mut self) -> Self {
        self.by.clear();
        for item in &mut self.items {
            item.accepted = Acceptance::FirstUse;
        }
        self
    }

    /// Takes a definition in; of others of its name, those stay that are offered too.
    pub(crate) fn accept(
        &mut self,
        item: &SurfaceItem,
        definition: &str,
        accepted: Acceptance,
        is_offered: impl Fn(&str) -> bool,
    ) {
        let (list, name) = (item.list_name(), item.key.as_str());
        self.items.retain(|held| {
            held.list != list || held.name != name || (held.definition != definition && is_offered(&held.definition))
        });
        self.items.push(PinnedItem {
            list: list.to_owned(),
            name: name.to_owned(),
            definition: definition.to_owned(),
            accepted,
            json: None,
        });
    }

    /// Keeps the definitions that are no longer among what is recorded, and drops those that are again.
    pub(crate) fn keep_definitions(&mut self, before: &[&Surface], now: &[&Surface]) {
        if before.is_empty() && self.items.iter().all(|item| item.json.is_none()) {
            return;
        }
        let (before, now) = (texts(before), texts(now));
        for item in &mut self.items {
            if now.contains_key(item.definition.as_str()) {
                item.json = None;
            } else if item.json.is_none() {
                item.json = before.get(item.definition.as_str()).cloned();
            }
        }
    }
}

impl ServerLock {
    /// What is recorded, those for clients that can do more too.
    pub(crate) fn surfaces(&self) -> Vec<&Surface> {
        self.surface.iter().chain(self.variants.values().flatten()).collect()
    }

    /// The pin, with the accepted definitions in it, for another record.
    pub(crate) fn kept_pin(&self) -> Option<SurfacePin> {
        let mut pin = self.pin.clone()?;
        pin.keep_definitions(&self.surfaces(), &[]);
        Some(pin)
    }

    /// Everything that is recorded, each text once, with its hash.
    pub(crate) fn items(&self) -> Vec<(SurfaceItem, String)> {
        let mut seen = std::collections::HashSet::new();
        let mut found = Vec::new();
        for item in self.surfaces().into_iter().flat_map(Surface::items) {
            if seen.insert((item.list, item.key.clone(), item.json.clone())) {
                let definition = item.definition();
                found.push((item, definition));
            }
        }
        found
    }
}

/// The definitions of surfaces by their hashes.
fn texts(surfaces: &[&Surface]) -> HashMap<String, String> {
    surfaces.iter().flat_map(|surface| surface.items()).map(|item| (item.definition(), item.json)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(key: &str, json: &str) -> SurfaceItem {
        SurfaceItem { list: Some(ListKind::Tools), key: key.to_owned(), json: json.to_owned() }
    }

    #[test]
    fn a_definition_takes_the_place_of_one_that_is_gone() {
        let mut pin = SurfacePin::default();
        for (json, offered) in [(r#"{"v":1}"#, ""), (r#"{"v":2}"#, ""), (r#"{"v":3}"#, "yes")] {
            let item = item("x", json);
            pin.accept(&item, &item.definition(), Acceptance::Operator, |_| !offered.is_empty());
        }
        let versions: Vec<_> = pin.items.iter().map(|item| item.definition.clone()).collect();
        assert_eq!(versions, [item("x", r#"{"v":2}"#).definition(), item("x", r#"{ "v": 3}"#).definition()]);
    }

    #[test]
    fn what_was_accepted_can_be_shown_after_it_is_gone() {
        let surface = |json: &str| Surface { tools: vec![Definition::new("x", json)], ..Surface::default() };
        let (first, second) = (surface(r#"{"v":1}"#), surface(r#"{"v":2}"#));
        let mut pin = SurfacePin::default();
        let first_item = item("x", r#"{"v":1}"#);
        pin.accept(&first_item, &first_item.definition(), Acceptance::FirstUse, |_| false);
        pin.keep_definitions(&[&first], &[&second]);
        assert_eq!(pin.items[0].json.as_deref(), Some(r#"{"v":1}"#));
        pin.keep_definitions(&[&second], &[&second]);
        assert_eq!(pin.items[0].json.as_deref(), Some(r#"{"v":1}"#), "it is not lost later");
        pin.keep_definitions(&[&second], &[&first]);
        assert_eq!(pin.items[0].json, None);
    }
}
