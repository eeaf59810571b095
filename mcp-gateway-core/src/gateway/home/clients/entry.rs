//! What stands in a client's configuration: how it starts the gateway.

use std::path::Path;

use serde_json::{Map, Number, Value};

/// The words with which every entry of the gateway starts it.
const START: [&str; 2] = ["gateway", "run"];

/// How the gateway is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Start {
    pub(super) program: String,
    pub(super) arguments: Vec<String>,
    /// Variables, never secrets.
    pub(super) variables: Vec<(String, String)>,
}

/// An entry, with its settings in the order in which they are written.
#[derive(Clone, Debug)]
pub(super) struct Entry(pub(super) Vec<(&'static str, Setting)>);

/// A value of an entry.
#[derive(Clone, Debug)]
pub(super) enum Setting {
    Text(String),
    Flag(bool),
    Number(u32),
    List(Vec<String>),
    Map(Vec<(String, String)>),
}

/// The form that a client wants an entry in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// `command`, `args`, `env`.
    Plain,
    /// The same, with `type: stdio`.
    Typed,
    /// The same as plain, in a list whose items have a `name`.
    Named,
    /// Codex: the same as plain, and how long the start may take.
    Codex,
    Goose,
    OpenCode,
    Zed,
}

impl Shape {
    /// The entry that starts the gateway.
    pub(super) fn entry(self, name: &str, start: &Start) -> Entry {
        let program = || Setting::Text(start.program.clone());
        let arguments = || Setting::List(start.arguments.clone());
        let text = |text: &str| Setting::Text(text.to_owned());
        let (mut settings, variables) = match self {
            Self::Plain => (vec![("command", program()), ("args", arguments())], "env"),
            Self::Typed => (vec![("type", text("stdio")), ("command", program()), ("args", arguments())], "env"),
            Self::Named => (vec![("name", text(name)), ("command", program()), ("args", arguments())], "env"),
            Self::Codex => {
                let patience = ("startup_timeout_sec", Setting::Number(60));
                (vec![("command", program()), ("args", arguments()), patience], "env")
            }
            Self::Goose => (
                vec![
                    ("enabled", Setting::Flag(true)),
                    ("type", text("stdio")),
                    ("name", text(name)),
                    ("description", text("Every MCP server of a profile, governed")),
                    ("cmd", program()),
                    ("args", arguments()),
                    ("timeout", Setting::Number(300)),
                ],
                "envs",
            ),
            Self::OpenCode => {
                let command = std::iter::once(start.program.clone()).chain(start.arguments.iter().cloned()).collect();
                let command = Setting::List(command);
                (vec![("type", text("local")), ("command", command), ("enabled", Setting::Flag(true))], "environment")
            }
            Self::Zed => (vec![("source", text("custom")), ("command", program()), ("args", arguments())], "env"),
        };
        // Goose asks for the key; nobody else needs it where it is empty.
        if self == Self::Goose || !start.variables.is_empty() {
            settings.push((variables, Setting::Map(start.variables.clone())));
        }
        Entry(settings)
    }
}

impl Entry {
    /// The entry as JSON, to compare it with what is there.
    pub(super) fn to_json(&self) -> Value {
        let value = |setting: &Setting| match setting {
            Setting::Text(text) => Value::String(text.clone()),
            Setting::Flag(flag) => Value::Bool(*flag),
            Setting::Number(number) => Value::Number(Number::from(*number)),
            Setting::List(items) => items.iter().cloned().map(Value::String).collect(),
            Setting::Map(fields) => {
                Value::Object(fields.iter().map(|(key, text)| (key.clone(), Value::String(text.clone()))).collect())
            }
        };
        Value::Object(self.0.iter().map(|(key, setting)| ((*key).to_owned(), value(setting))).collect::<Map<_, _>>())
    }
}

/// The command of an entry, whatever the client: program and arguments.
pub(super) fn command(entry: &Value) -> Option<(String, Vec<String>)> {
    let texts = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(|item| item.as_str().map(str::to_owned)).collect()
    };
    match entry.get("command").or_else(|| entry.get("cmd"))? {
        Value::String(program) => Some((program.clone(), entry.get("args").map(texts).unwrap_or_default())),
        list => {
            let mut words = texts(list).into_iter();
            Some((words.next()?, words.collect()))
        }
    }
}

/// Whether an entry starts this gateway, be it another installation of it.
pub(super) fn is_own(entry: &Value) -> bool {
    let Some((program, arguments)) = command(entry) else { return false };
    // A path of another system, too.
    let file = program.rsplit(['/', '\\']).next().unwrap_or_default();
    let is_gateway = Path::new(file).file_stem().is_some_and(|stem| stem == "mcp-gateway");
    is_gateway && arguments.windows(START.len()).any(|words| words == START)
}

/// The profile that an entry runs.
pub(super) fn profile(entry: &Value) -> Option<String> {
    let (_, arguments) = command(entry)?;
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        if word == "--profile" || word == "-p" {
            return words.next().cloned();
        }
        if let Some(name) = word.strip_prefix("--profile=") {
            return Some(name.to_owned());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_gateway_is_known_by_what_is_started() {
        assert!(is_own(&json!({"command": "/usr/bin/mcp-gateway", "args": ["gateway", "run", "--profile", "dev"]})));
        assert!(is_own(&json!({"command": "C:\\x\\mcp-gateway.exe", "args": ["gateway", "run"]})));
        assert!(is_own(&json!({"type": "local", "command": ["mcp-gateway", "--log", "info", "gateway", "run"]})));
        assert!(is_own(&json!({"cmd": "mcp-gateway", "args": ["gateway", "run"]})));
        assert!(!is_own(&json!({"command": "docker", "args": ["mcp", "gateway", "run"]})), "Docker's own");
        assert!(!is_own(&json!({"command": "mcp-gateway", "args": ["ps"]})));
        assert!(!is_own(&json!({"url": "http://127.0.0.1:8811/mcp"})));
        assert!(!is_own(&json!(7)));
    }

    #[test]
    fn the_profile_is_read_from_the_arguments() {
        let of = |arguments: Value| profile(&json!({"command": "mcp-gateway", "args": arguments}));
        assert_eq!(of(json!(["gateway", "run", "--profile", "dev"])).unwrap(), "dev");
        assert_eq!(of(json!(["gateway", "run", "--profile=dev"])).unwrap(), "dev");
        assert_eq!(of(json!(["gateway", "run"])), None);
        assert_eq!(of(json!(["gateway", "run", "-p"])), None);
    }
}
