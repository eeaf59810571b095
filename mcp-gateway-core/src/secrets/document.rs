//! The text form of a set of secrets: `.env` syntax with scoped keys, edited without disturbing the rest.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use zeroize::Zeroizing;

use super::SecretKey;
use crate::error::{Error, ErrorKind, Result};
use crate::model::SecretValue;

/// A parsed text; errors name file and line, never what stands there.
pub(super) struct Document {
    text: Zeroizing<String>,
    entries: Vec<Entry>,
}

struct Entry {
    key: SecretKey,
    value: SecretValue,
    /// The whole of its lines, with the line end.
    lines: Range<usize>,
    /// The value as written, with its quotes.
    written: Range<usize>,
}

impl Document {
    /// Reads a text.
    pub(super) fn parse(text: Zeroizing<String>, path: &Path) -> Result<Self> {
        let entries = Scanner { text: &text, at: 0, line: 1, path }.entries()?;
        Ok(Self { text, entries })
    }

    /// The text as it would be written to a file.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The secrets that have a value; of a key that stands twice, the last.
    pub(super) fn values(&self) -> BTreeMap<SecretKey, SecretValue> {
        let mut values: BTreeMap<_, _> =
            self.entries.iter().map(|entry| (entry.key.clone(), entry.value.clone())).collect();
        values.retain(|_, value| !value.is_empty());
        values
    }

    /// The text with a value set: in its place if the key is there, otherwise at the end.
    pub(super) fn with(&self, key: &SecretKey, value: &SecretValue) -> Zeroizing<String> {
        let quoted = quote(value.expose());
        let room = self.text.len() + quoted.len() + key.to_string().len() + 3;
        let mut out = Zeroizing::new(String::with_capacity(room));
        if let Some(entry) = self.entries.iter().rev().find(|entry| entry.key == *key) {
            out.push_str(&self.text[..entry.written.start]);
            out.push_str(&quoted);
            out.push_str(&self.text[entry.written.end..]);
            return out;
        }
        out.push_str(&self.text);
        if !out.is_empty() && !out.ends_with('\n') {
            out.push('\n');
        }
        out.push_str(&key.to_string());
        out.push('=');
        out.push_str(&quoted);
        out.push('\n');
        out
    }

    /// The text without a key.
    pub(super) fn without(&self, key: &SecretKey) -> Zeroizing<String> {
        let mut out = Zeroizing::new(String::with_capacity(self.text.len()));
        let mut from = 0;
        for entry in self.entries.iter().filter(|entry| entry.key == *key) {
            out.push_str(&self.text[from..entry.lines.start]);
            from = entry.lines.end;
        }
        out.push_str(&self.text[from..]);
        out
    }
}

