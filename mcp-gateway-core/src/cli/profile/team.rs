//! `profile export`, `import`, `push`, `pull`, `diff` and `templates`: profiles that others share.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use crate::cli::output::{FormatArgs, Output};
use crate::cli::{Env, report};
use crate::error::Result;
use crate::gateway::home::{ImportOptions, Imported, PinState};
use crate::model::{Digest, ProfileName, ServerName};
use crate::profile::{ProfileBundle, ProfileTemplate};
use crate::util::fs;

/// `profile export`.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// The profile's name
    name: ProfileName,
    /// The file; standard output without one
    path: Option<PathBuf>,
    /// Only what a person wrote, as YAML, without pins and needed secrets
    #[arg(long)]
    spec: bool,
}

/// How a profile is taken over.
#[derive(Debug, Args)]
pub(crate) struct TakeArgs {
    /// The name that it gets here, instead of its own
    #[arg(long = "as", value_name = "NAME")]
    name: Option<ProfileName>,
    /// Replace a profile of the same name
    #[arg(long)]
    replace: bool,
    /// Believe what the other home's operator has approved
    #[arg(long)]
    trust_approvals: bool,
    /// Take it only if its bundle has this digest, as `profile export` and `profile push` print it
    #[arg(long, value_name = "sha256:…", value_parser = digest)]
    digest: Option<Digest>,
    #[command(flatten)]
    format: FormatArgs,
}

/// A template in lists.
#[derive(Debug, Serialize)]
struct TemplateRow {
    name: &'static str,
    description: String,
    servers: Vec<ServerName>,
}

pub(super) async fn export(env: &Env, args: ExportArgs) -> Result<()> {
    let store = env.home.profiles();
    if args.spec {
        return match args.path {
            None => Output::text().write(&store.export(&args.name).await?),
            Some(path) => store.export_to(&args.name, path).await,
        };
    }
    let bundle = env.home.export_profile(&args.name).await?;
    let text = bundle.to_text()?;
    match &args.path {
        None => Output::text().write(&text)?,
        Some(path) => fs::write_atomic(path, text.as_bytes())?,
    }
    report::note(format_args!("exported profile `{}`, {}", args.name, bundle.digest()?));
    missing_files(&bundle);
    Ok(())
}

pub(super) async fn import(env: &Env, path: PathBuf, args: TakeArgs) -> Result<()> {
    let (text, format) = (fs::read_to_string(&path)?, args.format);
    let imported = env.home.import_profile(&path.display().to_string(), &text, options(args)).await?;
    show(&imported, "imported", format)
}

pub(super) async fn push(env: &Env, name: &ProfileName, reference: &str, format: FormatArgs) -> Result<()> {
    let pushed = env.home.push_profile(name, reference, &env.docker).await?;
    let mut out = format.open();
    if out.is_json() {
        return out.json(&pushed);
    }
    report::note(format_args!("pushed profile `{name}`, {}", pushed.digest));
    report::hint(format_args!("others get exactly this one with `mcp-gateway profile pull {}`", pushed.reference));
    Ok(())
}

pub(super) async fn pull(env: &Env, reference: &str, args: TakeArgs) -> Result<()> {
    let format = args.format;
    let imported = env.home.pull_profile(reference, options(args), &env.docker).await?;
    show(&imported, "pulled", format)
}

pub(super) async fn diff(env: &Env, first: &str, second: &str, format: FormatArgs) -> Result<()> {
    let diff = env.home.diff_profiles(first, second, &env.docker).await?;
    let mut out = format.open();
    if out.is_json() {
        return out.json(&diff);
    }
    if diff.is_empty() {
        report::note("the profiles are the same");
    }
    out.write(&diff.to_string())
}

pub(super) fn templates(name: Option<&str>, format: FormatArgs) -> Result<()> {
    let mut out = format.open();
    if let Some(name) = name {
        let template = ProfileTemplate::find(name)?;
        return if out.is_json() { out.json(&template.spec) } else { out.write(&template.text(&template.spec.name)) };
    }
    let rows: Vec<TemplateRow> = ProfileTemplate::all()?
        .into_iter()
        .map(|template| TemplateRow {
            name: template.name,
            description: template.spec.description.unwrap_or_default(),
            servers: template.spec.servers.into_keys().collect(),
        })
        .collect();
    out.rows(&rows, &["TEMPLATE", "SERVERS", "DESCRIPTION"], |row| {
        let servers: Vec<&str> = row.servers.iter().map(ServerName::as_str).collect();
        vec![row.name.to_owned(), servers.join(", "), row.description.clone()]
    })
}

fn options(args: TakeArgs) -> ImportOptions {
    ImportOptions { name: args.name, replace: args.replace, trust_approvals: args.trust_approvals, digest: args.digest }
}

fn show(imported: &Imported, done: &str, format: FormatArgs) -> Result<()> {
    let mut out = format.open();
    if out.is_json() {
        return out.json(imported);
    }
    for warning in &imported.warnings {
        report::warning(warning);
    }
    match (&imported.reference, &imported.digest) {
        (Some(reference), _) => report::note(format_args!("{done} profile `{}` from {reference}", imported.profile)),
        (None, Some(digest)) => report::note(format_args!("{done} profile `{}`, {digest}", imported.profile)),
        (None, None) => report::note(format_args!("{done} profile `{}`", imported.profile)),
    }
    let pinned = imported.servers.iter().filter(|server| server.pin == PinState::Pinned).count();
    if pinned > 0 {
        report::note(format_args!("{pinned} of {} servers are pinned as they were there", imported.servers.len()));
    }
    for secret in imported.secrets.iter().filter(|secret| !secret.set) {
        let needed = if secret.secret.required { "needs" } else { "can use" };
        let who = secret.secret.server.as_ref().map_or("the gateway", ServerName::as_str);
        let why = secret.secret.why.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
        report::hint(format_args!("{who} {needed} `{}`{why}: {}", secret.secret.key, secret.command));
    }
    Ok(())
}

fn missing_files(bundle: &ProfileBundle) {
    if !bundle.profile.policy.cedar.is_empty() {
        let files = bundle.profile.policy.cedar.join(", ");
        report::warning(format_args!("its policy needs files that do not travel with it: {files}"));
    }
}

fn digest(text: &str) -> std::result::Result<Digest, String> {
    Digest::new(text).map_err(|error| error.message().to_owned())
}
