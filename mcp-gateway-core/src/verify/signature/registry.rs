//! What is asked of registries: manifests, blobs and what refers to a digest.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use url::{Host, Url};

use super::auth::Challenge;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{Digest, ImageReference, RegistryLogin, SecretValue};
use crate::util::http::{HttpClient, HttpMethod, HttpRequest, host};

/// The largest manifest or answer of a token server.
pub(super) const MAX_ANSWER: usize = 1 << 20;
/// The largest blob: a signed list of what is in an image can be long.
const MAX_BLOB: usize = 8 << 20;
/// How long one request may take, its body included.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

const MANIFESTS: &str = "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json, \
                         application/vnd.docker.distribution.manifest.v2+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// One repository of a registry.
#[derive(Debug)]
pub(super) struct Repository<'a> {
    http: &'a HttpClient,
    base: Url,
    path: String,
    login: Option<RegistryLogin>,
    authorization: Mutex<Option<SecretValue>>,
}

/// A manifest or an index, as far as signatures need it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Manifest {
    pub(super) layers: Vec<Descriptor>,
    pub(super) manifests: Vec<Descriptor>,
    pub(super) subject: Option<Descriptor>,
}

/// What points to a blob or a manifest.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Descriptor {
    pub(super) media_type: String,
    pub(super) digest: String,
    pub(super) size: u64,
    pub(super) annotations: std::collections::HashMap<String, String>,
}

impl<'a> Repository<'a> {
    /// The repository of a reference; a registry of this machine speaks plain HTTP, every other HTTPS.
    ///
    /// # Errors
    /// `InvalidInput` when the reference's registry is no host.
    pub(super) fn new(http: &'a HttpClient, reference: &ImageReference, login: Option<RegistryLogin>) -> Result<Self> {
        let name = match reference.registry() {
            "docker.io" | "index.docker.io" | "registry-1.docker.io" => "registry-1.docker.io",
            other => other,
        };
        let wrong = |_| {
            Error::new(ErrorKind::InvalidInput, format!("`{name}` is not the host of a registry"))
                .with_context("image", reference)
        };
        let mut base = Url::parse(&format!("https://{name}/")).map_err(wrong)?;
        if is_loopback(&base) {
            base = Url::parse(&format!("http://{name}/")).map_err(wrong)?;
        }
        let path = if name == "registry-1.docker.io" {
            let short = reference.short_repository();
            if short.contains('/') { short.to_owned() } else { format!("library/{short}") }
        } else {
            let repository = reference.repository();
            repository.split_once('/').map_or(repository, |(_, path)| path).to_owned()
        };
        Ok(Self { http, base, path, login, authorization: Mutex::default() })
    }

    /// How the repository is called.
    pub(super) fn name(&self) -> String {
        format!("{}/{}", host(&self.base), self.path)
    }

    /// The manifest of a tag, if there is one.
    pub(super) async fn tagged(&self, tag: &str) -> Result<Option<Manifest>> {
        match self.get(&format!("manifests/{tag}"), MANIFESTS, MAX_ANSWER).await? {
            Some(body) => self.manifest(&body).map(Some),
            None => Ok(None),
        }
    }

    /// The manifest of a digest, if there is one; it has exactly this digest.
    pub(super) async fn pinned(&self, digest: &Digest) -> Result<Option<Manifest>> {
        match self.get(&format!("manifests/{digest}"), MANIFESTS, MAX_ANSWER).await? {
            Some(body) => {
                self.check(digest, &body)?;
                self.manifest(&body).map(Some)
            }
            None => Ok(None),
        }
    }

    /// What refers to a digest, as the registry's own list says, if it has such lists.
    pub(super) async fn referrers(&self, digest: &Digest) -> Result<Option<Manifest>> {
        match self.get(&format!("referrers/{digest}"), INDEX, MAX_ANSWER).await? {
            Some(body) => self.manifest(&body).map(Some),
            None => Ok(None),
        }
    }

