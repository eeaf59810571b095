//! JSON as people write it: with comments, trailing commas and a byte order mark.

use std::ops::Range;

use serde_json::{Map, Value};

use super::{Insertion, Slot, line_end, line_start, line_stop, list, quoted};
use crate::error::Result;
use crate::gateway::home::clients::entry::{Entry, Setting};

/// How deep values may lie in each other.
const MAX_DEPTH: usize = 128;

/// A value and where it stands.
#[derive(Debug)]
struct Node {
    span: Range<usize>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Object(Vec<Member>),
    Array(Vec<Node>),
    Scalar(Value),
}

#[derive(Debug)]
struct Member {
    key: String,
    /// Where its key begins.
    start: usize,
    value: Node,
    /// The comma after it.
    comma: Option<usize>,
}

impl Node {
    fn to_value(&self) -> Value {
        match &self.kind {
            Kind::Object(members) => {
                Value::Object(members.iter().map(|m| (m.key.clone(), m.value.to_value())).collect::<Map<_, _>>())
            }
            Kind::Array(items) => Value::Array(items.iter().map(Self::to_value).collect()),
            Kind::Scalar(value) => value.clone(),
        }
    }
}

pub(super) fn value(slot: &Slot<'_>, text: &str) -> Result<Value> {
    Ok(parse(slot, text)?.map_or(Value::Null, |root| root.to_value()))
}

/// The text to insert: as the first member, where nothing that is there has to change, not even a comma.
pub(super) fn insertion(slot: &Slot<'_>, text: &str, entry: &Entry) -> Result<Insertion> {
    let end = line_end(text);
    let Some(root) = parse(slot, text)? else {
        let own = Style { unit: "  ".to_owned(), end, is_inline: false };
        let body = own.nested(slot.key, &own.member(slot.name, entry, 2), 1);
        let start = if text.is_empty() || text.ends_with('\n') || text == "\u{feff}" { "" } else { end };
        return Ok(Insertion { at: text.len(), text: format!("{start}{{{end}{body}{end}}}{end}") });
    };
    let members = object(slot, text, &root)?;
    let style = Style {
        unit: indent(text, members).unwrap_or("  ").to_owned(),
        end,
        is_inline: !text[root.span.clone()].contains('\n') && !members.is_empty(),
    };
    match member(slot, text, members, slot.key)? {
        None => {
            let inner = style.member(slot.name, entry, 2);
            Ok(style.first(text, &root, members, &style.nested(slot.key, &inner, 1), 0))
        }
        Some(servers) => {
            let inside = object(slot, text, &servers.value)?;
            Ok(style.first(text, &servers.value, inside, &style.member(slot.name, entry, 2), 1))
        }
    }
}

pub(super) fn removal(slot: &Slot<'_>, text: &str) -> Result<Vec<Range<usize>>> {
    let Some(root) = parse(slot, text)? else { return Ok(Vec::new()) };
    let Some(servers) = member(slot, text, object(slot, text, &root)?, slot.key)? else { return Ok(Vec::new()) };
    let members = object(slot, text, &servers.value)?;
    let Some(at) = members.iter().position(|member| member.key == slot.name) else { return Ok(Vec::new()) };
    let own = &members[at];
    let line = line_start(text, own.start);
    let is_first_of_line = text[line..own.start].trim().is_empty() && line > 0;
    // With the end of the line before, as it was put in.
    let from = if is_first_of_line { line_stop(text, line - 1) } else { own.start };
    let mut ranges = Vec::new();
    let to = match (own.comma, at.checked_sub(1).and_then(|before| members[before].comma)) {
        (Some(comma), _) => comma + 1,
        (None, Some(before)) => {
            ranges.push(before..before + 1);
            own.value.span.end
        }
        (None, None) => own.value.span.end,
    };
    let spaces = text[to..].len() - text[to..].trim_start_matches([' ', '\t']).len();
    ranges.push(from..if is_first_of_line { to } else { to + spaces });
    Ok(ranges)
}

/// How a file is written.
struct Style {
    /// One step of indentation.
    unit: String,
    end: &'static str,
    is_inline: bool,
}

