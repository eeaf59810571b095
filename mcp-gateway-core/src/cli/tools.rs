//! `tools`: what the servers of a profile offer, and calls of it.

use clap::Subcommand;
use clap::builder::PossibleValuesParser;
use indexmap::IndexMap;
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::args::GatewayArgs;
use super::client::{ClientArgs, Logs, Turn, progress};
use super::exit::Exit;
use super::output::{FormatArgs, Output};
use super::{Env, arguments, assemble, content, report, signals};
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::dialect::{Dialect, ToolSet};
use crate::gateway::home::Opened;
use crate::gateway::{CallOptions, Gateway as _, GatewayExt as _, McpGateway, ServerState, Session};
use crate::model::{CallContext, Definition, Principal};
use crate::protocol::{ListKind, RawJson, Request, RequestKind};
use crate::util::pattern::did_you_mean;

/// What is done with tools.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// List the tools
    #[command(
        visible_alias = "list",
        after_help = "Examples:
  mcp-gateway tools ls --profile dev-tools
  mcp-gateway tools ls --catalog servers.yaml --servers time,git --format json
  mcp-gateway tools ls --api anthropic | jq .tools

Servers that were never seen are started once; what they offer is recorded."
    )]
    Ls {
        /// Print them as JSON in the shape that this model API takes, with its names and what had to be adapted
        #[arg(long, value_name = "API", value_parser = PossibleValuesParser::new(Dialect::ALL.map(Dialect::as_str)))]
        api: Option<String>,
        #[command(flatten)]
        gateway: Box<GatewayArgs>,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Show a tool's definition
    #[command(after_help = "Examples:
  mcp-gateway tools inspect get_current_time
  mcp-gateway tools inspect time.get_current_time --format json")]
    Inspect {
        /// The tool's name as `tools ls` shows it, or `server.tool`
        tool: String,
        #[command(flatten)]
        gateway: Box<GatewayArgs>,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Call a tool
    #[command(after_help = "Examples:
  mcp-gateway tools call get_current_time timezone=Europe/Berlin
  mcp-gateway tools call github.create_issue title=\"It is broken\" labels:='[\"bug\"]'
  mcp-gateway tools call echo --json '{\"message\": \"hi\"}'
  generate | mcp-gateway tools call echo -

A value is JSON where it is JSON of the type that the tool's schema wants, and text otherwise; `key:=json` is always JSON.
The exit code is 3 when the tool says that it failed.

A server may ask something while its tool works: at a terminal you are asked, and Ctrl-D declines; from a script,
`--answers FILE` answers. Addresses that you are to visit are shown and never opened. Where there is neither terminal nor
flag, servers are told that they cannot ask. Progress is shown on standard error, logs are with `--log-level`:
  mcp-gateway tools call book_table --answers answers.json      # {\"guests\": 2, \"day\": \"2026-12-24\"}
  mcp-gateway tools call review --root . --log-level info")]
    Call {
        /// The tool's name as `tools ls` shows it, or `server.tool`
        tool: String,
        /// `key=value`, `key:=json`, or `-` for a JSON object on standard input
        #[arg(value_name = "KEY=VALUE")]
        arguments: Vec<String>,
        /// The arguments as a JSON object
        #[arg(long, value_name = "OBJECT")]
        json: Option<String>,
        #[command(flatten)]
        client: ClientArgs,
        #[command(flatten)]
        gateway: Box<GatewayArgs>,
        #[command(flatten)]
        format: FormatArgs,
    },
}

/// A tool in lists.
#[derive(Debug, Serialize)]
struct ToolRow {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<String>,
    definition: Box<RawValue>,
}

impl Verb {
    pub(crate) async fn run(self, env: &Env) -> Result<Exit> {
        match self {
            Self::Ls { api: Some(api), gateway, format: _ } => {
                let set = present(env, &gateway, api.parse()?).await?;
                Output::text().json(&set).map(|()| Exit::OK)
            }
            Self::Ls { api: None, gateway, format } => {
                let rows = rows(env, &gateway).await?;
                format.open().rows(&rows, &["NAME", "SERVER", "DESCRIPTION"], |row| {
                    let server = row.target.as_deref().and_then(|target| target.split_once('.'));
                    vec![
                        row.name.clone(),
                        server.map(|(server, _)| server.to_owned()).unwrap_or_default(),
                        described(&row.definition),
                    ]
                })?;
                Ok(Exit::OK)
            }
            Self::Inspect { tool, gateway, format } => {
                let rows = rows(env, &gateway).await?;
                let found = rows.iter().find(|row| row.name == tool || row.target.as_deref() == Some(&tool));
                let row = found.ok_or_else(|| unknown(&tool, rows.iter().map(|row| row.name.as_str())))?;
                let value: Value = serde_json::from_str(row.definition.get()).unwrap_or_default();
                let mut out = format.open();
                if out.is_json() {
                    out.json(&row.definition)?
                } else {
                    out.document(&value)?
                }
                Ok(Exit::OK)
            }
            Self::Call { tool, arguments, json, client, gateway, format } => {
                let turn = Turn::default();
                let answers = client.client(&turn)?;
                let open = assemble::gateway(env, &gateway).await?;
                let level = client.log_level();
                let logs = level.map(|_| Logs::of(&open.gateway));
                let called = async {
                    let session = match answers {
                        Some(answers) => open.gateway.session_with(Principal::local(), answers).await?,
                        None => open.gateway.session(Principal::local()).await?,
                    };
                    if let Some(level) = level {
                        let params = RawJson::from_value(&json!({"level": level}))?.object()?;
                        session.request(RequestKind::SetLogLevel.method(), params, CallOptions::new()).await?;
                    }
                    let request = request(&open, &session, &tool, &arguments, json.as_deref()).await?;
                    let options = CallOptions::new().with_progress(progress(turn));
                    session.request(request.kind.method(), request.params, options).await
                };
                let result = signals::interruptible(called).await;
                if result.is_err() {
                    // A tool that nobody offers may be one of a server that does not start.
                    warn_of_broken(&open.gateway).await;
                }
                assemble::close(&open.gateway).await;
                if let Some(logs) = logs {
                    logs.end().await;
                }
                let result = result?;
                let mut out = format.open();
                if out.is_json() {
                    out.json(&serde_json::from_str::<&RawValue>(result.get()).ok())?;
                } else {
                    out.write(&content::render(&result))?;
                }
                Ok(if content::is_error(&result) { Exit::TOOL_FAILED } else { Exit::OK })
            }
        }
    }
}

async fn present(env: &Env, args: &GatewayArgs, dialect: Dialect) -> Result<ToolSet> {
    let open = assemble::gateway(env, args).await?;
    let presented = signals::interruptible(open.gateway.present_tools(&CallContext::local(), dialect)).await;
    warn_of_broken(&open.gateway).await;
    assemble::close(&open.gateway).await;
    presented
}

async fn rows(env: &Env, args: &GatewayArgs) -> Result<Vec<ToolRow>> {
    let open = assemble::gateway(env, args).await?;
    let listed = signals::interruptible(open.gateway.list_tools(&CallContext::local())).await;
    warn_of_broken(&open.gateway).await;
    // The end of a gateway writes down what was recorded, the names' meanings too.
    assemble::close(&open.gateway).await;
    let names = open.profile.lock().await?.names.tools;
    Ok(listed?.into_iter().filter_map(|definition| tool_row(definition, &names)).collect())
}

fn tool_row(definition: Definition, names: &IndexMap<String, String>) -> Option<ToolRow> {
    let target = names.get(&definition.key).cloned();
    Some(ToolRow { target, definition: RawValue::from_string(definition.json).ok()?, name: definition.key })
}

/// The call that the words say.
async fn request(
    open: &Opened,
    session: &Session,
    tool: &str,
    words: &[String],
    json: Option<&str>,
) -> Result<Request> {
    let mut schema = Value::Null;
    if arguments::need_schema(words) {
        let tools = session.list(ListKind::Tools, &CallOptions::new()).await?;
        let names = open.profile.lock().await?.names.tools;
        let is_meant = |key: &str| key == tool || names.get(key).is_some_and(|target| target == tool);
        if let Some(definition) = tools.iter().find(|definition| is_meant(&definition.key)) {
            schema = serde_json::from_str::<Value>(&definition.json).unwrap_or_default()["inputSchema"].take();
        }
    }
    Request::call_tool(tool, &arguments::read(words, json, &schema)?)
}

/// Names the servers that are missing from a list, so that a short list is no riddle.
async fn warn_of_broken(gateway: &McpGateway) {
    for server in gateway.servers().await {
        if matches!(server.state, ServerState::Failed | ServerState::Refused) {
            let reason = server.reason.as_deref().unwrap_or("it cannot be started");
            report::warning(format_args!("server `{}` is missing: {reason}", server.name));
            report::hint(format_args!(
                "run `mcp-gateway server inspect {} --profile {}` to see what it needs",
                server.name,
                gateway.profile()
            ));
        }
    }
}

fn described(definition: &RawValue) -> String {
    #[derive(serde::Deserialize)]
    struct Described {
        #[serde(default)]
        description: String,
    }
    serde_json::from_str::<Described>(definition.get()).map(|tool| tool.description).unwrap_or_default()
}

fn unknown<'a>(tool: &str, known: impl Iterator<Item = &'a str>) -> Error {
    let error = Error::new(ErrorKind::NotFound, format!("no tool `{tool}`")).with_operation("tools inspect");
    match did_you_mean(tool, known) {
        Some(meant) => error.with_hint(format!("did you mean `{meant}`?")),
        None => error.with_hint("run `mcp-gateway tools ls` to see what there is"),
    }
}
