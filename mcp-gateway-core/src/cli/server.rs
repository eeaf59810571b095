//! `server`: the servers of a profile.

use clap::Subcommand;

use super::args::{CatalogArgs, GatewayArgs, ProfileArgs, SecretArgs};
use super::exit::Exit;
use super::output::FormatArgs;
use super::{Env, assemble, report, surface};
use crate::error::Result;
use crate::gateway::{Approval, Gateway as _, McpGateway, ServerSurface, SurfaceDiff};
use crate::model::{Principal, ServerName};
use crate::profile::Profile as _;

/// What is done with servers.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// List the servers of a profile and how they are
    #[command(
        visible_alias = "ls",
        after_help = "Examples:
  mcp-gateway server list
  mcp-gateway server ls --profile dev-tools --format json

STATE: recorded (its tools are known), unknown (never seen), refused (it cannot be started; see REASON)."
    )]
    List {
        #[command(flatten)]
        profile: ProfileArgs,
        #[command(flatten)]
        catalog: CatalogArgs,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Add servers to a profile
    #[command(
        visible_alias = "enable",
        after_help = "Examples:
  mcp-gateway server add github
  mcp-gateway server add time git --profile dev-tools"
    )]
    Add {
        /// Names of servers in the catalogs
        #[arg(required = true, value_name = "SERVER")]
        servers: Vec<ServerName>,
        #[command(flatten)]
        profile: ProfileArgs,
        #[command(flatten)]
        catalog: CatalogArgs,
    },
    /// Remove servers from a profile
    #[command(visible_aliases = ["rm", "disable"], after_help = "Examples:
  mcp-gateway server remove github
  mcp-gateway server rm time git --profile dev-tools")]
    Remove {
        /// Names of servers of the profile
        #[arg(required = true, value_name = "SERVER")]
        servers: Vec<ServerName>,
        #[command(flatten)]
        profile: ProfileArgs,
    },
    /// Show what a server offers and approve it: what was held back is offered, and its annotations are believed
    #[command(after_help = "Examples:
  mcp-gateway server approve github --show
  mcp-gateway server approve github --by ann
  mcp-gateway server approve github --item search_issues --diff 3f1c09a2b7d4
  mcp-gateway server approve github --revoke

