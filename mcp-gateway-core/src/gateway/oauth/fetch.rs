//! Requests to authorization servers, under the address rule of the server that named them.

use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use url::Url;

use crate::error::{Error, ErrorKind, Result};
use crate::protocol::http::{ACCEPT_ANSWER, EVENT_STREAM, header};
use crate::transport::client::TokenRefusal;
use crate::util::http::{AddressRule, HttpClient, HttpMethod, HttpRequest, HttpResponse, host, same_origin};

/// How long one request may take.
const TIMEOUT: Duration = Duration::from_secs(15);
/// The largest document or answer.
const MAX_BYTES: usize = 256 * 1024;

/// Sends requests to whom a remote server names.
///
/// # Behavior
/// - Plain HTTP and private addresses are allowed for the hosts that the operator named, and only where the profile
///   allows them; whatever a server names is otherwise reached by HTTPS on the public internet.
/// - What holds a secret is not redirected.
#[derive(Debug)]
pub(super) struct Fetch {
    client: HttpClient,
    rule: AddressRule,
    /// What the operator named: the server, and its authorization server if that is configured.
    homes: Vec<Url>,
}

/// The answer to a request with a secret.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    /// The body; null where it is no JSON.
    pub(super) json: Value,
}

impl Fetch {
    /// Sends nothing yet.
    ///
    /// # Errors
    /// `Internal` when TLS cannot be set up.
    pub(super) fn new(allow_private: bool, homes: Vec<Url>) -> Result<Self> {
        let rule = if allow_private { AddressRule::Any } else { AddressRule::PublicHttpsOnly };
        Ok(Self { client: HttpClient::new(rule)?, rule, homes })
    }

    /// An address that another server named, if it may be reached.
    ///
    /// # Errors
    /// `Protocol` when it is no address, otherwise as [`AddressRule::check_url`].
    pub(super) fn address(&self, text: &str) -> Result<Url> {
        let url = Url::parse(text).map_err(|cause| {
            Error::new(ErrorKind::Protocol, "server names what is no address").with_context("reason", cause)
        })?;
        let rule = if self.home(&url).is_some() { self.rule } else { AddressRule::PublicHttpsOnly };
        rule.check_url(&url).map(|()| url)
    }

    /// A document of JSON; `None` where there is none.
    ///
    /// # Errors
    /// `Denied` when the address must not be reached, `Network`, `Timeout`, `TooLarge`.
    pub(super) async fn document(&self, url: &Url) -> Result<Option<Value>> {
        let mut request = self.request(HttpMethod::Get, url);
        request.open.set("accept", "application/json")?;
        bounded(url, async {
            let mut response = self.client.send(request).await?;
            // A redirect to somebody else would make his words those of the address.
            if response.status() != 200 || !same_origin(response.url(), url) {
                return Ok(None);
            }
            Ok(serde_json::from_slice(&response.body(MAX_BYTES).await?).ok().filter(Value::is_object))
        })
        .await
    }

    /// Posts what may hold secrets, to this address and to no other.
    ///
    /// # Errors
    /// As [`document`](Self::document).
    pub(super) async fn post(&self, url: &Url, media_type: &str, body: String, basic: Option<&str>) -> Result<Answer> {
        let mut request = self.request(HttpMethod::Post, url);
        request.follow = false;
        request.open.set("accept", "application/json")?;
        request.open.set("content-type", media_type)?;
        if let Some(basic) = basic {
            request.open.set("authorization", basic)?;
        }
        request.body = Some(Bytes::from(body));
        bounded(url, async {
            let mut response = self.client.send(request).await?;
            let body = response.body(MAX_BYTES).await?;
            Ok(Answer { status: response.status(), json: serde_json::from_slice(&body).unwrap_or(Value::Null) })
        })
        .await
    }

    /// What the server says to requests without a token: a GET, and then these messages; `None` where it asks for none.
    ///
    /// # Errors
    /// As [`document`](Self::document).
    pub(super) async fn probe(&self, server: &Url, messages: Vec<String>) -> Result<Option<TokenRefusal>> {
        let mut get = self.request(HttpMethod::Get, server);
        get.open.set("accept", EVENT_STREAM)?;
        if let Some(refusal) = refusal(server, &bounded(server, self.client.send(get)).await?) {
            return Ok(Some(refusal));
        }
        let mut session: Option<String> = None;
        for message in messages {
            let mut post = self.request(HttpMethod::Post, server);
            post.open.set("accept", ACCEPT_ANSWER)?;
            post.open.set("content-type", "application/json")?;
            if let Some(session) = &session {
                post.guarded.set(header::SESSION_ID, session)?;
            }
            post.body = Some(Bytes::from(message));
            let response = bounded(server, self.client.send(post)).await?;
            if let Some(refusal) = refusal(server, &response) {
                return Ok(Some(refusal));
            }
            session = session.or_else(|| response.header(header::SESSION_ID).map(str::to_owned));
        }
        Ok(None)
    }

    fn request<'a>(&'a self, method: HttpMethod, url: &'a Url) -> HttpRequest<'a> {
        let mut request = HttpRequest::new(method, url);
        // For any other host than this one's, the client holds to the strict rule.
        request.home = self.home(url).or(self.homes.first()).unwrap_or(url);
        request
    }

    fn home(&self, url: &Url) -> Option<&Url> {
        self.homes.iter().find(|home| home.host() == url.host())
    }
}

fn refusal(server: &Url, response: &HttpResponse) -> Option<TokenRefusal> {
    let is_refusal = response.status() == 401 && same_origin(response.url(), server);
    is_refusal.then(|| TokenRefusal::new(401, response.header_values("www-authenticate")))
}

async fn bounded<T>(url: &Url, work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::time::timeout(TIMEOUT, work).await.unwrap_or_else(|_| {
        Err(Error::new(ErrorKind::Timeout, "server did not answer in time").with_context("host", host(url)))
    })
}