/// A value in the simplest form that is read back as it is.
fn quote(value: &str) -> Zeroizing<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:@%+,=".contains(c);
    if !value.is_empty() && value.chars().all(plain) {
        return Zeroizing::new(value.to_owned());
    }
    let mut out = Zeroizing::new(String::with_capacity(value.len() * 2 + 2));
    if !value.contains(['\'', '\n', '\r']) {
        out.push('\'');
        out.push_str(value);
        out.push('\'');
        return out;
    }
    out.push('"');
    for c in value.chars() {
        match c {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '"' | '\\' | '$' => {
                out.push('\\');
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    out.push('"');
    out
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    line: usize,
    path: &'a Path,
}

impl<'a> Scanner<'a> {
    fn entries(mut self) -> Result<Vec<Entry>> {
        let mut entries: Vec<Entry> = Vec::new();
        if self.text.starts_with('\u{feff}') {
            self.at = '\u{feff}'.len_utf8();
        }
        while self.at < self.text.len() {
            let Some(entry) = self.line()? else { continue };
            if entries.iter().any(|earlier| earlier.key == entry.key) {
                let line = self.line - 1;
                tracing::warn!(file = %self.path.display(), line, key = %entry.key, "secret stands twice; the last counts");
            }
            entries.push(entry);
        }
        Ok(entries)
    }

    fn line(&mut self) -> Result<Option<Entry>> {
        let start = self.at;
        let line = self.rest_of_line();
        if line.trim().is_empty() || line.trim_start().starts_with('#') {
            self.next_line();
            return Ok(None);
        }
        let Some((name, _)) = line.split_once('=') else {
            return Err(self.error("line is not of the form `KEY=value`"));
        };
        let bare = name.trim();
        let bare = bare.strip_prefix("export").filter(|rest| rest.starts_with([' ', '\t'])).map_or(bare, str::trim);
        let Ok(key) = SecretKey::parse(bare) else {
            return Err(self
                .error("what stands before `=` is not a secret's key")
                .with_hint("write `KEY=value` or `profile/server/KEY=value`"));
        };
        self.at += name.len() + 1;
        let after = self.rest_of_line();
        self.at += after.len() - after.trim_start_matches([' ', '\t']).len();
        let (value, written) = match self.rest_of_line().chars().next() {
            Some(mark @ ('"' | '\'')) => self.quoted(mark)?,
            _ => self.unquoted(after),
        };
        let rest = self.rest_of_line().trim();
        if !rest.is_empty() && !rest.starts_with('#') {
            return Err(self.error("text after the closing quote"));
        }
        self.next_line();
        Ok(Some(Entry { key, value: SecretValue::new(value), lines: start..self.at, written }))
    }

    /// An unquoted value ends at the line's end or at ` #`.
    fn unquoted(&mut self, after: &str) -> (String, Range<usize>) {
        let line = self.rest_of_line();
        let padded = after.len() != after.trim_start_matches([' ', '\t']).len();
        let comment = line
            .char_indices()
            .find(|&(at, c)| c == '#' && if at == 0 { padded } else { line[..at].ends_with([' ', '\t']) })
            .map_or(line.len(), |(at, _)| at);
        let value = line[..comment].trim_end();
        let written = self.at..self.at + value.len();
        self.at = self.at.max(written.end);
        (value.to_owned(), written)
    }

    /// Single quotes keep everything; double quotes know `\n`, `\r`, `\t` and `\` before any sign. Both may span lines.
    fn quoted(&mut self, mark: char) -> Result<(String, Range<usize>)> {
        let start = self.at;
        let body = &self.text[start + 1..];
        let mut escaped = false;
        let end = body.find(|c| {
            let closes = c == mark && !escaped;
            escaped = mark == '"' && c == '\\' && !escaped;
            closes
        });
        let Some(body) = end.map(|end| &body[..end]) else { return Err(self.error("quote is never closed")) };
        // Room for all of it at once: a growing text would leave copies of a secret behind.
        let mut value = String::with_capacity(body.len());
        let mut chars = body.chars();
        while let Some(c) = chars.next() {
            match c {
                '\\' if mark == '"' => value.extend(chars.next().map(|c| match c {
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    other => other,
                })),
                _ => value.push(c),
            }
        }
        self.line += body.matches('\n').count();
        self.at = start + 1 + body.len() + 1;
        Ok((value, start..self.at))
    }

    fn rest_of_line(&self) -> &'a str {
        let rest: &'a str = &self.text[self.at..];
        rest.split_once('\n').map_or(rest, |(line, _)| line)
    }

    fn next_line(&mut self) {
        self.at = (self.at + self.rest_of_line().len() + 1).min(self.text.len());
        self.line += 1;
    }

    fn error(&self, message: &'static str) -> Error {
        Error::new(ErrorKind::InvalidConfig, message)
            .with_context("file", format_args!("{}:{}", self.path.display(), self.line))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Document> {
        Document::parse(Zeroizing::new(text.to_owned()), Path::new("x.env"))
    }

    fn shown(text: &str) -> Vec<(String, String)> {
        let values = parse(text).unwrap().values();
        values.iter().map(|(key, value)| (key.to_string(), value.expose().to_owned())).collect()
    }

    #[test]
    fn reads_what_env_files_hold() {
        let text = "\u{feff}# comment\r\nA=1\r\nexport B = two words # note\n\nC='it # is'\nD=\"a\\n\\\"b\\\" \\$x\" # note\n\
                    E=\"line one\nline two\"\nF=a#b\nG=\nH= # nothing\nI==\ndev/github/TOKEN=t\ndev//T='1'\n/s/T=2";
        let expected = [
            ("A", "1"),
            ("B", "two words"),
            ("C", "it # is"),
            ("D", "a\n\"b\" $x"),
            ("E", "line one\nline two"),
            ("F", "a#b"),
            ("I", "="),
            ("/s/T", "2"),
            ("dev//T", "1"),
            ("dev/github/TOKEN", "t"),
        ];
        assert_eq!(shown(text), expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
    }

    #[test]
    fn the_last_of_two_counts() {
        let document = parse("A=1\nB=2\nA=3\n").unwrap();
        assert_eq!(document.values()[&SecretKey::new("A").unwrap()].expose(), "3");
        assert_eq!(*document.without(&SecretKey::new("A").unwrap()), "B=2\n");
    }

    #[test]
    fn errors_name_the_line_and_not_the_value() {
        let cases = [
            ("A=1\nhunter2\n", "x.env:2"),
            ("A=\"x\ny\"\nB='hunter2\n\n", "x.env:3"),
            ("hunter2 hunter2=1", "x.env:1"),
            ("A='1'hunter2", "x.env:1"),
        ];
        for (text, place) in cases {
            let error = parse(text).err().unwrap();
            assert_eq!(error.kind(), ErrorKind::InvalidConfig);
            assert!(error.report().contains(place), "{}", error.report());
            assert!(!format!("{error:?}").contains("hunter2"));
        }
    }

    #[test]
    fn an_edit_keeps_comments_and_order() {
        let document = parse("# mine\nA=1 # first\n\nB='2'").unwrap();
        let (a, b, c) = ("A", "B", "dev/x/C");
        let [a, b, c] = [a, b, c].map(|key| SecretKey::parse(key).unwrap());
        assert_eq!(*document.with(&a, &SecretValue::new("it's")), "# mine\nA=\"it's\" # first\n\nB='2'");
        assert_eq!(*document.with(&c, &SecretValue::new("x y")), "# mine\nA=1 # first\n\nB='2'\ndev/x/C='x y'\n");
        assert_eq!(*document.without(&b), "# mine\nA=1 # first\n\n");
        assert_eq!(*document.without(&c), document.text());
    }

    #[test]
    fn every_value_is_read_back() {
        for value in
            ["plain", "a b", "it's", "\"q\"", "$HOME", "a\\nb", "l1\nl2\r\n", " pad ", "#x", "=", "é\t☃", "'\"\\$"]
        {
            let key = SecretKey::new("K").unwrap();
            let text = parse("").unwrap().with(&key, &SecretValue::new(value));
            assert_eq!(parse(&text).unwrap().values()[&key].expose(), value, "{value:?}");
        }
    }
}
