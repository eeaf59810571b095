//! Where servers are looked up.

use std::path::Path;
use std::sync::Arc;

use crate::catalog::{Catalog, Scope, ScopedCatalog};
use crate::cli::args::CatalogArgs;
use crate::cli::{Env, report};
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::home::CatalogSource;
use crate::model::{ProfileName, ServerName};
use crate::profile::ProfileSpec;
use crate::util::fs;
use crate::util::pattern::did_you_mean;

/// The catalogs that flags name; else the profile's; else every registered one. A later one wins.
///
/// # Errors
/// `InvalidConfig` when a file that was named is broken, or there is no catalog at all.
pub(crate) async fn catalog(env: &Env, args: &CatalogArgs, of_profile: &[String]) -> Result<Arc<dyn Catalog>> {
    let (catalog, warnings) = env.home.catalog_of(&sources(args), of_profile).await?;
    warn(&warnings);
    Ok(catalog)
}

/// The catalogs of the flags.
pub(crate) fn sources(args: &CatalogArgs) -> Vec<CatalogSource> {
    args.catalogs.iter().cloned().map(CatalogSource::Named).collect()
}

/// Says what is odd about catalogs.
pub(super) fn warn(warnings: &[String]) {
    for warning in warnings {
        report::warning(warning);
    }
}

/// Catalogs in a form that a profile may keep: names as they are, files by their full path.
pub(crate) fn lasting(env: &Env, catalogs: Vec<String>) -> Result<Vec<String>> {
    catalogs
        .into_iter()
        .map(|text| {
            if env.home.registered_catalog(&text).is_ok() {
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
            if let Some(refusal) = catalog.refusal(server).await? {
                return Err(refusal);
            }
            let entries = catalog.list().await?;
            return Err(not_in_catalog(server, entries.iter().map(|entry| &entry.name)));
        }
    }
    Ok(())
}

/// Refuses servers that the profile's own scope shuts out.
///
/// # Errors
/// `Denied`, with the scope and the rule that says so; as [`check_servers`].
pub(crate) async fn check_scope(
    env: &Env,
    args: &CatalogArgs,
    spec: &ProfileSpec,
    servers: &[ServerName],
) -> Result<()> {
    if spec.scope.is_empty() || servers.is_empty() {
        return Ok(());
    }
    let scope = Scope::new().with(format!("profile {}", spec.name), &spec.scope)?;
    let catalog = ScopedCatalog::new(catalog(env, args, &spec.catalogs).await?, scope);
    for server in servers {
        if let Some(refusal) = catalog.refusal(server).await? {
            return Err(refusal);
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
