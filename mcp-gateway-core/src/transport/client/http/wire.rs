//! Single requests to one server: which headers go along, and what a refusal means.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use url::Url;

use super::{Diagnostics, HttpConfig, Redactor, Refusal, Session};
use crate::error::{Error, ErrorKind, Result};
use crate::model::SecretValue;
use crate::protocol::http::{ACCEPT_ANSWER, EVENT_STREAM, header, is_owned_header};
use crate::protocol::stateless::Routing;
use crate::transport::client::{Authorization, TokenRefusal};
use crate::util::http::{HeaderSet, HttpClient, HttpMethod, HttpRequest, HttpResponse, host, same_origin};

/// How much of a refusal is read, and for how long.
const REFUSAL_BYTES: usize = 8 * 1024;
const REFUSAL_WAIT: Duration = Duration::from_secs(5);

/// Sends single requests to one server.
#[derive(Debug)]
pub(in crate::transport::client) struct Wire {
    client: HttpClient,
    url: Url,
    headers: HeaderSet,
    authorization: Option<Arc<dyn Authorization>>,
    redactor: Redactor,
    max_message_bytes: usize,
}

impl Wire {
    /// Checks the configuration; nothing is sent yet.
    ///
    /// # Errors
    /// `InvalidConfig` when address or headers cannot be right, `Denied` when the address must not be reached.
    pub(in crate::transport::client) fn new(config: &HttpConfig, diagnostics: Arc<Diagnostics>) -> Result<Self> {
        let url = config.checked_url()?;
        let mut headers = HeaderSet::default();
        for (name, value) in &config.headers {
            let wrong = |why| Error::new(ErrorKind::InvalidConfig, format!("header `{}` {why}", name.escape_debug()));
            if is_owned_header(name) {
                return Err(wrong("belongs to the protocol and cannot be set"));
            }
            if value.expose().trim().is_empty() {
                return Err(wrong("has no value"));
            }
            headers.set(name, value.expose())?;
        }
        Ok(Self {
            client: HttpClient::new(config.rule())?,
            url,
            headers,
            authorization: config.authorization.clone(),
            redactor: Redactor::new(config.secret_parts(), config.authorization.clone(), diagnostics),
            max_message_bytes: config.max_message_bytes,
        })
    }

    /// The server's address.
    pub(in crate::transport::client) fn url(&self) -> &Url {
        &self.url
    }

    /// Cuts secrets out of what the server says.
    pub(in crate::transport::client) fn redactor(&self) -> &Redactor {
        &self.redactor
    }

    /// The beginning of a server's text, fit to be shown.
    pub(in crate::transport::client) fn excerpt(&self, text: &[u8]) -> String {
        self.redactor.excerpt(text)
    }

    /// The largest message that is accepted.
    pub(in crate::transport::client) fn max_message_bytes(&self) -> usize {
        self.max_message_bytes
    }

    /// Posts a message and waits for the head of the answer.
    ///
    /// # Errors
    /// `Network`, `Timeout`, `Denied`.
    pub(in crate::transport::client) async fn post(
        &self,
        url: &Url,
        body: Bytes,
        session: &Session,
    ) -> Result<HttpResponse> {
        self.send(self.message(url, body, session)?).await
    }

    /// Posts a message to the server's address with the headers of the stateless era, if it belongs to that.
    ///
    /// # Errors
    /// `Network`, `Timeout`, `Denied`, `InvalidInput` for a name that no header can carry.
    pub(super) async fn post_routed(
        &self,
        body: Bytes,
        session: &Session,
        routing: Option<&Routing>,
    ) -> Result<HttpResponse> {
        let mut request = self.message(&self.url, body, session)?;
        for (name, value) in routing.map(Routing::headers).unwrap_or_default() {
            // Names and arguments are nobody's business but the server's.
            request.guarded.set(&name, &value)?;
        }
        self.send(request).await
    }

    fn message<'a>(&'a self, url: &'a Url, body: Bytes, session: &Session) -> Result<HttpRequest<'a>> {
        let mut request = self.request(HttpMethod::Post, url, session)?;
        request.open.set("accept", ACCEPT_ANSWER)?;
        request.open.set("content-type", "application/json")?;
        request.body = Some(body);
        Ok(request)
    }

    /// Asks for an event stream, from after `last_id` on, and waits for the head of the answer.
    ///
    /// # Errors
    /// `Network`, `Timeout`, `Denied`.
    pub(in crate::transport::client) async fn get(
        &self,
        session: &Session,
        last_id: Option<&str>,
    ) -> Result<HttpResponse> {
        let mut request = self.request(HttpMethod::Get, &self.url, session)?;
        request.open.set("accept", EVENT_STREAM)?;
        if let Some(id) = last_id {
            request.guarded.set(header::LAST_EVENT_ID, id)?;
        }
        self.send(request).await
    }

    /// Ends a session.
    ///
    /// # Errors
    /// `Network`, `Timeout`, `Denied`.
    pub(super) async fn delete(&self, session: &Session) -> Result<()> {
        self.send(self.request(HttpMethod::Delete, &self.url, session)?).await.map(|_| ())
    }

    /// Sends a request with the token that the server asks for; a token that is refused is renewed once.
    async fn send(&self, mut request: HttpRequest<'_>) -> Result<HttpResponse> {
        let Some(authorization) = &self.authorization else { return self.client.send(request).await };
        let used = authorization.token().await?;
        if let Some(token) = &used {
            bear(&mut request, token)?;
        }
        let response = self.client.send(request.clone()).await?;
        let Some(refusal) = self.token_refusal(&response) else { return Ok(response) };
        let Some(token) = authorization.renew(&refusal, used.as_ref()).await? else { return Ok(response) };
        bear(&mut request, &token)?;
        let response = self.client.send(request).await?;
        match self.token_refusal(&response) {
            Some(refusal) => Err(authorization.refused(&refusal)),
            None => Ok(response),
        }
    }

    /// What the server itself says about the token; another origin has not received it.
    fn token_refusal(&self, response: &HttpResponse) -> Option<TokenRefusal> {
        let is_refusal = matches!(response.status(), 401 | 403) && same_origin(response.url(), &self.url);
        is_refusal.then(|| TokenRefusal::new(response.status(), response.header_values("www-authenticate")))
    }

    fn request<'a>(&'a self, method: HttpMethod, url: &'a Url, session: &Session) -> Result<HttpRequest<'a>> {
        let mut request = HttpRequest::new(method, url);
        request.home = &self.url;
        request.guarded = self.headers.clone();
        if let Some(id) = &session.id {
            request.guarded.set(header::SESSION_ID, id.expose())?;
        }
        if let Some(version) = &session.version {
            request.open.set(header::PROTOCOL_VERSION, version)?;
        }
        Ok(request)
    }

    /// Reads an answer that is no success.
    pub(in crate::transport::client) async fn refusal(&self, mut response: HttpResponse) -> Refusal {
        // A body that does not come in time is not worth waiting for: the status says what matters.
        let body = tokio::time::timeout(REFUSAL_WAIT, response.beginning(REFUSAL_BYTES)).await.unwrap_or_default();
        let retry_after = response.header("retry-after").map(|value| self.excerpt(value.as_bytes()));
        let excerpt = self.excerpt(&body);
        Refusal { status: response.status(), host: host(response.url()), body, excerpt, retry_after }
    }
}

/// Puts a token where only the server's own origin sees it.
fn bear(request: &mut HttpRequest<'_>, token: &SecretValue) -> Result<()> {
    request.guarded.set("authorization", &format!("Bearer {}", token.expose()))
}
