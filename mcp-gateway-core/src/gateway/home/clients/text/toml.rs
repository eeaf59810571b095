//! TOML, read by `toml_edit` and changed as a text.

use std::ops::Range;

use serde_json::Value;
use toml_edit::{Document, Item, Key, TableLike};

use super::{Insertion, Slot, line_end, line_start, line_stop, list, quoted};
use crate::error::Result;
use crate::gateway::home::clients::entry::{Entry, Setting};

pub(super) fn value(slot: &Slot<'_>, text: &str) -> Result<Value> {
    parse(slot, text).map(|document| table_value(document.as_table()))
}

/// The texts to insert: a table at the end, or a field in the inline table that a person wrote.
pub(super) fn insertions(slot: &Slot<'_>, text: &str, entry: &Entry) -> Result<Vec<Insertion>> {
    let document = parse(slot, text)?;
    let end = line_end(text);
    if let Some(Item::Value(servers)) = document.get(slot.key) {
        let span = servers.span().unwrap_or_default();
        let Some(table) = servers.as_inline_table() else {
            return Err(slot.broken(text, span.start, format!("`{}` is not a table", slot.key)));
        };
        let fields: Vec<String> =
            entry.0.iter().map(|(key, setting)| format!("{key} = {}", written(setting))).collect();
        let comma = if table.is_empty() { " " } else { "," };
        let field = format!(" {} = {{ {} }}{comma}", key(slot.name), fields.join(", "));
        return Ok(vec![Insertion { at: span.start + 1, text: field }]);
    }
    let mut table = String::new();
    if !text.is_empty() && text != "\u{feff}" {
        table.push_str(if text.ends_with('\n') { "" } else { end });
        table.push_str(end);
    }
    table.push_str(&format!("[{}.{}]{end}", key(slot.key), key(slot.name)));
    for (name, setting) in &entry.0 {
        table.push_str(&format!("{name} = {}{end}", written(setting)));
    }
    Ok(vec![Insertion { at: text.len(), text: table }])
}

/// The lines of the entry's tables, from the header of each to its last line that says something.
pub(super) fn removal(slot: &Slot<'_>, text: &str) -> Result<Vec<Range<usize>>> {
    parse(slot, text)?;
    let (mut ranges, mut own): (Vec<Range<usize>>, _) = (Vec::new(), None);
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let (start, said) = (at, line.trim());
        at += line.len();
        if said.starts_with('[') && !said.starts_with("[[") && header(said).is_some() {
            own =
                header(said).filter(|path| path.starts_with(&[slot.key.to_owned(), slot.name.to_owned()])).map(|_| {
                    // With the empty line that sets it apart.
                    let before = if start == 0 { 0 } else { line_start(text, start - 1) };
                    let from = if text[before..start].trim().is_empty() { before } else { start };
                    ranges.push(from..at);
                    ranges.len() - 1
                });
        } else if said.starts_with("[[") {
            own = None;
        } else if let Some(own) = own
            && !said.is_empty()
            && !said.starts_with('#')
        {
            ranges[own].end = at;
        }
    }
    // A file that did not end its last line ended it for the table.
    if let [only] = ranges.as_slice()
        && only.end == text.len()
        && !text.ends_with('\n')
        && only.start > 0
    {
        let from = line_stop(text, only.start - 1);
        return Ok(std::iter::once(from..only.end).collect());
    }
    Ok(ranges)
}

fn parse<'a>(slot: &Slot<'_>, text: &'a str) -> Result<Document<&'a str>> {
    Document::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        let at = (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        slot.broken(text, at, error.message().lines().next().unwrap_or_default().to_owned())
    })
}

/// The keys of a table's header.
fn header(line: &str) -> Option<Vec<String>> {
    let inner = line.strip_prefix('[')?;
    // A bracket may stand in a quoted key or in a comment.
    let ends = inner.match_indices(']').map(|(at, _)| at);
    let keys = ends.filter_map(|at| Key::parse(&inner[..at]).ok()).next()?;
    Some(keys.iter().map(|key| key.get().to_owned()).collect())
}

fn table_value(table: &dyn TableLike) -> Value {
    Value::Object(table.iter().map(|(key, item)| (key.to_owned(), item_value(item))).collect())
}

fn item_value(item: &Item) -> Value {
    match item {
        Item::None => Value::Null,
        Item::Value(value) => scalar(value),
        Item::Table(table) => table_value(table),
        Item::ArrayOfTables(tables) => Value::Array(tables.iter().map(|table| table_value(table)).collect()),
    }
}

fn scalar(value: &toml_edit::Value) -> Value {
    match value {
        toml_edit::Value::String(text) => Value::String(text.value().clone()),
        toml_edit::Value::Integer(number) => Value::from(*number.value()),
        // As text: what JSON cannot write must not look like nothing.
        toml_edit::Value::Float(number) => Value::String(format!("float {}", number.value())),
        toml_edit::Value::Boolean(flag) => Value::Bool(*flag.value()),
        toml_edit::Value::Datetime(time) => Value::String(format!("time {}", time.value())),
        toml_edit::Value::Array(items) => Value::Array(items.iter().map(scalar).collect()),
        toml_edit::Value::InlineTable(table) => table_value(table),
    }
}

fn written(setting: &Setting) -> String {
    match setting {
        Setting::Text(text) => quoted(text),
        Setting::Flag(flag) => flag.to_string(),
        Setting::Number(number) => number.to_string(),
        Setting::List(items) => list(items),
        Setting::Map(fields) => {
            let fields: Vec<_> =
                fields.iter().map(|(name, text)| format!("{} = {}", key(name), quoted(text))).collect();
            format!("{{ {} }}", fields.join(", "))
        }
    }
}

fn key(name: &str) -> String {
    let is_bare = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    if is_bare { name.to_owned() } else { quoted(name) }
}
