//! The one HTTP client: one choice of TLS, addresses checked at dial time and on every redirect.

mod address;
mod dial;
mod error;
mod headers;

use std::fmt;
use std::sync::OnceLock;

use bytes::Bytes;
use reqwest::header::{HeaderMap, LOCATION};
use url::Url;

use crate::error::{Error, ErrorKind, Result};

pub(crate) use address::{AddressRule, host, same_origin};
pub(crate) use headers::{HeaderSet, is_header_value};

/// The most redirects that are followed.
const MAX_REDIRECTS: usize = 5;

/// Sends requests under an address rule.
///
/// # Behavior
/// - Every address is checked as text, and again when a name was resolved: what is dialled is what was checked.
/// - Redirects are followed up to five times under the same rule; from HTTPS never to plain HTTP. Guarded headers go to
///   the origin of the operator's address only, and only for its host does the freedom of [`AddressRule::Any`] hold.
/// - No proxy of the environment is used, no cookie is kept, HTTP/1.1 without compression is spoken.
pub(crate) struct HttpClient {
    rule: AddressRule,
    client: reqwest::Client,
    strict: OnceLock<reqwest::Client>,
}

/// The methods that the gateway sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HttpMethod {
    /// GET
    Get,
    /// HEAD
    #[cfg(feature = "__oci")]
    Head,
    /// POST
    Post,
    /// PUT
    #[cfg(feature = "__oci")]
    Put,
    /// DELETE
    Delete,
}

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct HttpRequest<'a> {
    /// The method.
    pub(crate) method: HttpMethod,
    /// The address.
    pub(crate) url: &'a Url,
    /// The address that the operator named, usually `url` itself: its origin receives the guarded headers.
    pub(crate) home: &'a Url,
    /// Headers that may be sent anywhere.
    pub(crate) open: HeaderSet,
    /// Headers that only the origin of `home` may see.
    pub(crate) guarded: HeaderSet,
    /// The body.
    pub(crate) body: Option<Bytes>,
    /// Whether redirects are followed; a request whose body is secret goes where it was meant to go or nowhere.
    pub(crate) follow: bool,
}

/// An answer whose body is still to be read.
#[derive(Debug)]
pub(crate) struct HttpResponse {
    response: reqwest::Response,
    url: Url,
}

impl HttpClient {
    /// A client with connections of its own.
    ///
    /// # Errors
    /// `Internal` when TLS cannot be set up.
    pub(crate) fn new(rule: AddressRule) -> Result<Self> {
        Ok(Self { rule, client: dial::client(rule)?, strict: OnceLock::new() })
    }

    /// Sends a request and waits for the head of the answer, whatever its status.
    ///
    /// # Errors
    /// `Denied` when an address on the way must not be reached, `Network`, `Timeout`, `Protocol` for redirects without end.
    pub(crate) async fn send(&self, request: HttpRequest<'_>) -> Result<HttpResponse> {
        let mut url = request.url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let rule = if url.host() == request.home.host() { self.rule } else { AddressRule::PublicHttpsOnly };
            rule.check_url(&url)?;
            let response = self.send_once(rule, &url, &request).await?;
            let next = if request.follow { next_hop(request.method, &url, &response)? } else { None };
            match next {
                None => return Ok(HttpResponse { response, url }),
                Some(next) => url = next,
            }
        }
        Err(Error::new(ErrorKind::Protocol, format!("server redirects more than {MAX_REDIRECTS} times"))
            .with_context("host", host(request.url)))
    }

    async fn send_once(&self, rule: AddressRule, url: &Url, request: &HttpRequest<'_>) -> Result<reqwest::Response> {
        let mut headers: HeaderMap = request.open.map().clone();
        if same_origin(url, request.home) {
            headers.extend(request.guarded.map().clone());
        }
        let mut outgoing = self.client(rule)?.request(request.method.into(), url.clone()).headers(headers);
        if let Some(body) = &request.body {
            outgoing = outgoing.body(body.clone());
        }
        outgoing.send().await.map_err(|cause| error::from_reqwest(cause, url))
    }

    /// The client whose connections are made under `rule`.
    fn client(&self, rule: AddressRule) -> Result<&reqwest::Client> {
        if rule == self.rule {
            return Ok(&self.client);
        }
        if let Some(client) = self.strict.get() {
            return Ok(client);
        }
        let client = dial::client(rule)?;
        Ok(self.strict.get_or_init(|| client))
    }
}

