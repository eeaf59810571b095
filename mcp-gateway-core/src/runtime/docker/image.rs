//! Which image a reference means, and how it gets here.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bollard::models::{CreateImageInfo, ImageInspect};
use futures_util::StreamExt as _;

use super::client::Engine;
use super::credentials::CredentialStore;
use super::error::EngineError;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Digest, ImageReference};
use crate::runtime::{Identity, PrepareProgress};

/// The images of an engine and of the registries that it knows.
#[derive(Debug)]
pub(super) struct Images<'a> {
    pub(super) engine: &'a Engine,
    pub(super) credentials: &'a CredentialStore,
    /// How long a pull may go without progress.
    pub(super) pull_timeout: Duration,
}

impl Images<'_> {
    /// Finds out which image a reference means now: by its own digest, by the engine's copy, or by its registry.
    pub(super) async fn identify(&self, image: &ImageReference) -> Result<Identity> {
        if let Some(digest) = image.digest() {
            return Ok(Identity::of_digest(digest.clone()));
        }
        match self.engine.inspect_image(&image.to_string()).await {
            Ok(local) => self.identity_of_copy(image, &local),
            Err(cause) if cause.is_not_found() => self.identify_by_registry(image).await,
            Err(cause) => Err(self.failed(cause, image)),
        }
    }

    fn identity_of_copy(&self, image: &ImageReference, local: &ImageInspect) -> Result<Identity> {
        if let Some(digest) = repository_digest(image, local.repo_digests.as_deref().unwrap_or_default()) {
            return Ok(Identity::of_digest(digest));
        }
        local.id.clone().filter(|id| !id.is_empty()).map(Identity::new).ok_or_else(|| {
            Error::new(ErrorKind::RuntimeUnavailable, "the container engine gives an image no id")
                .with_context("engine", self.engine.endpoint())
                .with_context("image", image)
        })
    }

    async fn identify_by_registry(&self, image: &ImageReference) -> Result<Identity> {
        let credentials = self.credentials.find(image).await?;
        let found = self.engine.registry_digest(&image.to_string(), credentials).await;
        match found.map_err(|cause| self.failed(cause, image))?.map(Digest::new) {
            Some(Ok(digest)) => Ok(Identity::of_digest(digest)),
            _ => Err(Error::new(ErrorKind::Network, "the registry gives no digest that can be used")
                .with_context("image", image)),
        }
    }

    /// Fetches exactly the image of an identity, unless the engine has it.
    pub(super) async fn prepare(
        &self,
        image: &ImageReference,
        identity: &Identity,
        progress: &Arc<dyn PrepareProgress>,
    ) -> Result<()> {
        let Some(digest) = &identity.digest else {
            return match self.engine.inspect_image(&identity.value).await {
                Ok(_) => Ok(()),
                Err(cause) => Err(self.failed(cause, image)),
            };
        };
        let pinned = format!("{}@{digest}", image.repository());
        match self.engine.inspect_image(&pinned).await {
            Ok(_) => Ok(()),
            Err(cause) if cause.is_not_found() => self.pull(image, &pinned, progress).await,
            Err(cause) => Err(self.failed(cause, image)),
        }
    }

    /// Removes the name of an image by its digest, and the image with its last name, unless a container uses it.
    pub(super) async fn discard(&self, image: &str) -> Result<bool> {
        // An image that was built here comes back from nowhere.
        let Some(reference) = ImageReference::parse(image).ok().filter(|image| image.digest().is_some()) else {
            return Ok(false);
        };
        match self.engine.remove_image(image).await {
            Ok(()) => Ok(true),
            Err(EngineError::Refused { status: 404 | 409, .. }) => Ok(false),
            Err(cause) => Err(self.failed(cause, &reference)),
        }
    }

    async fn pull(&self, image: &ImageReference, pinned: &str, progress: &Arc<dyn PrepareProgress>) -> Result<()> {
        let credentials = self.credentials.find(image).await?;
        let mut events = self.engine.pull(pinned, credentials);
        let mut layers = Layers::default();
        loop {
            let next = tokio::time::timeout(self.pull_timeout, events.next()).await.map_err(|_| {
                Error::new(ErrorKind::Timeout, "the pull made no progress")
                    .with_context("image", image)
                    .with_hint("check the network of the machine that the engine runs on, and try again")
                    .retry_later()
            })?;
            match next {
                Some(Ok(event)) => {
                    if let Some(status) = layers.hear(&event) {
                        progress.update(status, layers.done(), layers.total());
                    }
                }
                Some(Err(cause)) => return Err(self.failed(cause, image)),
                None => break,
            }
        }
        // An engine may end the stream early; what counts is that the image is there.
        self.engine.inspect_image(pinned).await.map(drop).map_err(|cause| self.failed(cause, image))
    }

    /// What a failed question about an image means.
    fn failed(&self, cause: EngineError, image: &ImageReference) -> Error {
        let reason = cause.to_string().to_ascii_lowercase();
        let is_any = |words: &[&str]| cause.is_answer() && words.iter().any(|word| reason.contains(word));
        let absent = ["not found", "no such image", "manifest unknown", "name unknown", "does not exist"];
        let locked = ["denied", "unauthorized", "authentication required", "no basic auth", "forbidden"];
        let login = match image.registry() {
            "docker.io" => "docker login".to_owned(),
            registry => format!("docker login {registry}"),
        };
        let (kind, message, hint) = if is_any(&locked) {
            let hint = format!("check the name; if the image is private, run `{login}`");
            (ErrorKind::NotFound, "the registry does not give the image", hint)
        } else if cause.is_not_found() || is_any(&absent) {
            let hint =
                "check the name and tag; an image without a registry must be built on this engine first".to_owned();
            (ErrorKind::NotFound, "there is no such image", hint)
        } else {
            let hint = "check the network of the machine that the engine runs on, and try again".to_owned();
            (ErrorKind::Network, "the engine cannot get the image", hint)
        };
        let answered = cause.is_answer();
        let error = cause.into_error(kind, message, self.engine.endpoint()).with_context("image", image);
        if answered { error.with_hint(hint) } else { error }
    }
}

