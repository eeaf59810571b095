//! What a `server.json` asks whoever uses it for, as configuration and secrets of a catalog's entry.

use indexmap::IndexMap;
use serde_json::{Map, Value, json};

use super::document::{Input, KeyValue};
use crate::catalog::template;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ConfigEntry, EnvEntry, SecretEntry, ServerEntry, ServerName};

/// The longest text that is taken over.
const MAX_TEXT: usize = 4_096;
/// The most inputs of one server.
const MAX_INPUTS: usize = 200;

/// What is known of a server's inputs while its document is read.
#[derive(Debug)]
pub(super) struct Draft {
    server: ServerName,
    config: IndexMap<String, Value>,
    required: Vec<String>,
    secrets: Vec<SecretEntry>,
    env: Vec<EnvEntry>,
    /// Paths that whoever uses the server names: it may read these.
    read: Vec<String>,
    /// What is left out, and why.
    pub(super) notes: Vec<String>,
}

/// A text of an entry, and what it depends on.
#[derive(Debug)]
pub(super) struct Text {
    pub(super) text: String,
    pub(super) has_secret: bool,
    /// Whether it is one value that whoever uses the server gives, and nothing else.
    pub(super) is_input: bool,
}

enum Part {
    Literal(String),
    Input(String),
    Secret(String),
}

impl Draft {
    pub(super) fn new(server: ServerName) -> Self {
        Self {
            server,
            config: IndexMap::new(),
            required: Vec::new(),
            secrets: Vec::new(),
            env: Vec::new(),
            read: Vec::new(),
            notes: Vec::new(),
        }
    }

    pub(super) fn note(&mut self, text: impl Into<String>) {
        self.notes.push(text.into());
    }

    pub(super) fn read_paths(&self) -> Vec<String> {
        self.read.clone()
    }

    /// An environment variable, which is a secret, a value that is given, or a fixed one.
    pub(super) fn variable(&mut self, given: &KeyValue) -> Result<()> {
        let (name, input) = (given.name.as_str(), &given.input);
        check_variable(name)?;
        if self.env.iter().any(|known| known.name == name) || self.secrets.iter().any(|known| known.env == name) {
            return Err(unusable(format!("environment variable `{name}` is described twice")));
        }
        if input.is_secret && input.value.is_none() {
            self.secret(name, name, input)?;
            return Ok(());
        }
        let value = self.text(name, input)?;
        if value.text.is_empty() {
            return Ok(());
        }
        let mut extra = Map::new();
        if let Some(description) = plain(input.description.as_deref()) {
            extra.insert("description".to_owned(), description.into());
        }
        self.env.push(EnvEntry { name: name.to_owned(), value: Some(value.text), extra });
        Ok(())
    }

    /// A variable of ours, which no document can set.
    pub(super) fn fixed(&mut self, name: &str, value: &str) {
        self.env.push(EnvEntry { name: name.to_owned(), value: Some(value.to_owned()), extra: Map::new() });
    }

    /// A fixed value with its variables put in, or the place of a value that is given.
    pub(super) fn text(&mut self, name: &str, input: &Input) -> Result<Text> {
        let parts = match &input.value {
            Some(value) => self.parts(value, &input.variables)?,
            None => vec![self.input(name, input)?],
        };
        join(parts)
    }

    /// A text with its variables put in; what is in braces and no variable stays as it is.
    pub(super) fn template(&mut self, text: &str, variables: &IndexMap<String, Input>) -> Result<Text> {
        join(self.parts(text, variables)?)
    }

