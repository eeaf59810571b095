//! Catalogs as artifacts of registries, in Docker's layout.

use async_trait::async_trait;
use serde_json::{Map, Value, json};

use super::text::{normal, pretty, render};
use super::{CatalogSource, FetchedCatalog, KnownCatalog, MAX_CATALOG, SourceState};
use crate::catalog::{CatalogSignature, FileCatalog};
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ImageReference, RegistryLogin, ServerKind};
use crate::util::http::{AddressRule, HttpClient};
use crate::util::oci::{Artifact, Layer, Repository};

/// The kind of Docker's catalogs.
const KIND: &str = "application/vnd.docker.mcp.catalog.v1+json";
/// The media type of Docker's list of servers.
const DOCKER_LAYER: &str = "application/json";
/// The media type of the whole catalog as this gateway writes it, which Docker does not look at.
const OWN_LAYER: &str = "application/vnd.mcp-gateway.catalog.v1+yaml";

/// The media type of the signature of that.
const SIGNATURE_LAYER: &str = "application/vnd.mcp-gateway.catalog.signature.v1+json";

/// An artifact of a registry.
#[derive(Debug)]
pub(super) struct ArtifactSource {
    reference: ImageReference,
    login: Option<RegistryLogin>,
    http: HttpClient,
}

impl ArtifactSource {
    pub(super) fn new(reference: ImageReference, login: Option<RegistryLogin>) -> Result<Self> {
        Ok(Self { reference, login, http: HttpClient::new(AddressRule::Any)? })
    }
}

#[async_trait]
impl CatalogSource for ArtifactSource {
    async fn fetch(&self, known: Option<&KnownCatalog>) -> Result<FetchedCatalog> {
        let repository = repository(&self.http, &self.reference, self.login.as_ref())?;
        let asked = wanted(&self.reference);
        if let Some(known) = known
            && known.state.digest.is_some()
            && known.state.digest == Some(repository.resolve(asked).await?)
        {
            return Ok(FetchedCatalog::Unchanged);
        }
        let pulled = repository.pull(asked, KIND, MAX_CATALOG).await?;
        let layers = &pulled.artifact.layers;
        // What is written for this gateway says all that Docker's list cannot.
        let layer = layers.iter().find(|layer| layer.media_type == OWN_LAYER).or(layers.first());
        let layer = layer.ok_or_else(|| Error::new(ErrorKind::InvalidConfig, "the artifact has no catalog in it"))?;
        let text = String::from_utf8(layer.content.to_vec())
            .map_err(|cause| Error::new(ErrorKind::InvalidConfig, "the catalog is not UTF-8").with_source(cause))?;
        let (text, notes) = normal(&repository.name(), text)?;
        let state = SourceState { digest: Some(pulled.digest), ..SourceState::default() };
        let signature = layers.iter().find(|layer| layer.media_type == SIGNATURE_LAYER);
        let signature = signature.map(|layer| String::from_utf8_lossy(&layer.content).into_owned());
        Ok(FetchedCatalog::Catalog { text, state, notes, signature })
    }
}

/// Puts a catalog into a registry, in a form that Docker's tools read too, and gives its digest; says which servers
/// Docker's form has no place for. One that is signed is put there by the text that was signed, with its signature.
///
/// # Errors
/// `InvalidInput` for a reference by digest; `Network` when the registry refuses it, `Timeout`, `Denied`.
pub async fn push_catalog(
    catalog: &FileCatalog,
    name: &str,
    to: &ImageReference,
    login: Option<&RegistryLogin>,
    signed: Option<(&str, &CatalogSignature)>,
) -> Result<(String, Vec<String>)> {
    let tag = tag_of(to)?;
    let http = HttpClient::new(AddressRule::Any)?;
    let (docker, notes) = to_docker(catalog, name);
    let own = match signed {
        Some((text, _)) => text.to_owned(),
        None => render(catalog)?,
    };
    let mut layers = vec![
        Layer::new(
            DOCKER_LAYER,
            serde_json::to_vec(&docker)
                .map_err(|cause| Error::new(ErrorKind::Internal, "a catalog makes no JSON").with_source(cause))?,
        ),
        Layer::new(OWN_LAYER, own.into_bytes()),
    ];
    if let Some((_, signature)) = signed {
        layers.push(Layer::new(SIGNATURE_LAYER, signature.to_text()?.into_bytes()));
    }
    let artifact = Artifact { kind: KIND.to_owned(), layers, ..Artifact::default() };
    let digest = repository(&http, to, login)?.push(tag, &artifact).await?;
    Ok((digest, notes))
}