impl Style {
    /// The entry as a member.
    fn member(&self, name: &str, entry: &Entry, depth: usize) -> String {
        let fields = entry.0.iter().map(|(key, setting)| format!("{}: {}", quoted(key), written(setting)));
        self.braced(name, &fields.collect::<Vec<_>>(), depth)
    }

    /// A member with one member in it.
    fn nested(&self, key: &str, inner: &str, depth: usize) -> String {
        let inner = inner.strip_prefix(&self.unit.repeat(depth + 1)).unwrap_or(inner);
        self.braced(key, &[inner.to_owned()], depth)
    }

    fn braced(&self, key: &str, fields: &[String], depth: usize) -> String {
        if self.is_inline {
            return format!("{}: {{{}}}", quoted(key), fields.join(", "));
        }
        let (outer, inner) = (self.unit.repeat(depth), self.unit.repeat(depth + 1));
        let fields: Vec<String> = fields.iter().map(|field| format!("{inner}{field}")).collect();
        format!(
            "{outer}{}: {{{end}{}{end}{outer}}}",
            quoted(key),
            fields.join(&format!(",{}", self.end)),
            end = self.end
        )
    }

    /// Where and how a member becomes the first of an object.
    fn first(&self, text: &str, object: &Node, members: &[Member], member: &str, depth: usize) -> Insertion {
        let open = object.span.start + 1;
        match members.first() {
            Some(first) if !text[open..first.start].contains('\n') => {
                // The line goes on after it; so does what is put in.
                let flat = if self.is_inline { member.to_owned() } else { flat(member) };
                Insertion { at: first.start, text: format!("{flat}, ") }
            }
            Some(_) => Insertion { at: after_comment(text, open), text: format!("{}{member},", self.end) },
            None if self.is_inline => Insertion { at: open, text: member.to_owned() },
            None if text[object.span.clone()].contains('\n') => {
                Insertion { at: after_comment(text, open), text: format!("{}{member}", self.end) }
            }
            None => {
                let text = format!("{end}{member}{end}{}", self.unit.repeat(depth), end = self.end);
                Insertion { at: open, text }
            }
        }
    }
}

/// A member on one line; no string of it holds a line's end.
fn flat(member: &str) -> String {
    let lines: Vec<&str> = member.lines().map(str::trim).collect();
    lines.join(" ").replace("{ ", "{").replace(" }", "}")
}

fn written(setting: &Setting) -> String {
    match setting {
        Setting::Text(text) => quoted(text),
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

/// The end of the line that an object is opened on, after a comment that belongs to it; else right after its brace.
fn after_comment(text: &str, open: usize) -> usize {
    let rest = &text[open..line_stop(text, open)];
    let comment = rest.trim();
    let is_whole = comment.is_empty()
        || comment.starts_with("//")
        || comment.starts_with("/*") && comment.find("*/") == Some(comment.len() - 2);
    if is_whole { open + rest.trim_end().len() } else { open }
}

/// The indentation of the first member, where it begins a line.
fn indent<'a>(text: &'a str, members: &[Member]) -> Option<&'a str> {
    let start = members.first()?.start;
    let line = line_start(text, start);
    let before = &text[line..start];
    (line > 0 && !before.is_empty() && before.bytes().all(|byte| matches!(byte, b' ' | b'\t'))).then_some(before)
}

fn object<'a>(slot: &Slot<'_>, text: &str, node: &'a Node) -> Result<&'a [Member]> {
    match &node.kind {
        Kind::Object(members) => Ok(members),
        _ => Err(slot.broken(text, node.span.start, "expected an object here")),
    }
}

/// A member by its key, which must be there once: programs disagree on which of two counts.
fn member<'a>(slot: &Slot<'_>, text: &str, members: &'a [Member], key: &str) -> Result<Option<&'a Member>> {
    let mut found = members.iter().filter(|member| member.key == key);
    let first = found.next();
    match found.next() {
        Some(again) => Err(slot.broken(text, again.start, format!("key `{key}` stands here twice"))),
        None => Ok(first),
    }
}

