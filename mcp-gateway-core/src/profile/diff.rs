//! What differs between two profiles: what people wrote, and what was pinned.

use std::fmt;

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{ProfileBundle, ServerLock};
use crate::model::{Definition, Surface};
use crate::protocol::RawJson;

/// The longest value that is shown to a person.
const MAX_SHOWN: usize = 120;

/// What differs, from the first profile to the second; empty where they are the same.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ProfileDiff {
    /// What is written differently, by keys in the file: `servers.github.config.host`.
    pub profile: Vec<ProfileChange>,
    /// What is pinned differently, by server: `github.digest`, `github.tools.create_issue`.
    pub pins: Vec<ProfileChange>,
}

/// One thing that differs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ProfileChange {
    /// The keys that lead to it.
    pub path: String,
    /// What it is in the first; nothing where it is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// What it is in the second; nothing where it is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

impl ProfileDiff {
    /// Compares two profiles with what was pinned for them; their names do not count.
    pub fn between(first: &ProfileBundle, second: &ProfileBundle) -> Self {
        let mut diff = Self::default();
        compare("", &written(first, second), &written(second, first), &mut diff.profile);
        compare("", &pinned(first), &pinned(second), &mut diff.pins);
        diff
    }

    /// Whether they are the same.
    pub fn is_empty(&self) -> bool {
        self.profile.is_empty() && self.pins.is_empty()
    }
}

/// The diff as people read it: `+` for what is new, `-` for what is gone, `~` for what is another.
impl fmt::Display for ProfileDiff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (title, changes) in [("profile", &self.profile), ("pins", &self.pins)] {
            if !changes.is_empty() {
                writeln!(f, "{title}")?;
            }
            for change in changes {
                let path = &change.path;
                match (&change.before, &change.after) {
                    (None, Some(after)) => writeln!(f, "  + {path}: {}", shown(after))?,
                    (Some(before), None) => writeln!(f, "  - {path}: {}", shown(before))?,
                    (before, after) => {
                        let text = |value: &Option<Value>| value.as_ref().map(shown).unwrap_or_default();
                        writeln!(f, "  ~ {path}: {} -> {}", text(before), text(after))?;
                    }
                }
            }
        }
        Ok(())
    }
}

fn written(bundle: &ProfileBundle, other: &ProfileBundle) -> Value {
    let mut value = serde_json::to_value(&bundle.profile).unwrap_or_default();
    if let Value::Object(fields) = &mut value {
        fields.remove("name");
        // The order of those that both have: it decides who gets a bare name.
        let shared = bundle.profile.servers.keys().filter(|name| other.profile.servers.contains_key(*name));
        let order: Vec<&str> = shared.map(|name| name.as_str()).collect();
        fields.insert("order of servers".to_owned(), json!(order.join(", ")));
    }
    value
}

fn pinned(bundle: &ProfileBundle) -> Value {
    let servers = bundle.lock.servers.iter();
    Value::Object(servers.map(|(name, lock)| (name.to_string(), pins(lock))).collect())
}

/// What counts of a server's pins: what runs, and each definition by its hash.
fn pins(lock: &ServerLock) -> Value {
    let mut pins = Map::new();
    let mut put = |key: &str, text: &str| {
        if !text.is_empty() {
            pins.insert(key.to_owned(), json!(text));
        }
    };
    put("entry", &lock.entry);
    put("digest", &lock.digest.as_ref().map(ToString::to_string).unwrap_or_default());
    put("identity", &lock.identity);
    put("protocol", lock.protocol.as_deref().unwrap_or_default());
    if let Some(surface) = &lock.surface {
        surface_pins(surface, &mut pins);
    }
    for (kind, surface) in lock.variants.iter().filter_map(|(kind, surface)| Some((kind, surface.as_ref()?))) {
        let mut of_kind = Map::new();
        surface_pins(surface, &mut of_kind);
        pins.insert(format!("for clients with {kind}"), Value::Object(of_kind));
    }
    if let Some(approved) = &lock.approved {
        pins.insert(
            "approved".to_owned(),
            json!(format!("{} definitions by {}", approved.definitions.len(), approved.by)),
        );
    }
    Value::Object(pins)
}

fn surface_pins(surface: &Surface, pins: &mut Map<String, Value>) {
    let lists = [
        ("tools", &surface.tools),
        ("prompts", &surface.prompts),
        ("resources", &surface.resources),
        ("resourceTemplates", &surface.resource_templates),
    ];
    for (key, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
        pins.insert(
            key.to_owned(),
            Value::Object(list.iter().map(|one| (one.key.clone(), json!(hash(one)))).collect()),
        );
    }
    if let Some(instructions) = &surface.instructions {
        pins.insert("instructions".to_owned(), json!(instructions));
    }
}

