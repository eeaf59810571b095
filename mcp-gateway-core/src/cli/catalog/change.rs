//! `catalog add`, `rm`, `sync`, `create`, `import` and `export`: which catalogs the home has.

use std::path::PathBuf;

use clap::Args;

use super::trust::public_key;
use crate::catalog::CatalogOrigin;
use crate::cli::output::FormatArgs;
use crate::cli::secret::BY;
use crate::cli::{Env, report};
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::home::{CatalogChange, CatalogChanged, CatalogOptions};
use crate::model::{ServerName, VerifyMode};

/// `catalog add`.
#[derive(Debug, Args)]
pub(crate) struct AddArgs {
    /// The name to register it under; with FILE, a catalog of `catalog create`
    name: String,
    /// A file or folder, `https://…`, `oci://REFERENCE`, `docker://IMAGE` or `registry:https://…`; with FILE, the name of a server
    origin: String,
    /// The file that describes the server
    #[arg(conflicts_with_all = ["link", "verify", "allow_private", "node_image", "python_image", "verify_key"])]
    file: Option<PathBuf>,
    /// Replace a catalog of the same name, which keeps its place; with FILE, a server of the same name
    #[arg(long)]
    replace: bool,
    /// Link to the file and do not copy it
    #[arg(long)]
    link: bool,
    /// Let the address be one that is not on the public internet
    #[arg(long, conflicts_with = "link")]
    allow_private: bool,
    /// What happens with its images that are not signed, whatever it says itself: required, if-present or off
    #[arg(long, value_name = "MODE", value_parser = VerifyMode::parse)]
    verify: Option<VerifyMode>,
    /// Run npm packages of a registry of MCP servers in this image, which has `npx`, and not as processes
    #[arg(long, value_name = "IMAGE@DIGEST", conflicts_with = "link")]
    node_image: Option<String>,
    /// Run PyPI packages of a registry of MCP servers in this image, which has `uv`, and not as processes
    #[arg(long, value_name = "IMAGE@DIGEST", conflicts_with = "link")]
    python_image: Option<String>,
    /// Take it over only if this key has signed it, now and whenever it is fetched: `ed25519:…` or a file with it
    #[arg(long, value_name = "KEY", conflicts_with = "link")]
    verify_key: Option<String>,
    /// Let it be older than the signed one that it replaces
    #[arg(long)]
    allow_older: bool,
    #[command(flatten)]
    format: FormatArgs,
}

/// `catalog create`.
#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// Its name
    name: String,
    /// A registered catalog, or a place as `catalog add` takes it
    #[arg(long, value_name = "NAME|ORIGIN")]
    from: Option<String>,
    #[command(flatten)]
    taking: TakingArgs,
}

/// `catalog import`.
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// A file or folder, `https://…`, `oci://REFERENCE`, `docker://IMAGE` or `registry:https://…`
    origin: String,
    /// Its name; without one, that of the file or the repository
    #[arg(long)]
    name: Option<String>,
    #[command(flatten)]
    taking: TakingArgs,
}

#[derive(Debug, Args)]
struct TakingArgs {
    /// Replace a catalog of the same name; it keeps its place
    #[arg(long)]
    replace: bool,
    /// Let an address be one that is not on the public internet
    #[arg(long)]
    allow_private: bool,
    /// Take over only what this key has signed: `ed25519:…` or a file with it
    #[arg(long, value_name = "KEY")]
    verify_key: Option<String>,
    #[command(flatten)]
    format: FormatArgs,
}

impl TakingArgs {
    fn options(&self, env: &Env) -> Result<CatalogOptions> {
        let verify_key = self.verify_key.as_deref().map(public_key).transpose()?;
        Ok(CatalogOptions { verify_key, ..options(env, self.replace, self.allow_private) })
    }
}

/// `catalog export`.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    /// The name of the catalog
    name: String,
    /// The file to write
    file: PathBuf,
    /// Replace the file
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    format: FormatArgs,
}

pub(super) async fn add(env: &Env, args: AddArgs) -> Result<()> {
    let AddArgs {
        name,
        origin,
        file,
        replace,
        link,
        allow_private,
        verify,
        node_image,
        python_image,
        verify_key,
        allow_older,
        format,
    } = args;
    let mut options = options(env, replace, allow_private);
    options.verify_key = verify_key.as_deref().map(public_key).transpose()?;
    options.allow_older = allow_older;
    if let Some(image) = node_image {
        options.images = options.images.with_node(&image)?;
    }
    if let Some(image) = python_image {
        options.images = options.images.with_python(&image)?;
    }
    if let Some(file) = file {
        let server = ServerName::new(origin)?;
        let change = env.home.add_catalog_server(&name, &server, &file, &options).await?;
        return told(&change, &format!("added `{server}` to catalog"), format);
    }
    let origin = CatalogOrigin::parse(&origin)?;
    let change = match origin {
        CatalogOrigin::Path(path) if link => env.home.link_catalog(&name, &path, &options).await?,
        _ if link => {
            return Err(Error::new(ErrorKind::InvalidInput, "only a file or a folder can be linked to")
                .with_hint("leave `--link` out, and keep the copy up to date with `mcp-gateway catalog sync`"));
        }
        origin => env.home.add_catalog(&name, &origin, &options).await?,
    };
    if verify.is_some() {
        env.home.set_catalog_verify(&name, verify, &options).await?;
    }
    told(&change, "registered catalog", format)
}

