//! `catalog`: where servers are described.

mod change;
mod list;
mod registry;
mod search;
mod trust;

use std::iter;
use std::path::PathBuf;

use clap::Subcommand;
use serde::Serialize;

use crate::catalog::{Catalog as _, Diagnostic, FileCatalog, SearchQuery};
use crate::cli::args::{CatalogArgs, EmbedderArgs};
use crate::cli::output::{FormatArgs, Output};
use crate::cli::{Env, assemble, report};
use crate::error::Result;
use crate::model::{ServerEntry, ServerKind, ServerName};
use crate::util::fs;

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
    /// Register a catalog of a path, an address, an artifact, an image or a registry of MCP servers: check it and copy it
    #[command(after_help = "Examples:
  mcp-gateway catalog add docker-mcp docker-catalog.yaml
  mcp-gateway catalog add docker-mcp newer.yaml --replace
  mcp-gateway catalog add team https://catalogs.example/team.yaml
  mcp-gateway catalog add team oci://registry.example/team/catalog:1
  mcp-gateway catalog add time docker://mcp/time    # an image that describes itself by its label
  mcp-gateway catalog add mcp registry:https://registry.modelcontextprotocol.io    # or registry:official
  mcp-gateway catalog add mcp registry:official --node-image node@sha256:…    # npm packages in containers
  mcp-gateway catalog add team https://catalogs.example/team.yaml --verify-key ed25519:…    # only if this key signed it
  mcp-gateway catalog add own ./servers.yaml --link    # changes to the file count at once
  mcp-gateway catalog add own ./servers.yaml --verify required    # only images that its signer has signed
  mcp-gateway catalog add mine github ./github.yaml    # a server of the file, to a catalog of `catalog create`

Catalogs are layered in the order in which they were added; a later one may override or hide servers.
The gateway reads the copy only; `catalog sync` fetches again.")]
    Add(change::AddArgs),
    /// Remove a registered catalog, or a server of a catalog of one's own
    #[command(
        visible_alias = "remove",
        after_help = "Examples:
  mcp-gateway catalog rm docker-mcp
  mcp-gateway catalog rm mine github"
    )]
    Rm {
        /// The name of the catalog
        name: String,
        /// The server, of a catalog of `catalog create`; without one, the whole catalog
        server: Option<ServerName>,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Fetch catalogs again from where they come, if they have changed there
    #[command(
        visible_alias = "update",
        after_help = "Examples:
  mcp-gateway catalog sync
  mcp-gateway catalog sync docker-mcp team --format json

What cannot be reached, or is no catalog, changes nothing: its copy stays in use, and the exit code tells."
    )]
    Sync {
        /// The catalogs; without one, all that come from somewhere
        names: Vec<String>,
        /// Let signed catalogs be older than those that are there
        #[arg(long)]
        allow_older: bool,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Make a catalog of one's own: empty, or with the servers of another one
    #[command(
        visible_alias = "fork",
        after_help = "Examples:
  mcp-gateway catalog create mine
  mcp-gateway catalog create mine --from docker-mcp
  mcp-gateway catalog create mine --from oci://registry.example/team/catalog:1

`catalog add NAME SERVER FILE` adds servers to it, `catalog rm NAME SERVER` removes them."
    )]
    Create(change::CreateArgs),
    /// Make a catalog of one's own of what a place has now, without following that place
    #[command(after_help = "Examples:
  mcp-gateway catalog import ./servers.yaml
  mcp-gateway catalog import https://catalogs.example/team.yaml --name mine")]
    Import(change::ImportArgs),
    /// Write a registered catalog to a file
    #[command(after_help = "Examples:
  mcp-gateway catalog export mine ./mine.yaml
  mcp-gateway catalog export mine ./mine.yaml --replace")]
    Export(change::ExportArgs),
    /// Register the catalog of a registry, or take over its newer state
    #[command(after_help = "Examples:
  mcp-gateway catalog pull registry.example/team/catalog:1
  mcp-gateway catalog pull registry.example/team/catalog:2 --name team --format json
  mcp-gateway catalog pull registry.example/team/catalog:1 --verify-key ed25519:…    # only if this key signed it

Without --name it gets the last word of its repository. Logins are those of `docker login`.")]
    Pull(registry::PullArgs),
    /// Put a registered catalog into a registry, in a form that Docker's tools read too
    #[command(after_help = "Examples:
  mcp-gateway catalog push mine registry.example/team/catalog:1
  mcp-gateway catalog push mine localhost:5000/catalog --format json