fn hash(definition: &Definition) -> String {
    RawJson::parse(definition.json.as_str()).map_or_else(|_| definition.json.clone(), |json| json.canonical_hash())
}

fn compare(path: &str, before: &Value, after: &Value, changes: &mut Vec<ProfileChange>) {
    let mut put = |path: String, before: Option<&Value>, after: Option<&Value>| {
        changes.push(ProfileChange { path, before: before.cloned(), after: after.cloned() });
    };
    match (before, after) {
        (Value::Object(old), Value::Object(new)) => {
            let keys: IndexMap<&String, ()> = old.keys().chain(new.keys()).map(|key| (key, ())).collect();
            let mut keys: Vec<&String> = keys.into_keys().collect();
            keys.sort();
            for key in keys {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                match (old.get(key), new.get(key)) {
                    (Some(old), Some(new)) => compare(&path, old, new, changes),
                    (old, new) => changes.push(ProfileChange { path, before: old.cloned(), after: new.cloned() }),
                }
            }
        }
        (Value::Array(old), Value::Array(new)) if old != new => {
            let count = |list: &[Value], item: &Value| list.iter().filter(|other| *other == item).count();
            let gone: Vec<&Value> = old.iter().filter(|item| count(old, item) > count(new, item)).collect();
            let come: Vec<&Value> = new.iter().filter(|item| count(new, item) > count(old, item)).collect();
            if gone.is_empty() && come.is_empty() {
                put(path.to_owned(), Some(before), Some(after));
            }
            gone.into_iter().for_each(|item| put(path.to_owned(), Some(item), None));
            come.into_iter().for_each(|item| put(path.to_owned(), None, Some(item)));
        }
        _ if before != after => put(path.to_owned(), Some(before), Some(after)),
        _ => {}
    }
}

fn shown(value: &Value) -> String {
    let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.chars().count() <= MAX_SHOWN { text } else { text.chars().take(MAX_SHOWN - 1).chain(['…']).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ProfileName, ServerName};
    use crate::profile::{ProfileLock, ProfileSpec, ServerSpec};

    fn bundle(yaml: &str, tool: &str) -> ProfileBundle {
        let profile: ProfileSpec = crate::catalog::typed("p.yaml", yaml).unwrap();
        let mut lock = ProfileLock::default();
        for name in profile.servers.keys() {
            let surface = Surface { tools: vec![Definition::new("t", tool)], ..Surface::default() };
            lock.servers.insert(name.clone(), ServerLock { surface: Some(surface), ..ServerLock::default() });
        }
        ProfileBundle::new(profile, lock, Vec::new()).unwrap()
    }

    #[test]
    fn what_differs_is_said_by_its_keys() {
        let first = bundle(
            "name: a\nservers: {git: {config: {path: /a}}, time: {}}\ntools: [x, y]\npolicy: {rules: [{match: a, effect: deny}]}",
            r#"{"name":"t","a":1}"#,
        );
        let second = bundle(
            "name: b\nservers: {git: {config: {path: /b}, idle: never}}\ntools: [y, z]\npolicy: {rules: [{match: b, effect: deny}, {match: a, effect: deny}]}",
            r#"{ "a": 2, "name": "t" }"#,
        );
        insta::assert_snapshot!(ProfileDiff::between(&first, &second).to_string());
        assert!(ProfileDiff::between(&first, &first).is_empty());
    }

    #[test]
    fn layout_and_name_are_no_difference_and_order_is_one() {
        let first = bundle("name: a\nservers: {git: {}, time: {}}", r#"{"name":"t"}"#);
        let second = bundle("name: b\nservers:\n  git: {}\n  time: {}\n", r#"{ "name": "t" }"#);
        assert!(ProfileDiff::between(&first, &second).is_empty());
        let turned = bundle("name: a\nservers: {time: {}, git: {}}", r#"{"name":"t"}"#);
        assert_eq!(ProfileDiff::between(&first, &turned).profile.len(), 1);
        let mut empty = ProfileSpec::new(ProfileName::new("e").unwrap());
        empty.servers.insert(ServerName::new("git").unwrap(), ServerSpec::default());
        let empty = ProfileBundle::new(empty, ProfileLock::default(), Vec::new()).unwrap();
        let diff = ProfileDiff::between(&empty, &first);
        assert!(diff.pins.iter().all(|change| change.before.is_none()));
    }
}
