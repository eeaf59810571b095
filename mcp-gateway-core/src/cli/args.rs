//! The command line's outermost form and the flags that several verbs share.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::logging::LogArgs;
use super::{
    approvals, audit, catalog, clients, completion, gateway, oauth, policy, profile, prune, ps, scope, secret, server,
    stats, toolkit, tools, version,
};
use crate::gateway::home::RuntimeName;
use crate::model::{Preset, ProfileName, ServerName};
use crate::profile::{Isolation, NetworkWord};

/// Governed access to every MCP server.
#[derive(Debug, Parser)]
#[command(
    name = "mcp-gateway",
    version,
    after_help = "Examples:
  mcp-gateway catalog add docker docker-catalog.yaml
  mcp-gateway profile create dev-tools --servers github,time
  mcp-gateway profile secret set github --key GITHUB_PERSONAL_ACCESS_TOKEN --profile dev-tools
  mcp-gateway tools ls --profile dev-tools
  mcp-gateway gateway run --profile dev-tools

State lives in $MCP_GATEWAY_HOME, or ~/.mcp-gateway. Exit codes and JSON shapes: docs/cli.md."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) log: LogArgs,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// What is asked for.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    #[command(flatten)]
    OfHome(HomeVerb),
    #[command(flatten)]
    OfBinary(BinaryVerb),
}

/// What needs the state that is kept.
#[derive(Debug, Subcommand)]
pub(crate) enum HomeVerb {
    /// Catalogs: where servers are described
    #[command(subcommand)]
    Catalog(catalog::Verb),
    /// Profiles: named sets of servers with their configuration
    #[command(subcommand)]
    Profile(profile::Verb),
    /// Secrets for every profile
    #[command(subcommand)]
    Secret(secret::Verb),
    /// Tokens of remote servers that ask for one
    #[command(subcommand)]
    Oauth(oauth::Verb),
    /// The servers of a profile
    #[command(subcommand)]
    Server(server::Verb),
    /// Run the gateway
    #[command(subcommand)]
    Gateway(gateway::Verb),
    /// The tools of a profile: list, inspect and call them
    #[command(subcommand)]
    Tools(tools::Verb),
    /// List the running servers
    Ps(ps::Args),
    /// Show what the running servers use
    Stats(stats::Args),
    /// Remove what dead gateways left behind
    Prune(prune::Args),
    /// The audit trail of a profile
    #[command(subcommand)]
    Audit(audit::Verb),
    /// What waits for an operator's answer
    #[command(subcommand)]
    Approvals(approvals::Verb),
    /// What may happen with requests: check, explain and test the rules of a profile
    #[command(subcommand)]
    Policy(policy::Verb),
    /// The gateway in the configuration of MCP clients: Claude, Cursor, VS Code and others
    #[command(subcommand)]
    Client(clients::Verb),
    /// Which of the servers that catalogs describe exist, and why
    #[command(subcommand)]
    Scope(scope::Verb),
}

/// What is about the binary itself.
#[derive(Debug, Subcommand)]
pub(crate) enum BinaryVerb {
    /// The plugin of the Docker CLI
    #[command(subcommand)]
    Toolkit(toolkit::Verb),
    /// Print what a shell needs to complete words
    #[command(after_help = "Examples:
  mcp-gateway completion bash > /etc/bash_completion.d/mcp-gateway
  mcp-gateway completion zsh > ~/.zfunc/_mcp-gateway
  mcp-gateway completion fish > ~/.config/fish/completions/mcp-gateway.fish")]
    Completion(completion::Args),
    /// Print the version
    #[command(after_help = "Example:
  mcp-gateway version --format json")]
    Version(version::Args),
}

/// The profile of a verb that has one.
#[derive(Clone, Debug, Args)]
pub(crate) struct ProfileArgs {
    /// The profile
    #[arg(long, short, default_value = "default", value_name = "NAME")]
    pub(crate) profile: ProfileName,
}

/// Where servers are described.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct CatalogArgs {
    /// Look in this catalog file, or in the registered catalog of this name; the last one wins [default: the profile's, or every registered catalog]
    #[arg(long = "catalog", value_name = "FILE|NAME")]
    pub(crate) catalogs: Vec<String>,
}

/// Who holds the secrets.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct SecretArgs {
    /// Ask this store before the gateway's own: `env`, `env:NAME,PREFIX_*`, a `.env` file, `age:FILE`, `command:PROGRAM ARGUMENTS`
    #[arg(long = "secrets", value_name = "STORE")]
    pub(crate) stores: Vec<String>,
}

