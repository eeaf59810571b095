//! Pages on this machine that a person is sent to, and what they type there.

use std::fmt;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::bound::local_addr;
use super::connections::Connections;
use super::typed;
use crate::error::{Error, ErrorKind, Result};
use crate::model::SecretValue;

/// What the path of every page begins with.
const PATH: &str = "/secrets/";

/// One person with one browser, which opens some connections that it never uses.
const MAX_CONNECTIONS: usize = 16;
/// How long a page may take to be read once there is none any more.
const DRAIN: Duration = Duration::from_secs(5);

/// What every answer says, whatever it is.
///
/// The referrer is kept from other origins only: with `no-referrer`, a browser hides the origin of what is sent from the
/// page as well, which is then no longer to be told from what another page sends.
const STRICT: [(HeaderName, &str); 8] = [
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (header::CACHE_CONTROL, "no-store"),
    (header::REFERRER_POLICY, "same-origin"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "browsing-topics=()"),
];

/// Gives the pages, and takes what is typed there.
#[async_trait]
pub(crate) trait Pages: fmt::Debug + Send + Sync + 'static {
    /// The page of a token, or what is said where there is none.
    async fn show(&self, token: &str) -> Page;

    /// Takes what was typed on the page of a token, by the names of its fields.
    async fn take(&self, token: &str, typed: Vec<(String, SecretValue)>) -> Page;
}

/// A page as it is shown.
#[derive(Debug)]
pub(crate) struct Page {
    /// Its status in HTTP.
    pub(crate) status: u16,
    /// Its HTML.
    pub(crate) html: String,
}

/// Serves pages on a port of the loopback address that nobody else has.
#[derive(Debug)]
pub(crate) struct PageServer {
    listener: TcpListener,
    /// How a browser names it in `Host`.
    host: String,
}

impl PageServer {
    /// Listens.
    ///
    /// # Errors
    /// `Network` when the machine gives no port.
    pub(crate) async fn bind() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(|cause| {
            Error::new(ErrorKind::Network, "cannot listen for a browser of this machine").with_source(cause)
        })?;
        let host = local_addr(&listener)?.to_string();
        Ok(Self { listener, host })
    }

    /// What stands before the token in the address of a page.
    pub(crate) fn base(&self) -> String {
        format!("http://{}{PATH}", self.host)
    }

    /// Serves until `shutdown` fires; answers that are under way then are let through.
    pub(crate) async fn serve(self, pages: Arc<dyn Pages>, shutdown: CancellationToken) {
        let guard = Arc::new(Guard { origin: format!("http://{}", self.host), host: self.host });
        let router = Router::new()
            .route(&format!("{PATH}{{token}}"), get(show).post(take))
            .with_state(pages)
            .layer(middleware::from_fn_with_state(guard, admit));
        let connections = Connections::new(MAX_CONNECTIONS);
        tokio::select! {
            () = connections.accept(&self.listener, &router, None) => {}
            () = shutdown.cancelled() => {}
        }
        drop(self.listener);
        connections.drain(DRAIN).await;
    }
}

async fn show(State(pages): State<Arc<dyn Pages>>, Path(token): Path<String>) -> Response {
    pages.show(&token).await.into_response()
}

async fn take(
    State(pages): State<Arc<dyn Pages>>,
    Path(token): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    match typed::read(&headers, body).await {
        Ok(typed) => pages.take(&token, typed).await.into_response(),
        Err((status, why)) => (status, why).into_response(),
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, Html(self.html)).into_response()
    }
}

/// Who may come in: a browser that was sent here, and a form that was shown here.
#[derive(Debug)]
struct Guard {
    host: String,
    origin: String,
}

async fn admit(State(guard): State<Arc<Guard>>, request: Request, next: Next) -> Response {
    let mut response = match guard.check(request.method(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(why) => (StatusCode::FORBIDDEN, why).into_response(),
    };
    for (name, value) in STRICT {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

impl Guard {
    fn check(&self, method: &Method, headers: &HeaderMap) -> Result<(), &'static str> {
        // A name that is another one's is how a web page reaches this machine by rebinding its own.
        if only(headers, &header::HOST) != Some(Some(&self.host)) {
            return Err("this is not the address of a page");
        }
        let origin = only(headers, &header::ORIGIN);
        let is_own = origin == Some(Some(&self.origin));
        if origin.is_some() && !is_own {
            return Err("this comes from another page");
        }
        if method == Method::POST {
            let site = only(headers, &HeaderName::from_static("sec-fetch-site"));
            if !is_own || site.is_some_and(|site| site != Some("same-origin")) {
                return Err("this does not come from the page itself");
            }
        }
        Ok(())
    }
}

/// The one value of a header: nothing where it is missing, and nothing inside where it is not one text.
fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<Option<&'a str>> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    Some(if values.next().is_none() { first.to_str().ok() } else { None })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(method: &Method, headers: &[(&'static str, &'static str)]) -> Result<(), &'static str> {
        let guard = Guard { host: "127.0.0.1:4000".to_owned(), origin: "http://127.0.0.1:4000".to_owned() };
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, HeaderValue::from_static(value));
        }
        guard.check(method, &map)
    }

    #[test]
    fn only_the_page_itself_may_send_something() {
        let (host, origin) = (("host", "127.0.0.1:4000"), ("origin", "http://127.0.0.1:4000"));
        assert!(check(&Method::GET, &[host]).is_ok());
        assert!(check(&Method::GET, &[host, ("sec-fetch-site", "cross-site")]).is_ok(), "a link leads here");
        assert!(check(&Method::POST, &[host, origin]).is_ok());
        assert!(check(&Method::POST, &[host, origin, ("sec-fetch-site", "same-origin")]).is_ok());
        for (method, headers) in [
            (Method::GET, vec![]),
            (Method::GET, vec![("host", "localhost:4000")]),
            (Method::GET, vec![("host", "127.0.0.1")]),
            (Method::GET, vec![("host", "evil.example:4000")]),
            (Method::GET, vec![host, host]),
            (Method::GET, vec![host, ("origin", "https://evil.example")]),
            (Method::POST, vec![host]),
            (Method::POST, vec![host, ("origin", "null")]),
            (Method::POST, vec![host, ("origin", "null"), ("sec-fetch-site", "same-origin")]),
            (Method::POST, vec![host, ("origin", "http://127.0.0.1:4001")]),
            (Method::POST, vec![host, ("origin", "https://127.0.0.1:4000")]),
            (Method::POST, vec![host, ("origin", "http://127.0.0.1:4000.evil.example")]),
            (Method::POST, vec![host, origin, origin]),
            (Method::POST, vec![host, origin, ("sec-fetch-site", "same-site")]),
            (Method::POST, vec![host, origin, ("sec-fetch-site", "cross-site")]),
        ] {
            assert!(check(&method, &headers).is_err(), "{method} {headers:?}");
        }
    }
}
