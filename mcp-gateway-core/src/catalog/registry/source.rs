//! Visits to a registry: page by page, within bounds, and only for what has changed.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use serde_json::Value;
use url::Url;

use super::images::PackageImages;
use super::state::{RegistryState, Synced};
use crate::error::{Error, ErrorKind, Result};
use crate::util::clock;
use crate::util::http::{AddressRule, HeaderSet, HttpClient, HttpMethod, HttpRequest, host};

/// The official registry.
pub(in crate::catalog) const OFFICIAL: &str = "https://registry.modelcontextprotocol.io";
/// How many servers are asked for at once.
const PAGE: usize = 100;
/// The most pages of one visit.
const MAX_PAGES: usize = 5_000;
/// The largest page.
const MAX_PAGE_BYTES: usize = 16 * 1024 * 1024;
/// The most that one visit reads.
const MAX_VISIT_BYTES: usize = 512 * 1024 * 1024;
/// The longest cursor.
const MAX_CURSOR: usize = 4_096;
/// How long one page may take, and all of them.
const PAGE_TIMEOUT: Duration = Duration::from_secs(30);
const VISIT_TIMEOUT: Duration = Duration::from_secs(15 * 60);

/// A registry of MCP servers that speaks the registry's API, `/v0.1/servers`.
///
/// # Behavior
/// - A visit asks for every server, a later one for what has changed since; it takes over all that it asked for or nothing.
/// - One that fails keeps the pages that it has in the state, and the next one goes on from there.
/// - Pages, bytes, servers and time have bounds; plain HTTP is for this machine's own addresses only.
#[derive(Debug)]
pub struct RegistrySource {
    url: Url,
    client: HttpClient,
    images: PackageImages,
    page_timeout: Duration,
    visit_timeout: Duration,
}

struct Page {
    servers: Vec<Value>,
    next: Option<String>,
    bytes: usize,
}

impl RegistrySource {
    /// The official registry.
    ///
    /// # Errors
    /// `Internal` when TLS cannot be set up.
    pub fn official() -> Result<Self> {
        Self::new(OFFICIAL)
    }

    /// The registry at this address.
    ///
    /// # Errors
    /// `InvalidInput` for what is no address of a registry; `Internal` when TLS cannot be set up.
    pub fn new(url: &str) -> Result<Self> {
        let mut url = address(url)?;
        let path = format!("{}/v0.1/servers", url.path().trim_end_matches('/'));
        url.set_path(&path);
        Ok(Self {
            client: HttpClient::new(AddressRule::Any)?,
            images: PackageImages::new(),
            url,
            page_timeout: PAGE_TIMEOUT,
            visit_timeout: VISIT_TIMEOUT,
        })
    }

    /// Runs npm and PyPI packages in these images; a state that was made with others is made anew.
    #[must_use]
    pub fn with_images(mut self, images: PackageImages) -> Self {
        self.images = images;
        self
    }

    /// Refuses to go to addresses that are not on the public internet, unless the registry's is one of this machine.
    ///
    /// # Errors
    /// `Internal` when TLS cannot be set up.
    pub fn with_public_addresses_only(mut self) -> Result<Self> {
        if !is_here(&self.url) {
            self.client = HttpClient::new(AddressRule::PublicHttpsOnly)?;
        }
        Ok(self)
    }

    /// How long one page may take, and a whole visit.
    #[must_use]
    pub fn with_timeouts(mut self, page: Duration, visit: Duration) -> Self {
        (self.page_timeout, self.visit_timeout) = (page, visit);
        self
    }

    /// Brings what is known of the registry up to date.
    ///
    /// The state is to be kept whatever comes of it: of a visit that failed, it holds how far that came.
    ///
    /// # Errors
    /// `Network` and `Timeout` when the registry does not answer, `Protocol` for what is no answer of a registry, `TooLarge`
    /// over a bound. What was known is then as it was.
    pub async fn sync(&self, state: &mut RegistryState) -> Result<Synced> {
        let until = Instant::now() + self.visit_timeout;
        state.begin(self.url.as_str(), &self.images);
        let mut resumed = state.visit.as_ref().is_some_and(|visit| visit.cursor.is_some());
        let (mut cursors, mut bytes) = (HashSet::new(), 0_usize);
        for _ in 0..MAX_PAGES {
            let (cursor, since) = match &state.visit {
                Some(visit) => (visit.cursor.clone(), visit.since),
                None => (None, None),
            };
            let page = match self.page(cursor.as_deref(), since, until).await {
                // A cursor of long ago may mean nothing any more.
                Err(error) if resumed && error.kind() == ErrorKind::Protocol => {
                    tracing::info!(error = %error.report(), "registry does not go on where it was left; begun again");
                    state.restart();
                    resumed = false;
                    continue;
                }
                page => page?,
            };
            resumed = false;
            bytes += page.bytes;
            if bytes > MAX_VISIT_BYTES {
                return Err(
                    self.broken(ErrorKind::TooLarge, format!("registry sent more than {MAX_VISIT_BYTES} bytes"))
                );
            }
            let visit = state.visit.get_or_insert_default();
            visit
                .take(&page.servers, page.next.clone(), &self.images)
                .map_err(|error| error.with_context("registry", host(&self.url)))?;
            match page.next {
                None => return state.finish().map_err(|error| error.with_operation("RegistrySource::sync")),
                Some(next) if !cursors.insert(next.clone()) => {
                    state.restart();
                    return Err(self.broken(ErrorKind::Protocol, "registry leads in a circle".to_owned()));
                }
                Some(_) => {}
            }
        }
        state.restart();
        Err(self.broken(ErrorKind::TooLarge, format!("registry has more than {MAX_PAGES} pages")))
    }

