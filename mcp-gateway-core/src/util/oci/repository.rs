//! One repository of a registry: what is asked of it and what is put into it.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use bytes::Bytes;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};
use url::{Host, Url};

use super::auth::{Authorization, Challenge, Login};
use super::manifest::{Descriptor, MANIFEST_TYPES, Manifest};
use crate::error::{Error, ErrorKind, Result};
use crate::util::http::{HeaderSet, HttpClient, HttpMethod, HttpRequest, HttpResponse, host};

/// The largest manifest or answer of a token server.
pub(super) const MAX_MANIFEST: usize = 1 << 20;
/// The most of a refusal that is looked at.
const MAX_REFUSAL: usize = 4 << 10;
/// How long one request may take, its body included.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// How long sending a blob may take.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(180);

/// What lists of what refers to something begin with, and how many pages of one are read.
const REFERRERS: &str = "referrers/";
const MAX_PAGES: usize = 16;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// One repository of a registry.
///
/// # Behavior
/// - A registry of this machine is spoken to over plain HTTP, every other over HTTPS.
/// - What is asked for by its digest has exactly this digest, or it is refused.
/// - A login is sent only when the registry asks for one, and only to it or to its token server.
#[derive(Debug)]
pub(crate) struct Repository<'a> {
    http: &'a HttpClient,
    base: Url,
    path: String,
    login: Option<Login>,
    authorization: Mutex<Option<Authorization>>,
}

/// What a request needs to be allowed to do.
#[derive(Clone, Copy, Debug)]
enum Scope {
    Pull,
    Push,
}

/// A request that may have to be sent twice, with and without a login.
#[derive(Debug)]
struct Ask<'a> {
    method: HttpMethod,
    url: &'a Url,
    headers: HeaderSet,
    body: Option<Bytes>,
    scope: Scope,
}

/// An answer of a registry.
#[derive(Debug)]
struct Got {
    media_type: String,
    body: Vec<u8>,
    /// Where a list goes on.
    next: Option<String>,
}

/// A manifest as it came.
#[derive(Debug)]
pub(super) struct RawManifest {
    pub(super) digest: String,
    pub(super) media_type: String,
    pub(super) body: Vec<u8>,
}

impl<'a> Repository<'a> {
    /// The repository at `path` of a registry, such as `docker.io` and `mcp/time`.
    ///
    /// # Errors
    /// `InvalidInput` when the registry is no host.
    pub(crate) fn new(http: &'a HttpClient, registry: &str, path: &str, login: Option<Login>) -> Result<Self> {
        let name = match registry {
            "docker.io" | "index.docker.io" | "registry-1.docker.io" => "registry-1.docker.io",
            other => other,
        };
        let wrong = |_| Error::new(ErrorKind::InvalidInput, format!("`{name}` is not the host of a registry"));
        let mut base = Url::parse(&format!("https://{name}/")).map_err(wrong)?;
        if is_loopback(&base) {
            base = Url::parse(&format!("http://{name}/")).map_err(wrong)?;
        }
        let path = match path {
            path if name == "registry-1.docker.io" && !path.contains('/') => format!("library/{path}"),
            path => path.to_owned(),
        };
        Ok(Self { http, base, path, login, authorization: Mutex::default() })
    }

    /// How the repository is called.
    pub(crate) fn name(&self) -> String {
        format!("{}/{}", host(&self.base), self.path)
    }

    /// The manifest of a tag or a digest, if there is one.
    ///
    /// # Errors
    /// `Denied` when it is not of the digest or cannot be read; `Network`, `Timeout`, `TooLarge`.
    pub(crate) async fn manifest(&self, reference: &str) -> Result<Option<Manifest>> {
        match self.raw_manifest(reference).await? {
            Some(raw) => self.parse(&raw.body).map(Some),
            None => Ok(None),
        }
    }

    /// What refers to a digest, as the registry's own list says, if it has such lists: the first pages of it.
    ///
    /// # Errors
    /// `Denied` when the list cannot be read, or goes on elsewhere; `Network`, `Timeout`, `TooLarge`.
    pub(crate) async fn referrers(&self, digest: &str) -> Result<Vec<Descriptor>> {
        let first = self.url(&format!("{REFERRERS}{digest}"))?;
        let (mut all, mut next) = (Vec::new(), Some(first.clone()));
        for _ in 0..MAX_PAGES {
            let Some(url) = next.take() else { break };
            let Some(page) = self.get_at(&url, INDEX, MAX_MANIFEST).await? else { break };
            all.extend(self.parse(&page.body)?.manifests);
            next = page.next.map(|next| self.next_page(&first, &url, &next)).transpose()?;
        }
        Ok(all)
    }

    /// The address of the next page, which is of the same list: its parameters alone may be others.
    fn next_page(&self, first: &Url, last: &Url, next: &str) -> Result<Url> {
        let next = last.join(next).ok().filter(|next| next.origin() == first.origin() && next.path() == first.path());
        next.ok_or_else(|| {
            Error::new(ErrorKind::Denied, "the registry's list goes on at another address")
                .with_context("repository", self.name())
        })
    }

