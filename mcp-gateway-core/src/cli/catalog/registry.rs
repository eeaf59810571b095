//! `catalog pull`, `push` and `tag`: catalogs in registries.

use clap::Args;

use super::change::{options, told};
use super::trust::public_key;
use crate::cli::output::FormatArgs;
use crate::cli::{Env, report};
use crate::error::Result;
use crate::gateway::home::{CatalogOptions, PushedCatalog};

/// `catalog pull`.
#[derive(Debug, Args)]
pub(crate) struct PullArgs {
    /// The catalog, by a tag or a digest
    reference: String,
    /// Its name here
    #[arg(long)]
    name: Option<String>,
    /// Replace a catalog of the same name that is from elsewhere
    #[arg(long)]
    replace: bool,
    /// Take it over only if this key has signed it, now and whenever it is fetched: `ed25519:…` or a file with it
    #[arg(long, value_name = "KEY")]
    verify_key: Option<String>,
    /// Let it be older than the signed one that it replaces
    #[arg(long)]
    allow_older: bool,
    #[command(flatten)]
    format: FormatArgs,
}

pub(super) async fn pull(env: &Env, args: PullArgs) -> Result<()> {
    let verify_key = args.verify_key.as_deref().map(public_key).transpose()?;
    let options = CatalogOptions { verify_key, allow_older: args.allow_older, ..options(env, args.replace, false) };
    let change = env.home.pull_catalog(&args.reference, args.name.as_deref(), &options).await?;
    told(&change, "pulled catalog", args.format)
}

pub(super) async fn push(env: &Env, name: &str, reference: &str, format: FormatArgs) -> Result<()> {
    let pushed = env.home.push_catalog(name, reference, &options(env, false, false)).await?;
    show(&pushed, &format!("pushed catalog `{name}`"), format)
}

pub(super) async fn tag(env: &Env, reference: &str, tag: &str, format: FormatArgs) -> Result<()> {
    let tagged = env.home.tag_catalog(reference, tag, &options(env, false, false)).await?;
    show(&tagged, &format!("tagged `{tag}`"), format)
}

fn show(pushed: &PushedCatalog, done: &str, format: FormatArgs) -> Result<()> {
    let mut out = format.open();
    if out.is_json() {
        return out.json(pushed);
    }
    pushed.notes.iter().for_each(report::warning);
    report::note(format_args!("{done}: {}", pushed.reference));
    report::hint(format_args!("others get exactly this one with `mcp-gateway catalog pull {}`", pushed.reference));
    Ok(())
}
