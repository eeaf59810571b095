//! What is done with the catalogs of a home, as JSON: one table for every language.

use std::path::PathBuf;

use serde::Deserialize;

use super::{CatalogOptions, DockerOptions, Home};
use crate::catalog::CatalogOrigin;
use crate::catalog::registry::PackageImages;
use crate::error::Result;
use crate::model::{ProfileName, ServerName, VerifyMode};
use crate::protocol::RawJson;

/// What records say of changes that are made by this.
const BY: &str = "library";

/// One thing that is done with catalogs, as `{"add": {"name": "team", "origin": "oci://registry.example/team:1"}}`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[non_exhaustive]
pub enum CatalogVerb {
    /// Those that are registered: a list of [`CatalogStatus`](super::CatalogStatus).
    List {},
    /// Registers one of a path, an address, an artifact, an image or a registry: a [`CatalogChange`](super::CatalogChange).
    Add {
        /// Its name.
        name: String,
        /// Where it comes from.
        origin: String,
        /// How.
        #[serde(default)]
        options: CatalogArguments,
    },
    /// Fetches them anew, all where none is named: a list of [`CatalogChange`](super::CatalogChange).
    Sync {
        /// Their names.
        #[serde(default)]
        names: Vec<String>,
        /// How.
        #[serde(default)]
        options: CatalogArguments,
    },
    /// Forgets one: a [`CatalogChange`](super::CatalogChange).
    Remove {
        /// Its name.
        name: String,
    },
    /// Makes one of the home's own, empty or as another is now: a [`CatalogChange`](super::CatalogChange).
    Create {
        /// Its name.
        name: String,
        /// A registered catalog, or where one comes from.
        #[serde(default)]
        from: Option<String>,
        /// How.
        #[serde(default)]
        options: CatalogArguments,
    },
    /// Puts a server into one of the home's own: a [`CatalogChange`](super::CatalogChange).
    AddServer {
        /// The catalog.
        name: String,
        /// The server.
        server: ServerName,
        /// The file that describes it.
        file: PathBuf,
        /// How.
        #[serde(default)]
        options: CatalogArguments,
    },
    /// Takes a server out of one of the home's own: a [`CatalogChange`](super::CatalogChange).
    RemoveServer {
        /// The catalog.
        name: String,
        /// The server.
        server: ServerName,
    },
    /// Writes one into a file: an [`ExportedCatalog`](super::ExportedCatalog).
    Export {
        /// Its name.
        name: String,
        /// The file.
        file: PathBuf,
    },
    /// Puts one into a registry: a [`PushedCatalog`](super::PushedCatalog).
    Push {
        /// Its name.
        name: String,
        /// Where to.
        reference: String,
    },
    /// Registers one of a registry: a [`CatalogChange`](super::CatalogChange).
    Pull {
        /// Where from.
        reference: String,
        /// Its name, in the place of its own.
        #[serde(default)]
        name: Option<String>,
        /// How.
        #[serde(default)]
        options: CatalogArguments,
    },
    /// Writes down who approved a server's entry of one of the home's own: a [`CatalogChange`](super::CatalogChange).
    Approve {
        /// The catalog.
        name: String,
        /// The server.
        server: ServerName,
        /// Who.
        by: String,
        /// Why.
        #[serde(default)]
        note: Option<String>,
    },
    /// Takes such an approval away: a [`CatalogChange`](super::CatalogChange).
    Revoke {
        /// The catalog.
        name: String,
        /// The server.
        server: ServerName,
    },
    /// Whether a server exists for a profile, and what each scope says: a [`ScopeCheck`](super::ScopeCheck).
    CheckScope {
        /// The server.
        server: ServerName,
        /// The profile.
        profile: ProfileName,
    },
}

/// How catalogs are fetched and registered.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[non_exhaustive]
pub struct CatalogArguments {
    /// Whether it takes the place of one of the same name.
    pub replace: bool,
    /// Whether an address may be one that is not on the public internet.
    pub allow_private: bool,
    /// By whom it must be signed, from now on: `ed25519:…`.
    pub verify_key: Option<String>,
    /// Whether a signed catalog may take the place of a newer one.
    pub allow_older: bool,
    /// What npm and PyPI packages of a registry are run in; without, they are run as processes.
    pub images: PackageImages,
    /// What happens with its images that are not signed, whatever it says itself.
    pub verify: Option<VerifyMode>,
}

impl CatalogArguments {
    fn options(self) -> Result<CatalogOptions> {
        Ok(CatalogOptions {
            replace: self.replace,
            allow_private: self.allow_private,
            verify_key: self.verify_key.as_deref().map(str::parse).transpose()?,
            allow_older: self.allow_older,
            images: self.images,
            docker: DockerOptions::default(),
            by: BY,
        })
    }
}

impl CatalogVerb {
    /// Does it.
    ///
    /// # Errors
    /// What the home says.
    pub(super) async fn carry_out(self, home: &Home) -> Result<RawJson> {
        let plain = CatalogArguments::default;
        match self {
            Self::List {} => RawJson::from_value(&home.list_catalogs().await?),
            Self::Add { name, origin, options } => {
                let (verify, options) = (options.verify, options.options()?);
                let change = home.add_catalog(&name, &CatalogOrigin::parse(&origin)?, &options).await?;
                if verify.is_some() {
                    home.set_catalog_verify(&name, verify, &options).await?;
                }
                RawJson::from_value(&change)
            }
            Self::Sync { names, options } => {
                RawJson::from_value(&home.sync_catalogs(&names, &options.options()?).await?)
            }
            Self::Remove { name } => RawJson::from_value(&home.remove_catalog(&name, &plain().options()?).await?),
            Self::Create { name, from, options } => {
                RawJson::from_value(&home.create_catalog(&name, from.as_deref(), &options.options()?).await?)
            }
            Self::AddServer { name, server, file, options } => {
                RawJson::from_value(&home.add_catalog_server(&name, &server, &file, &options.options()?).await?)
            }
            Self::RemoveServer { name, server } => {
                RawJson::from_value(&home.remove_catalog_server(&name, &server, &plain().options()?).await?)
            }
            Self::Export { name, file } => {
                RawJson::from_value(&home.export_catalog(&name, &file, &plain().options()?).await?)
            }
            Self::Push { name, reference } => {
                RawJson::from_value(&home.push_catalog(&name, &reference, &plain().options()?).await?)
            }
            Self::Pull { reference, name, options } => {
                RawJson::from_value(&home.pull_catalog(&reference, name.as_deref(), &options.options()?).await?)
            }
            Self::Approve { name, server, by, note } => {
                let options = plain().options()?;
                let change = home.approve_catalog_server(&name, &server, &by, note.as_deref(), &options);
                RawJson::from_value(&change.await?)
            }
            Self::Revoke { name, server } => {
                RawJson::from_value(&home.revoke_catalog_server(&name, &server, &plain().options()?).await?)
            }
            Self::CheckScope { server, profile } => {
                RawJson::from_value(&home.check_scope(&server, &profile, &[]).await?)
            }
        }
    }
}
