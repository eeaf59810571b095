//! Profiles in registries.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{ImportOptions, Imported};
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::home::options::{DockerOptions, OpenOptions};
use crate::gateway::home::{Home, runtimes};
use crate::model::{Digest, ImageReference, ProfileName};
use crate::profile::ProfileBundle;
use crate::util::http::{AddressRule, HttpClient};
use crate::util::oci::{Artifact, Layer, Repository};

/// What an artifact with a profile says it is.
const ARTIFACT: &str = "application/vnd.mcp-gateway.profile.v1";
/// What its file says it is.
const LAYER: &str = "application/vnd.mcp-gateway.profile.bundle.v1+json";
/// The largest bundle that is taken from a registry: 32 MiB.
const MAX_BUNDLE: usize = 32 << 20;
/// The tag where a reference has none.
const LATEST: &str = "latest";

/// A profile in a registry.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Pushed {
    /// The profile.
    pub profile: ProfileName,
    /// The digest of its bundle.
    pub digest: Digest,
    /// Where it is, by the digest that the registry has.
    pub reference: String,
}

impl Home {
    /// Puts a profile into a registry, under a tag: `registry.example/team/dev:1`.
    ///
    /// # Errors
    /// As [`export_profile`](Self::export_profile); `InvalidInput` for a reference that is none or has a digest; `Network`,
    /// `Unauthorized`, `Timeout`.
    pub async fn push_profile(&self, name: &ProfileName, reference: &str, docker: &DockerOptions) -> Result<Pushed> {
        let place = ImageReference::parse(reference)?;
        if place.digest().is_some() {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!("`{reference}` has a digest, which is not known before"),
            )
            .with_hint("write a tag, such as `registry.example/team/dev:1`"));
        }
        let bundle = self.export_profile(name).await?;
        let mut annotations = BTreeMap::new();
        annotations.insert("org.opencontainers.image.title".to_owned(), name.to_string());
        if let Some(description) = &bundle.profile.description {
            annotations.insert("org.opencontainers.image.description".to_owned(), description.clone());
        }
        let layers = vec![Layer::new(LAYER, bundle.to_text()?.into_bytes())];
        let artifact = Artifact { kind: ARTIFACT.to_owned(), layers, annotations };
        let http = HttpClient::new(AddressRule::Any)?;
        let repository = self.repository(&http, &place, docker).await?;
        let digest = repository.push(place.tag().unwrap_or(LATEST), &artifact).await?;
        Ok(Pushed {
            profile: name.clone(),
            digest: bundle.digest()?,
            reference: format!("{}@{digest}", repository.name()),
        })
    }

    /// The bundle of a registry, and where it is by its digest there.
    ///
    /// # Errors
    /// `NotFound`; `InvalidInput` when something else is there; `Denied` when it is not what its digest says; `TooLarge`,
    /// `Network`, `Unauthorized`, `Timeout`.
    pub async fn fetch_profile(&self, reference: &str, docker: &DockerOptions) -> Result<(ProfileBundle, String)> {
        let place = ImageReference::parse(reference)?;
        let http = HttpClient::new(AddressRule::Any)?;
        let repository = self.repository(&http, &place, docker).await?;
        let wanted = place.digest().map(Digest::as_str).or(place.tag()).unwrap_or(LATEST);
        let pulled = repository.pull(wanted, ARTIFACT, MAX_BUNDLE).await?;
        let wrong = || {
            Error::new(ErrorKind::InvalidInput, "this artifact holds no profile that is known here")
                .with_context("reference", reference)
        };
        let [layer] = pulled.artifact.layers.as_slice() else { return Err(wrong()) };
        if layer.media_type != LAYER {
            return Err(wrong());
        }
        let text = std::str::from_utf8(&layer.content).map_err(|cause| wrong().with_source(cause))?;
        Ok((ProfileBundle::parse(reference, text)?, format!("{}@{}", repository.name(), pulled.digest)))
    }

    /// Takes a profile over from a registry, by a tag or by a digest.
    ///
    /// # Errors
    /// As [`fetch_profile`](Self::fetch_profile) and [`import_profile`](Self::import_profile).
    pub async fn pull_profile(
        &self,
        reference: &str,
        options: ImportOptions,
        docker: &DockerOptions,
    ) -> Result<Imported> {
        let (bundle, place) = self.fetch_profile(reference, docker).await?;
        let mut imported = self.take_over(reference, bundle, options).await?;
        imported.reference = Some(place);
        Ok(imported)
    }

    /// The repository of a reference, with the login that Docker's configuration has for its registry.
    async fn repository<'a>(
        &self,
        http: &'a HttpClient,
        place: &ImageReference,
        docker: &DockerOptions,
    ) -> Result<Repository<'a>> {
        let options = OpenOptions { docker: docker.clone(), ..OpenOptions::default() };
        let runtime = runtimes::docker(self, &self.register()?, &options)?;
        let login = runtime.registry_login(place).await?;
        Repository::new(http, place.registry(), place.path(), login.map(Into::into))
    }
}
