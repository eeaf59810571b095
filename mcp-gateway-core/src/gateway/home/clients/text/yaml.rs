//! YAML, read with places and changed as a text.

use std::ops::Range;

use serde_json::Value;

use super::{Insertion, Slot, line_end, line_start, line_stop, list, quoted};
use crate::catalog::{Kind, Node, Position};
use crate::error::Result;
use crate::gateway::home::clients::entry::{Entry, Setting};

pub(super) fn value(slot: &Slot<'_>, text: &str) -> Result<Value> {
    Ok(parse(slot, text)?.map_or(Value::Null, |root| root.to_json()))
}

/// The texts that may be inserted, the one that reads best first.
pub(super) fn insertions(slot: &Slot<'_>, text: &str, entry: &Entry) -> Result<Vec<Insertion>> {
    let end = line_end(text);
    let Some(root) = parse(slot, text)? else {
        let start = if text.is_empty() || text.ends_with('\n') { "" } else { end };
        let whole = format!("{start}{}{end}", under(slot, entry, "", end));
        return Ok(vec![Insertion { at: text.len(), text: whole }]);
    };
    let Kind::Map(fields) = &root.kind else {
        return Err(slot.broken(text, offset(text, root.at), "expected a mapping here"));
    };
    let Some(servers) = fields.iter().find(|field| field.key == slot.key) else {
        let mut ways = Vec::new();
        let flow = offset(text, root.at);
        if text[flow..].starts_with('{') {
            let comma = if fields.is_empty() { "" } else { ", " };
            let text = format!("{}: {}{comma}", quoted(slot.key), flow_of_servers(slot, entry));
            return Ok(vec![Insertion { at: flow + 1, text }]);
        }
        let start = if text.ends_with('\n') { "" } else { end };
        ways.push(Insertion { at: text.len(), text: format!("{start}{}{end}", under(slot, entry, "", end)) });
        if let Some(first) = fields.first() {
            // Before everything, where the end is not the mapping's.
            let line = line_start(text, offset(text, first.at));
            let indent = &text[line..offset(text, first.at)];
            ways.push(Insertion { at: line, text: format!("{}{end}", under(slot, entry, indent, end)) });
        }
        return Ok(ways);
    };
    let at = offset(text, servers.value.at);
    match (&servers.value.kind, text[at..].chars().next()) {
        (Kind::Map(inside), Some('{')) => {
            let comma = if inside.is_empty() { "" } else { ", " };
            let text = format!("{}: {}{comma}", quoted(slot.name), flow(entry));
            Ok(vec![Insertion { at: at + 1, text }])
        }
        (Kind::List(items), Some('[')) => {
            let comma = if items.is_empty() { "" } else { ", " };
            Ok(vec![Insertion { at: at + 1, text: format!("{}{comma}", flow(entry)) }])
        }
        (Kind::Map(_) | Kind::List(_) | Kind::Null, _) => {
            // After the line of the key: there nothing has to end first.
            let key = offset(text, servers.at);
            let own = &text[line_start(text, key)..key];
            let inner = match &servers.value.kind {
                Kind::Null => format!("{own}  "),
                _ => next_indent(text, key).unwrap_or_default().to_owned(),
            };
            let block = block(slot, entry, &inner, end);
            Ok(vec![Insertion { at: line_stop(text, key), text: format!("{end}{block}") }])
        }
        _ => Err(slot.broken(text, at, format!("`{}` is not what servers are kept in", slot.key))),
    }
}

/// The lines of the entry, with the end of the line before.
pub(super) fn removal(slot: &Slot<'_>, text: &str) -> Result<Vec<Range<usize>>> {
    let Some(root) = parse(slot, text)? else { return Ok(Vec::new()) };
    let found = match root.get(slot.key).map(|servers| &servers.kind) {
        Some(Kind::Map(fields)) => fields.iter().find(|field| field.key == slot.name).map(|field| field.at),
        Some(Kind::List(items)) => {
            let name = |item: &&Node| item.get("name").and_then(Node::scalar).as_deref() == Some(slot.name);
            items.iter().find(name).map(|item| item.at)
        }
        _ => None,
    };
    let Some(at) = found else { return Ok(Vec::new()) };
    let start = line_start(text, offset(text, at));
    let depth = depth(&text[start..]);
    let mut stop = line_stop(text, start);
    let mut next = text[start..].find('\n').map_or(text.len(), |newline| start + newline + 1);
    while next < text.len() {
        let line = &text[next..line_stop(text, next)];
        let says = !line.trim().is_empty() && !line.trim_start().starts_with('#');
        if says && self::depth(line) <= depth {
            break;
        }
        if says {
            stop = line_stop(text, next);
        }
        next = text[next..].find('\n').map_or(text.len(), |newline| next + newline + 1);
    }
    if start == 0 {
        let after = text[stop..].find('\n').map_or(text.len(), |newline| stop + newline + 1);
        return Ok(std::iter::once(0..after).collect());
    }
    Ok(std::iter::once(line_stop(text, start - 1)..stop).collect())
}