/// The digest that an engine's copy has in the image's own repository.
fn repository_digest(image: &ImageReference, digests: &[String]) -> Option<Digest> {
    let wanted = full_repository(image);
    digests.iter().find_map(|text| {
        let reference = ImageReference::parse(text).ok()?;
        (full_repository(&reference) == wanted).then(|| reference.digest().cloned()).flatten()
    })
}

/// A repository with what may be left out of its name.
fn full_repository(image: &ImageReference) -> String {
    let repository = image.repository();
    let path = match image.registry() {
        "docker.io" => repository.strip_prefix("docker.io/").unwrap_or(repository),
        _ => return repository.to_owned(),
    };
    if path.contains('/') { format!("docker.io/{path}") } else { format!("docker.io/library/{path}") }
}

/// The bytes of an image's layers, as their downloads are reported.
#[derive(Debug, Default)]
struct Layers {
    layers: HashMap<String, (u64, u64)>,
}

impl Layers {
    /// Takes a report in; gives what to tell of it.
    fn hear<'a>(&mut self, event: &'a CreateImageInfo) -> Option<&'a str> {
        let status = event.status.as_deref()?;
        if let Some(id) = &event.id {
            let layer = self.layers.entry(id.clone()).or_default();
            match status {
                "Downloading" => {
                    let bytes = |count: Option<i64>| count.and_then(|count| u64::try_from(count).ok()).unwrap_or(0);
                    if let Some(detail) = &event.progress_detail {
                        *layer = (bytes(detail.current), bytes(detail.total).max(layer.1));
                    }
                }
                "Download complete" | "Pull complete" => layer.0 = layer.1,
                _ => {}
            }
        }
        Some(status)
    }

    fn done(&self) -> u64 {
        self.layers.values().map(|(done, _)| done).sum()
    }

    fn total(&self) -> u64 {
        self.layers.values().map(|(_, total)| total).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(text: &str) -> ImageReference {
        ImageReference::parse(text).unwrap()
    }

    #[test]
    fn only_a_digest_of_the_same_repository_counts() {
        let (a, b) = (format!("sha256:{}", "a".repeat(64)), format!("sha256:{}", "b".repeat(64)));
        let digests = [format!("ghcr.io/x/time@{a}"), format!("mcp/time@{b}")];
        for (name, digest) in
            [("mcp/time:1", Some(&b)), ("docker.io/mcp/time", Some(&b)), ("ghcr.io/x/time", Some(&a)), ("x/time", None)]
        {
            let found = repository_digest(&image(name), &digests).map(|digest| digest.to_string());
            assert_eq!(found.as_ref(), digest, "{name}");
        }
        let library = [format!("busybox@{a}")];
        assert!(repository_digest(&image("docker.io/library/busybox"), &library).is_some());
        assert_eq!(repository_digest(&image("busybox"), &["<none>@<none>".to_owned()]), None);
    }

    #[test]
    fn progress_is_the_sum_over_the_layers() {
        let mut layers = Layers::default();
        for (text, done, total) in [
            (r#"{"status":"Pulling from x","id":"1.0"}"#, 0, 0),
            (r#"{"status":"Downloading","id":"a","progressDetail":{"current":10,"total":100}}"#, 10, 100),
            (r#"{"status":"Downloading","id":"b","progressDetail":{"current":5,"total":50}}"#, 15, 150),
            (r#"{"status":"Download complete","id":"a","progressDetail":{}}"#, 105, 150),
            (r#"{"status":"Extracting","id":"a","progressDetail":{"current":3,"total":100}}"#, 105, 150),
        ] {
            let event = serde_json::from_str(text).unwrap();
            assert!(layers.hear(&event).is_some());
            assert_eq!((layers.done(), layers.total()), (done, total), "{text}");
        }
    }
}
