//! Where servers are looked up.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::catalog::{Catalog, FileCatalog, LayeredCatalog, LoadOptions};
use crate::cli::args::CatalogArgs;
use crate::cli::{Env, registered, report};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ProfileName, ServerName};
use crate::util::fs;
use crate::util::pattern::did_you_mean;

/// The catalogs that flags name; else the profile's; else every registered one. A later one wins.
///
/// # Errors
/// `InvalidConfig` when a file that was named is broken, or there is no catalog at all.
pub(crate) async fn catalog(env: &Env, args: &CatalogArgs, of_profile: &[String]) -> Result<Arc<dyn Catalog>> {
    let named = if args.catalogs.is_empty() { of_profile } else { &args.catalogs };
    let mut paths = Vec::new();
    for text in named {
        paths.push(path_of(env, text)?);
    }
    if named.is_empty() {
        paths.extend(registered::all(&env.home)?.into_iter().map(|catalog| catalog.path));
    }
    // What was registered was checked then; an entry that broke since must not take the others down.
    let options = LoadOptions::new().with_lenient(named.is_empty());
    let mut layers: Vec<Arc<dyn Catalog>> = Vec::new();
    for path in &paths {
        let report = FileCatalog::load_with(path, options).await?;
        for warning in &report.warnings {
            tracing::info!(%warning, "catalog");
        }
        for refused in &report.refused {
            report::warning(format_args!("server `{}` is left out: {}", refused.name, refused.reason.report()));
        }
        layers.push(Arc::new(report.catalog));
    }
    if layers.is_empty() {
        return Err(Error::new(ErrorKind::InvalidConfig, "there is no catalog to look servers up in")
            .with_hint("register one with `mcp-gateway catalog add NAME PATH`, or name a file with `--catalog FILE`"));
    }
    Ok(Arc::new(LayeredCatalog::new(layers)))
}

/// A registered catalog by its name, or else a file.
fn path_of(env: &Env, text: &str) -> Result<PathBuf> {
    let is_path = Path::new(text).components().count() > 1
        || Path::new(text).extension().is_some()
        || fs::exists(Path::new(text));
    if !is_path {
        return registered::find(&env.home, text).map(|catalog| catalog.path);
    }
    Ok(PathBuf::from(text))
}

/// Catalogs in a form that a profile may keep: names as they are, files by their full path.
pub(crate) fn lasting(env: &Env, catalogs: Vec<String>) -> Result<Vec<String>> {
    catalogs
        .into_iter()
        .map(|text| {
            if registered::find(&env.home, &text).is_ok() {
                return Ok(text);
            }
            Ok(fs::canonicalize(Path::new(&text))?.display().to_string())
        })
        .collect()
}

/// Refuses names that no catalog has.
///
/// # Errors
/// `NotFound`, with the name that may be meant; as [`catalog`].
pub(crate) async fn check_servers(
    env: &Env,
    args: &CatalogArgs,
    of_profile: &[String],
    servers: &[ServerName],
) -> Result<()> {
    if servers.is_empty() {
        return Ok(());
    }
    let catalog = catalog(env, args, of_profile).await?;
    for server in servers {
        if catalog.get(server).await?.is_none() {
            let entries = catalog.list().await?;
            return Err(not_in_catalog(server, entries.iter().map(|entry| &entry.name)));
        }
    }
    Ok(())
}

/// The error for a server that no catalog has.
pub(crate) fn not_in_catalog<'a>(server: &ServerName, known: impl Iterator<Item = &'a ServerName>) -> Error {
    let error = Error::new(ErrorKind::NotFound, format!("server `{server}` is in no catalog"));
    meant(error, server, known, "run `mcp-gateway catalog search WORD` to see what there is")
}

/// The error for a server that a profile does not have.
pub(crate) fn no_such_server<'a>(
    server: &ServerName,
    profile: &ProfileName,
    known: impl Iterator<Item = &'a ServerName>,
) -> Error {
    let error = Error::new(ErrorKind::NotFound, format!("profile `{profile}` has no server `{server}`"));
    meant(error, server, known, "run `mcp-gateway server list --profile NAME` to see its servers")
}

fn meant<'a>(
    error: Error,
    server: &ServerName,
    known: impl Iterator<Item = &'a ServerName>,
    otherwise: &'static str,
) -> Error {
    match did_you_mean(server.as_str(), known.map(ServerName::as_str)) {
        Some(meant) => error.with_hint(format!("did you mean `{meant}`?")),
        None => error.with_hint(otherwise),
    }
}
