//! Texts of catalog entries, with values put in: `{{server.key|function}}` and `$VAR`.
//!
//! # Behavior
//! - `{{path}}` is the value at the path, and nothing where there is none; the braces never reach a server.
//! - Functions follow, each after a `|`: `volume`, `volume-target`, `into`, `first`, `last`, `or:…`, `mount_as:…`.
//! - `$NAME` and `${NAME}` in the text itself are replaced where the variable is declared, and left as they are
//!   otherwise. Values are put in as they are: nothing in them is expanded again.
//! - What comes out may begin with `-`: whoever puts it where options could be read refuses it there.

mod function;
mod parse;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use self::function::Item;
use self::parse::{Piece, pieces};
use crate::error::{Error, ErrorKind, Result};
use crate::model::SecretValue;

/// What texts are expanded with: configuration by name, and declared variables. Never secrets.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    values: Map<String, Value>,
    variables: BTreeMap<String, String>,
}

impl Scope {
    /// A scope of configuration values: `{"github": {"host": …}}` is found as `{{github.host}}`.
    pub fn new(values: Map<String, Value>) -> Self {
        Self { values, variables: BTreeMap::new() }
    }

    /// Declares a variable, for `$NAME`. Its value is no secret.
    #[must_use]
    pub fn with_variable(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }
}

/// Expands a text to one text; a list in it is joined with commas.
///
/// # Errors
/// `InvalidConfig` for an expression that is not closed or has an unknown function.
pub fn expand(text: &str, scope: &Scope) -> Result<String> {
    let mut expanded = String::new();
    for piece in pieces(text)? {
        expanded.push_str(&plain(piece, scope)?);
    }
    Ok(expanded)
}

/// Expands a text where a list may stand, as in a command or in volumes.
///
/// # Behavior
/// - A text that is one expression becomes as many texts as its value has; none where the value is missing or empty.
/// - Any other text becomes one text, as by [`expand`].
///
/// # Errors
/// As [`expand`].
pub fn expand_list(text: &str, scope: &Scope) -> Result<Vec<String>> {
    let mut pieces = pieces(text)?;
    if let [Piece::Expression { .. }] = pieces.as_slice()
        && let Some(Piece::Expression { path, functions }) = pieces.pop()
    {
        return Ok(match evaluate(path, &functions, scope)? {
            Item::Text(text) if text.is_empty() => Vec::new(),
            Item::Text(text) => vec![text],
            Item::List(texts) => texts,
        });
    }
    Ok(vec![expand(text, scope)?])
}

/// Expands a text that may name secrets, such as `Bearer ${API_KEY}`.
///
/// # Behavior
/// - Secrets are named by `$NAME` or `${NAME}` only, never by a template expression.
/// - `lookup` is asked first, then the scope's variables; it knows the declared secrets and no other.
///
/// # Errors
/// `MissingSecret` for a variable that neither knows, for a half-empty credential must not be sent. As [`expand`].
pub fn expand_secret(text: &str, scope: &Scope, lookup: &dyn Fn(&str) -> Option<SecretValue>) -> Result<SecretValue> {
    let mut parts = Vec::new();
    for piece in pieces(text)? {
        if let Piece::Variable { name, .. } = piece {
            let known = lookup(name).or_else(|| scope.variables.get(name).map(SecretValue::new));
            parts.push(known.ok_or_else(|| {
                Error::new(ErrorKind::MissingSecret, format!("`${name}` is neither declared nor set"))
                    .with_hint(format!("declare it in the catalog entry, under `secrets`, with `env: {name}`"))
            })?);
        } else {
            parts.push(SecretValue::new(plain(piece, scope)?));
        }
    }
    // Sized at once, so that growing does not leave copies of the secret behind.
    let mut whole = String::with_capacity(parts.iter().map(|part| part.expose().len()).sum());
    for part in &parts {
        whole.push_str(part.expose());
    }
    Ok(SecretValue::new(whole))
}

/// The variables that a text names by `$NAME` or `${NAME}`.
///
/// # Errors
/// As [`expand`].
pub fn variables(text: &str) -> Result<Vec<&str>> {
    let names = pieces(text)?.into_iter().filter_map(|piece| match piece {
        Piece::Variable { name, .. } => Some(name),
        Piece::Literal(_) | Piece::Expression { .. } => None,
    });
    Ok(names.collect())
}

/// Whether a text could be expanded, whatever the values.
pub(crate) fn check(text: &str) -> Result<()> {
    pieces(text).map(drop)
}

fn plain(piece: Piece<'_>, scope: &Scope) -> Result<String> {
    Ok(match piece {
        Piece::Literal(text) => text.to_owned(),
        Piece::Variable { name, written } => scope.variables.get(name).map_or(written, String::as_str).to_owned(),
        Piece::Expression { path, functions } => match evaluate(path, &functions, scope)? {
            Item::Text(text) => text,
            Item::List(texts) => texts.join(","),
        },
    })
}

