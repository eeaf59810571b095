//! `catalog`: where servers are described.

mod search;

use std::iter;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use serde::Serialize;

use crate::catalog::{Catalog as _, Diagnostic, FileCatalog, SearchIndex, SearchQuery};
use crate::cli::args::CatalogArgs;
use crate::cli::output::{FormatArgs, Output};
use crate::cli::{Env, assemble, report};
use crate::error::Result;
use crate::gateway::home::Registered;
use crate::model::{ServerEntry, ServerKind, ServerName, VerifyMode};

/// What is done with catalogs.
#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// List the registered catalogs, in the order in which they are layered: a later one wins
    #[command(
        visible_alias = "list",
        after_help = "Examples:
  mcp-gateway catalog ls
  mcp-gateway catalog ls --format json"
    )]
    Ls {
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Show the servers of a catalog, or a server's entry
    #[command(after_help = "Examples:
  mcp-gateway catalog show docker-mcp
  mcp-gateway catalog show github
  mcp-gateway catalog show github --catalog ./servers.yaml --format json")]
    Show {
        /// The name of a registered catalog or of a server
        name: String,
        #[command(flatten)]
        catalog: CatalogArgs,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Register a catalog: check it and copy it
    #[command(after_help = "Examples:
  mcp-gateway catalog add docker-mcp docker-catalog.yaml
  mcp-gateway catalog add docker-mcp newer.yaml --replace
  mcp-gateway catalog add own ./servers.yaml --link    # changes to the file count at once
  mcp-gateway catalog add own ./servers.yaml --verify required    # only images that its signer has signed

Catalogs are layered in the order in which they were added; a later one may override or hide servers.")]
    Add {
        /// The name to register it under
        name: String,
        /// A catalog file, YAML or JSON, or a folder of server files
        path: PathBuf,
        /// Replace a catalog of the same name; it keeps its place
        #[arg(long)]
        replace: bool,
        /// Link to the file and do not copy it
        #[arg(long)]
        link: bool,
        /// What happens with its images that are not signed, whatever it says itself: required, if-present or off
        #[arg(long, value_name = "MODE", value_parser = VerifyMode::parse)]
        verify: Option<VerifyMode>,
    },
    /// Remove a registered catalog
    #[command(
        visible_alias = "remove",
        after_help = "Example:
  mcp-gateway catalog rm docker-mcp"
    )]
    Rm {
        /// The name of the catalog
        name: String,
    },
    /// Check a catalog file
    #[command(after_help = "Examples:
  mcp-gateway catalog validate ./servers.yaml
  mcp-gateway catalog validate ./servers.yaml --format json

Unknown keys are warnings; what cannot be right is an error, and the exit code is 10.")]
    Validate {
        /// The file, or a folder of server files
        path: PathBuf,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Search for servers and tools: by words, or by what you want done
    #[command(after_help = "Examples:
  mcp-gateway catalog search \"issue tracker\"
  mcp-gateway catalog search what time is it in Tokyo --tools
  mcp-gateway catalog search postgres --category database --limit 3 --format json

Other forms of a word, usual synonyms and slight misspellings are found too.")]
    Search {
        /// Words to look for
        #[arg(required = true)]
        query: Vec<String>,
        /// The best so many
        #[arg(long, default_value_t = 20, value_name = "COUNT")]
        limit: usize,
        /// Servers of this category only
        #[arg(long)]
        category: Option<String>,
        /// Servers of the catalog of this name only
        #[arg(long, value_name = "CATALOG")]
        source: Option<String>,
        /// Show the tools that fit, the best first, in place of the servers
        #[arg(long)]
        tools: bool,
        #[command(flatten)]
        catalog: CatalogArgs,
        #[command(flatten)]
        format: FormatArgs,
    },
}

/// A registered catalog in lists.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CatalogRow {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<String>,
    servers: usize,
    path: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    verify: Option<VerifyMode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// What a check found.
#[derive(Debug, Serialize)]
struct Checked {
    valid: bool,
    servers: usize,
    warnings: Vec<Diagnostic>,
    /// What is wrong, each with its place.
    problems: Vec<String>,
}

/// A server in lists.
#[derive(Debug, Serialize)]
struct ServerRow {
    name: ServerName,
    #[serde(rename = "type")]
    kind: ServerKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<String>,
}

impl From<&ServerEntry> for ServerRow {
    fn from(entry: &ServerEntry) -> Self {
        Self {
            name: entry.name.clone(),
            kind: entry.kind,
            title: entry.title.clone(),
            description: entry.description.clone(),
            image: entry.image.clone(),
        }
    }
}