    /// A blob; it has exactly this digest. `None` where it is gone or too large to be read.
    pub(super) async fn blob(&self, blob: &Descriptor) -> Result<Option<Vec<u8>>> {
        let Ok(digest) = Digest::new(blob.digest.as_str()) else { return Ok(None) };
        if usize::try_from(blob.size).map_or(true, |size| size > MAX_BLOB) {
            return Ok(None);
        }
        match self.get(&format!("blobs/{digest}"), "*/*", MAX_BLOB).await? {
            Some(body) => {
                self.check(&digest, &body)?;
                Ok(Some(body))
            }
            None => Ok(None),
        }
    }

    fn check(&self, digest: &Digest, body: &[u8]) -> Result<()> {
        let found = format!("sha256:{}", hex::encode(Sha256::digest(body)));
        if found == digest.as_str() {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Denied, "the registry answers with something else than was asked for")
            .with_context("repository", self.name())
            .with_context("asked", digest)
            .with_context("found", found))
    }

    fn manifest(&self, body: &[u8]) -> Result<Manifest> {
        // By way of an object: a list would be read as a manifest without anything in it.
        let object = serde_json::from_slice::<serde_json::Map<_, _>>(body);
        object.and_then(|object| serde_json::from_value(object.into())).map_err(|cause| {
            Error::new(ErrorKind::Denied, "the registry's manifest of signatures cannot be read")
                .with_context("repository", self.name())
                .with_source(cause)
        })
    }

    /// Asks; `None` where there is no such thing.
    async fn get(&self, what: &str, accept: &str, max_bytes: usize) -> Result<Option<Vec<u8>>> {
        let asking = self.ask(what, accept, max_bytes);
        let answer = tokio::time::timeout(REQUEST_TIMEOUT, asking).await.unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::Timeout, "the registry does not answer in time").retry_later())
        });
        answer.map_err(|error| error.with_context("repository", self.name()))
    }

    async fn ask(&self, what: &str, accept: &str, max_bytes: usize) -> Result<Option<Vec<u8>>> {
        let url = self.base.join(&format!("v2/{}/{what}", self.path)).map_err(|cause| {
            Error::new(ErrorKind::InvalidInput, "the name of the repository makes no address").with_source(cause)
        })?;
        let mut may_log_in = true;
        loop {
            let mut request = HttpRequest::new(HttpMethod::Get, &url);
            request.open.set("accept", accept)?;
            if let Some(value) = self.authorization() {
                request.guarded.set("authorization", value.expose())?;
            }
            let mut response = self.http.send(request).await?;
            match response.status() {
                200 => return response.body(max_bytes).await.map(Some),
                404 => return Ok(None),
                401 if may_log_in => {
                    may_log_in = false;
                    let challenges = response.header_values("www-authenticate");
                    let Some(challenge) = challenges.iter().find_map(|header| Challenge::read(header)) else {
                        return Err(self.refused(401));
                    };
                    let scope = format!("repository:{}:pull", self.path);
                    let answer = challenge.answer(self.http, &self.base, self.login.as_ref(), &scope).await?;
                    if answer.is_none() {
                        return Err(self.refused(401));
                    }
                    *self.authorization.lock().unwrap_or_else(PoisonError::into_inner) = answer;
                }
                // Registries from before such lists say so in several ways.
                400 | 405 | 406 if what.starts_with("referrers/") => return Ok(None),
                status => return Err(self.refused(status)),
            }
        }
    }

    fn authorization(&self) -> Option<SecretValue> {
        self.authorization.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn refused(&self, status: u16) -> Error {
        let error = Error::new(ErrorKind::Network, "the registry does not say whether there are signatures")
            .with_context("status", status);
        match status {
            401 | 403 => error.with_hint(format!(
                "check the repository's name; if it is private, run `docker login {}`",
                host(&self.base)
            )),
            _ => error.retry_later(),
        }
    }
}

/// Whether an address is one of this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}
