//! The functions of template expressions, as Docker's catalog format has them.

use serde_json::Value;

use crate::error::{Error, ErrorKind, Result};
use crate::util::pattern::did_you_mean;

const NAMES: [&str; 8] = ["volume", "volume-target", "into", "first", "last", "or", "mount_as", "named"];

/// One function of an expression.
#[derive(Clone, Debug)]
pub(super) enum Function<'a> {
    /// A path, mounted under its own name: `/a` becomes `/a:/a`.
    Volume,
    /// The name that a path has in the container: `C:\a` becomes `/C/a`.
    VolumeTarget,
    /// A list, even of a single text.
    Into,
    /// The first of a list.
    First,
    /// The last of a list.
    Last,
    /// This value where there is none; `[]` and `[a, b]` are lists.
    Or(&'a str),
    /// A path, mounted as another: `/a` becomes `/a:/logs:ro`.
    MountAs(&'a str),
    /// The value behind the name of an option, as two arguments: `80` becomes `--port` and `80`.
    Named(&'a str),
}

impl<'a> Function<'a> {
    pub(super) fn parse(text: &'a str) -> Result<Self> {
        let (name, argument) = match text.split_once(':') {
            Some((name, argument)) => (name.trim(), Some(argument.trim())),
            None => (text.trim(), None),
        };
        let wrong = |message: String| Err(Error::new(ErrorKind::InvalidConfig, message));
        match (name, argument) {
            ("volume", None) => Ok(Self::Volume),
            ("volume-target", None) => Ok(Self::VolumeTarget),
            ("into", None) => Ok(Self::Into),
            ("first", None) => Ok(Self::First),
            ("last", None) => Ok(Self::Last),
            ("or", Some(value)) => Ok(Self::Or(value)),
            ("mount_as", Some(path)) => Ok(Self::MountAs(path)),
            ("named", Some(option)) => Ok(Self::Named(option)),
            ("or" | "mount_as" | "named", None) => wrong(format!("function `{name}` needs a value"))
                .map_err(|error: Error| error.with_hint(format!("write `{name}:value`"))),
            (name, Some(_)) if NAMES.contains(&name) => wrong(format!("function `{name}` takes no value")),
            (name, _) => wrong(format!("unknown function `{name}`")).map_err(|error| match did_you_mean(name, NAMES) {
                Some(meant) => error.with_hint(format!("did you mean `{meant}`?")),
                None => error,
            }),
        }
    }

    pub(super) fn apply(&self, item: Item) -> Item {
        match self {
            Self::Volume => item.map(volume),
            Self::VolumeTarget => item.map(|path| target(&path)),
            Self::Into => Item::List(item.into_texts()),
            Self::First => Item::Text(item.into_texts().into_iter().next().unwrap_or_default()),
            Self::Last => Item::Text(item.into_texts().into_iter().next_back().unwrap_or_default()),
            Self::Or(value) if item.is_empty() => alternative(value),
            Self::Or(_) => item,
            Self::MountAs(path) => Item::Text(match item.into_texts().into_iter().next() {
                Some(source) if !source.is_empty() => format!("{source}:{path}"),
                _ => String::new(),
            }),
            Self::Named(option) => {
                Item::List(item.into_texts().into_iter().flat_map(|text| [(*option).to_owned(), text]).collect())
            }
        }
    }
}

/// What an expression is worth on its way through the functions.
#[derive(Clone, Debug)]
pub(super) enum Item {
    Text(String),
    List(Vec<String>),
}

impl Item {
    /// A value; none is the empty text.
    pub(super) fn of(value: Option<&Value>) -> Self {
        match value {
            Some(Value::Array(items)) => Self::List(items.iter().map(text).collect()),
            Some(value) => Self::Text(text(value)),
            None => Self::Text(String::new()),
        }
    }

    fn map(self, change: impl Fn(String) -> String) -> Self {
        match self {
            Self::Text(text) => Self::Text(change(text)),
            Self::List(texts) => Self::List(texts.into_iter().map(change).collect()),
        }
    }

    fn into_texts(self) -> Vec<String> {
        match self {
            Self::Text(text) if text.is_empty() => Vec::new(),
            Self::Text(text) => vec![text],
            Self::List(texts) => texts,
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Text(text) => text.is_empty(),
            Self::List(texts) => texts.is_empty(),
        }
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn volume(path: String) -> String {
    if path.is_empty() { path } else { format!("{path}:{}", target(&path)) }
}

/// A Windows path has no such name in a container; its drive becomes a folder.
fn target(path: &str) -> String {
    let bytes = path.as_bytes();
    if bytes.len() >= 2 && bytes[0].is_ascii_alphabetic() && bytes[1] == b':' {
        return format!("/{}{}", &path[..1], path[2..].replace('\\', "/"));
    }
    path.to_owned()
}

fn alternative(written: &str) -> Item {
    match written.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
        Some(inner) if inner.trim().is_empty() => Item::List(Vec::new()),
        Some(inner) => Item::List(inner.split(',').map(|text| text.trim().to_owned()).collect()),
        None => Item::Text(written.to_owned()),
    }
}
