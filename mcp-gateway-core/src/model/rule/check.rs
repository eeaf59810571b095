//! Rules that cannot be meant as they are written.

use std::collections::HashMap;

use serde::Serialize;

use super::{Patterns, Rule};
use crate::model::Effect;
use crate::util::pattern::Pattern;

/// What is wrong with a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct RuleFault {
    /// Its place among the rules, from 0.
    pub index: usize,
    /// The key of the rule that it is about; empty for all of it.
    pub key: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: &'static str,
}

/// Finds rules that say nothing about what they cover, have the name of another, or can never decide as they say.
///
/// # Behavior
/// - A rule can never decide when an earlier one with another effect covers all that it covers. That is found where the conditions are the
///   same or the earlier one has fewer of them, and where its globs are wider by a `*` at their end.
pub fn check_rules(rules: &[Rule]) -> Vec<RuleFault> {
    let mut faults = Vec::new();
    let mut named: HashMap<&str, usize> = HashMap::new();
    for (index, rule) in rules.iter().enumerate() {
        let mut fault = |key, message: String, hint| faults.push(RuleFault { index, key, message, hint });
        if rule.is_unconditional() {
            let hint = "write `match: \"*\"` if it is meant for everything, as the last rule";
            fault("", "rule does not say what it covers".to_owned(), hint);
        }
        if let Some(id) = &rule.id
            && let Some(first) = named.insert(id, index)
        {
            let message = format!("`{id}` is the name of rule {} too", first + 1);
            fault("id", message, "give each rule a name of its own, or none");
        }
        for (key, predicate) in &rule.arguments {
            if predicate.is_empty() {
                let message = format!("nothing is said about `{}`", key.as_str());
                fault("arguments", message, "write a predicate, such as `{equals: main}` or `{exists: true}`");
            }
        }
        if let Some(earlier) = rules[..index].iter().position(|earlier| hides(earlier, rule)) {
            let message = format!(
                "rule never decides: rule {} (`{}`, {}) comes first and covers all of it",
                earlier + 1,
                rules[earlier].label(earlier + 1),
                rules[earlier].effect.as_str()
            );
            fault("", message, "put it before that rule, or take it out");
        }
    }
    faults
}

/// Finds rules that are for servers which are not there.
pub fn idle_rules<'a>(rules: &[Rule], servers: impl Iterator<Item = &'a str> + Clone) -> Vec<RuleFault> {
    let may_be = |glob: &str, server: &str| {
        let begin = glob.split(['*', '?']).next().unwrap_or_default();
        let server = format!("{server}.");
        begin.starts_with(&server) || (begin.len() < glob.len() && server.starts_with(begin))
    };
    let mut faults = Vec::new();
    for (index, rule) in rules.iter().enumerate() {
        let of = |patterns: &Patterns, test: &dyn Fn(&str, &str) -> bool| {
            let mut wanted = patterns.as_slice().iter().filter(|glob| !glob.starts_with('!')).peekable();
            wanted.peek().is_none() || wanted.any(|glob| servers.clone().any(|server| test(glob, server)))
        };
        let (key, is_idle) = if !of(&rule.server, &|glob, server| Pattern::new(glob).matches(server)) {
            ("server", true)
        } else {
            ("match", !of(&rule.pattern, &may_be))
        };
        if is_idle {
            let message = format!("`{}` is for no server of this profile", rule.label(index + 1));
            faults.push(RuleFault { index, key, message, hint: "add the server, or correct the name" });
        }
    }
    faults
}