Logins are those of `docker login`.")]
    Push {
        /// The name of the catalog
        name: String,
        /// Where to: a repository and a tag
        reference: String,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Give a catalog of a registry another tag
    #[command(after_help = "Example:
  mcp-gateway catalog tag registry.example/team/catalog:1 stable")]
    Tag {
        /// The catalog, by a tag or a digest
        reference: String,
        /// The other tag, in the same repository
        tag: String,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Say who approved a server's entry in a catalog of one's own; a change of the entry voids it
    #[command(after_help = "Examples:
  mcp-gateway catalog approve mine github --by ann@example.org --note \"ticket 42\"
  mcp-gateway catalog approve mine github --revoke

Scopes can ask for approvals: `allow: [{approved: true}]`.")]
    Approve(trust::ApproveArgs),
    /// Show the public key of a key that signs catalogs; make the key where there is none
    #[command(after_help = "Examples:
  mcp-gateway catalog key ./catalog.key
  mcp-gateway catalog key ./catalog.key > catalog.pub")]
    Key {
        /// The file of the key, readable by its owner only
        file: PathBuf,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Sign a catalog's file or a catalog of one's own: write FILE.sig beside it
    #[command(after_help = "Examples:
  mcp-gateway catalog sign ./team.yaml --key ./catalog.key
  mcp-gateway catalog sign mine --key ./catalog.key && mcp-gateway catalog push mine registry.example/team/catalog:1

Put both files at the same place; `catalog push` and `export` take the signature along.
Others take only what is signed: `mcp-gateway catalog add team https://… --verify-key ed25519:…`")]
    Sign(trust::SignArgs),
    /// Check a catalog file, or a registered catalog
    #[command(after_help = "Examples:
  mcp-gateway catalog validate ./servers.yaml
  mcp-gateway catalog validate docker-mcp
  mcp-gateway catalog validate ./servers.yaml --format json

Unknown keys are warnings; what cannot be right is an error, and the exit code is 10.")]
    Validate {
        /// The file, or a folder of server files; the name of a registered catalog where there is no such file
        path: PathBuf,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Search for servers and tools: by words, or by what you want done
    #[command(after_help = "Examples:
  mcp-gateway catalog search \"issue tracker\"
  mcp-gateway catalog search what time is it in Tokyo --tools
  mcp-gateway catalog search postgres --category database --limit 3 --format json

Other forms of a word, usual synonyms and slight misspellings are found too; with a model of meaning (--embedder), also
what is said in other words: see docs/search.md.")]
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
        finding: EmbedderArgs,
        #[command(flatten)]
        catalog: CatalogArgs,
        #[command(flatten)]
        format: FormatArgs,
    },
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
            Self::Ls { format } => list::show(env, &mut format.open()).await,
            Self::Show { name, catalog, format } => show(env, &name, &catalog, &mut format.open()).await,
            Self::Add(args) => change::add(env, args).await,
            Self::Rm { name, server, format } => change::remove(env, &name, server.as_ref(), format).await,
            Self::Sync { names, allow_older, format } => change::sync(env, &names, allow_older, format).await,
            Self::Key { file, format } => trust::key(file, format),
            Self::Sign(args) => trust::sign(env, args).await,
            Self::Approve(args) => trust::approve(env, args).await,
            Self::Create(args) => change::create(env, args).await,
            Self::Import(args) => change::import(env, args).await,
            Self::Export(args) => change::export(env, args).await,
            Self::Pull(args) => registry::pull(env, args).await,
            Self::Push { name, reference, format } => registry::push(env, &name, &reference, format).await,
            Self::Tag { reference, tag, format } => registry::tag(env, &reference, &tag, format).await,
            Self::Validate { path, format } => validate(env, path, &mut format.open()).await,
            Self::Search { query, limit, category, source, tools, finding, catalog, format } => {
                let mut asked = SearchQuery::new(query.join(" ")).with_limit(limit);
                (asked.category, asked.source) = (category, source);
                let catalog = assemble::catalog(env, &catalog, &[]).await?;
                let vectors = env.home.vectors(finding.embedder.as_deref()).await?;
                let found = search::find(catalog.list().await?, vectors, asked).await?;
                search::show(&found, tools, limit, &mut format.open())
            }
        }
    }
}

/// A registered catalog of that name, or else a server of that name.
async fn show(env: &Env, name: &str, catalog: &CatalogArgs, out: &mut Output) -> Result<()> {
    if catalog.catalogs.is_empty()
        && let Ok(found) = env.home.registered_catalog(name)
    {
        let loaded = FileCatalog::load(&found.path).await?;
        if let Some(signed) = env.home.catalog_status(name).await?.signed {
            report::note(format_args!("signed in version {} at {} by {}", signed.version, signed.time, signed.key));
        }
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

async fn validate(env: &Env, path: PathBuf, out: &mut Output) -> Result<()> {
    let registered = path.to_str().and_then(|name| env.home.registered_catalog(name).ok());
    let path = registered.filter(|_| !fs::exists(&path)).map_or(path, |registered| registered.path);
    let (checked, failure) = match FileCatalog::load(&path).await {
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
