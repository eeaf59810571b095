//! Addresses of authorization servers and of this one.

use url::{Host, Url};

use crate::error::{Error, ErrorKind, Result};

/// Reads an address that tokens may travel to: HTTPS, or plain HTTP that stays on this machine, and nothing after the path.
///
/// # Errors
/// `InvalidConfig`, naming `what` and the address.
pub(super) fn read(what: &'static str, text: &str) -> Result<Url> {
    let wrong = |why: &str| Error::new(ErrorKind::InvalidConfig, format!("{what} {why}")).with_context("address", text);
    let url = Url::parse(text).map_err(|_| wrong("is no address").with_hint("an address begins with `https://`"))?;
    if !is_safe(&url) {
        return Err(wrong("is reached by neither HTTPS nor plain HTTP on this machine").with_hint("use `https`"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("carries a user or password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("has something after its path"));
    }
    Ok(url)
}

/// Whether what is sent there cannot be read on the way.
pub(super) fn is_safe(url: &Url) -> bool {
    match url.scheme() {
        "https" => url.host().is_some(),
        "http" => is_loopback(url),
        _ => false,
    }
}

/// Whether an address is one of this machine.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// The address of a document below `/.well-known/` about what is at `url`, as RFC 8414 and RFC 9728 build it: before the
/// path, if there is one.
pub(super) fn well_known(url: &Url, name: &str) -> Url {
    let mut at = url.clone();
    at.set_path(&format!("/.well-known/{name}{}", url.path().trim_end_matches('/')));
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_that_nobody_can_listen_to_are_read() {
        for good in [
            "https://a.example",
            "https://a.example/realms/x/",
            "http://127.0.0.1:9",
            "http://[::1]",
            "http://localhost",
        ] {
            assert!(read("issuer", good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "a.example",
            "http://a.example",
            "http://127.0.0.1.example",
            "http://10.0.0.1",
            "ftp://127.0.0.1",
            "https://u:p@a.example",
            "https://a.example?x",
            "https://a.example/#x",
        ] {
            assert_eq!(read("issuer", bad).unwrap_err().kind(), ErrorKind::InvalidConfig, "{bad}");
        }
    }

    #[test]
    fn documents_are_before_the_path() {
        let at = |url: &str| well_known(&Url::parse(url).unwrap(), "x").to_string();
        assert_eq!(at("https://a.example"), "https://a.example/.well-known/x");
        assert_eq!(at("https://a.example:1/b/c/"), "https://a.example:1/.well-known/x/b/c");
    }
}
