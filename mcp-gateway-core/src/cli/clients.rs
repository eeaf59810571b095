//! `client`: the gateway in the configuration of MCP clients.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};

use super::output::{FormatArgs, Output};
use super::{Env, report};
use crate::error::Result;
use crate::gateway::home::{ClientChange, ClientOptions, ClientScope, ClientStatus, user_home};
use crate::model::ProfileName;

/// What is done with clients.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// List the clients, and which of them have the gateway
    #[command(
        visible_alias = "list",
        after_help = "Examples:
  mcp-gateway client ls
  mcp-gateway client ls --project .
  mcp-gateway client ls --all --format json | jq '.[] | select(.connected)'"
    )]
    Ls {
        /// Also clients that seem not to be installed
        #[arg(long)]
        all: bool,
        /// Also the configuration of the project in this folder
        #[arg(long, value_name = "FOLDER")]
        project: Option<PathBuf>,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Write the gateway into a client's configuration; everything else there stays as it is
    #[command(after_help = "Examples:
  mcp-gateway client connect cursor --profile dev-tools
  mcp-gateway client connect claude-code --profile dev-tools --scope project
  mcp-gateway client connect zed --dry-run

What is written is the path of this program and the profile, never a secret.")]
    Connect {
        #[command(flatten)]
        target: TargetArgs,
        /// The profile that the client gets
        #[arg(long, short, default_value = "default", value_name = "NAME")]
        profile: ProfileName,
        /// The program that the client starts, instead of this one
        #[arg(long, value_name = "PATH")]
        program: Option<PathBuf>,
    },
    /// Take the gateway out of a client's configuration; the file is then as it was before
    #[command(after_help = "Examples:
  mcp-gateway client disconnect cursor
  mcp-gateway client disconnect claude-code --scope project --dry-run")]
    Disconnect {
        #[command(flatten)]
        target: TargetArgs,
    },
}

/// Which client, and where.
#[derive(Debug, Args)]
pub(crate) struct TargetArgs {
    /// The client, as `client ls --all` names it
    client: String,
    /// Whose configuration
    #[arg(long, value_enum, default_value_t, value_name = "SCOPE")]
    scope: ScopeArg,
    /// The project's folder, with `--scope project`
    #[arg(long, value_name = "FOLDER", default_value = ".")]
    folder: PathBuf,
    /// The name under which the gateway stands there
    #[arg(long, value_name = "NAME", default_value = "mcp-gateway")]
    name: String,
    /// Show the change and write nothing
    #[arg(long)]
    dry_run: bool,
    /// Keep a copy of the file beside it
    #[arg(long)]
    backup: bool,
    /// Also where the client seems not to be installed, or somebody else's entry has the name
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    format: FormatArgs,
}

/// Whose configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ScopeArg {
    /// The user's own, for every project
    #[default]
    User,
    /// The project's, which others may share
    Project,
}

impl TargetArgs {
    fn into_options(self) -> (String, ClientOptions, Output) {
        let options = ClientOptions {
            scope: match self.scope {
                ScopeArg::User => ClientScope::User,
                ScopeArg::Project => ClientScope::Project,
            },
            folder: Some(self.folder),
            name: Some(self.name),
            dry_run: self.dry_run,
            backup: self.backup,
            force: self.force,
            ..ClientOptions::default()
        };
        (self.client, options, self.format.open())
    }
}

impl Verb {
    pub(crate) async fn run(self, env: &Env) -> Result<()> {
        let clients = env.home.clients()?;
        match self {
            Self::Ls { all, project, format } => {
                let mut rows = clients.list(project.as_deref());
                // A project's configuration says something even where the client is not on this machine.
                rows.retain(|row| all || row.installed || row.connected);
                list(&rows, &mut format.open())
            }
            Self::Connect { target, profile, program } => {
                let (client, mut options, mut out) = target.into_options();
                options.profile = Some(profile.clone());
                // A module that Python runs is no program that a client could start.
                let script =
                    env.script.as_ref().filter(|script| script.file_stem().is_some_and(|it| it == "mcp-gateway"));
                options.program = program.or_else(|| script.cloned());
                let is_dry = options.dry_run;
                let change = clients.connect(&client, options).await?;
                let done = format!("{} starts the gateway with profile `{profile}`", change.title);
                show(&change, &mut out, is_dry, &done)
            }
            Self::Disconnect { target } => {
                let (client, options, mut out) = target.into_options();
                let is_dry = options.dry_run;
                let change = clients.disconnect(&client, options).await?;
                let done = format!("{} does not start the gateway any more", change.title);
                show(&change, &mut out, is_dry, &done)
            }
        }
    }
}

fn list(rows: &[ClientStatus], out: &mut Output) -> Result<()> {
    if rows.is_empty() {
        report::note("no client is installed that is known");
        report::hint("run `mcp-gateway client ls --all` to see all that are known");
    }
    for row in rows {
        if let Some(problem) = &row.problem {
            report::warning(format_args!("the configuration of {} cannot be read: {problem}", row.title));
        }
    }
    out.rows(rows, &["CLIENT", "SCOPE", "INSTALLED", "CONNECTED", "PROFILE", "FILE"], |row| {
        let connected = match &row.problem {
            Some(_) => "(broken)",
            None => yes_no(row.connected),
        };
        vec![
            row.client.clone(),
            row.scope.as_str().to_owned(),
            yes_no(row.installed).to_owned(),
            connected.to_owned(),
            row.profile.clone().unwrap_or_default(),
            short(&row.path),
        ]
    })
}

fn show(change: &ClientChange, out: &mut Output, is_dry: bool, done: &str) -> Result<()> {
    if out.is_json() {
        return out.json(change);
    }
    if !change.changed {
        report::note(format_args!("nothing to change in {}", change.path.display()));
        return Ok(());
    }
    if is_dry {
        report::note(format_args!("would change {}", change.path.display()));
        return out.write(&change.diff);
    }
    if let Some(backup) = &change.backup {
        report::note(format_args!("kept the file as {}", backup.display()));
    }
    report::note(format_args!("changed {}: {done}", change.path.display()));
    if !change.next.is_empty() {
        report::hint(&change.next);
    }
    Ok(())
}

/// A path from the user's home on.
fn short(path: &Path) -> String {
    let inside = user_home().and_then(|home| path.strip_prefix(home).ok().map(Path::to_owned));
    inside.map_or_else(|| path.display().to_string(), |inside| Path::new("~").join(inside).display().to_string())
}

const fn yes_no(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}