/// The key with the entry under it, without the end of its last line.
fn under(slot: &Slot<'_>, entry: &Entry, indent: &str, end: &str) -> String {
    format!("{indent}{}:{end}{}", slot.key, block(slot, entry, &format!("{indent}  "), end))
}

/// The entry as a block: an item where servers are a list, else a field.
fn block(slot: &Slot<'_>, entry: &Entry, indent: &str, end: &str) -> String {
    let is_item = is_named(entry);
    let mut lines = Vec::new();
    if !is_item {
        lines.push(format!("{indent}{}:", word(slot.name)));
    }
    for (index, (key, setting)) in entry.0.iter().enumerate() {
        let start = if is_item && index == 0 { "- " } else { "  " };
        lines.push(format!("{indent}{start}{key}: {}", written(setting)));
    }
    lines.join(end)
}

fn flow(entry: &Entry) -> String {
    let fields: Vec<_> =
        entry.0.iter().map(|(key, setting)| format!("{}: {}", quoted(key), written(setting))).collect();
    format!("{{{}}}", fields.join(", "))
}

fn flow_of_servers(slot: &Slot<'_>, entry: &Entry) -> String {
    if is_named(entry) { format!("[{}]", flow(entry)) } else { format!("{{{}: {}}}", quoted(slot.name), flow(entry)) }
}

/// Whether the entry is an item of a list; it then says its name first.
fn is_named(entry: &Entry) -> bool {
    entry.0.first().is_some_and(|(key, _)| *key == "name")
}

fn written(setting: &Setting) -> String {
    match setting {
        Setting::Text(text) => word(text),
        Setting::Flag(flag) => flag.to_string(),
        Setting::Number(number) => number.to_string(),
        Setting::List(items) => list(items),
        Setting::Map(fields) => {
            let fields: Vec<_> =
                fields.iter().map(|(key, text)| format!("{}: {}", quoted(key), quoted(text))).collect();
            format!("{{{}}}", fields.join(", "))
        }
    }
}

/// A text without quotes where it can only be a text.
fn word(text: &str) -> String {
    const OTHER: [&str; 9] = ["true", "false", "yes", "no", "on", "off", "null", "y", "n"];
    let is_plain = text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        && !OTHER.contains(&text.to_ascii_lowercase().as_str());
    if is_plain { text.to_owned() } else { quoted(text) }
}

/// The indentation of the next line that says something.
fn next_indent(text: &str, at: usize) -> Option<&str> {
    let after = text[at..].find('\n').map(|newline| at + newline + 1)?;
    let line = text[after..].lines().find(|line| !line.trim().is_empty() && !line.trim_start().starts_with('#'))?;
    Some(&line[..line.len() - line.trim_start_matches(' ').len()])
}

fn depth(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

/// The place in the text.
fn offset(text: &str, at: Position) -> usize {
    let (line, column) = (at.line.max(1) as usize, at.column.max(1) as usize);
    let start = text.split_inclusive('\n').take(line - 1).map(str::len).sum::<usize>();
    let rest = &text[start.min(text.len())..];
    start + rest.char_indices().nth(column - 1).map_or(rest.len(), |(at, _)| at)
}

/// The value of a text; `None` where it says nothing.
fn parse(slot: &Slot<'_>, text: &str) -> Result<Option<Node>> {
    let is_silent = |line: &str| line.trim().is_empty() || line.trim_start().starts_with('#');
    if text.trim_start_matches('\u{feff}').lines().all(is_silent) {
        return Ok(None);
    }
    // Never as JSON, whatever the file is called.
    Node::parse("client.yaml", text).map(Some).map_err(|diagnostic| {
        slot.broken(
            text,
            offset(text, Position { line: diagnostic.line, column: diagnostic.column }),
            diagnostic.message,
        )
    })
}