impl Verb {
    pub(crate) async fn run(self, env: &Env) -> Result<()> {
        match self {
            Self::Ls { format } => list(env, &mut format.open()).await,
            Self::Show { name, catalog, format } => show(env, &name, &catalog, &mut format.open()).await,
            Self::Add { name, path, replace, link, verify } => {
                let loaded = FileCatalog::load(&path).await?;
                loaded.warnings.iter().for_each(report::warning);
                env.home.register_catalog(&name, &path, replace, link)?;
                if verify.is_some() {
                    env.home.set_catalog_verify(&name, verify)?;
                }
                report::note(format_args!("registered catalog `{name}` with {} servers", loaded.catalog.len()));
                Ok(())
            }
            Self::Rm { name } => {
                env.home.unregister_catalog(&name)?;
                report::note(format_args!("removed catalog `{name}`"));
                Ok(())
            }
            Self::Validate { path, format } => validate(&path, &mut format.open()).await,
            Self::Search { query, limit, category, source, tools, catalog, format } => {
                let mut asked = SearchQuery::new(query.join(" ")).with_limit(limit);
                (asked.category, asked.source) = (category, source);
                let catalog = assemble::catalog(env, &catalog, &[]).await?;
                let mut index = SearchIndex::new();
                catalog.list().await?.into_iter().for_each(|entry| index.put(entry, None));
                search::show(&index.search(&asked), tools, limit, &mut format.open())
            }
        }
    }
}

async fn list(env: &Env, out: &mut Output) -> Result<()> {
    let mut rows = Vec::new();
    for Registered { name, path, verify, .. } in env.home.registered_catalogs()? {
        rows.push(match FileCatalog::load(&path).await {
            Ok(loaded) => CatalogRow {
                name,
                display_name: loaded.catalog.title().map(str::to_owned),
                servers: loaded.catalog.len(),
                path,
                verify,
                error: None,
            },
            Err(error) => {
                report::warning(format_args!("catalog `{name}` is broken: {}", error.report()));
                CatalogRow { name, display_name: None, servers: 0, path, verify, error: Some(error.report()) }
            }
        });
    }
    if rows.is_empty() {
        report::note("no catalog is registered");
        report::hint("register one with `mcp-gateway catalog add NAME PATH`");
    }
    out.rows(&rows, &["NAME", "SERVERS", "TITLE"], |row| {
        let count = if row.error.is_some() { "(broken)".to_owned() } else { row.servers.to_string() };
        vec![row.name.clone(), count, row.display_name.clone().unwrap_or_default()]
    })
}

/// A registered catalog of that name, or else a server of that name.
async fn show(env: &Env, name: &str, catalog: &CatalogArgs, out: &mut Output) -> Result<()> {
    if catalog.catalogs.is_empty()
        && let Ok(found) = env.home.registered_catalog(name)
    {
        let loaded = FileCatalog::load(&found.path).await?;
        let rows: Vec<ServerRow> =
            loaded.catalog.list().await?.iter().map(|entry| ServerRow::from(entry.as_ref())).collect();
        return servers(out, &rows);
    }
    let server = ServerName::new(name)?;
    let catalog = assemble::catalog(env, catalog, &[]).await?;
    match catalog.get(&server).await? {
        Some(entry) => out.document(entry.as_ref()),
        None => match catalog.refusal(&server).await? {
            Some(refusal) => Err(refusal),
            None => Err(assemble::not_in_catalog(&server, catalog.list().await?.iter().map(|entry| &entry.name))),
        },
    }
}

async fn validate(path: &Path, out: &mut Output) -> Result<()> {
    let (checked, failure) = match FileCatalog::load(path).await {
        Ok(loaded) => {
            let servers = loaded.catalog.len();
            (Checked { valid: true, servers, warnings: loaded.warnings, problems: Vec::new() }, None)
        }
        Err(error) => {
            let problems = iter::once(error.report()).chain(error.hints().map(str::to_owned)).collect();
            (Checked { valid: false, servers: 0, warnings: Vec::new(), problems }, Some(error))
        }
    };
    if out.is_json() {
        out.json(&checked)?;
    } else {
        checked.warnings.iter().for_each(report::warning);
        if checked.valid {
            out.line(&format!("{}: {} servers, {} warnings", path.display(), checked.servers, checked.warnings.len()))?;
        }
    }
    failure.map_or(Ok(()), Err)
}

fn servers(out: &mut Output, rows: &[ServerRow]) -> Result<()> {
    out.rows(rows, &["NAME", "TITLE", "DESCRIPTION"], |row| {
        vec![row.name.to_string(), row.title.clone().unwrap_or_default(), row.description.clone().unwrap_or_default()]
    })
}
