//! The hosts that a server may reach.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use crate::error::{Error, ErrorKind, Result};
use crate::util::pattern::Pattern;

/// How many entries a list may have; each is a listener inside.
const MAX_ENTRIES: usize = 256;

/// The longest name of a host.
const MAX_NAME: usize = 253;

/// The port of an entry without one.
const HTTPS: u16 = 443;

/// How many hosts have addresses below one `127.0.x`.
const PER_BLOCK: usize = 250;
/// The first `127.0.x` that is given to hosts; those before are left to the server itself.
const FIRST_BLOCK: usize = 10;

/// The hosts that a server may reach, as its list says.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct HostList {
    named: Vec<Named>,
    wild: Vec<(Pattern, u16)>,
}

/// A host that is listed by its whole name.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Named {
    host: Host,
    port: u16,
    /// Where it is found inside; none for an address, which cannot be given another one.
    inside: Option<Ipv4Addr>,
}

/// The name or address of a host, in one spelling.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Host {
    /// A name: lower case, without a final dot.
    Name(String),
    /// An address.
    Address(IpAddr),
}

/// Whether a host may be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Listing {
    /// It is on the list.
    Listed,
    /// It is, with other ports.
    OtherPort,
    /// It is not.
    Unlisted,
}

impl Host {
    /// Reads a name or an address; `None` for what is neither.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
        if let Ok(address) = bare.parse() {
            return Some(Self::Address(address));
        }
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let label = |label: &str| !label.is_empty() && !label.starts_with('-') && label.chars().all(is_of_name);
        // A last part of digits makes it an address in some spelling, such as `127.1` or `0x7f000001`.
        let last = name.rsplit('.').next().unwrap_or_default();
        let numeric = last.starts_with("0x") || last.chars().all(|c| c.is_ascii_digit());
        (name.len() <= MAX_NAME && name.split('.').all(label) && !numeric).then_some(Self::Name(name))
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Address(IpAddr::V6(address)) => write!(f, "[{address}]"),
            Self::Address(address) => address.fmt(f),
        }
    }
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_')
}

/// Takes `host:port` apart.
pub(crate) fn split(text: &str) -> Option<(&str, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let port = port.parse().ok().filter(|port| *port > 0)?;
    // Without brackets, the last part of an address would be taken for the port.
    (!host.contains(':') || host.starts_with('[')).then_some((host, port))
}

impl HostList {
    /// Reads a list; a host without a port means HTTPS.
    ///
    /// # Errors
    /// `InvalidConfig`, naming the entry, for what is not `host:port`, and for a list that is too long.
    pub(crate) fn parse(entries: &[String]) -> Result<Self> {
        if entries.len() > MAX_ENTRIES {
            return Err(Error::new(ErrorKind::InvalidConfig, format!("more than {MAX_ENTRIES} hosts are listed"))
                .with_hint("list a wildcard such as `*.example.com:443`, or give the server `network: open`"));
        }
        let mut list = Self::default();
        for entry in entries {
            let wrong = || {
                Error::new(ErrorKind::InvalidConfig, format!("`{}` is not `host:port`", entry.escape_debug()))
                    .with_hint("write such as `api.github.com:443`; `*.github.com:443` is a wildcard")
                    .with_hint("a list of the catalog is replaced by `network` of the server in the profile")
            };
            let alone = || (!entry.contains(':')).then_some((entry.as_str(), HTTPS));
            let (text, port) = split(entry).or_else(alone).ok_or_else(wrong)?;
            if text.contains('*') {
                let plain = text.chars().all(|c| is_of_name(c) || matches!(c, '.' | '*'));
                if !plain {
                    return Err(wrong());
                }
                list.wild.push((Pattern::new(text.to_ascii_lowercase()), port));
            } else {
                list.add(Host::parse(text).ok_or_else(wrong)?, port);
            }
        }
        Ok(list)
    }

    fn add(&mut self, host: Host, port: u16) {
        if self.named.iter().any(|named| named.host == host && named.port == port) {
            return;
        }
        let known = self.named.iter().find(|named| named.host == host).map(|named| named.inside);
        let inside = known.unwrap_or_else(|| match &host {
            Host::Address(_) => None,
            Host::Name(_) => Some(inside(self.named.len())),
        });
        self.named.push(Named { host, port, inside });
    }

    /// Whether a host may be reached on a port. Wildcards stand for names only.
    pub(crate) fn find(&self, host: &Host, port: u16) -> Listing {
        let mut listing = Listing::Unlisted;
        let named = self.named.iter().filter(|named| named.host == *host).map(|named| named.port);
        let wild = self.wild.iter().filter(|(pattern, _)| matches!(host, Host::Name(name) if pattern.matches(name)));
        for listed in named.chain(wild.map(|(_, port)| *port)) {
            if listed == port {
                return Listing::Listed;
            }
            listing = Listing::OtherPort;
        }
        listing
    }

