//! The Docker CLI's side of the command line: a binary that is called `docker-mcp` is its plugin `mcp`.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use serde_json::json;

use crate::VERSION;
use crate::gateway::home::DockerOptions;

/// The plugin's file name.
pub(crate) const PLUGIN_NAME: &str = if cfg!(windows) { "docker-mcp.exe" } else { "docker-mcp" };

/// The argument with which Docker asks a plugin what it is.
const METADATA_ARGUMENT: &str = "docker-cli-plugin-metadata";

/// Docker's own options that take a value and may stand before the plugin's name.
const OPTIONS_WITH_VALUE: [&str; 10] =
    ["--config", "--context", "-c", "--host", "-H", "--log-level", "-l", "--tlscacert", "--tlscert", "--tlskey"];

/// What the command line asks for, once Docker's part of it is understood.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Invocation {
    /// Docker asks what the plugin is.
    Metadata,
    /// A command, with the words that people type before it.
    Command { arguments: Vec<OsString>, typed_as: &'static str, docker: DockerOptions },
}

impl Invocation {
    /// Reads the command line; the first argument is the program.
    pub(crate) fn read(arguments: impl IntoIterator<Item = OsString>) -> Self {
        let mut arguments = arguments.into_iter();
        let program = arguments.next().unwrap_or_default();
        let is_plugin = Path::new(&program).file_stem() == Path::new(PLUGIN_NAME).file_stem();
        let mut rest: Vec<OsString> = arguments.collect();
        if rest.first().is_some_and(|first| first == METADATA_ARGUMENT) {
            return Self::Metadata;
        }
        let mut docker = DockerOptions::default();
        if is_plugin {
            rest = strip(rest, &mut docker);
        }
        rest.insert(0, program);
        let typed_as = if is_plugin { "docker mcp" } else { "mcp-gateway" };
        Self::Command { arguments: rest, typed_as, docker }
    }
}

/// The answer to Docker's question.
pub(crate) fn metadata() -> serde_json::Value {
    json!({
        "SchemaVersion": "0.1.0",
        "Vendor": "MCP Gateway",
        "Version": VERSION,
        "ShortDescription": "Governed access to MCP servers",
        "URL": env!("CARGO_PKG_REPOSITORY"),
    })
}

/// Takes away what Docker passes on: its own options and the plugin's name. `docker help mcp` arrives as `help mcp`.
fn strip(arguments: Vec<OsString>, docker: &mut DockerOptions) -> Vec<OsString> {
    let mut at = 0;
    while let Some(word) = arguments.get(at).map(|word| word.to_string_lossy().into_owned()) {
        if word == "mcp" {
            return arguments[at + 1..].to_vec();
        }
        if word == "help" && arguments.get(at + 1).is_some_and(|next| next == OsStr::new("mcp")) {
            return [&arguments[at..=at], &arguments[at + 2..]].concat();
        }
        if !word.starts_with('-') {
            break;
        }
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None if OPTIONS_WITH_VALUE.contains(&word.as_str()) => {
                at += 1;
                (word, arguments.get(at).map(|value| value.to_string_lossy().into_owned()))
            }
            None => (word, None),
        };
        match name.as_str() {
            "--host" | "-H" => docker.host = value,
            "--context" | "-c" => docker.context = value,
            "--config" => docker.config = value,
            _ => {}
        }
        at += 1;
    }
    arguments
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Invocation {
        Invocation::read(line.split(' ').map(OsString::from))
    }

    fn arguments(line: &str) -> Vec<String> {
        match read(line) {
            Invocation::Metadata => panic!("not a command"),
            Invocation::Command { arguments, .. } => {
                arguments.iter().skip(1).map(|word| word.to_string_lossy().into_owned()).collect()
            }
        }
    }

    #[test]
    fn docker_asks_what_the_plugin_is() {
        assert_eq!(read("/x/docker-mcp docker-cli-plugin-metadata"), Invocation::Metadata);
    }

    #[test]
    fn the_plugins_name_and_dockers_options_are_taken_away() {
        assert_eq!(arguments("/x/docker-mcp mcp catalog ls"), ["catalog", "ls"]);
        assert_eq!(arguments("/x/docker-mcp --context lab -D mcp ps"), ["ps"]);
        assert_eq!(arguments("/x/docker-mcp help mcp tools"), ["help", "tools"]);
        assert_eq!(arguments("/x/docker-mcp ps"), ["ps"]);
        assert_eq!(arguments("/x/mcp-gateway mcp"), ["mcp"], "only the plugin knows that word");
    }

    #[test]
    fn the_engine_that_docker_was_told_is_kept() {
        let Invocation::Command { docker, .. } = read("/x/docker-mcp --context lab -H=tcp://a --config /c mcp ps")
        else {
            panic!("not a command");
        };
        assert_eq!(docker.context.as_deref(), Some("lab"));
        assert_eq!(docker.host.as_deref(), Some("tcp://a"));
        assert_eq!(docker.config.as_deref(), Some("/c"));
    }
}