fn evaluate(path: &str, functions: &[function::Function<'_>], scope: &Scope) -> Result<Item> {
    let item = Item::of(find(path, &scope.values));
    Ok(functions.iter().fold(item, |item, function| function.apply(item)))
}

/// The value at a dotted path. A key may itself have dots: the longest one that exists is taken.
fn find<'a>(path: &str, values: &'a Map<String, Value>) -> Option<&'a Value> {
    if let Some(value) = values.get(path) {
        return Some(value);
    }
    let dots = path.match_indices('.').map(|(at, _)| at).collect::<Vec<_>>();
    dots.into_iter().rev().find_map(|at| {
        let (key, rest) = (path[..at].trim(), path[at + 1..].trim());
        find(rest, values.get(key)?.as_object()?)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn scope() -> Scope {
        let values = json!({
            "git": {"paths": ["/a", "/b"], "one": "/a", "none": [], "port": 80, "on": true, "empty": "", "null": null},
            "atlassian": {"jira": {"url": "URL"}},
            "win": {"path": "C:\\test\\folder"},
            "a.b": {"c": "dotted"},
            "evil": {"value": "{{git.one}} $HOME", "option": "--privileged"},
            "args": ["-v", 1, null],
        });
        let Value::Object(values) = values else { panic!() };
        Scope::new(values).with_variable("REGION", "eu")
    }

    #[test]
    fn expressions_become_text() {
        for (text, expected) in [
            ("constant {not} a }} template", "constant {not} a }} template"),
            ("{{git.one}}", "/a"),
            ("{{ git . one }}:{{git.port}}:{{git.on}}", "/a:80:true"),
            ("{{atlassian.jira.url}}/x", "URL/x"),
            ("{{a.b.c}}", "dotted"),
            ("--x={{git.paths}}", "--x=/a,/b"),
            ("{{unknown}}{{git.unknown}}{{git.one.deeper}}{{git.null}}|", "|"),
            ("{{git.one|volume-target}}/okta.log", "/a/okta.log"),
            ("{{git.unknown|volume}}", ""),
            ("{{win.path|volume}}", "C:\\test\\folder:/C/test/folder"),
            ("{{git.paths|first}}{{git.paths|last}}{{git.none|first}}{{git.one|last}}", "/a/b/a"),
            ("{{git.empty|or:default}},{{git.one|or:default}}", "default,/a"),
            ("{{git.one|mount_as: /logs:ro }}", "/a:/logs:ro"),
            ("{{git.paths|mount_as:/logs}}{{git.none|mount_as:/l}}{{git.null|mount_as:/l}}", "/a:/logs"),
        ] {
            assert_eq!(expand(text, &scope()).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn lists_spread_and_missing_values_leave_nothing() {
        let empty: [&str; 0] = [];
        for (text, expected) in [
            ("{{git.paths|volume|into}}", vec!["/a:/a", "/b:/b"]),
            ("{{git.paths|volume-target|into}}", vec!["/a", "/b"]),
            ("{{git.paths}}", vec!["/a", "/b"]),
            ("{{git.one|into}}", vec!["/a"]),
            ("{{git.paths|last|into}}", vec!["/b"]),
            ("{{git.none|or:[]|volume|into}}", vec![]),
            ("{{git.unknown|or:[]|volume|into}}", vec![]),
            ("{{git.none|or:[x, y]}}", vec!["x", "y"]),
            ("{{git.unknown|volume|into}}", vec![]),
            ("{{git.unknown}}", vec![]),
            ("{{args|into}}", vec!["-v", "1", ""]),
            ("--path={{git.unknown}}", vec!["--path="]),
            ("", vec![""]),
        ] {
            assert_eq!(expand_list(text, &scope()).unwrap(), expected, "{text}");
        }
        assert_eq!(expand_list("{{git.null|into}}", &scope()).unwrap(), empty);
    }

    #[test]
    fn only_declared_variables_are_expanded_and_only_in_the_text_itself() {
        let scope = scope();
        assert_eq!(
            expand("$REGION-${REGION}$REGIONS $HOME ${HOME} $ ${ $5", &scope).unwrap(),
            "eu-eu$REGIONS $HOME ${HOME} $ ${ $5"
        );
        assert_eq!(expand("{{evil.value}}", &scope).unwrap(), "{{git.one}} $HOME");
        assert_eq!(expand_list("{{evil.option}}", &scope).unwrap(), ["--privileged"]);
        assert_eq!(variables("Bearer ${KEY} $OTHER {{git.one|or:$NOT}}").unwrap(), ["KEY", "OTHER"]);
    }

    #[test]
    fn secrets_come_by_declared_variables_only() {
        let lookup = |name: &str| (name == "KEY").then(|| SecretValue::new("s3cret"));
        let header = expand_secret("Bearer ${KEY} {{atlassian.jira.url}} $REGION", &scope(), &lookup).unwrap();
        assert_eq!(header.expose(), "Bearer s3cret URL eu");
        let error = expand_secret("Bearer $OTHER", &scope(), &lookup).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::MissingSecret);
        assert_eq!(expand("{{KEY}} $KEY", &scope()).unwrap(), " $KEY");
    }

    #[test]
    fn what_cannot_be_expanded_is_an_error_and_never_braces() {
        for (text, message, hint) in [
            ("{{git.one|volum}}", "unknown function `volum` in `{{git.one|volum}}`", Some("did you mean `volume`?")),
            ("a {{git.one", "`{{` without `}}` in `a {{git.one`", None),
            ("{{}}", "expression without a name in `{{}}`", None),
            ("{{git.one|or}}", "function `or` needs a value in `{{git.one|or}}`", Some("write `or:value`")),
        ] {
            let error = expand(text, &scope()).unwrap_err();
            assert_eq!((error.message(), error.hints().next()), (message, hint));
        }
    }
}
