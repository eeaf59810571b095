//! Catalogs in registries.

use serde::Serialize;

use super::own::name_of;
use super::signed::Going;
use super::{CatalogChange, CatalogOptions};
use crate::catalog::{CatalogOrigin, FileCatalog, LoadOptions, push_catalog, tag_artifact};
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::home::options::OpenOptions;
use crate::gateway::home::{DockerOptions, Home, runtimes};
use crate::model::{ImageReference, RegistryLogin};
use crate::util::fs;

/// A catalog in a registry.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct PushedCatalog {
    /// Where it is, by the digest that the registry has.
    pub reference: String,
    /// What a person should know, such as servers that Docker's form has no place for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Home {
    /// Puts a registered catalog into a registry, under a tag, in a form that Docker's tools read too; with its signature
    /// where it has one, made here or brought along.
    ///
    /// # Behavior
    /// - A copy that was edited here is not what its signer signed: it is there without the signature, which a note says.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` when it is the home's own and was changed after it was signed; `InvalidInput` for a reference
    /// that is none or has a digest; `Network`, `Unauthorized`, `Timeout`.
    pub async fn push_catalog(&self, name: &str, to: &str, options: &CatalogOptions) -> Result<PushedCatalog> {
        let registered = self.registered_catalog(name)?;
        let load = LoadOptions::new().with_verify(registered.verify);
        let catalog = FileCatalog::load_with(&registered.path, load).await?.catalog;
        let to = reference(to)?;
        let login = self.login_of(&to, &options.docker).await?;
        let text = if registered.path.is_dir() { None } else { Some(fs::read_to_string(&registered.path)?) };
        let Going { signature, note } = match &text {
            Some(text) => self.signature_of(name, text)?,
            None => Going::default(),
        };
        let signed = text.as_deref().zip(signature.as_ref());
        let (digest, mut notes) = push_catalog(&catalog, name, &to, login.as_ref(), signed).await?;
        notes.extend(note);
        if signed.is_some() && registered.verify.is_some() {
            notes.push(
                "it is there as it was signed: without this home's own word about signatures of images".to_owned(),
            );
        }
        Ok(PushedCatalog { reference: format!("{}@{digest}", to.repository()), notes })
    }

    /// Registers the catalog of a registry, under the name of its repository where none is given; it takes the place of one
    /// of the same repository. With a key, only what that key has signed, as [`add_catalog`](Self::add_catalog) does it.
    ///
    /// # Errors
    /// As [`add_catalog`](Self::add_catalog).
    pub async fn pull_catalog(
        &self,
        from: &str,
        name: Option<&str>,
        options: &CatalogOptions,
    ) -> Result<CatalogChange> {
        let from = reference(from)?;
        let origin = CatalogOrigin::Artifact(from.clone());
        let own = name_of(&origin);
        let name = name.or(own.as_deref()).unwrap_or_default();
        let known = match self.registered_catalog(name) {
            Ok(_) => self.read_origin(name)?.map(|record| CatalogOrigin::parse(&record.origin)).transpose()?,
            Err(_) => None,
        };
        let is_its = matches!(known, Some(CatalogOrigin::Artifact(known)) if known.repository() == from.repository());
        let options = CatalogOptions { replace: options.replace || is_its, ..options.clone() };
        self.add_catalog(name, &origin, &options).await
    }

    /// Gives a catalog of a registry another tag in the same repository.
    ///
    /// # Errors
    /// `NotFound`; `InvalidInput` for a reference or a tag that is none; `Network`, `Unauthorized`, `Timeout`.
    pub async fn tag_catalog(&self, from: &str, tag: &str, options: &CatalogOptions) -> Result<PushedCatalog> {
        let from = reference(from)?;
        let login = self.login_of(&from, &options.docker).await?;
        let digest = tag_artifact(&from, tag, login.as_ref()).await?;
        Ok(PushedCatalog { reference: format!("{}@{digest}", from.repository()), notes: Vec::new() })
    }

    /// The login that Docker's configuration has for the registry of a reference.
    pub(super) async fn login_of(
        &self,
        reference: &ImageReference,
        docker: &DockerOptions,
    ) -> Result<Option<RegistryLogin>> {
        let options = OpenOptions { docker: docker.clone(), ..OpenOptions::default() };
        runtimes::docker(self, &self.register()?, &options)?.registry_login(reference).await
    }
}

/// A reference, with or without `oci://` in front of it.
fn reference(text: &str) -> Result<ImageReference> {
    match CatalogOrigin::parse(text)? {
        CatalogOrigin::Artifact(reference) => Ok(reference),
        _ if text.contains("://") => {
            Err(Error::new(ErrorKind::InvalidInput, format!("`{text}` is no reference of a registry"))
                .with_hint("write such as `registry.example/team/catalog:1`"))
        }
        _ => ImageReference::parse(text),
    }
}