/// Gives what a reference stands for another tag of the same repository, and its digest back.
///
/// # Errors
/// `NotFound`; as [`push_catalog`].
pub async fn tag_artifact(from: &ImageReference, tag: &str, login: Option<&RegistryLogin>) -> Result<String> {
    let target = ImageReference::parse(&format!("{}:{tag}", from.repository()))?;
    let http = HttpClient::new(AddressRule::Any)?;
    repository(&http, from, login)?.tag(wanted(from), tag_of(&target)?).await
}

fn repository<'a>(
    http: &'a HttpClient,
    reference: &ImageReference,
    login: Option<&RegistryLogin>,
) -> Result<Repository<'a>> {
    Repository::new(http, reference.registry(), reference.path(), login.cloned().map(Into::into))
}

/// What is asked for: the digest where there is one, else the tag.
fn wanted(reference: &ImageReference) -> &str {
    reference.digest().map(|digest| digest.as_str()).or(reference.tag()).unwrap_or("latest")
}

fn tag_of(reference: &ImageReference) -> Result<&str> {
    if reference.digest().is_some() {
        return Err(Error::new(ErrorKind::InvalidInput, "a catalog is pushed under a tag, not a digest")
            .with_hint("write such as `registry.example/team/catalog:1`"));
    }
    Ok(reference.tag().unwrap_or("latest"))
}

/// A catalog as Docker writes it, and the servers that it has no place for.
fn to_docker(catalog: &FileCatalog, name: &str) -> (Value, Vec<String>) {
    let (mut servers, mut notes) = (Vec::new(), Vec::new());
    for entry in catalog.entries() {
        let snapshot = json!({"server": entry.as_ref()});
        match (entry.kind, &entry.image, &entry.remote) {
            (ServerKind::Server, Some(image), _) => {
                servers.push(json!({"type": "image", "image": image, "snapshot": snapshot}));
            }
            (ServerKind::Remote, _, Some(remote)) => {
                servers.push(json!({"type": "remote", "endpoint": remote.url, "snapshot": snapshot}));
            }
            _ => notes
                .push(format!("Docker's own tools will not see `{}`: it is neither an image nor remote", entry.name)),
        }
    }
    (json!({"title": catalog.title().unwrap_or(name), "servers": servers}), notes)
}

/// Docker's list of servers as a catalog file, and what was left out of it.
pub(super) fn of_docker(list: &Value) -> Result<(String, Vec<String>)> {
    let wrong = |why: String| Err(Error::new(ErrorKind::InvalidConfig, why));
    let (mut registry, mut notes) = (Map::new(), Vec::new());
    for (index, server) in list["servers"].as_array().into_iter().flatten().enumerate() {
        let Some(mut entry) = server["snapshot"]["server"].as_object().cloned() else {
            notes.push(format!("server {} is left out: its list does not describe it", index + 1));
            continue;
        };
        let Some(name) = entry.get("name").and_then(Value::as_str).map(str::to_owned) else {
            return wrong(format!("server {} of the list has no name", index + 1));
        };
        if let (Some(image), false) = (server.get("image"), entry.contains_key("image")) {
            entry.insert("image".to_owned(), image.clone());
        }
        if server["tools"].as_array().is_some_and(|tools| !tools.is_empty()) {
            notes.push(format!(
                "server `{name}`: which of its tools are chosen is for a profile to say, and is left out"
            ));
        }
        if registry.insert(name.clone(), Value::Object(entry)).is_some() {
            return wrong(format!("the list describes server `{name}` twice"));
        }
    }
    let mut catalog = Map::new();
    if let Some(title) = list.get("title").and_then(Value::as_str) {
        catalog.insert("displayName".to_owned(), json!(title));
    }
    catalog.insert("registry".to_owned(), Value::Object(registry));
    Ok((pretty(&Value::Object(catalog))?, notes))
}
