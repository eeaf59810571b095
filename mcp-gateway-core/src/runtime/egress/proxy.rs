//! The proxy: for hosts that only a wildcard names, and for clients that use one anyway.

use std::fmt::Write as _;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

use super::carry::{Begun, Carrier, Refusal, written};
use super::greeting::{absolute, is_same};
use super::head::{Head, MAX_HEAD, Parsed, parse};
use super::hosts::{Host, split};

const HTTP: u16 = 80;

/// Headers that are for the proxy or for this connection only.
const HOP: [&str; 6] =
    ["connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "proxy-connection", "host"];

/// What a client asks a proxy for.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    /// A tunnel.
    Tunnel(Host, u16),
    /// One request, as it is to be sent.
    Request(Host, u16, String),
    /// What cannot be understood.
    Nonsense(&'static str),
}

/// Serves a client of the proxy.
pub(super) async fn serve<S: AsyncRead + AsyncWrite + Unpin + Send>(carrier: &Carrier, mut begun: Begun<S>) {
    let found = begun.until(MAX_HEAD, |bytes| match parse(bytes) {
        Parsed::More => None,
        Parsed::Head(head) => Some((asked(&head), head.length)),
        Parsed::Broken(why) => Some((Asked::Nonsense(why), bytes.len())),
        Parsed::Other => Some((Asked::Nonsense("this is a proxy for HTTP"), bytes.len())),
    });
    let Some((asked, length)) = found.await else { return };
    let _ = begun.bytes.split_to(length);
    match asked {
        Asked::Tunnel(host, port) => {
            let Some(far) = opened(carrier, &mut begun, &host, port).await else { return };
            if written(&mut begun.stream, b"HTTP/1.1 200 Connection established\r\n\r\n").await {
                carrier.carry(begun, far, &host, port).await;
            }
        }
        Asked::Request(host, port, head) => {
            let Some(mut far) = opened(carrier, &mut begun, &host, port).await else { return };
            if written(&mut far, head.as_bytes()).await {
                carrier.pass(begun, far).await;
            }
        }
        Asked::Nonsense(why) => answer(&mut begun.stream, "400 Bad Request", why).await,
    }
}

/// Opens the way to a host, or tells the client why not.
async fn opened<S>(carrier: &Carrier, begun: &mut Begun<S>, host: &Host, port: u16) -> Option<TcpStream>
where
    S: AsyncRead + AsyncWrite + Unpin + Send,
{
    match carrier.open(host, port).await {
        Ok(far) => Some(far),
        Err(Refusal::Denied(why)) => {
            let why = format!("the gateway does not let this server reach {host}:{port}: {why}");
            answer(&mut begun.stream, "403 Forbidden", &why).await;
            None
        }
        Err(Refusal::Failed(why)) => {
            answer(&mut begun.stream, "502 Bad Gateway", &format!("{host}:{port} cannot be reached: {why}")).await;
            None
        }
    }
}

async fn answer(stream: &mut (impl AsyncWrite + Unpin), status: &str, why: &str) {
    let text = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{why}\n",
        why.len() + 1
    );
    // A client that is gone needs no answer.
    let _ = written(stream, text.as_bytes()).await;
}

/// What a client asks for.
fn asked(head: &Head<'_>) -> Asked {
    if head.method == "CONNECT" {
        let found = split(head.target).and_then(|(host, port)| Some((Host::parse(host)?, port)));
        return found.map_or(Asked::Nonsense("CONNECT needs `host:port`"), |(host, port)| Asked::Tunnel(host, port));
    }
    let Some((authority, path)) = absolute(head.target) else {
        return Asked::Nonsense("this is a proxy: ask it with CONNECT, or for `http://host/path`");
    };
    let (name, port) = split(authority).unwrap_or((authority, HTTP));
    let Some(host) = Host::parse(name) else { return Asked::Nonsense("the host cannot be read") };
    if head.values("host").any(|named| !is_same(named, &host, port)) {
        return Asked::Nonsense("`Host` is not the host of the target");
    }
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    // One request and no more: what follows might be for another host.
    let mut sent = format!("{} {path} HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n", head.method);
    for (name, value) in head.headers.iter().filter(|(name, _)| !HOP.iter().any(|hop| name.eq_ignore_ascii_case(hop))) {
        // Writing to a text cannot fail.
        let _ = write!(sent, "{name}: {value}\r\n");
    }
    sent.push_str("\r\n");
    Asked::Request(host, port, sent)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Asked {
        match parse(text.as_bytes()) {
            Parsed::Head(head) => asked(&head),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn tunnels_and_requests_are_told_apart() {
        let host = Host::parse("api.test").unwrap();
        assert_eq!(of("CONNECT api.test:443 HTTP/1.1\r\n\r\n"), Asked::Tunnel(host.clone(), 443));
        let request = of(
            "GET http://api.test?q HTTP/1.1\r\nHost: api.test\r\nProxy-Authorization: x\r\nConnection: keep-alive\r\nA: b\r\n\r\n",
        );
        let sent = "GET /?q HTTP/1.1\r\nHost: api.test\r\nConnection: close\r\nA: b\r\n\r\n";
        assert_eq!(request, Asked::Request(host, 80, sent.to_owned()));
    }

    #[test]
    fn what_could_mean_another_host_is_nonsense() {
        for text in [
            "CONNECT api.test HTTP/1.1\r\n\r\n",
            "CONNECT http://api.test:443 HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: api.test\r\n\r\n",
            "GET https://api.test/ HTTP/1.1\r\n\r\n",
            "GET http://api.test/ HTTP/1.1\r\nHost: evil.test\r\n\r\n",
            "GET http://a@evil.test/ HTTP/1.1\r\n\r\n",
            "GET http://api.test\\@evil.test/ HTTP/1.1\r\n\r\n",
        ] {
            assert!(matches!(of(text), Asked::Nonsense(_)), "{text}");
        }
    }
}