/// The value of a text; `None` where there is none.
fn parse(slot: &Slot<'_>, text: &str) -> Result<Option<Node>> {
    let start = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    let mut scanner = Scanner { text, at: start };
    let read = scanner.space().and_then(|()| {
        if scanner.at == text.len() {
            return Ok(None);
        }
        let root = scanner.value(0)?;
        scanner.space()?;
        if scanner.at < text.len() { Err("expected the end of the file") } else { Ok(Some(root)) }
    });
    read.map_err(|message| slot.broken(text, scanner.at, message))
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

type Scanned<T> = std::result::Result<T, &'static str>;

impl Scanner<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Skips white space and comments.
    fn space(&mut self) -> Scanned<()> {
        loop {
            let rest = &self.text[self.at..];
            match rest.as_bytes() {
                [b' ' | b'\t' | b'\n' | b'\r', ..] => self.at += 1,
                [b'/', b'/', ..] => self.at += rest.find('\n').unwrap_or(rest.len()),
                [b'/', b'*', ..] => match rest[2..].find("*/") {
                    Some(length) => self.at += length + 4,
                    None => return Err("this comment does not end"),
                },
                _ => return Ok(()),
            }
        }
    }

    fn value(&mut self, depth: usize) -> Scanned<Node> {
        if depth > MAX_DEPTH {
            return Err("values lie too deep in each other here");
        }
        let start = self.at;
        let kind = match self.peek() {
            Some(b'{') => Kind::Object(self.object(depth)?),
            Some(b'[') => Kind::Array(self.array(depth)?),
            Some(b'"') => Kind::Scalar(Value::String(self.string()?)),
            Some(_) => Kind::Scalar(self.word()?),
            None => return Err("expected a value, found the end of the file"),
        };
        Ok(Node { span: start..self.at, kind })
    }

    fn object(&mut self, depth: usize) -> Scanned<Vec<Member>> {
        let mut members: Vec<Member> = Vec::new();
        self.at += 1;
        loop {
            self.space()?;
            match self.peek() {
                Some(b'}') => break,
                Some(b'"') if members.last().is_none_or(|last| last.comma.is_some()) => {}
                Some(b'"') => return Err("expected a comma before this"),
                _ => return Err("expected a key in double quotes, or `}`"),
            }
            let start = self.at;
            let key = self.string()?;
            self.space()?;
            if self.peek() != Some(b':') {
                return Err("expected `:` after the key");
            }
            self.at += 1;
            self.space()?;
            let value = self.value(depth + 1)?;
            self.space()?;
            let comma = (self.peek() == Some(b',')).then_some(self.at);
            self.at += usize::from(comma.is_some());
            members.push(Member { key, start, value, comma });
        }
        self.at += 1;
        Ok(members)
    }

    fn array(&mut self, depth: usize) -> Scanned<Vec<Node>> {
        let (mut items, mut may_follow) = (Vec::new(), true);
        self.at += 1;
        loop {
            self.space()?;
            match self.peek() {
                Some(b']') => break,
                _ if !may_follow => return Err("expected a comma before this, or `]`"),
                _ => items.push(self.value(depth + 1)?),
            }
            self.space()?;
            may_follow = self.peek() == Some(b',');
            self.at += usize::from(may_follow);
        }
        self.at += 1;
        Ok(items)
    }

    fn string(&mut self) -> Scanned<String> {
        let start = self.at;
        let bytes = self.text.as_bytes();
        let mut at = start + 1;
        loop {
            match bytes.get(at) {
                Some(b'"') => break,
                Some(b'\\') => at += 2,
                Some(byte) if *byte >= b' ' => at += 1,
                _ => return Err("this text does not end on its line"),
            }
        }
        let read = self.text.get(start..=at).and_then(|quoted| serde_json::from_str(quoted).ok());
        let read = read.ok_or("this is not a text as JSON writes it")?;
        self.at = at + 1;
        Ok(read)
    }

    fn word(&mut self) -> Scanned<Value> {
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
        let rest = &self.text[self.at..];
        let word = &rest[..rest.find(|c| !is_part(c)).unwrap_or(rest.len())];
        let value = serde_json::from_str(word).map_err(|_| "expected a value")?;
        self.at += word.len();
        Ok(value)
    }
}