    fn parts(&mut self, text: &str, variables: &IndexMap<String, Input>) -> Result<Vec<Part>> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(start) = rest.find('{') {
            let inner = &rest[start + 1..];
            let name = inner.find('}').map(|end| &inner[..end]);
            let Some((name, variable)) = name.and_then(|name| Some((name, variables.get(name)?))) else {
                parts.push(Part::Literal(rest[..=start].to_owned()));
                rest = inner;
                continue;
            };
            parts.push(Part::Literal(rest[..start].to_owned()));
            // A variable of a variable is no part of the format.
            parts.push(match &variable.value {
                Some(value) => Part::Literal(value.clone()),
                None => self.input(name, variable)?,
            });
            rest = &inner[name.len() + 1..];
        }
        parts.push(Part::Literal(rest.to_owned()));
        Ok(parts)
    }

    /// The place of a value that whoever uses the server gives.
    fn input(&mut self, name: &str, input: &Input) -> Result<Part> {
        if input.is_secret {
            let variable = environment_name(name);
            return Ok(Part::Secret(self.secret(name, &variable, input)?));
        }
        let key = key(name)?;
        if !self.config.contains_key(&key) {
            self.bounded()?;
            let is_path = input.format.as_deref() == Some("filepath");
            self.config.insert(key.clone(), schema(input, is_path));
            if input.is_required && (input.default.is_none() || is_path) {
                self.required.push(key.clone());
            }
            if is_path {
                self.read.push(format!("{{{{{}.{key}|into}}}}", self.server));
            }
        }
        Ok(Part::Input(format!("{}.{key}", self.server)))
    }

    /// Declares a secret; gives the variable that carries it.
    fn secret(&mut self, name: &str, variable: &str, input: &Input) -> Result<String> {
        check_variable(variable)?;
        let secret_name = format!("{}.{}", self.server, key(name)?);
        if let Some(known) = self.secrets.iter().find(|known| known.env == variable) {
            if known.name != secret_name {
                return Err(unusable(format!("`{name}` and `{}` would be one secret", known.name)));
            }
            return Ok(variable.to_owned());
        }
        if self.env.iter().any(|known| known.name == variable) {
            return Err(unusable(format!("secret `{name}` and environment variable `{variable}` would be one")));
        }
        self.bounded()?;
        let mut secret = SecretEntry::new(secret_name, variable);
        secret.required = (!input.is_required).then_some(false);
        for (key, text) in [("description", &input.description), ("example", &input.placeholder)] {
            if let Some(text) = plain(text.as_deref()) {
                secret.extra.insert(key.to_owned(), text.into());
            }
        }
        self.secrets.push(secret);
        Ok(variable.to_owned())
    }

    fn bounded(&self) -> Result<()> {
        if self.config.len() + self.secrets.len() >= MAX_INPUTS {
            return Err(unusable(format!("there are more than {MAX_INPUTS} inputs")));
        }
        Ok(())
    }

    /// Puts what was asked for into the entry.
    pub(super) fn finish(self, entry: &mut ServerEntry) {
        if !self.config.is_empty() {
            let properties: Map<String, Value> = self.config.into_iter().collect();
            let mut schema = Map::new();
            schema.insert("type".to_owned(), "object".into());
            schema.insert("properties".to_owned(), properties.into());
            if !self.required.is_empty() {
                schema.insert("required".to_owned(), json!(self.required));
            }
            entry.config = vec![ConfigEntry { name: self.server.to_string(), schema }];
        }
        entry.secrets = self.secrets;
        entry.env = self.env;
    }
}

/// Why a document, or a part of it, cannot be used.
pub(super) fn unusable(why: impl Into<String>) -> Error {
    Error::new(ErrorKind::Unsupported, why.into())
}

/// A text for people: without characters that are not seen, and not too long; nothing where nothing is left.
pub(super) fn plain(text: Option<&str>) -> Option<String> {
    let is_seen = |c: &char| {
        let hidden = matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}');
        !hidden && (!c.is_control() || *c == '\n')
    };
    let text: String = text?.chars().filter(is_seen).take(MAX_TEXT).collect();
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// Joins parts to one text that means to our templates what it meant to its author.
fn join(parts: Vec<Part>) -> Result<Text> {
    let is_input = parts.iter().all(|part| match part {
        Part::Literal(text) => text.is_empty(),
        Part::Input(_) => true,
        Part::Secret(_) => false,
    });
    let (mut text, mut literal, mut has_secret) = (String::new(), String::new(), false);
    for part in parts {
        match part {
            Part::Literal(more) => {
                literal.push_str(&more);
                continue;
            }
            Part::Input(path) => {
                check_literal(&literal, true)?;
                text.push_str(&literal);
                text.push_str(&format!("{{{{{path}}}}}"));
            }
            Part::Secret(variable) => {
                check_literal(&literal, true)?;
                has_secret = true;
                text.push_str(&literal);
                text.push_str(&format!("${{{variable}}}"));
            }
        }
        literal.clear();
    }
    check_literal(&literal, false)?;
    text.push_str(&literal);
    Ok(Text { text, has_secret, is_input })
}