    /// Whether all that an entry stands for is listed.
    #[cfg(feature = "egress-injection")]
    pub(crate) fn covers(&self, entry: &str) -> bool {
        let alone = || (!entry.contains(':')).then_some((entry, HTTPS));
        let Some((text, port)) = split(entry).or_else(alone) else { return false };
        let text = text.to_ascii_lowercase();
        match Host::parse(&text) {
            Some(host) => self.find(&host, port) == Listing::Listed,
            None => self.wild.iter().any(|(pattern, listed)| *listed == port && pattern.as_str() == text),
        }
    }

    /// Whether a name is listed with any port.
    pub(crate) fn knows(&self, host: &Host) -> bool {
        // No entry has this port.
        self.find(host, 0) != Listing::Unlisted
    }

    /// Each host with the address and port where it is found inside.
    pub(crate) fn places(&self) -> impl Iterator<Item = (Ipv4Addr, u16, &Host)> {
        self.named.iter().filter_map(|named| Some((named.inside?, named.port, &named.host)))
    }

    /// Whether some hosts are reached by the proxy only.
    pub(crate) fn needs_proxy(&self) -> bool {
        !self.wild.is_empty() || self.named.iter().any(|named| named.inside.is_none())
    }
}

/// The address of the host with a number.
fn inside(number: usize) -> Ipv4Addr {
    let part = |value: usize| u8::try_from(value).unwrap_or(u8::MAX);
    Ipv4Addr::new(127, 0, part(FIRST_BLOCK + number / PER_BLOCK), part(1 + number % PER_BLOCK))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list_of(entries: &[&str]) -> Result<HostList> {
        HostList::parse(&entries.iter().map(|&entry| entry.to_owned()).collect::<Vec<_>>())
    }

    fn host(text: &str) -> Host {
        Host::parse(text).unwrap()
    }

    #[test]
    fn only_listed_hosts_and_ports_are_found() {
        let list =
            list_of(&["API.example.com.:443", "api.example.com:80", "*.cdn.test:443", "10.0.0.7:5432", "[::1]:1"])
                .unwrap();
        for (text, port, found) in [
            ("api.example.com", 443, Listing::Listed),
            ("Api.Example.COM.", 80, Listing::Listed),
            ("api.example.com", 22, Listing::OtherPort),
            ("example.com", 443, Listing::Unlisted),
            ("api.example.com.evil.test", 443, Listing::Unlisted),
            ("evilapi.example.com", 443, Listing::Unlisted),
            ("a.b.cdn.test", 443, Listing::Listed),
            ("cdn.test", 443, Listing::Unlisted),
            ("x.cdn.test.evil.test", 443, Listing::Unlisted),
            ("10.0.0.7", 5432, Listing::Listed),
            ("::1", 1, Listing::Listed),
        ] {
            assert_eq!(list.find(&host(text), port), found, "{text}:{port}");
        }
        assert!(list.knows(&host("y.cdn.test")) && !list.knows(&host("z.test")) && list.needs_proxy());
        assert_eq!(list_of(&["a.test"]).unwrap(), list_of(&["a.test:443"]).unwrap());
    }

    #[test]
    fn a_wildcard_stands_for_names_and_not_for_addresses() {
        let list = list_of(&["*:443"]).unwrap();
        assert_eq!(list.find(&host("any.test"), 443), Listing::Listed);
        assert_eq!(list.find(&host("1.1.1.1"), 443), Listing::Unlisted);
        for spelled in
            ["127.1", "2130706433", "0x7f000001", "a.0x7f", "1.2.3", "", ".", "a..b", "a b", "a\n", "-a", "ä.test"]
        {
            assert_eq!(Host::parse(spelled), None, "{spelled:?}");
        }
    }

    #[test]
    fn each_name_has_an_address_of_its_own_inside() {
        let list =
            list_of(&["a.test:443", "b.test:443", "a.test:80", "a.test:443", "*.c.test:1", "10.0.0.1:2"]).unwrap();
        let places: Vec<_> = list.places().map(|(address, port, host)| format!("{address}:{port}={host}")).collect();
        assert_eq!(places, ["127.0.10.1:443=a.test", "127.0.10.2:443=b.test", "127.0.10.1:80=a.test"]);
        assert_eq!(inside(255), Ipv4Addr::new(127, 0, 11, 6));
    }

    #[test]
    fn what_is_no_host_and_port_is_refused() {
        for entry in ["a.test:", "a.test:0", "a.test:99999", ":443", "::1:443", "a b:1", "*/x:1", "127.1:443"] {
            let error = list_of(&[entry]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{entry}");
            assert!(error.message().contains(entry) && error.hints().next().is_some(), "{error}");
        }
        let many: Vec<_> = (0..=MAX_ENTRIES).map(|n| format!("h{n}.test:1")).collect();
        assert!(HostList::parse(&many).unwrap_err().message().contains("256"));
    }
}
