//! The pieces of a text with expressions and variables.

use super::function::Function;
use crate::error::{Error, ErrorKind, Result};

/// One piece of a text.
#[derive(Clone, Debug)]
pub(super) enum Piece<'a> {
    /// What stands for itself.
    Literal(&'a str),
    /// `$NAME` or `${NAME}`, and how it was written.
    Variable { name: &'a str, written: &'a str },
    /// `{{path|function|…}}`.
    Expression { path: &'a str, functions: Vec<Function<'a>> },
}

/// Takes a text apart.
pub(super) fn pieces(text: &str) -> Result<Vec<Piece<'_>>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("{{") {
        literals(&rest[..start], &mut pieces);
        let inner = &rest[start + 2..];
        let Some(end) = inner.find("}}") else { return Err(broken("`{{` without `}}`", text)) };
        pieces.push(expression(&inner[..end], text)?);
        rest = &inner[end + 2..];
    }
    literals(rest, &mut pieces);
    Ok(pieces)
}

fn expression<'a>(inner: &'a str, text: &str) -> Result<Piece<'a>> {
    let mut parts = inner.split('|');
    let path = parts.next().unwrap_or_default().trim();
    if path.is_empty() {
        return Err(broken("expression without a name", text));
    }
    let functions = parts.map(|part| Function::parse(part).map_err(|error| inside(error, text)));
    Ok(Piece::Expression { path, functions: functions.collect::<Result<_>>()? })
}

/// Splits a text without expressions at its variables.
fn literals<'a>(text: &'a str, pieces: &mut Vec<Piece<'a>>) {
    let mut rest = text;
    let mut from = 0;
    while let Some(dollar) = rest[from..].find('$').map(|at| from + at) {
        let Some((name, length)) = variable(&rest[dollar + 1..]) else {
            from = dollar + 1;
            continue;
        };
        if dollar > 0 {
            pieces.push(Piece::Literal(&rest[..dollar]));
        }
        let end = dollar + 1 + length;
        pieces.push(Piece::Variable { name, written: &rest[dollar..end] });
        (rest, from) = (&rest[end..], 0);
    }
    if !rest.is_empty() {
        pieces.push(Piece::Literal(rest));
    }
}

/// The name after a `$`, and how much of the text it takes.
fn variable(after: &str) -> Option<(&str, usize)> {
    let (name, length) = match after.strip_prefix('{') {
        Some(braced) => {
            let end = braced.find('}')?;
            (&braced[..end], end + 2)
        }
        None => {
            let end = after.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(after.len());
            (&after[..end], end)
        }
    };
    let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_name.then_some((name, length))
}

fn broken(why: &str, text: &str) -> Error {
    Error::new(ErrorKind::InvalidConfig, format!("{why} in `{text}`"))
}

/// The same error, with the text that it is about.
fn inside(error: Error, text: &str) -> Error {
    let hints: Vec<_> = error.hints().map(str::to_owned).collect();
    hints.into_iter().fold(broken(error.message(), text), Error::with_hint)
}