    /// A blob of at most `max_bytes`; `None` where it is gone, is larger, or its digest is none.
    ///
    /// # Errors
    /// `Denied` when it is another than was asked for; `Network`, `Timeout`.
    pub(crate) async fn blob(&self, blob: &Descriptor, max_bytes: usize) -> Result<Option<Vec<u8>>> {
        if !is_digest(&blob.digest) || usize::try_from(blob.size).map_or(true, |size| size > max_bytes) {
            return Ok(None);
        }
        match self.get(&format!("blobs/{}", blob.digest), "*/*", max_bytes).await? {
            Some(Got { body, .. }) => {
                self.check(&blob.digest, &body)?;
                Ok(Some(body))
            }
            None => Ok(None),
        }
    }

    /// The manifest of a tag or a digest as it came, if there is one.
    pub(super) async fn raw_manifest(&self, reference: &str) -> Result<Option<RawManifest>> {
        let found = self.get(&format!("manifests/{reference}"), MANIFEST_TYPES, MAX_MANIFEST).await?;
        let Some(Got { media_type, body, .. }) = found else { return Ok(None) };
        if is_digest(reference) {
            self.check(reference, &body)?;
        }
        Ok(Some(RawManifest { digest: digest_of(&body), media_type, body }))
    }

    pub(super) fn parse(&self, body: &[u8]) -> Result<Manifest> {
        // By way of an object: a list would be read as a manifest without anything in it.
        let object = serde_json::from_slice::<serde_json::Map<_, _>>(body);
        object.and_then(|object| serde_json::from_value(object.into())).map_err(|cause| {
            Error::new(ErrorKind::Denied, "the registry's manifest cannot be read")
                .with_context("repository", self.name())
                .with_source(cause)
        })
    }

    /// Puts a blob, unless it is there.
    pub(super) async fn put_blob(&self, content: &Bytes) -> Result<Descriptor> {
        let descriptor = Descriptor { digest: digest_of(content), size: content.len() as u64, ..Descriptor::default() };
        let sending = async {
            let there = self.url(&format!("blobs/{}", descriptor.digest))?;
            let ask = Ask::new(HttpMethod::Head, &there, Scope::Push);
            if self.send(ask).await?.status() == 200 {
                return Ok(());
            }
            let start = self.url("blobs/uploads/")?;
            let mut response = self.send(Ask::new(HttpMethod::Post, &start, Scope::Push)).await?;
            if response.status() != 202 {
                return Err(self.refused(&mut response).await);
            }
            let mut target = self.upload_target(&response)?;
            target.query_pairs_mut().append_pair("digest", &descriptor.digest);
            let mut ask = Ask::new(HttpMethod::Put, &target, Scope::Push);
            ask.headers.set("content-type", "application/octet-stream")?;
            ask.body = Some(content.clone());
            let mut response = self.send(ask).await?;
            match response.status() {
                201 | 204 => Ok(()),
                _ => Err(self.refused(&mut response).await),
            }
        };
        self.bounded(UPLOAD_TIMEOUT, sending).await?;
        Ok(descriptor)
    }

    /// Puts a manifest under a tag.
    pub(super) async fn put_manifest(&self, tag: &str, media_type: &str, body: Vec<u8>) -> Result<()> {
        let sending = async {
            let url = self.url(&format!("manifests/{tag}"))?;
            let mut ask = Ask::new(HttpMethod::Put, &url, Scope::Push);
            ask.headers.set("content-type", media_type)?;
            ask.body = Some(body.into());
            let mut response = self.send(ask).await?;
            match response.status() {
                200..=204 => Ok(()),
                _ => Err(self.refused(&mut response).await),
            }
        };
        self.bounded(REQUEST_TIMEOUT, sending).await
    }

    /// Where a blob is sent to: the registry says so, and may not say plain HTTP instead of HTTPS.
    fn upload_target(&self, response: &HttpResponse) -> Result<Url> {
        let target = response.header("location").and_then(|location| self.base.join(location).ok());
        let target =
            target.ok_or_else(|| Error::new(ErrorKind::Protocol, "the registry does not say where to send a blob"))?;
        if self.base.scheme() == "https" && target.scheme() != "https" {
            return Err(Error::new(ErrorKind::Denied, "the registry wants a blob over plain HTTP")
                .with_context("host", host(&target)));
        }
        Ok(target)
    }

    fn url(&self, what: &str) -> Result<Url> {
        self.base.join(&format!("v2/{}/{what}", self.path)).map_err(|cause| {
            Error::new(ErrorKind::InvalidInput, "the name of the repository makes no address").with_source(cause)
        })
    }

    fn check(&self, digest: &str, body: &[u8]) -> Result<()> {
        let found = digest_of(body);
        if found == digest {
            return Ok(());
        }
        Err(Error::new(ErrorKind::Denied, "the registry answers with something else than was asked for")
            .with_context("repository", self.name())
            .with_context("asked", digest)
            .with_context("found", found))
    }

