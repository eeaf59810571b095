//! What stands out in what a server offers, as text.

use serde_json::Value;
use similar::TextDiff;

use super::output::Output;
use crate::error::Result;
use crate::gateway::{FieldChange, SurfaceChange, SurfaceDiff};

/// The longest text that is shown as it is; longer ones are shown by the lines that changed.
const MAX_SHORT: usize = 72;

/// Writes a diff: each item, field by field.
pub(crate) fn write(out: &mut Output, diff: &SurfaceDiff) -> Result<()> {
    out.line(&format!("identity: {}", diff.identity))?;
    if let Some(accepted) = diff.accepted_identity.as_ref().filter(|accepted| **accepted != diff.identity) {
        out.line(&format!("accepted with: {accepted}"))?;
    }
    if diff.held > 0 {
        out.line(&format!("diff: {}", diff.id))?;
    }
    for item in &diff.items {
        out.line("")?;
        self::item(out, item)?;
    }
    if diff.items.is_empty() { Ok(()) } else { out.line("") }
}

fn item(out: &mut Output, item: &SurfaceChange) -> Result<()> {
    let held = if item.held { "held back, " } else { "" };
    let session = if item.session { ", offered to a session alone" } else { "" };
    let name = if item.name.is_empty() { String::new() } else { format!(" `{}`", one_line(&item.name)) };
    out.line(&format!("{}{name} ({held}{}{session})", item.list, item.change.as_str()))?;
    for flag in &item.flags {
        let place = if flag.field.is_empty() { String::new() } else { format!(" in {}", one_line(&flag.field)) };
        out.line(&format!("  flag: {}{place}: {}", flag.kind.as_str(), one_line(&flag.detail)))?;
    }
    item.fields.iter().try_for_each(|change| field(out, change))
}

fn field(out: &mut Output, change: &FieldChange) -> Result<()> {
    let (before, after) = (text(&change.before), text(&change.after));
    let is_short = |text: &Option<String>| {
        text.as_ref().is_none_or(|text| text.chars().count() <= MAX_SHORT && !text.contains('\n'))
    };
    let place = if change.field.is_empty() { "text".to_owned() } else { one_line(&change.field) };
    out.line(&format!("  {place}:"))?;
    if is_short(&before) && is_short(&after) {
        for (sign, text) in [('-', before), ('+', after)] {
            if let Some(text) = text {
                out.line(&format!("    {sign} {text}"))?;
            }
        }
        return Ok(());
    }
    let (before, after) = (lines(before), lines(after));
    let compared = TextDiff::from_lines(&before, &after);
    for hunk in compared.unified_diff().iter_hunks() {
        for change in hunk.iter_changes() {
            out.line(&format!("    {} {}", change.tag(), change.value().trim_end_matches('\n')))?;
        }
    }
    Ok(())
}

/// A value as it is shown; nothing where there is none.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        value @ (Value::Array(_) | Value::Object(_)) => serde_json::to_string_pretty(value).ok(),
        value => Some(value.to_string()),
    }
}

fn lines(text: Option<String>) -> String {
    text.map_or_else(String::new, |text| format!("{}\n", text.trim_end_matches('\n')))
}

fn one_line(text: &str) -> String {
    text.replace(['\n', '\t'], " ")
}
