//! Which addresses may be reached.

use std::net::IpAddr;

use url::{Host, Url};

use crate::error::{Error, ErrorKind, Result};
use crate::util::address::{METADATA, not_public};

/// Which addresses may be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AddressRule {
    /// HTTPS to addresses of the public internet.
    PublicHttpsOnly,
    /// Plain HTTP and private addresses too; only the metadata services of clouds stay out of reach.
    Any,
}

/// What a profile says to reach a server that is not on the public internet.
const OPT_OUT: &str = "set `allowPrivate: true` for this server in the profile if it is meant to be reached there";

impl AddressRule {
    /// Checks what can be known from the text of an address; what a name stands for is checked when it is dialled.
    ///
    /// # Errors
    /// `InvalidConfig` when it is no HTTP address or carries a password, `Denied` when it must not be reached.
    pub(crate) fn check_url(self, url: &Url) -> Result<()> {
        let wrong = |why: &'static str| Err(Error::new(ErrorKind::InvalidConfig, why).with_context("host", host(url)));
        if !matches!(url.scheme(), "http" | "https") {
            return wrong("address of the server is neither `https` nor `http`");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return wrong("address of the server carries a user or password, which belongs into a header");
        }
        let literal = match url.host() {
            Some(Host::Ipv4(address)) => Some(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => Some(IpAddr::V6(address)),
            Some(Host::Domain(_)) => None,
            None => return wrong("address of the server names no host"),
        };
        if let Some(reason) = literal.and_then(|address| self.refuses(address)) {
            return Err(self.refused(&host(url), reason));
        }
        if self == Self::PublicHttpsOnly && url.scheme() != "https" {
            return Err(Error::new(ErrorKind::Denied, "plain HTTP is not allowed: secrets and answers could be read")
                .with_context("host", host(url))
                .with_hint("use `https`")
                .with_hint(OPT_OUT));
        }
        Ok(())
    }

    /// Keeps the addresses of a host that may be dialled.
    ///
    /// # Errors
    /// `Denied`, naming the host and the reason, when none is left; `Network` when there was none.
    pub(super) fn filter(self, host: &str, found: Vec<IpAddr>) -> Result<Vec<IpAddr>> {
        let mut reason = None;
        let allowed: Vec<_> = found
            .into_iter()
            .filter(|address| match self.refuses(*address) {
                Some(why) => {
                    reason.get_or_insert(why);
                    false
                }
                None => true,
            })
            .collect();
        match reason {
            Some(reason) if allowed.is_empty() => Err(self.refused(host, reason)),
            None if allowed.is_empty() => {
                Err(Error::new(ErrorKind::Network, "host has no address").with_context("host", host))
            }
            _ => Ok(allowed),
        }
    }

    /// Why an address must not be reached.
    fn refuses(self, address: IpAddr) -> Option<&'static str> {
        let reason = not_public(address)?;
        (self == Self::PublicHttpsOnly || reason == METADATA).then_some(reason)
    }

    fn refused(self, host: &str, reason: &'static str) -> Error {
        let error = Error::new(ErrorKind::Denied, "address of the server must not be reached")
            .with_context("host", host)
            .with_context("reason", reason);
        if reason == METADATA { error } else { error.with_hint(OPT_OUT) }
    }
}

/// Host and port, which is all that an error may show of an address: paths and queries can hold secrets.
pub(crate) fn host(url: &Url) -> String {
    let name = url.host_str().unwrap_or("none");
    match url.port() {
        Some(port) => format!("{name}:{port}"),
        None => name.to_owned(),
    }
}

/// Whether two addresses have scheme, host and port in common.
pub(crate) fn same_origin(a: &Url, b: &Url) -> bool {
    a.scheme() == b.scheme() && a.host() == b.host() && a.port_or_known_default() == b.port_or_known_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn addresses_in_any_spelling_are_checked() {
        for text in [
            "https://127.0.0.1/",
            "https://2130706433/",
            "https://0177.0.0.1/",
            "https://0x7f.1/",
            "https://127.1/",
            "https://127.0.0.1./",
            "https://１２７.0.0.1/",
            "https://[::1]/",
            "https://[::ffff:7f00:1]/",
            "https://0/",
            "https://169.254.169.254/latest",
            "https://[64:ff9b::169.254.169.254]/",
            "https://0xa9fea9fe/",
        ] {
            let error = AddressRule::PublicHttpsOnly.check_url(&url(text)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Denied, "{text}");
            assert!(error.to_string().contains("host: "), "{error}");
        }
        assert!(AddressRule::PublicHttpsOnly.check_url(&url("https://1.1.1.1/mcp")).is_ok());
        assert!(AddressRule::Any.check_url(&url("http://127.0.0.1:8080/mcp")).is_ok());
    }

    #[test]
    fn plain_http_needs_the_opt_out_and_metadata_has_none() {
        let error = AddressRule::PublicHttpsOnly.check_url(&url("http://example.com/mcp")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Denied);
        assert!(error.hints().any(|hint| hint.contains("allowPrivate: true")));
        assert!(AddressRule::Any.check_url(&url("http://example.com/mcp")).is_ok());
        let error = AddressRule::Any.check_url(&url("http://169.254.169.254/")).unwrap_err();
        assert_eq!(error.hints().count(), 0);
    }

    #[test]
    fn what_is_no_server_address_is_refused_without_its_password() {
        for text in
            ["ftp://example.com/", "file:///etc/passwd", "https://user:hunter2@example.com/", "data:text/plain,x"]
        {
            let error = AddressRule::Any.check_url(&url(text)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{text}");
            assert!(!format!("{error}{error:?}").contains("hunter2"));
        }
    }

    #[test]
    fn of_a_mixed_answer_only_public_addresses_are_dialled() {
        let rule = AddressRule::PublicHttpsOnly;
        let answer = ["10.0.0.1", "1.1.1.1", "::1"].map(|text| text.parse().unwrap()).to_vec();
        assert_eq!(rule.filter("h", answer).unwrap(), ["1.1.1.1".parse::<IpAddr>().unwrap()]);
        let error = rule.filter("evil.example", vec!["192.168.0.7".parse().unwrap()]).unwrap_err();
        insta::assert_snapshot!(
            error.report(),
            @"address of the server must not be reached (host: evil.example, reason: private address)"
        );
        assert!(error.hints().any(|hint| hint.contains("allowPrivate: true")));
        assert_eq!(rule.filter("h", Vec::new()).unwrap_err().kind(), ErrorKind::Network);
    }
}
