//! What a server may ask of the person who calls its tool: forms and addresses at the terminal, answers of a file, roots.

mod field;
mod heard;
mod terminal;

use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use clap::builder::PossibleValuesParser;
use serde_json::{Map, Value, json};

use super::report;
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::{Client, ClientQuestion};
use crate::model::LogLevel;
use crate::protocol::{ClientCapabilities, RawJson};
use crate::util::fs;

pub(super) use heard::{Logs, progress};
use terminal::Terminal;
pub(super) use terminal::Turn;

/// The flags that say what a server may ask, and what of it is shown.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ClientArgs {
    /// Tell the server that it may work in this folder (may be repeated)
    #[arg(long = "root", value_name = "DIR")]
    roots: Vec<PathBuf>,
    /// Answer forms of the server from this JSON file: `{"FIELD": VALUE}`
    #[arg(long, value_name = "FILE")]
    answers: Option<PathBuf>,
    /// Show the server's log messages from this level on, on standard error
    #[arg(long, value_name = "LEVEL", value_parser = PossibleValuesParser::new(LogLevel::ALL.map(LogLevel::as_str)))]
    log_level: Option<String>,
}

impl ClientArgs {
    /// Who answers what the server asks; nobody where there is nothing to answer with.
    ///
    /// # Errors
    /// `NotFound` for a folder or file that is not there, `InvalidInput` for one that is something else.
    pub(super) fn client(&self, turn: &Turn) -> Result<Option<Arc<dyn Client>>> {
        let roots = self.roots.iter().map(|folder| root(folder)).collect::<Result<Vec<_>>>()?;
        let answers = self.answers.as_deref().map(read_answers).transpose()?;
        // A question that nobody can read waits in vain.
        let terminal = (io::stdin().is_terminal() && io::stderr().is_terminal()).then(|| Terminal::new(turn.clone()));
        let caller = CommandLine { roots, answers, terminal };
        Ok((!caller.capabilities().is_empty()).then(|| Arc::new(caller) as _))
    }

    /// The level from which on logs are shown.
    pub(super) fn log_level(&self) -> Option<&str> {
        self.log_level.as_deref()
    }
}

/// The person, or the script, who calls a tool.
#[derive(Debug)]
struct CommandLine {
    roots: Vec<Value>,
    answers: Option<Map<String, Value>>,
    terminal: Option<Terminal>,
}

impl CommandLine {
    async fn elicit(&self, server: &str, params: Value) -> Result<Value> {
        if server.is_empty() {
            // Whether a request may go on is said by a person, who sees it, and not by a file that was written before.
            return match &self.terminal {
                Some(terminal) => terminal.fill(server, &params, Map::new()).await,
                None => Ok(json!({"action": "decline", "content": {"reason": "there is no terminal to ask at"}})),
            };
        }
        match &self.terminal {
            Some(terminal) if params["mode"] == "url" => terminal.confirm(server, &params).await,
            Some(terminal) => terminal.fill(server, &params, self.answers.clone().unwrap_or_default()).await,
            None => Ok(self.filled(server, &params["requestedSchema"])),
        }
    }

    /// A form that nobody is asked about: what the file says, and the defaults.
    fn filled(&self, server: &str, schema: &Value) -> Value {
        let mut content = Map::new();
        for field in field::all(schema) {
            match field.given(self.answers.as_ref()) {
                Ok(Some(value)) => drop(content.insert(field.name, value)),
                Ok(None) if !field.is_required => {}
                Ok(None) => return declined(server, &field.name, "there is no answer to it in `--answers`"),
                Err(wanted) => return declined(server, &field.name, &format!("its answer has to be {wanted}")),
            }
        }
        json!({"action": "accept", "content": content})
    }
}

#[async_trait]
impl Client for CommandLine {
    fn capabilities(&self) -> ClientCapabilities {
        let mut declared = json!({});
        if !self.roots.is_empty() {
            declared["roots"] = json!({});
        }
        if self.answers.is_some() || self.terminal.is_some() {
            declared["elicitation"] = json!({"form": {}});
        }
        if self.terminal.is_some() {
            declared["elicitation"]["url"] = json!({});
        }
        ClientCapabilities::of(&declared)
    }

    async fn answer(&self, question: &ClientQuestion) -> Result<RawJson> {
        let server = question.server.as_ref().map_or("", |server| server.as_str());
        let answer = match question.method.as_str() {
            "roots/list" => json!({"roots": self.roots}),
            "elicitation/create" => self.elicit(server, question.params.read()?).await?,
            method => return Err(Error::new(ErrorKind::Unsupported, format!("`{method}` is not answered here"))),
        };
        RawJson::from_value(&answer)
    }
}

/// Says why a form is not filled in.
fn declined(server: &str, field: &str, why: &str) -> Value {
    report::warning(format_args!("server `{server}` asks for `{field}`, which was declined: {why}"));
    json!({"action": "decline"})
}

fn read_answers(path: &Path) -> Result<Map<String, Value>> {
    let wrong = |why: &'static str| {
        Error::new(ErrorKind::InvalidInput, why)
            .with_context("file", path.display())
            .with_hint("write the answers by field, such as `{\"name\": \"Ada\", \"size\": 3}`")
    };
    match serde_json::from_str(&fs::read_to_string(path)?) {
        Ok(Value::Object(answers)) => Ok(answers),
        Ok(_) => Err(wrong("answers are no JSON object")),
        Err(cause) => Err(wrong("answers are no JSON").with_source(cause)),
    }
}

fn root(folder: &Path) -> Result<Value> {
    let path = fs::canonicalize(folder)?;
    if !path.is_dir() {
        return Err(Error::new(ErrorKind::InvalidInput, "a root is a folder").with_context("path", path.display()));
    }
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    Ok(json!({"uri": file_uri(&path), "name": name}))
}

/// The address of a file: what is no plain character of a path is written by its bytes.
fn file_uri(path: &Path) -> String {
    let mut uri = "file://".to_owned();
    for byte in path.to_string_lossy().replace('\\', "/").bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => uri.push(char::from(byte)),
            byte => uri.push_str(&format!("%{byte:02X}")),
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scripted(answers: Value) -> CommandLine {
        CommandLine { roots: Vec::new(), answers: serde_json::from_value(answers).unwrap(), terminal: None }
    }

    #[test]
    fn a_form_is_filled_in_from_a_file_and_defaults() {
        let schema = json!({
            "properties": {
                "name": {"type": "string"},
                "size": {"type": "integer", "default": 3},
                "nick": {"type": "string"},
            },
            "required": ["name"],
        });
        let filled = |answers| scripted(answers).filled("s", &schema);
        assert_eq!(
            filled(json!({"name": "Ada", "other": 1})),
            json!({"action": "accept", "content": {"name": "Ada", "size": 3}})
        );
        assert_eq!(filled(json!({"size": 1}))["action"], "decline");
        assert_eq!(filled(json!({"name": "Ada", "size": "big"}))["action"], "decline");
    }

    #[test]
    fn nothing_is_declared_without_anything_to_answer_with() {
        let mut caller = CommandLine { roots: Vec::new(), answers: None, terminal: None };
        assert!(caller.capabilities().is_empty());
        caller.answers = Some(Map::new());
        assert_eq!(caller.capabilities().to_value(), json!({"elicitation": {"form": {}}}));
    }

    #[test]
    fn a_root_has_an_address() {
        assert_eq!(file_uri(Path::new("/a b/ü%")), "file:///a%20b/%C3%BC%25");
    }
}