pub(super) async fn remove(env: &Env, name: &str, server: Option<&ServerName>, format: FormatArgs) -> Result<()> {
    let options = options(env, false, false);
    let Some(server) = server else {
        let change = env.home.remove_catalog(name, &options).await?;
        let mut out = format.open();
        if out.is_json() {
            return out.json(&change);
        }
        report::note(format_args!("removed catalog `{name}`"));
        return Ok(());
    };
    let change = env.home.remove_catalog_server(name, server, &options).await?;
    told(&change, &format!("removed `{server}` from catalog"), format)
}

pub(super) async fn create(env: &Env, args: CreateArgs) -> Result<()> {
    let options = args.taking.options(env)?;
    let change = env.home.create_catalog(&args.name, args.from.as_deref(), &options).await?;
    told(&change, "created catalog", args.taking.format)
}

pub(super) async fn import(env: &Env, args: ImportArgs) -> Result<()> {
    let options = args.taking.options(env)?;
    let change = env.home.import_catalog(&args.origin, args.name.as_deref(), &options).await?;
    told(&change, "created catalog", args.taking.format)
}

pub(super) async fn export(env: &Env, args: ExportArgs) -> Result<()> {
    let ExportArgs { name, file, replace, format } = args;
    let exported = env.home.export_catalog(&name, &file, &options(env, replace, false)).await?;
    let mut out = format.open();
    if out.is_json() {
        return out.json(&exported);
    }
    exported.notes.iter().for_each(report::warning);
    report::note(format_args!("wrote catalog `{name}` to {}", file.display()));
    Ok(())
}

/// Shows what became of each catalog; where one could not be fetched, that is the end of the command too.
pub(super) async fn sync(env: &Env, names: &[String], allow_older: bool, format: FormatArgs) -> Result<()> {
    let options = CatalogOptions { allow_older, ..options(env, false, false) };
    let mut changes = env.home.sync_catalogs(names, &options).await?;
    let known = env.home.list_catalogs().await?;
    let mut out = format.open();
    if changes.is_empty() {
        report::note("no registered catalog comes from elsewhere");
    }
    out.rows(&changes, &["NAME", "CHANGE", "SERVERS", "ORIGIN"], |row| {
        let origin = row.origin.clone().unwrap_or_default();
        vec![row.name.clone(), word(row.change).to_owned(), row.servers.to_string(), origin]
    })?;
    for change in &changes {
        change.notes.iter().for_each(|note| report::warning(format_args!("catalog `{}`: {note}", change.name)));
        if change.change == CatalogChanged::Failed {
            let last = known.iter().find(|known| known.name == change.name).and_then(|known| known.last_sync.as_ref());
            let age = last.map(|last| format!(" of {last}")).unwrap_or_default();
            report::warning(format_args!("catalog `{}` was not fetched; its copy{age} stays in use", change.name));
        }
    }
    let mut failed: Vec<Error> = changes.iter_mut().filter_map(|change| change.error.take()).collect();
    let Some(last) = failed.pop() else { return Ok(()) };
    failed.iter().for_each(report::error);
    Err(last)
}

pub(super) fn options(env: &Env, replace: bool, allow_private: bool) -> CatalogOptions {
    CatalogOptions { replace, allow_private, docker: env.docker.clone(), by: BY, ..CatalogOptions::default() }
}

/// Shows what was done with a catalog.
pub(super) fn told(change: &CatalogChange, done: &str, format: FormatArgs) -> Result<()> {
    let mut out = format.open();
    if out.is_json() {
        return out.json(change);
    }
    change.notes.iter().for_each(report::warning);
    report::note(format_args!("{done} `{}` with {} servers", change.name, change.servers));
    Ok(())
}

const fn word(change: CatalogChanged) -> &'static str {
    match change {
        CatalogChanged::Added => "added",
        CatalogChanged::Updated => "updated",
        CatalogChanged::Unchanged => "unchanged",
        CatalogChanged::Failed => "failed",
        CatalogChanged::Removed => "removed",
    }
}
