//! Names under which things are exposed: bare while unique, and never with a changed meaning.

use std::collections::{HashMap, HashSet};

use indexmap::IndexMap;

use crate::model::ServerName;
use crate::protocol::{GATEWAY, GATEWAY_TOOLS, ListKind, Target};

/// The exposed names of one kind.
///
/// # Behavior
/// - The first to come gets the bare name; a newcomer that collides gets `server__name`.
/// - A name once given keeps its meaning, also when its server has gone.
/// - The names of the gateway's own tools are given to these alone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Names {
    exposed: IndexMap<String, Target>,
    given: HashMap<Target, String>,
}

impl Names {
    /// Takes over the names that were given before.
    pub(crate) fn restore(table: &IndexMap<String, String>, servers: &HashSet<&str>) -> Self {
        let mut names = Self::default();
        for (exposed, canonical) in table {
            // Names come out of a file; what cannot be a name is not restored.
            let Some((server, name)) = split(canonical, servers) else { continue };
            if is_reserved(exposed) {
                continue;
            }
            names.insert(exposed.clone(), Target::new(server, name));
        }
        names
    }

    /// The name of a target, given now if it has none yet.
    ///
    /// URIs cannot carry a prefix: of two servers with one URI, the first keeps it and the second is not exposed.
    pub(crate) fn give(&mut self, kind: ListKind, target: &Target, prefix: Option<&str>) -> Option<String> {
        if let Some(name) = self.given.get(target) {
            return Some(name.clone());
        }
        let bare = match prefix {
            Some(prefix) if has_prefix(kind) => format!("{prefix}__{}", target.name),
            _ => target.name.clone(),
        };
        let is_free =
            !self.exposed.contains_key(&bare) && (target.is_own() || !has_prefix(kind) || !is_reserved(&bare));
        let name = if is_free {
            bare
        } else if has_prefix(kind) {
            self.free(format!("{}__{}", target.server, target.name))
        } else {
            return None;
        };
        self.insert(name.clone(), target.clone());
        Some(name)
    }

    /// The name that a target was given, if it was.
    pub(crate) fn given(&self, target: &Target) -> Option<&str> {
        self.given.get(target).map(String::as_str)
    }

    /// The names, for the lock.
    pub(crate) fn table(&self) -> IndexMap<String, String> {
        self.exposed.iter().map(|(name, target)| (name.clone(), target.to_string())).collect()
    }

    fn insert(&mut self, name: String, target: Target) {
        self.given.insert(target.clone(), name.clone());
        self.exposed.insert(name, target);
    }

    fn free(&self, wanted: String) -> String {
        if !self.exposed.contains_key(&wanted) {
            return wanted;
        }
        (2_usize..).map(|n| format!("{wanted}_{n}")).find(|name| !self.exposed.contains_key(name)).unwrap_or(wanted)
    }
}

/// Whether a name is the gateway's own, or could be read as the canonical name of one.
fn is_reserved(name: &str) -> bool {
    GATEWAY_TOOLS.contains(&name) || name.strip_prefix(GATEWAY).is_some_and(|rest| rest.starts_with('.'))
}

const fn has_prefix(kind: ListKind) -> bool {
    matches!(kind, ListKind::Tools | ListKind::Prompts)
}

/// Splits a canonical name. Server names may hold dots: the longest server that fits counts, and for a server that has
/// gone the first dot does.
fn split<'a>(canonical: &'a str, servers: &HashSet<&str>) -> Option<(ServerName, &'a str)> {
    let known = canonical.rmatch_indices('.').find(|(dot, _)| servers.contains(&canonical[..*dot]));
    let dot = known.map_or_else(|| canonical.find('.'), |(dot, _)| Some(dot))?;
    Some((ServerName::new(&canonical[..dot]).ok()?, &canonical[dot + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(server: &str, name: &str) -> Target {
        Target::new(ServerName::new(server).unwrap(), name)
    }

    #[test]
    fn the_newcomer_gets_the_prefix_and_the_first_keeps_its_name() {
        let mut names = Names::default();
        assert_eq!(names.give(ListKind::Tools, &target("a", "x"), None).unwrap(), "x");
        assert_eq!(names.give(ListKind::Tools, &target("b", "x"), None).unwrap(), "b__x");
        assert_eq!(names.give(ListKind::Tools, &target("a", "x"), None).unwrap(), "x");
        let dotted = target("c", "x").server;
        let mut again = Names::restore(&names.table(), &HashSet::from([dotted.as_str()]));
        assert_eq!(again.give(ListKind::Tools, &target("b", "x"), None).unwrap(), "b__x");
        assert_eq!(again.give(ListKind::Tools, &target("c", "x"), None).unwrap(), "c__x");
    }

    #[test]
    fn a_server_with_a_dot_in_its_name_is_restored() {
        let mut names = Names::default();
        names.give(ListKind::Tools, &target("s.v2", "x.y"), None);
        let server = target("s.v2", "x").server;
        let mut again = Names::restore(&names.table(), &HashSet::from([server.as_str()]));
        assert_eq!(again.give(ListKind::Tools, &target("s", "v2.x.y"), None).unwrap(), "v2.x.y");
        assert_eq!(again.give(ListKind::Tools, &target("s.v2", "x.y"), None).unwrap(), "x.y");
        assert_eq!(again.table().len(), 2);
    }

    #[test]
    fn a_prefixed_name_that_is_taken_gets_a_number() {
        let mut names = Names::default();
        names.give(ListKind::Tools, &target("z", "b__x"), None);
        names.give(ListKind::Tools, &target("z", "x"), None);
        assert_eq!(names.give(ListKind::Tools, &target("b", "x"), None).unwrap(), "b__x_2");
    }

    #[test]
    fn nobody_gets_the_names_of_the_gateways_own_tools() {
        let mut names = Names::default();
        let pretended = IndexMap::from([("mcp-add".to_owned(), "evil.mcp-add".to_owned())]);
        for mut names in [names.clone(), Names::restore(&pretended, &HashSet::from(["evil"]))] {
            assert_eq!(names.give(ListKind::Tools, &target("evil", "mcp-add"), None).unwrap(), "evil__mcp-add");
            let own = names.give(ListKind::Tools, &target("evil", "gateway.mcp-find"), None).unwrap();
            assert_eq!(own, "evil__gateway.mcp-find");
        }
        assert_eq!(names.give(ListKind::Tools, &target(GATEWAY, "mcp-add"), None).unwrap(), "mcp-add");
    }

    #[test]
    fn a_uri_stays_with_its_first_owner() {
        let mut names = Names::default();
        assert_eq!(names.give(ListKind::Resources, &target("a", "file:///x"), None).unwrap(), "file:///x");
        assert_eq!(names.give(ListKind::Resources, &target("b", "file:///x"), None), None);
    }
}