/// Refuses what a publisher wrote where our templates would take it for something else.
fn check_literal(text: &str, something_follows: bool) -> Result<()> {
    if text.len() > MAX_TEXT {
        return Err(unusable(format!("a value has more than {MAX_TEXT} bytes")));
    }
    if text.chars().any(char::is_control) {
        return Err(unusable("a value has a control character"));
    }
    let is_read_otherwise = text.contains("{{")
        || text.starts_with('}')
        || (something_follows && text.ends_with(['{', '$']))
        || !template::variables(text)?.is_empty();
    if is_read_otherwise {
        return Err(unusable(format!("`{text}` would be read as a template")));
    }
    Ok(())
}

/// Refuses variables that decide what code a server loads, where it looks for it, and where its traffic goes.
fn check_variable(name: &str) -> Result<()> {
    const DECIDING: [&str; 13] = [
        "PATH",
        "HOME",
        "TMPDIR",
        "IFS",
        "ENV",
        "BASH_ENV",
        "SHELLOPTS",
        "NODE_OPTIONS",
        "NODE_PATH",
        "PYTHONPATH",
        "PYTHONHOME",
        "PYTHONSTARTUP",
        "PERL5OPT",
    ];
    let folded = name.to_ascii_uppercase();
    let valid = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.len() <= 128
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !valid {
        return Err(unusable(format!("`{}` is not a name of an environment variable", name.escape_debug())));
    }
    let deciding = DECIDING.contains(&folded.as_str())
        || ["LD_", "DYLD_", "NPM_CONFIG_", "PIP_", "UV_"].iter().any(|prefix| folded.starts_with(prefix))
        || folded.ends_with("_PROXY");
    if deciding {
        return Err(unusable(format!("environment variable `{name}` decides what is loaded, or from where")));
    }
    Ok(())
}

/// A name that templates and profiles can write.
fn key(name: &str) -> Result<String> {
    let key: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') { c } else { '_' }).collect();
    let key = key.trim_matches(['_', '-']);
    if key.is_empty() || key.len() > 100 {
        return Err(unusable(format!("`{}` is not a name of an input", name.escape_debug())));
    }
    Ok(key.to_owned())
}

/// The variable of a secret that its publisher gave none.
fn environment_name(name: &str) -> String {
    let upper: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
    let upper = upper.trim_matches('_');
    if upper.starts_with(|c: char| c.is_ascii_alphabetic()) { upper.to_owned() } else { format!("INPUT_{upper}") }
}

/// The schema of a value; a path that the publisher proposes is none, for it would be read without anybody's word.
fn schema(input: &Input, is_path: bool) -> Value {
    let kind = match input.format.as_deref() {
        Some("number") => "number",
        Some("boolean") => "boolean",
        _ => "string",
    };
    let mut schema = Map::new();
    schema.insert("type".to_owned(), kind.into());
    if let Some(description) = plain(input.description.as_deref()) {
        schema.insert("description".to_owned(), description.into());
    }
    if let Some(default) = input.default.as_deref().filter(|_| !is_path) {
        let typed = (kind != "string").then(|| serde_json::from_str(default).ok()).flatten();
        schema.insert("default".to_owned(), typed.unwrap_or_else(|| default.into()));
    }
    if !input.choices.is_empty() && kind == "string" {
        schema.insert("enum".to_owned(), json!(input.choices));
    }
    if let Some(example) = plain(input.placeholder.as_deref()) {
        schema.insert("examples".to_owned(), json!([example]));
    }
    schema.into()
}
