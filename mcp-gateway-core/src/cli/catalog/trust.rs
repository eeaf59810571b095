//! `catalog key`, `sign` and `approve`: who stands behind a catalog, and behind an entry.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use super::change::{options, told};
use crate::catalog::{CatalogKey, CatalogPublicKey};
use crate::cli::output::FormatArgs;
use crate::cli::{Env, report};
use crate::error::{Error, ErrorKind, Result};
use crate::model::ServerName;
use crate::util::fs;

/// `catalog sign`.
#[derive(Debug, Args)]
pub(crate) struct SignArgs {
    /// A file, or the name of a catalog of `catalog create`
    catalog: String,
    /// The file of the key, as `catalog key` makes it
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// What the catalog is called by its signer; without one, as the file or the catalog
    #[arg(long)]
    name: Option<String>,
    /// Its version, higher than the one before; without one, the time
    #[arg(long, value_name = "NUMBER")]
    version: Option<u64>,
    #[command(flatten)]
    format: FormatArgs,
}

/// `catalog approve`.
#[derive(Debug, Args)]
pub(crate) struct ApproveArgs {
    /// The catalog, one of `catalog create`
    catalog: String,
    /// The server
    server: ServerName,
    /// Who approves it
    #[arg(long, required_unless_present = "revoke")]
    by: Option<String>,
    /// What there is to say about it
    #[arg(long, value_name = "TEXT", conflicts_with = "revoke")]
    note: Option<String>,
    /// Take the approval away
    #[arg(long, conflicts_with = "by")]
    revoke: bool,
    #[command(flatten)]
    format: FormatArgs,
}

/// A key, for programs.
#[derive(Debug, Serialize)]
struct Key {
    file: PathBuf,
    public: String,
}

pub(super) fn key(file: PathBuf, format: FormatArgs) -> Result<()> {
    let public = CatalogKey::open(&file)?.public().to_string();
    let mut out = format.open();
    if out.is_json() { out.json(&Key { file, public }) } else { out.line(&public) }
}

pub(super) async fn sign(env: &Env, args: SignArgs) -> Result<()> {
    let SignArgs { catalog, key, name, version, format } = args;
    let key = CatalogKey::read(&key)?.ok_or_else(|| {
        Error::new(ErrorKind::NotFound, "there is no such key")
            .with_context("file", key.display())
            .with_hint(format!("make one: `mcp-gateway catalog key {}`", key.display()))
    })?;
    let written = env.home.sign_catalog(&catalog, &key, name.as_deref(), version).await?;
    let mut out = format.open();
    if out.is_json() {
        return out.json(&written);
    }
    let signature = &written.signature;
    report::note(format_args!(
        "signed `{}` in version {}: {}",
        signature.name,
        signature.version,
        written.file.display()
    ));
    report::hint(format_args!("others require it with `--verify-key {}`", signature.key));
    Ok(())
}

pub(super) async fn approve(env: &Env, args: ApproveArgs) -> Result<()> {
    let ApproveArgs { catalog, server, by, note, revoke: _, format } = args;
    let options = options(env, false, false);
    match by {
        Some(by) => {
            let change = env.home.approve_catalog_server(&catalog, &server, &by, note.as_deref(), &options).await?;
            told(&change, &format!("approved `{server}` in catalog"), format)
        }
        None => {
            let change = env.home.revoke_catalog_server(&catalog, &server, &options).await?;
            told(&change, &format!("took the approval of `{server}` away in catalog"), format)
        }
    }
}

/// A public key as it is written, or the file that it is in.
pub(super) fn public_key(text: &str) -> Result<CatalogPublicKey> {
    if text.starts_with("ed25519:") {
        return text.parse();
    }
    fs::read_to_string(Path::new(text))?.parse()
}
