//! Which addresses may be reached.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

use crate::error::{Error, ErrorKind, Result};

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

const METADATA: &str = "metadata service of a cloud";

/// Why an address is not one of the public internet; `None` for one that is.
fn not_public(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => not_public_v4(address),
        IpAddr::V6(address) => not_public_v6(address),
    }
}

fn not_public_v4(address: Ipv4Addr) -> Option<&'static str> {
    match address.octets() {
        // Amazon and most others, Alibaba, Oracle, Azure.
        [169, 254, 169, 254] | [100, 100, 100, 200] | [192, 0, 0, 192] | [168, 63, 129, 16] => Some(METADATA),
        [0, 0, 0, 0] => Some("unspecified address"),
        [0, ..] => Some("reserved address"),
        [127, ..] => Some("loopback address"),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Some("private address"),
        [100, 64..=127, ..] => Some("carrier's private address"),
        [169, 254, ..] => Some("link-local address"),
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Some("address for documentation"),
        [198, 18..=19, ..] => Some("address for benchmarks"),
        [192, 0, 0, _] | [192, 88, 99, _] | [240..=255, ..] => Some("reserved address"),
        [224..=239, ..] => Some("multicast address"),
        _ => None,
    }
}

fn not_public_v6(address: Ipv6Addr) -> Option<&'static str> {
    let embedded = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        not_public_v4(Ipv4Addr::new(a, b, c, d))
    };
    match address.segments() {
        [0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254] => Some(METADATA),
        [0, 0, 0, 0, 0, 0, 0, 0] => Some("unspecified address"),
        [0, 0, 0, 0, 0, 0, 0, 1] => Some("loopback address"),
        // Mapped and NAT64 addresses lead to the IPv4 address in their last 32 bits, 6to4 to the one after its prefix.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => embedded(high, low),
        [0x2002, high, low, ..] => embedded(high, low),
        [0xfc00..=0xfdff, ..] => Some("private address"),
        [0xfe80..=0xfebf, ..] => Some("link-local address"),
        [0xff00..=0xffff, ..] => Some("multicast address"),
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Some("address for documentation"),
        [0x2001, 0..=0x1ff, ..] => Some("reserved address"),
        [0x2000..=0x3fff, ..] => None,
        // Only 2000::/3 is handed out for the public internet.
        _ => Some("reserved address"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFUSED: &[&str] = &[
        "0.0.0.0",
        "0.1.2.3",
        "127.0.0.1",
        "127.255.255.254",
        "10.0.0.1",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "100.64.0.1",
        "100.127.255.255",
        "169.254.0.1",
        "169.254.169.254",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "192.0.0.8",
        "192.0.2.1",
        "198.51.100.7",
        "203.0.113.9",
        "198.18.0.1",
        "198.19.255.255",
        "192.88.99.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:10.1.2.3",
        "::ffff:169.254.169.254",
        "::ffff:0:127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "2002:7f00:1::1",
        "2002:a9fe:a9fe::",
        "2002:c0a8:101::1",
        "fc00::1",
        "fd12:3456::1",
        "fd00:ec2::254",
        "fe80::1",
        "febf::1",
        "fec0::1",
        "ff02::1",
        "2001:db8::1",
        "3fff::1",
        "2001::1",
        "2001:2::1",
        "2001:10::1",
        "100::1",
        "5f00::1",
    ];

    const PUBLIC: &[&str] = &[
        "1.1.1.1",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "169.253.255.255",
        "192.167.255.255",
        "192.0.1.1",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "2606:4700:4700::1111",
        "2001:4860:4860::8888",
        "2a00:1450::1",
        "2400:cb00::1",
        "::ffff:8.8.8.8",
        "64:ff9b::808:808",
        "2002:808:808::1",
    ];

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn only_addresses_of_the_public_internet_are_public() {
        for text in REFUSED {
            assert!(not_public(text.parse().unwrap()).is_some(), "{text}");
        }
        for text in PUBLIC {
            assert_eq!(not_public(text.parse().unwrap()), None, "{text}");
        }
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