    async fn page(&self, cursor: Option<&str>, since: Option<i64>, until: Instant) -> Result<Page> {
        let mut url = self.url.clone();
        {
            let mut query = url.query_pairs_mut();
            query.append_pair("version", "latest").append_pair("limit", &PAGE.to_string());
            if let Some(since) = since {
                query.append_pair("updated_since", &clock::rfc3339(since));
            }
            if let Some(cursor) = cursor {
                query.append_pair("cursor", cursor);
            }
        }
        let wait = self.page_timeout.min(until.saturating_duration_since(Instant::now()));
        tokio::time::timeout(wait, self.fetch(&url)).await.unwrap_or_else(|_| {
            Err(self.broken(ErrorKind::Timeout, "registry did not answer in time".to_owned()).retry_later())
        })
    }

    async fn fetch(&self, url: &Url) -> Result<Page> {
        let mut open = HeaderSet::default();
        open.set("accept", "application/json")?;
        let request = HttpRequest { open, ..HttpRequest::new(HttpMethod::Get, url) };
        let mut response = self.client.send(request).await?;
        match response.status() {
            200 => {}
            status @ (400..=428 | 430..=499) => {
                return Err(self.broken(ErrorKind::Protocol, format!("registry answered with status {status}")));
            }
            status => {
                let error = self.broken(ErrorKind::Network, format!("registry answered with status {status}"));
                return Err(error.retry_later());
            }
        }
        let body = response.body(MAX_PAGE_BYTES).await.map_err(|error| error.with_context("registry", host(url)))?;
        self.read(&body)
    }

    fn read(&self, body: &[u8]) -> Result<Page> {
        let garbage = |why: &str| self.broken(ErrorKind::Protocol, format!("registry sent what is no page: {why}"));
        let answer: Value = serde_json::from_slice(body).map_err(|cause| garbage("no JSON").with_source(cause))?;
        let servers = match answer.get("servers") {
            Some(Value::Array(servers)) => servers.clone(),
            // A registry written in Go says so of an empty page.
            Some(Value::Null) => Vec::new(),
            _ => return Err(garbage("there are no `servers`")),
        };
        if servers.len() > 10 * PAGE {
            return Err(garbage("there are more servers than were asked for"));
        }
        let metadata = answer.get("metadata");
        let next = ["nextCursor", "next_cursor"].iter().find_map(|key| metadata?.get(key));
        let next = match next {
            None | Some(Value::Null) => None,
            Some(Value::String(cursor)) if cursor.len() <= MAX_CURSOR => {
                Some(cursor.clone()).filter(|text| !text.is_empty())
            }
            Some(_) => return Err(garbage("the cursor is no text")),
        };
        Ok(Page { servers, next, bytes: body.len() })
    }

    fn broken(&self, kind: ErrorKind, why: String) -> Error {
        Error::new(kind, why).with_operation("RegistrySource::sync").with_context("registry", host(&self.url))
    }
}

/// The address of a registry, if it is one that may be asked.
///
/// # Errors
/// `InvalidInput` for what is none.
pub(in crate::catalog) fn address(text: &str) -> Result<Url> {
    let wrong =
        |why: &'static str| Error::new(ErrorKind::InvalidInput, why).with_hint(format!("write such as `{OFFICIAL}`"));
    let url = Url::parse(text).map_err(|cause| wrong("not the address of a registry").with_source(cause))?;
    if url.host().is_none() {
        return Err(wrong("address of the registry names no host"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("address of the registry has more than a path"));
    }
    if url.scheme() != "https" && !(url.scheme() == "http" && is_here(&url)) {
        return Err(wrong("address of the registry is not `https`"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("address of the registry has a login in it, which would be written down and listed"));
    }
    AddressRule::Any.check_url(&url)?;
    Ok(url)
}

/// Whether an address is one of this machine.
fn is_here(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