/// Whether everything that a rule covers is covered by an earlier one, so that it never decides.
fn hides(earlier: &Rule, rule: &Rule) -> bool {
    // What annotations let through is decided again without them.
    let decides = earlier.annotations.is_empty() || earlier.effect == Effect::Deny;
    decides
        && earlier.effect != rule.effect
        && !earlier.is_unconditional()
        && is_wider(&earlier.pattern, &rule.pattern)
        && is_wider(&earlier.server, &rule.server)
        && is_wider(&earlier.tool, &rule.tool)
        && is_wider(&earlier.principal, &rule.principal)
        && is_wider(&earlier.profile, &rule.profile)
        && (earlier.role.is_empty() || earlier.role == rule.role)
        && (earlier.kind == rule.kind
            || (earlier.kind.is_empty() && rule.kind.is_empty())
            || (!earlier.kind.is_empty()
                && !rule.kind.is_empty()
                && rule.kind.as_slice().iter().all(|kind| earlier.kind.as_slice().contains(kind))))
        && (earlier.approved.is_none() || earlier.approved == rule.approved)
        && (earlier.time.is_none() || earlier.time == rule.time)
        && earlier.annotations.iter().all(|(name, value)| rule.annotations.get(name) == Some(value))
        && earlier.arguments.iter().all(|(pointer, predicate)| rule.arguments.get(pointer) == Some(predicate))
}

/// Whether globs surely match all that others match.
fn is_wider(wide: &Patterns, narrow: &Patterns) -> bool {
    if wide.is_empty() || wide == narrow {
        return true;
    }
    let has_not = |patterns: &Patterns| patterns.as_slice().iter().any(|glob| glob.starts_with('!'));
    if has_not(wide) || narrow.as_slice().iter().all(|glob| glob.starts_with('!')) {
        return false;
    }
    let narrow = narrow.as_slice().iter().filter(|glob| !glob.starts_with('!'));
    let begins = |wide: &str, narrow: &str| {
        let prefix = wide.strip_suffix('*').filter(|prefix| !prefix.contains(['*', '?']));
        wide == narrow || prefix.is_some_and(|prefix| narrow.starts_with(prefix))
    };
    narrow.into_iter().all(|narrow| wide.as_slice().iter().any(|wide| begins(wide, narrow)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(yaml: &str) -> Vec<Rule> {
        serde_saphyr::from_str(yaml).unwrap()
    }

    fn found(yaml: &str) -> Vec<(usize, String)> {
        check_rules(&rules(yaml)).into_iter().map(|fault| (fault.index, fault.message)).collect()
    }

    #[test]
    fn rules_that_cannot_be_meant_are_found() {
        let faults = found(
            "
- {match: 'github.*', effect: allow}
- {match: 'github.delete_*', effect: deny}
- {id: a, effect: deny}
- {id: a, match: '*', kind: prompts/get, arguments: {/x: {}}, effect: deny}
",
        );
        assert_eq!(
            faults,
            [
                (1, "rule never decides: rule 1 (`github.*`, allow) comes first and covers all of it".to_owned()),
                (2, "rule does not say what it covers".to_owned()),
                (3, "`a` is the name of rule 3 too".to_owned()),
                (3, "nothing is said about `/x`".to_owned()),
            ]
        );
    }

    #[test]
    fn rules_that_decide_sometimes_are_left_alone() {
        for yaml in [
            "[{match: 'github.delete_*', effect: deny}, {match: 'github.*', effect: allow}]",
            "[{match: 'a.*', principal: ann, effect: allow}, {match: 'a.x', effect: deny}]",
            "[{match: ['a.*', '!a.x'], effect: allow}, {match: 'a.x', effect: deny}]",
            "[{match: 'a.*', kind: tools/call, effect: allow}, {match: 'a.x', effect: deny}]",
            "[{match: 'a.*', annotations: {readOnlyHint: true}, effect: allow}, {match: 'a.x', annotations: {readOnlyHint: true}, effect: deny}]",
            "[{match: '*x', effect: allow}, {match: '*y', effect: deny}]",
            "[{match: '*', effect: allow}, {match: '*', kind: tools/list, effect: deny}]",
        ] {
            assert_eq!(found(yaml), [], "{yaml}");
        }
        let wide = found(
            "[{match: '*', kind: [tools/call, prompts/get], effect: allow}, {tool: x, kind: prompts/get, effect: deny}]",
        );
        assert_eq!(wide, [], "a canonical name is not compared with a tool's");
        assert_eq!(found("[{role: a, effect: deny}, {role: a, server: b, effect: allow}]").len(), 1);
    }
}
