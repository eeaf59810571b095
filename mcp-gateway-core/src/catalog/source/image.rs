//! Images that describe themselves by a label. Whoever publishes an image writes it, so it may describe and not decide.

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::text::{normal, pretty};
use super::{CatalogSource, FetchedCatalog, KnownCatalog, SourceState};
use crate::catalog::Diagnostic;
use crate::catalog::tree::Node;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Digest, ImageReference, RegistryLogin, ServerName};
use crate::util::http::{AddressRule, HttpClient};
use crate::util::oci::{Descriptor, Repository};

/// The label that describes a server.
const LABEL: &str = "io.docker.server.metadata";
/// The largest configuration of an image that is read.
const MAX_CONFIG: usize = 1 << 20;
/// What a label may say; everything else of it would shape how the image is run.
const ALLOWED: [&str; 10] =
    ["name", "title", "description", "icon", "readme", "upstream", "secrets", "config", "prefix", "metadata"];
/// What a label may say of a tool.
const OF_TOOLS: [&str; 5] = ["name", "description", "arguments", "annotations", "parameters"];

/// An image of a registry.
#[derive(Debug)]
pub(super) struct ImageSource {
    image: ImageReference,
    login: Option<RegistryLogin>,
    http: HttpClient,
}

impl ImageSource {
    pub(super) fn new(image: ImageReference, login: Option<RegistryLogin>) -> Result<Self> {
        Ok(Self { image, login, http: HttpClient::new(AddressRule::Any)? })
    }
}

#[async_trait]
impl CatalogSource for ImageSource {
    async fn fetch(&self, known: Option<&KnownCatalog>) -> Result<FetchedCatalog> {
        let login = self.login.clone().map(Into::into);
        let repository = Repository::new(&self.http, self.image.registry(), self.image.path(), login)?;
        let asked = self.image.digest().map(Digest::as_str).or(self.image.tag()).unwrap_or("latest");
        let digest = repository.resolve(asked).await?;
        if known.is_some_and(|known| known.state.digest.as_deref() == Some(&digest)) {
            return Ok(FetchedCatalog::Unchanged);
        }
        let label = label(&repository, &digest).await?;
        let image = self.image.clone().with_digest(Digest::new(digest.as_str())?);
        let (text, notes) = describe(&label, &image)?;
        let (text, _) = normal(&repository.name(), text)?;
        let state = SourceState { digest: Some(digest), ..SourceState::default() };
        Ok(FetchedCatalog::Catalog { text, state, notes, signature: None })
    }
}

/// The label of an image, or of the first of its platforms.
async fn label(repository: &Repository<'_>, digest: &str) -> Result<String> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Image {
        config: Config,
    }
    #[derive(Default, Deserialize)]
    #[serde(default, rename_all = "PascalCase")]
    struct Config {
        labels: Option<Map<String, Value>>,
    }

    let missing = || Error::new(ErrorKind::NotFound, "the registry does not have all of the image");
    let mut manifest = repository.manifest(digest).await?.ok_or_else(missing)?;
    if manifest.config.is_none() {
        let is_linux = |entry: &&Descriptor| entry.platform.as_ref().is_some_and(|platform| platform.os == "linux");
        let platform = manifest.manifests.iter().find(is_linux).ok_or_else(missing)?;
        manifest = repository.manifest(&platform.digest).await?.ok_or_else(missing)?;
    }
    let config = manifest.config.as_ref().ok_or_else(missing)?;
    let body = repository.blob(config, MAX_CONFIG).await?.ok_or_else(missing)?;
    let image: Image = serde_json::from_slice(&body).map_err(|cause| {
        Error::new(ErrorKind::InvalidConfig, "the configuration of the image cannot be read").with_source(cause)
    })?;
    let label = image.config.labels.as_ref().and_then(|labels| labels.get(LABEL)).and_then(Value::as_str);
    label.map(str::to_owned).ok_or_else(|| {
        Error::new(ErrorKind::NotFound, format!("the image does not describe itself: it has no label `{LABEL}`"))
            .with_hint("describe it in a file, and add that to a catalog")
    })
}

/// The catalog of what a label says, as far as a label may say it, and what was left out.
pub(super) fn describe(label: &str, image: &ImageReference) -> Result<(String, Vec<String>)> {
    let node = Node::parse("label.yaml", label).map_err(Diagnostic::into_error)?;
    let wrong =
        |why: &str| Error::new(ErrorKind::InvalidConfig, format!("label `{LABEL}` {why}")).with_context("image", image);
    let Value::Object(written) = node.to_json() else { return Err(wrong("is no mapping")) };
    let name = written.get("name").and_then(Value::as_str).ok_or_else(|| wrong("names no server"))?;
    let name = ServerName::new(name)?;
    let (mut entry, mut dropped) = (Map::new(), Vec::new());
    for (key, value) in &written {
        match key.as_str() {
            "type" | "image" => {}
            "env" => {
                if value.as_array().into_iter().flatten().any(|variable| variable.get("value").is_some()) {
                    dropped.push("the values of `env`".to_owned());
                }
                entry.insert(key.clone(), each(value, &["name", "description", "example"]));
            }
            "tools" => {
                entry.insert(key.clone(), each(value, &OF_TOOLS));
            }
            key if ALLOWED.contains(&key) => {
                entry.insert(key.to_owned(), value.clone());
            }
            key => dropped.push(format!("`{key}`")),
        }
    }
    // A secret of another server's name would be handed to whoever wrote the label.
    let own = format!("{name}.");
    for secret in written.get("secrets").and_then(Value::as_array).into_iter().flatten() {
        let secret = secret.get("name").and_then(Value::as_str).unwrap_or_default();
        if !secret.starts_with(&own) {
            return Err(wrong("asks for a secret that is not its server's")
                .with_context("secret", secret)
                .with_hint(format!("secrets of a self-describing image begin with `{own}`")));
        }
    }
    entry.insert("type".to_owned(), json!("server"));
    entry.insert("image".to_owned(), json!(image.to_string()));
    let notes = match dropped.is_empty() {
        true => Vec::new(),
        false => {
            vec![format!("a label may not say how its image is run; left out of `{name}`: {}", dropped.join(", "))]
        }
    };
    Ok((pretty(&json!({"registry": {name.as_str(): entry}}))?, notes))
}

/// The items of a list, each with these keys only; a name alone stays one.
fn each(list: &Value, keys: &[&str]) -> Value {
    let items = list.as_array().into_iter().flatten().map(|item| match item {
        Value::Object(item) => {
            let kept = item.iter().filter(|(key, _)| keys.contains(&key.as_str()));
            Value::Object(kept.map(|(key, value)| (key.clone(), value.clone())).collect())
        }
        other => other.clone(),
    });
    Value::Array(items.collect())
}