/// Which servers and tools there are, beside what the profile says.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct SelectionArgs {
    #[command(flatten)]
    pub(crate) catalog: CatalogArgs,
    #[command(flatten)]
    pub(crate) secrets: SecretArgs,
    /// Exactly these servers, with the profile's settings where it has them
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) servers: Vec<ServerName>,
    /// Only these tools: `server:tool`, `*` for any, `!server:tool` to take one out
    #[arg(long = "tools", value_name = "SERVER:TOOL", value_delimiter = ',')]
    pub(crate) tools: Vec<String>,
    /// The servers that this `registry.yaml` of Docker's toolkit enables
    #[arg(long, value_name = "FILE")]
    pub(crate) registry: Option<PathBuf>,
    /// Configuration values from this `config.yaml` of Docker's toolkit
    #[arg(long = "config", value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The tools that this `tools.yaml` of Docker's toolkit enables
    #[arg(long, value_name = "FILE")]
    pub(crate) tools_config: Option<PathBuf>,
}

/// How servers are run, where the profile does not say it.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "How servers are run, where profile and catalog do not say it")]
pub(crate) struct SettingArgs {
    /// How sessions share servers [default: session]
    #[arg(long, value_enum, value_name = "HOW")]
    pub(crate) isolation: Option<IsolationArg>,
    /// Stop a server that was idle for so long; `never` keeps it [default: 5m]
    #[arg(long, value_name = "TIME")]
    pub(crate) idle: Option<String>,
    /// Memory of each server [default: 2g]
    #[arg(long, value_name = "AMOUNT")]
    pub(crate) memory: Option<String>,
    /// Cores of each server [default: 1]
    #[arg(long, value_name = "CORES")]
    pub(crate) cpus: Option<f64>,
    /// `none` cuts every server off; `open` opens those whose profile says nothing
    #[arg(long, value_enum, value_name = "RULE")]
    pub(crate) network: Option<NetworkArg>,
    /// Start servers by this only
    #[arg(long, value_enum, value_name = "NAME")]
    pub(crate) runtime: Option<RuntimeArg>,
    /// Start no process that this machine cannot isolate fully
    #[arg(long)]
    pub(crate) require_isolation: bool,
}

/// What agents may do by themselves.
#[derive(Clone, Copy, Debug, Default, Args)]
#[command(next_help_heading = "What agents may do by themselves, beside what the profile says")]
pub(crate) struct DynamicArgs {
    /// Find, add and call servers of the catalogs: mcp-find, mcp-add, mcp-exec and others are tools then
    #[arg(long)]
    pub(crate) dynamic: bool,
    /// List these tools alone; every other one is found and called by them
    #[arg(long)]
    pub(crate) lean: bool,
    /// Let the person at the client type secrets that such a server lacks, on a page of this machine
    #[arg(long)]
    pub(crate) secret_page: bool,
}

/// How servers and tools are found.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct EmbedderArgs {
    /// Find by meaning too, with the model of this folder: `model.safetensors` and `vocab.txt` of all-MiniLM-L6-v2 [default: $MCP_GATEWAY_EMBEDDER]
    #[arg(long, value_name = "FOLDER")]
    pub(crate) embedder: Option<PathBuf>,
}

/// One gateway, as verbs that ask servers need it.
#[derive(Clone, Debug, Args)]
pub(crate) struct GatewayArgs {
    #[command(flatten)]
    pub(crate) profile: ProfileArgs,
    #[command(flatten)]
    pub(crate) selection: SelectionArgs,
    #[command(flatten)]
    pub(crate) settings: SettingArgs,
    #[command(flatten)]
    pub(crate) dynamic: DynamicArgs,
    #[command(flatten)]
    pub(crate) finding: EmbedderArgs,
}

/// How sessions share servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum IsolationArg {
    /// A fresh server for each call
    Call,
    /// A server for each session
    Session,
    /// One server for all sessions
    Shared,
}

impl From<IsolationArg> for Isolation {
    fn from(argument: IsolationArg) -> Self {
        match argument {
            IsolationArg::Call => Self::Call,
            IsolationArg::Session => Self::Session,
            IsolationArg::Shared => Self::Shared,
        }
    }
}

/// What servers may reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum NetworkArg {
    /// Nothing
    None,
    /// Everything
    Open,
}

/// Rules that come with the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PresetArg {
    /// Reading goes through, writing is confirmed, what cannot be undone needs an operator
    Default,
}

impl From<PresetArg> for Preset {
    fn from(argument: PresetArg) -> Self {
        match argument {
            PresetArg::Default => Self::Default,
        }
    }
}

/// What starts servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum RuntimeArg {
    /// Containers
    Docker,
    /// Sandboxed processes
    Process,
}

impl From<NetworkArg> for NetworkWord {
    fn from(argument: NetworkArg) -> Self {
        match argument {
            NetworkArg::None => Self::None,
            NetworkArg::Open => Self::Open,
        }
    }
}

impl From<RuntimeArg> for RuntimeName {
    fn from(argument: RuntimeArg) -> Self {
        match argument {
            RuntimeArg::Docker => Self::Docker,
            RuntimeArg::Process => Self::Process,
        }
    }
}
