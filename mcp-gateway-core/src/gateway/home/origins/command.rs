//! What is done with the catalogs of a home, as JSON in and JSON out: one table for every language.

use std::path::PathBuf;

use serde::Deserialize;
use serde_json::json;

use super::CatalogOptions;
use crate::catalog::CatalogOrigin;
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::home::Home;
use crate::model::{ServerName, VerifyMode};
use crate::protocol::RawJson;

/// A command about the catalogs of a home, as `{"do": {"command": "sync", "names": ["docker-mcp"]}, "home": "/srv/agent"}`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct CatalogCommand {
    /// The folder that holds the state; the one that [`Home::locate`] finds without it.
    #[serde(default)]
    home: Option<PathBuf>,
    /// How.
    #[serde(default)]
    options: CatalogOptions,
    /// What.
    #[serde(rename = "do")]
    what: What,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
enum What {
    List {},
    Add { name: String, origin: String, verify: Option<String> },
    Remove { name: String },
    Sync { names: Vec<String> },
    Create { name: String, from: Option<String> },
    AddServer { name: String, server: String, file: PathBuf },
    RemoveServer { name: String, server: String },
    Import { origin: String, name: Option<String> },
    Export { name: String, file: PathBuf },
    Pull { reference: String, name: Option<String> },
    Push { name: String, reference: String },
    Tag { reference: String, tag: String },
}

impl CatalogCommand {
    /// Carries out a command, in a thread of its own while the calling thread waits.
    ///
    /// `list` gives a list of [`CatalogStatus`](super::CatalogStatus); `push` and `tag` give a
    /// [`PushedCatalog`](super::PushedCatalog), `export` `{}`, `sync` a list of [`CatalogChange`](super::CatalogChange), and
    /// the others one.
    ///
    /// # Errors
    /// `InvalidInput` when it is none, and what it runs into.
    pub fn run(command: &str) -> Result<RawJson> {
        let command: Self = serde_json::from_str(command).map_err(|cause| {
            Error::new(ErrorKind::InvalidInput, format!("this is no command about catalogs: {cause}"))
        })?;
        let work = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime
                .map_err(|cause| Error::new(ErrorKind::Io, "cannot start what works on catalogs").with_source(cause))?;
            let done = runtime.block_on(command.carry_out());
            runtime.shutdown_background();
            done
        };
        // The calling thread may belong to a runtime of the host, which must not be entered again.
        let done = std::thread::spawn(work).join();
        done.unwrap_or_else(|_| Err(Error::new(ErrorKind::Internal, "work on catalogs broke off")))
    }

    async fn carry_out(self) -> Result<RawJson> {
        let home = self.home.map_or_else(Home::locate, |root| Home::at(&root))?;
        let options = CatalogOptions { by: "library", ..self.options };
        match self.what {
            What::List {} => RawJson::from_value(&home.list_catalogs().await?),
            What::Add { name, origin, verify } => {
                let verify = verify.as_deref().map(VerifyMode::parse).transpose()?;
                let change = home.add_catalog(&name, &CatalogOrigin::parse(&origin)?, &options).await?;
                if verify.is_some() {
                    home.set_catalog_verify(&name, verify)?;
                }
                RawJson::from_value(&change)
            }
            What::Remove { name } => RawJson::from_value(&home.remove_catalog(&name, &options).await?),
            What::Sync { names } => RawJson::from_value(&home.sync_catalogs(&names, &options).await?),
            What::Create { name, from } => {
                RawJson::from_value(&home.create_catalog(&name, from.as_deref(), &options).await?)
            }
            What::AddServer { name, server, file } => {
                let server = ServerName::new(server)?;
                RawJson::from_value(&home.add_catalog_server(&name, &server, &file, &options).await?)
            }
            What::RemoveServer { name, server } => {
                RawJson::from_value(&home.remove_catalog_server(&name, &ServerName::new(server)?, &options).await?)
            }
            What::Import { origin, name } => {
                RawJson::from_value(&home.import_catalog(&origin, name.as_deref(), &options).await?)
            }
            What::Export { name, file } => {
                home.export_catalog(&name, &file, &options).await?;
                RawJson::from_value(&json!({}))
            }
            What::Pull { reference, name } => {
                RawJson::from_value(&home.pull_catalog(&reference, name.as_deref(), &options).await?)
            }
            What::Push { name, reference } => {
                RawJson::from_value(&home.push_catalog(&name, &reference, &options).await?)
            }
            What::Tag { reference, tag } => RawJson::from_value(&home.tag_catalog(&reference, &tag, &options).await?),
        }
    }
}
