//! Where a catalog comes from, as it is written.

use std::fmt;
use std::path::PathBuf;

use url::{Host, Url};

#[cfg(feature = "catalog-registry")]
use crate::catalog::registry;
use crate::error::{Error, ErrorKind, Result};
use crate::model::ImageReference;

/// What stands before the address of a registry of MCP servers: `https://…` alone is a catalog's file.
#[cfg(feature = "catalog-registry")]
const REGISTRY: &str = "registry:";

/// Where a catalog comes from.
///
/// # Examples
/// ```
/// use mcp_gateway_core::catalog::CatalogOrigin;
///
/// let origin = CatalogOrigin::parse("oci://registry.example/team/catalog:1")?;
/// assert_eq!(origin.to_string(), "oci://registry.example/team/catalog:1");
/// assert!(CatalogOrigin::parse("http://catalogs.example/all.yaml").is_err());
/// # Ok::<(), mcp_gateway_core::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CatalogOrigin {
    /// The home's own: nothing is fetched.
    Own,
    /// A file, or a folder of files.
    Path(PathBuf),
    /// An HTTPS address; plain HTTP on this machine only.
    Address(String),
    /// An artifact of a registry.
    Artifact(ImageReference),
    /// An image that describes itself by its label.
    Image(ImageReference),
    /// A registry of MCP servers, by the address of its API.
    #[cfg(feature = "catalog-registry")]
    Registry(String),
}

impl CatalogOrigin {
    /// Reads `https://…`, `oci://REFERENCE`, `docker://IMAGE`, `registry:https://…`, `registry:official`, `own`, or a path.
    ///
    /// # Errors
    /// `InvalidInput` for an address or a reference that is none, and for plain HTTP to elsewhere.
    pub fn parse(text: &str) -> Result<Self> {
        #[cfg(feature = "catalog-registry")]
        if let Some(address) = text.strip_prefix(REGISTRY) {
            let address = if address == "official" { registry::OFFICIAL } else { address };
            return registry::address(address).map(|_| Self::Registry(address.to_owned()));
        }
        let Some((scheme, rest)) = text.split_once("://") else {
            return Ok(if text == "own" { Self::Own } else { Self::Path(PathBuf::from(text)) });
        };
        match scheme {
            "https" | "http" => address(text),
            "oci" => ImageReference::parse(rest).map(Self::Artifact),
            "docker" => ImageReference::parse(rest).map(Self::Image),
            "file" => Ok(Self::Path(PathBuf::from(rest))),
            _ => Err(Error::new(ErrorKind::InvalidInput, format!("`{scheme}://` is no place that catalogs come from"))
                .with_hint("a catalog comes from a path, `https://…`, `oci://REFERENCE`, `docker://IMAGE` or `registry:https://…`")),
        }
    }
}

fn address(text: &str) -> Result<CatalogOrigin> {
    let url = Url::parse(text)
        .map_err(|cause| Error::new(ErrorKind::InvalidInput, format!("`{text}` is no address")).with_source(cause))?;
    if url.scheme() == "http" && !is_here(&url) {
        return Err(Error::new(ErrorKind::InvalidInput, "a catalog is fetched over plain HTTP from this machine only")
            .with_context("host", url.host_str().unwrap_or_default())
            .with_hint("use `https`"));
    }
    // Where a catalog comes from is written down and listed.
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::new(ErrorKind::InvalidInput, "a catalog's address must not have a login in it"));
    }
    Ok(CatalogOrigin::Address(text.to_owned()))
}

/// Whether an address is one of this machine.
pub(super) fn is_here(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

impl fmt::Display for CatalogOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own => f.write_str("own"),
            Self::Path(path) => write!(f, "{}", path.display()),
            Self::Address(text) => f.write_str(text),
            Self::Artifact(reference) => write!(f, "oci://{reference}"),
            Self::Image(image) => write!(f, "docker://{image}"),
            #[cfg(feature = "catalog-registry")]
            Self::Registry(address) => write!(f, "{REGISTRY}{address}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_read_as_it_is_written() {
        for text in [
            "own",
            "./servers.yaml",
            "https://c.example/all.yaml",
            "http://127.0.0.1:1/c",
            "oci://r.example/a/b:1",
            "docker://mcp/time",
            #[cfg(feature = "catalog-registry")]
            "registry:https://registry.example/api/",
        ] {
            assert_eq!(CatalogOrigin::parse(text).unwrap().to_string(), text);
        }
        for text in [
            "http://c.example/",
            "https://ann:pw@c.example/all.yaml",
            "https://",
            "ftp://c.example/x",
            "oci://",
            "docker://-x",
            "oci://a b",
            #[cfg(feature = "catalog-registry")]
            "registry:http://registry.example",
            #[cfg(feature = "catalog-registry")]
            "registry:https://ann:pw@registry.example",
            #[cfg(feature = "catalog-registry")]
            "registry:",
        ] {
            assert_eq!(CatalogOrigin::parse(text).unwrap_err().kind(), ErrorKind::InvalidInput, "{text}");
        }
        #[cfg(feature = "catalog-registry")]
        assert!(CatalogOrigin::parse("registry:official").unwrap().to_string().starts_with("registry:https://"));
    }
}
