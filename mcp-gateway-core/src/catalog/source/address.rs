//! Catalogs at HTTPS addresses.

use std::time::Duration;

use async_trait::async_trait;
use url::Url;

use super::origin::is_here;
use super::text::normal;
use super::{CatalogSource, FetchedCatalog, KnownCatalog, MAX_CATALOG, SourceState};
use crate::catalog::signature::MAX_SIGNATURE;
use crate::error::{Error, ErrorKind, Result};
use crate::util::http::{AddressRule, HttpClient, HttpMethod, HttpRequest, host, is_header_value};

/// How long fetching may take.
const LIMIT: Duration = Duration::from_secs(60);

/// A file at an address.
#[derive(Debug)]
pub(super) struct AddressSource {
    url: Url,
    signed: bool,
    http: HttpClient,
}

impl AddressSource {
    pub(super) fn new(text: &str, may_be_private: bool, signed: bool) -> Result<Self> {
        let url = Url::parse(text).map_err(|cause| {
            Error::new(ErrorKind::InvalidInput, format!("`{text}` is no address")).with_source(cause)
        })?;
        let is_free = may_be_private || is_here(&url);
        let rule = if is_free { AddressRule::Any } else { AddressRule::PublicHttpsOnly };
        Ok(Self { url, signed, http: HttpClient::new(rule)? })
    }

    async fn get(&self, known: Option<&KnownCatalog>) -> Result<FetchedCatalog> {
        let mut request = HttpRequest::new(HttpMethod::Get, &self.url);
        if let Some(known) = known {
            let conditions = [("if-none-match", &known.state.etag), ("if-modified-since", &known.state.last_modified)];
            for (name, value) in conditions {
                if let Some(value) = value {
                    request.open.set(name, value)?;
                }
            }
        }
        let mut response = self.http.send(request).await?;
        match response.status() {
            200 => {}
            304 if known.is_some() => return Ok(FetchedCatalog::Unchanged),
            status => {
                return Err(
                    Error::new(ErrorKind::Network, "the address gives no catalog").with_context("status", status)
                );
            }
        }
        let header = |name: &str| response.header(name).filter(|value| is_header_value(value)).map(str::to_owned);
        let state =
            SourceState { etag: header("etag"), last_modified: header("last-modified"), ..SourceState::default() };
        let text = String::from_utf8(response.body(MAX_CATALOG).await?)
            .map_err(|cause| Error::new(ErrorKind::InvalidConfig, "the catalog is not UTF-8").with_source(cause))?;
        let (text, notes) = normal(&host(&self.url), text)?;
        if known.is_some_and(|known| known.text == text && known.state == state) {
            return Ok(FetchedCatalog::Unchanged);
        }
        let signature = if self.signed { self.signature().await? } else { None };
        Ok(FetchedCatalog::Catalog { text, state, notes, signature })
    }

    /// The signature: what is at the same address with `.sig` behind its path.
    async fn signature(&self) -> Result<Option<String>> {
        let mut url = self.url.clone();
        url.set_path(&format!("{}.sig", self.url.path()));
        let mut response = self.http.send(HttpRequest::new(HttpMethod::Get, &url)).await?;
        match response.status() {
            200 => Ok(Some(String::from_utf8_lossy(&response.body(MAX_SIGNATURE).await?).into_owned())),
            404 | 410 => Ok(None),
            status => Err(Error::new(ErrorKind::Network, "the address does not give the catalog's signature")
                .with_context("status", status)),
        }
    }
}

#[async_trait]
impl CatalogSource for AddressSource {
    async fn fetch(&self, known: Option<&KnownCatalog>) -> Result<FetchedCatalog> {
        let done = tokio::time::timeout(LIMIT, self.get(known))
            .await
            .unwrap_or_else(|_| Err(Error::new(ErrorKind::Timeout, "the catalog did not come in time").retry_later()));
        done.map_err(denied)
    }
}

/// An error of fetching; the reason of one that is denied is the address rule's, whose hint is for servers.
pub(super) fn denied(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Denied => Error::new(ErrorKind::Denied, "the catalog must not be fetched from there")
            .with_context("reason", error.report())
            .with_hint("if it is meant to be on a private network, give `--allow-private`"),
        _ => error,
    }
}