Annotations are the server's own word: unless they are approved, rules may tighten by them and not loosen. An approval is of
these definitions, of this catalog entry and of what runs (IDENTITY); it is void for what changes. A gateway that runs
meanwhile offers what was held back within seconds; it believes annotations when it is started anew. `server diff` shows
what is held back; with --diff, nothing is approved if that is something else by now. --revoke takes back that
annotations are believed, and leaves what is offered as it is.")]
    Approve {
        /// The server
        server: ServerName,
        /// Only show what would be approved
        #[arg(long, conflicts_with = "revoke")]
        show: bool,
        /// Take the approval back
        #[arg(long)]
        revoke: bool,
        /// Only this, `NAME`, `prompts:NAME`, a URI or `instructions`; may be given several times
        #[arg(long = "item", value_name = "NAME", conflicts_with_all = ["revoke", "show"])]
        items: Vec<String>,
        /// The id of the diff that was looked at
        #[arg(long, value_name = "ID", conflicts_with_all = ["revoke", "show"])]
        diff: Option<String>,
        /// Who approves, as records show it
        #[arg(long, default_value = "local", value_name = "NAME")]
        by: String,
        #[command(flatten)]
        gateway: Box<GatewayArgs>,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Show what a server offers that is not what was accepted of it, and what of it is held back
    #[command(after_help = "Examples:
  mcp-gateway server diff github
  mcp-gateway server diff github --profile dev-tools --format json

What a server offers is accepted when it is first seen. What it changes or adds afterwards is held back, neither listed nor
carried out, until `server approve` accepts it; the profile's `surfaces` may let some of it in. What looks as if it were
made to deceive is held back from the beginning. Characters that cannot be seen are written out, such as \\u{202E}. Exit
code 1 when something is held back.")]
    Diff {
        /// The server
        server: ServerName,
        #[command(flatten)]
        gateway: Box<GatewayArgs>,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Show what a server would get: image, command, mounts, network, limits, names of secrets
    #[command(after_help = "Examples:
  mcp-gateway server inspect github
  mcp-gateway server inspect github --profile dev-tools --format json

A server that the profile does not have is shown as if it were added.")]
    Inspect {
        /// The server
        server: ServerName,
        #[command(flatten)]
        profile: ProfileArgs,
        #[command(flatten)]
        catalog: CatalogArgs,
        #[command(flatten)]
        secrets: SecretArgs,
        #[command(flatten)]
        format: FormatArgs,
    },
}

impl Verb {
    pub(crate) async fn run(self, env: &Env) -> Result<Exit> {
        let done = match self {
            Self::Diff { server, gateway, format } => return show_diff(env, &server, &gateway, format).await,
            Self::List { profile, catalog, format } => {
                let gateway = assemble::overview(env, &profile.profile, &catalog).await?;
                let servers = gateway.servers().await;
                gateway.shutdown().await;
                if servers.is_empty() {
                    report::note(format_args!("profile `{}` has no servers", profile.profile));
                    report::hint("add one with `mcp-gateway server add NAME`");
                }
                format.open().rows(&servers, &["NAME", "STATE", "TOOLS", "IMAGE", "REASON"], |server| {
                    vec![
                        server.name.to_string(),
                        word(&server.state),
                        server.tools.map(|count| count.to_string()).unwrap_or_default(),
                        server.verification.as_ref().map(|found| found.level.as_str().to_owned()).unwrap_or_default(),
                        server.reason.clone().unwrap_or_default(),
                    ]
                })
            }
            Self::Add { servers, profile, catalog } => add(env, &profile, &servers, &catalog).await,
            Self::Remove { servers, profile } => remove(env, &profile, &servers).await,
            Self::Approve { server, show, revoke, items, diff, by, gateway, format } => {
                let opened = assemble::gateway(env, &gateway).await?;
                let mut approval = Approval::new();
                (approval.items, approval.diff) = (items, diff);
                let by = Principal::new(by);
                let done = approve(&opened.gateway, &server, (show, revoke), &approval, &by).await;
                assemble::close(&opened.gateway).await;
                let (surface, held) = done?;
                let mut out = format.open();
                if out.is_json() {
                    return out.json(&surface).map(|()| Exit::OK);
                }
                if let Some(held) = held {
                    surface::write(&mut out, &held)?;
                }
                out.line(&format!("identity: {}", surface.identity))?;
                out.rows(&surface.items, &["LIST", "NAME", "APPROVED", "DEFINITION", "ANNOTATIONS"], |item| {
                    let approved = if item.approved { "yes" } else { "no" };
                    let says = if item.annotations.is_null() { String::new() } else { item.annotations.to_string() };
                    let definition = item.definition.get(..12).unwrap_or_default().to_owned();
                    vec![item.list.clone(), item.name.clone(), approved.to_owned(), definition, says]
                })
            }
            Self::Inspect { server, profile, catalog, secrets, format } => {
                let inspection = assemble::inspect(env, &profile.profile, &catalog, &secrets, &server).await?;
                format.open().document(&inspection)
            }
        };
        done.map(|()| Exit::OK)
    }
}

async fn show_diff(env: &Env, server: &ServerName, args: &GatewayArgs, format: FormatArgs) -> Result<Exit> {
    let opened = assemble::gateway(env, args).await?;
    let diff = opened.gateway.diff(server).await;
    assemble::close(&opened.gateway).await;
    let (diff, mut out) = (diff?, format.open());
    if out.is_json() {
        out.json(&diff)?;
    } else {
        surface::write(&mut out, &diff)?;
    }
    let profile = &args.profile.profile;
    if diff.held == 0 {
        report::note(format_args!("nothing of server `{server}` is held back"));
    } else {
        report::warning(format_args!("{} of what server `{server}` offers is held back", diff.held));
        report::hint(format_args!(
            "accept it with `mcp-gateway server approve {server} --profile {profile} --diff {}`, or some of it with `--item NAME`",
            diff.id
        ));
    }
    Ok(Exit::all_well(diff.held == 0))
}

async fn approve(
    gateway: &McpGateway,
    server: &ServerName,
    (show, revoke): (bool, bool),
    approval: &Approval,
    by: &Principal,
) -> Result<(ServerSurface, Option<SurfaceDiff>)> {
    if revoke {
        match gateway.revoke_server(server, by).await? {
            true => report::note(format_args!("server `{server}` is no longer approved")),
            false => report::note(format_args!("server `{server}` was not approved")),
        }
        return Ok((gateway.surface_of(server).await?, None));
    }
    let held = Some(gateway.diff(server).await?).filter(|diff| !diff.items.is_empty());
    if show {
        return Ok((gateway.surface_of(server).await?, held));
    }
    let surface = gateway.approve_server_with(server, by, approval).await?;
    match approval.items.as_slice() {
        [] => report::note(format_args!("server `{server}` is approved as it is now")),
        items => report::note(format_args!("{} of server `{server}` is approved", items.join(", "))),
    }
    Ok((surface, held))
}

/// Adds servers that the catalogs have.
pub(crate) async fn add(env: &Env, args: &ProfileArgs, servers: &[ServerName], catalog: &CatalogArgs) -> Result<()> {
    let profile = env.home.profile_to_change(&args.profile).await?;
    let spec = profile.spec().await?;
    assemble::check_servers(env, catalog, &spec.catalogs, servers).await?;
    assemble::check_scope(env, catalog, &spec, servers).await?;
    let after = profile
        .update(Box::new(|spec| {
            for server in servers {
                spec.servers.entry(server.clone()).or_default();
            }
            Ok(())
        }))
        .await?;
    env.home.record_change(Some(&spec), Some(&after)).await?;
    for server in servers {
        report::note(format_args!("profile `{}` has server `{server}`", args.profile));
    }
    Ok(())
}

/// Removes servers that the profile has.
pub(crate) async fn remove(env: &Env, args: &ProfileArgs, servers: &[ServerName]) -> Result<()> {
    let profile = env.home.profiles().open(&args.profile).await?;
    let before = profile.spec().await?;
    let after = profile
        .update(Box::new(|spec| {
            for server in servers {
                if spec.servers.shift_remove(server).is_none() {
                    return Err(assemble::no_such_server(server, &spec.name, spec.servers.keys()));
                }
            }
            Ok(())
        }))
        .await?;
    env.home.record_change(Some(&before), Some(&after)).await?;
    for server in servers {
        report::note(format_args!("profile `{}` no longer has server `{server}`", args.profile));
    }
    Ok(())
}

/// The name of a state, as JSON has it.
pub(crate) fn word(state: &impl serde::Serialize) -> String {
    serde_json::to_value(state).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}