    /// Asks for something; gives it, or `None` where there is no such thing.
    async fn get(&self, what: &str, accept: &str, max_bytes: usize) -> Result<Option<Got>> {
        self.get_at(&self.url(what)?, accept, max_bytes).await
    }

    async fn get_at(&self, url: &Url, accept: &str, max_bytes: usize) -> Result<Option<Got>> {
        let asking = async {
            let mut ask = Ask::new(HttpMethod::Get, url, Scope::Pull);
            ask.headers.set("accept", accept)?;
            let mut response = self.send(ask).await?;
            match response.status() {
                200 => Ok(Some(Got {
                    media_type: response.media_type(),
                    next: response.header_values("link").iter().find_map(|link| next_link(link)),
                    body: response.body(max_bytes).await?,
                })),
                404 => Ok(None),
                // Registries from before such lists say so in several ways.
                400 | 405 | 406 if url.path().contains(&format!("/{REFERRERS}")) => Ok(None),
                _ => Err(self.refused(&mut response).await),
            }
        };
        self.bounded(REQUEST_TIMEOUT, asking).await
    }

    async fn bounded<T>(&self, limit: Duration, work: impl Future<Output = Result<T>>) -> Result<T> {
        let done = tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::Timeout, "the registry does not answer in time").retry_later())
        });
        done.map_err(|error| error.with_context("repository", self.name()))
    }

    /// Sends a request; once more with a login when the registry asks for one.
    async fn send(&self, ask: Ask<'_>) -> Result<HttpResponse> {
        let mut may_log_in = true;
        loop {
            let mut request = HttpRequest::new(ask.method, ask.url);
            // An address that the registry names may be elsewhere, where its login does not belong.
            request.home = &self.base;
            request.open = ask.headers.clone();
            request.body.clone_from(&ask.body);
            if let Some(value) = self.authorization() {
                request.guarded.set("authorization", value.expose())?;
            }
            let response = self.http.send(request).await?;
            if response.status() != 401 || !may_log_in {
                return Ok(response);
            }
            may_log_in = false;
            let challenges = response.header_values("www-authenticate");
            let Some(challenge) = challenges.iter().find_map(|header| Challenge::read(header)) else {
                return Ok(response);
            };
            let scope = match ask.scope {
                Scope::Pull => format!("repository:{}:pull", self.path),
                Scope::Push => format!("repository:{}:pull,push", self.path),
            };
            let answer = challenge.answer(self.http, &self.base, self.login.as_ref(), &scope).await?;
            if answer.is_none() {
                return Ok(response);
            }
            *self.authorization.lock().unwrap_or_else(PoisonError::into_inner) = answer;
        }
    }

    fn authorization(&self) -> Option<Authorization> {
        self.authorization.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn refused(&self, response: &mut HttpResponse) -> Error {
        let status = response.status();
        let error = Error::new(ErrorKind::Network, "the registry refuses the request").with_context("status", status);
        let error = match reason(&response.beginning(MAX_REFUSAL).await) {
            Some(reason) => error.with_context("reason", reason),
            None => error,
        };
        match status {
            401 | 403 => error.with_hint(format!(
                "check the repository's name; if it is private, run `docker login {}`",
                host(&self.base)
            )),
            _ => error.retry_later(),
        }
    }
}

impl<'a> Ask<'a> {
    fn new(method: HttpMethod, url: &'a Url, scope: Scope) -> Self {
        Self { method, url, headers: HeaderSet::default(), body: None, scope }
    }
}

/// Where a list goes on, by a `Link` header (RFC 8288).
fn next_link(header: &str) -> Option<String> {
    let is_next = |parameter: &str| {
        let (name, value) = parameter.split_once('=').unwrap_or_default();
        name.trim().eq_ignore_ascii_case("rel") && value.trim().trim_matches('"').eq_ignore_ascii_case("next")
    };
    let (address, parameters) = header.trim().strip_prefix('<')?.split_once('>')?;
    parameters.split(';').any(is_next).then(|| address.to_owned())
}

/// The code of a registry's refusal, such as `NAME_UNKNOWN`: nothing else of what a peer wrote belongs into an error.
fn reason(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Refusal {
        errors: Vec<Reason>,
    }
    #[derive(Deserialize)]
    struct Reason {
        code: String,
    }
    let code = serde_json::from_slice::<Refusal>(body).ok()?.errors.into_iter().next()?.code;
    let is_code = code.len() <= 40 && code.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    is_code.then_some(code)
}

/// The digest of a content.
pub(crate) fn digest_of(content: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(content)))
}

/// Whether a text is a digest that can be checked.
pub(super) fn is_digest(text: &str) -> bool {
    let hex = text.strip_prefix("sha256:").unwrap_or_default();
    hex.len() == 64 && hex.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
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