impl fmt::Debug for HttpClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpClient").field("rule", &self.rule).finish_non_exhaustive()
    }
}

impl<'a> HttpRequest<'a> {
    /// A request without headers and body.
    pub(crate) fn new(method: HttpMethod, url: &'a Url) -> Self {
        Self {
            method,
            url,
            home: url,
            open: HeaderSet::default(),
            guarded: HeaderSet::default(),
            body: None,
            follow: true,
        }
    }
}

impl HttpResponse {
    /// The status.
    pub(crate) fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// A header's value, if it is there and text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }

    /// Every value of a header that is text.
    pub(crate) fn header_values(&self, name: &str) -> Vec<String> {
        let values = self.response.headers().get_all(name);
        values.iter().filter_map(|value| value.to_str().ok()).map(str::to_owned).collect()
    }

    /// The media type in lower case, without parameters.
    pub(crate) fn media_type(&self) -> String {
        let value = self.header("content-type").unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }

    /// Where the answer came from, after redirects.
    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// The next piece of the body.
    ///
    /// # Errors
    /// `Network` when the connection broke.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>> {
        self.response.chunk().await.map_err(|cause| error::from_reqwest(cause, &self.url))
    }

    /// The whole body of at most `max_bytes`.
    ///
    /// # Errors
    /// `TooLarge` over the bound, `Network` when the connection broke.
    pub(crate) async fn body(&mut self, max_bytes: usize) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            if body.len() + chunk.len() > max_bytes {
                return Err(Error::new(ErrorKind::TooLarge, format!("answer is larger than {max_bytes} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    /// The beginning of the body, for an error; whatever goes wrong, there is none.
    pub(crate) async fn beginning(&mut self, max_bytes: usize) -> Vec<u8> {
        let mut body = Vec::new();
        while body.len() < max_bytes {
            match self.chunk().await {
                Ok(Some(chunk)) => body.extend_from_slice(&chunk[..chunk.len().min(max_bytes - body.len())]),
                Ok(None) | Err(_) => break,
            }
        }
        body
    }
}

impl From<HttpMethod> for reqwest::Method {
    fn from(method: HttpMethod) -> Self {
        match method {
            HttpMethod::Get => Self::GET,
            #[cfg(feature = "__oci")]
            HttpMethod::Head => Self::HEAD,
            HttpMethod::Post => Self::POST,
            #[cfg(feature = "__oci")]
            HttpMethod::Put => Self::PUT,
            HttpMethod::Delete => Self::DELETE,
        }
    }
}

/// Where a redirect leads; `None` for any other answer.
///
/// A message is sent again as it is or not at all: turning it into a GET would lose it.
fn next_hop(method: HttpMethod, from: &Url, response: &reqwest::Response) -> Result<Option<Url>> {
    let followed = match response.status().as_u16() {
        301 | 302 | 307 | 308 => true,
        303 => method == HttpMethod::Get,
        _ => false,
    };
    let Some(location) = response.headers().get(LOCATION).filter(|_| followed) else { return Ok(None) };
    let wrong = |why: &'static str| Error::new(ErrorKind::Protocol, why).with_context("host", host(from));
    let to = location
        .to_str()
        .ok()
        .and_then(|location| from.join(location).ok())
        .ok_or_else(|| wrong("server redirects to what is no address"))?;
    if from.scheme() == "https" && to.scheme() != "https" {
        return Err(Error::new(ErrorKind::Denied, "server redirects from HTTPS to plain HTTP")
            .with_context("host", host(from))
            .with_context("to", host(&to)));
    }
    Ok(Some(to))
}

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
