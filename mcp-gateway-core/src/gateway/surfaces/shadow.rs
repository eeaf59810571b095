//! Definitions that stand for another server's tools, or speak of them.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, LazyLock};

use aho_corasick::{AhoCorasick, MatchKind};
use serde_json::Value;

use super::finding::{ChangeKind, Finding};
use super::flags::{FlagKind, SurfaceFlag};
use super::hidden::visible;
use crate::gateway::hub::{Slot, Slots};
use crate::model::ImageReference;
use crate::profile::{Acceptance, FlaggedWord, ServerLock, SurfaceItem};
use crate::protocol::ListKind;

/// The words by which a definition says something about the use of another tool.
const DIRECTIONS: [&str; 16] = [
    "after calling",
    "after using",
    "before calling",
    "before using",
    "before you call",
    "before you use",
    "do not call",
    "do not use",
    "don't use",
    "in place of",
    "instead of",
    "never use",
    "prior to",
    "rather than",
    "when calling",
    "when using",
];

/// How many characters after such words the other tool is looked for.
const REACH: usize = 60;

/// The fewest words that can be somebody else's words.
const MIN_WORDS: usize = 4;

static DIRECTIONS_IN: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let builder = AhoCorasick::builder().ascii_case_insensitive(true).match_kind(MatchKind::LeftmostLongest).clone();
    builder.build(DIRECTIONS).ok()
});

/// The recorded items that say something about the use of tools.
pub(crate) fn speaks_of_tools(lock: &ServerLock) -> Vec<SurfaceItem> {
    let items = lock.surfaces().into_iter().flat_map(crate::model::Surface::items);
    let mut found: Vec<SurfaceItem> = Vec::new();
    for item in items.filter(|item| matches!(item.list, None | Some(ListKind::Tools | ListKind::Prompts))) {
        let speaks = DIRECTIONS_IN.as_ref().is_none_or(|directions| directions.is_match(&item.json));
        if speaks && !found.contains(&item) {
            found.push(item);
        }
    }
    found
}

/// One server's part in the comparison.
struct Seen<'a> {
    slot: &'a Arc<Slot>,
    lock: Arc<ServerLock>,
    origin: String,
}

/// Looks in the servers that are to be marked for what stands for another's tools or speaks of them; gives what is held back by that and was
/// not before.
///
/// # Behavior
/// - Of two servers with a tool of one name and the same words, the later one in the profile is flagged; two of one
///   repository are none the worse for being the same.
/// - What an operator has accepted is not looked at again.
pub(crate) fn mark_shadows(slots: &Slots, marked: &Slots) -> Vec<(Arc<Slot>, Vec<Finding>)> {
    if marked.is_empty() {
        return Vec::new();
    }
    let seen: Vec<_> =
        slots.values().filter_map(|slot| Some(Seen { slot, lock: slot.lock()?, origin: origin(slot) })).collect();
    // By name, the servers that have such a tool, in their order.
    let mut owners: HashMap<&str, Vec<usize>> = HashMap::new();
    for (at, server) in seen.iter().enumerate() {
        let names: HashSet<&str> =
            server.lock.surfaces().into_iter().flat_map(|all| &all.tools).map(|tool| tool.key.as_str()).collect();
        for name in names {
            owners.entry(name).or_default().push(at);
        }
    }
    let mut found: Vec<Vec<Finding>> = seen.iter().map(|_| Vec::new()).collect();
    for (name, of) in owners.iter().filter(|(_, of)| of.len() > 1) {
        for (nth, &later) in of.iter().enumerate().skip(1) {
            let earlier = of[..nth].iter().filter(|&&earlier| seen[earlier].origin != seen[later].origin);
            for &earlier in earlier {
                imitations(name, &seen[earlier], &seen[later], &mut found[later]);
            }
        }
    }
    for (at, server) in seen.iter().enumerate() {
        for item in server.slot.speaking().iter() {
            if let Some(flag) = spoken_of(item, at, &seen, &owners) {
                note(server, item.clone(), flag, &mut found[at]);
            }
        }
    }
    let mut news = Vec::new();
    for (server, mut findings) in seen.iter().zip(found) {
        if !marked.get(&server.slot.name).is_some_and(|slot| Arc::ptr_eq(slot, server.slot)) {
            continue;
        }
        findings.sort_by(|one, other| (one.item.list, &one.item.key).cmp(&(other.item.list, &other.item.key)));
        let held = server.slot.set_shadows(findings);
        if !held.is_empty() {
            news.push((Arc::clone(server.slot), held));
        }
    }
    news
}

/// The tools of a server that have the name and the words of another's.
fn imitations(name: &str, earlier: &Seen<'_>, later: &Seen<'_>, found: &mut Vec<Finding>) {
    let tools = |server: &Seen<'_>| -> Vec<SurfaceItem> {
        let tools = server.lock.surfaces().into_iter().flat_map(|all| &all.tools);
        let mut named: Vec<SurfaceItem> = Vec::new();
        for tool in tools.filter(|tool| tool.key == name).map(|tool| SurfaceItem::of(ListKind::Tools, tool)) {
            if !named.contains(&tool) {
                named.push(tool);
            }
        }
        named
    };
    let originals: Vec<_> = tools(earlier).iter().map(|tool| words(&described(tool))).collect();
    for tool in tools(later) {
        let own = words(&described(&tool));
        if originals.iter().any(|original| are_alike(original, &own)) {
            let detail = format!("has the name and the words of server `{}`'s tool", earlier.slot.name);
            note(later, tool, SurfaceFlag::new(FlagKind::Shadows, "description", detail), found);
        }
    }
}

