//! Whether what a connection begins with is meant for the host that it goes to.

use std::borrow::Cow;

use super::head::{self, Head, Parsed};
use super::hello::{self, Hello};
use super::hosts::{Host, split};

/// Ports on which nothing but TLS and HTTP is spoken.
const WEB_PORTS: [u16; 2] = [80, 443];

/// The most that is looked at; more than any first message has.
pub(super) const MAX_GREETING: usize =
    if hello::MAX_HELLO > head::MAX_HEAD { hello::MAX_HELLO } else { head::MAX_HEAD };

/// What the beginning of a connection is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Greeting {
    /// Not enough to tell.
    More,
    /// It is for this host, or it names none.
    Fine,
    /// It is for another one, or cannot be read in one way only.
    Wrong(Cow<'static, str>),
}

/// Whether a port is for the web alone, where what is neither TLS nor HTTP is refused.
pub(super) fn is_web(port: u16) -> bool {
    WEB_PORTS.contains(&port)
}

/// Looks at the beginning of a connection to a host.
pub(super) fn look(bytes: &[u8], host: &Host, port: u16) -> Greeting {
    if bytes.is_empty() {
        return Greeting::More;
    }
    if hello::is_tls(bytes) {
        return match hello::read(bytes) {
            Hello::More => Greeting::More,
            Hello::Name(name) => check_name(name.as_deref(), host),
            Hello::Broken => Greeting::Wrong("the beginning of its TLS connection cannot be read".into()),
        };
    }
    match head::parse(bytes) {
        Parsed::More => Greeting::More,
        Parsed::Head(head) => check_head(&head, host, port),
        Parsed::Broken(why) => Greeting::Wrong(why.into()),
        Parsed::Other if is_web(port) => Greeting::Wrong("it speaks neither TLS nor HTTP on a port for these".into()),
        Parsed::Other => Greeting::Fine,
    }
}

/// The name in TLS is the host's; an address has none.
fn check_name(name: Option<&str>, host: &Host) -> Greeting {
    match (name, host) {
        (None, Host::Address(_)) => Greeting::Fine,
        (Some(name), Host::Name(_)) if Host::parse(name).as_ref() == Some(host) => Greeting::Fine,
        (None, Host::Name(_)) => Greeting::Wrong("its TLS connection names no server".into()),
        (Some(name), _) => Greeting::Wrong(format!("its TLS connection is for `{}`", name.escape_debug()).into()),
    }
}

/// The `Host` of a request, and the host in its target if there is one, are the host that it goes to.
fn check_head(head: &Head<'_>, host: &Host, port: u16) -> Greeting {
    let hosts: Vec<_> = head.values("host").collect();
    let [named] = hosts[..] else {
        return Greeting::Wrong("its request does not have one `Host`".into());
    };
    let whole = match head.target {
        target if target.starts_with('/') || target == "*" => None,
        target => Some(absolute(target).map_or(target, |(authority, _)| authority)),
    };
    for authority in whole.into_iter().chain([named]) {
        if !is_same(authority, host, port) {
            return Greeting::Wrong(format!("its request is for `{}`", authority.escape_debug()).into());
        }
    }
    Greeting::Fine
}

/// Whether an authority is this host, with this port or none.
pub(super) fn is_same(authority: &str, host: &Host, port: u16) -> bool {
    match split(authority) {
        Some((name, other)) => other == port && Host::parse(name).as_ref() == Some(host),
        None => Host::parse(authority).as_ref() == Some(host),
    }
}

/// Takes `http://authority/path` apart; the path may be empty.
pub(super) fn absolute(target: &str) -> Option<(&str, &str)> {
    let (scheme, rest) = target.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    scheme.eq_ignore_ascii_case("http").then(|| rest.split_at(end))
}

#[cfg(test)]
mod tests {
    use super::super::hello::tests::hello;
    use super::*;

    fn seen(bytes: &[u8], host: &str, port: u16) -> Greeting {
        look(bytes, &Host::parse(host).unwrap(), port)
    }

    #[test]
    fn the_name_in_tls_is_the_hosts() {
        assert_eq!(seen(&hello(Some("API.test")), "api.test", 443), Greeting::Fine);
        assert_eq!(seen(&hello(None), "1.2.3.4", 443), Greeting::Fine);
        for (name, host) in [
            (Some("evil.test"), "api.test"),
            (Some("api.test\0"), "api.test"),
            (None, "api.test"),
            (Some("a"), "1.2.3.4"),
        ] {
            assert!(matches!(seen(&hello(name), host, 8443), Greeting::Wrong(_)), "{name:?} {host}");
        }
    }

    #[test]
    fn the_host_of_a_request_is_the_host() {
        for fine in [
            "GET / HTTP/1.1\r\nHost: api.test\r\n\r\n",
            "GET / HTTP/1.1\r\nhost: API.TEST.:8080\r\n\r\n",
            "GET http://api.test:8080/x HTTP/1.1\r\nHost: api.test\r\n\r\n",
            "OPTIONS * HTTP/1.1\r\nHost: api.test\r\n\r\n",
        ] {
            assert_eq!(seen(fine.as_bytes(), "api.test", 8080), Greeting::Fine, "{fine}");
        }
        for wrong in [
            "GET / HTTP/1.1\r\nHost: evil.test\r\n\r\n",
            "\r\n\nGET / HTTP/1.1\r\nHost: evil.test\r\n\r\n",
            "get / HTTP/1.1\r\nHost: evil.test\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: api.test:81\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: api.test\r\nHost: evil.test\r\n\r\n",
            "GET / HTTP/1.1\r\n\r\n",
            "GET http://evil.test/ HTTP/1.1\r\nHost: api.test\r\n\r\n",
            "GET https://api.test@evil.test/ HTTP/1.1\r\nHost: api.test\r\n\r\n",
            "GET @evil.test HTTP/1.1\r\nHost: api.test\r\n\r\n",
            "CONNECT evil.test:443 HTTP/1.1\r\nHost: api.test\r\n\r\n",
        ] {
            assert!(matches!(seen(wrong.as_bytes(), "api.test", 8080), Greeting::Wrong(_)), "{wrong}");
        }
    }

    #[test]
    fn on_ports_of_the_web_nothing_else_is_spoken() {
        assert!(matches!(seen(b"SSH-2.0-x\r\n", "api.test", 443), Greeting::Wrong(_)));
        assert_eq!(seen(b"SSH-2.0-x\r\n", "api.test", 22), Greeting::Fine);
        assert_eq!(seen(b"", "api.test", 443), Greeting::More);
    }
}