/// That an item says something about the use of another server's tool.
fn spoken_of(
    item: &SurfaceItem,
    at: usize,
    seen: &[Seen<'_>],
    owners: &HashMap<&str, Vec<usize>>,
) -> Option<SurfaceFlag> {
    let text = described(item);
    let directions = DIRECTIONS_IN.as_ref()?;
    for direction in directions.find_iter(&text) {
        let rest: String = text[direction.end()..].chars().take(REACH).collect();
        // A sentence further on is about something else.
        let rest = rest.split(['\n', ';']).next().unwrap_or_default();
        let rest = rest.split(". ").next().unwrap_or_default();
        for (word, is_quoted) in tokens(rest) {
            let qualified = |of: &Seen<'_>, word: &str| {
                let name = word.strip_prefix(of.slot.name.as_str())?;
                name.strip_prefix("__").or_else(|| name.strip_prefix('.')).map(str::to_owned)
            };
            let by_server = seen.iter().enumerate().find_map(|(other, of)| {
                let tool = qualified(of, word)?;
                owners.get(tool.as_str())?.contains(&other).then_some(other)
            });
            let by_name = owners.get(word).filter(|of| !of.contains(&at) && (is_quoted || is_distinctive(word)));
            if let Some(other) = by_server.or_else(|| by_name.and_then(|of| of.first().copied()))
                && other != at
                && seen[other].origin != seen[at].origin
            {
                let detail = format!("says when to use `{}` of server `{}`", visible(word), seen[other].slot.name);
                let field = if item.list.is_some() { "description" } else { "" };
                return Some(SurfaceFlag::new(FlagKind::Shadows, field, detail));
            }
        }
    }
    None
}

fn note(server: &Seen<'_>, item: SurfaceItem, flag: SurfaceFlag, found: &mut Vec<Finding>) {
    if let Some(finding) = found.iter_mut().find(|finding| finding.item == item) {
        return finding.flags.push(flag);
    }
    let definition = item.definition();
    let pinned = server.lock.pin.iter().flat_map(|pin| &pin.items);
    let is_accepted = pinned
        .filter(|pinned| pinned.accepted == Acceptance::Operator)
        .any(|pinned| pinned.list == item.list_name() && pinned.name == item.key && pinned.definition == definition);
    if is_accepted {
        return;
    }
    let hold = server.slot.body.as_ref().map_or(FlaggedWord::Hold, |body| body.settings.surfaces.flagged);
    let is_held = hold == FlaggedWord::Hold;
    found.push(Finding {
        item,
        definition,
        change: ChangeKind::Flagged,
        fields: Vec::new(),
        flags: vec![flag],
        is_held,
    });
}

/// Where a server comes from; several of one repository are the same software.
fn origin(slot: &Slot) -> String {
    let Ok(body) = &slot.body else { return String::new() };
    let entry = &body.entry;
    if let Some(image) = &entry.image {
        return ImageReference::parse(image).map_or_else(|_| image.clone(), |image| image.repository().to_owned());
    }
    if let Some(process) = &entry.process {
        return serde_json::to_string(process).unwrap_or_default();
    }
    let remote = entry.remote.as_ref().map(|remote| remote.url.clone());
    remote.or_else(|| entry.sse_endpoint.clone()).unwrap_or_else(|| format!("server {}", slot.name))
}

/// What an item says to a model.
fn described(item: &SurfaceItem) -> String {
    match serde_json::from_str(&item.json) {
        Ok(Value::String(text)) => text,
        Ok(Value::Object(mut members)) => match members.remove("description") {
            Some(Value::String(text)) => text,
            _ => String::new(),
        },
        _ => String::new(),
    }
}

fn words(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_lowercase).collect()
}

/// Whether two descriptions are the same but for a few words.
fn are_alike(one: &BTreeSet<String>, other: &BTreeSet<String>) -> bool {
    let common = one.intersection(other).count();
    let all = one.union(other).count();
    common >= MIN_WORDS && common * 4 >= all * 3
}

/// The words of a text that may be names, and whether each is in quotes.
fn tokens(text: &str) -> impl Iterator<Item = (&str, bool)> {
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    text.split(move |c: char| !is_name(c)).filter(|word| !word.is_empty()).map(move |word| {
        let start = word.as_ptr() as usize - text.as_ptr() as usize;
        let before = text[..start].chars().next_back();
        let is_quoted = before.is_some_and(|c| matches!(c, '`' | '"' | '\'' | '\u{201c}' | '\u{2018}'));
        (word.trim_end_matches(['.', '-', '/']), is_quoted)
    })
}

/// Whether a word is hardly anything but a name.
fn is_distinctive(word: &str) -> bool {
    word.contains('_') || word.contains('-') || word.chars().skip(1).any(char::is_uppercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_changed_words_do_not_make_another_description() {
        let original = words("Send a message to a channel of the workspace.");
        assert!(are_alike(&original, &words("Sends a message to a channel of the workspace!")));
        assert!(!are_alike(&original, &words("Delete a message of a channel.")));
        assert!(!are_alike(&words("Search."), &words("search")), "what everybody says is nobody's");
        assert!(!are_alike(&words(""), &words("")));
    }

    #[test]
    fn names_are_told_from_words() {
        let found: Vec<_> = tokens("the `search` or read_file, not search.").collect();
        assert_eq!(
            found,
            [("the", false), ("search", true), ("or", false), ("read_file", false), ("not", false), ("search", false)]
        );
        assert!(is_distinctive("read_file") && is_distinctive("readFile") && !is_distinctive("Search"));
    }
}
