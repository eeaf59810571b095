//! One connection of a server to a host that some of its secrets are for.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self as client, SendRequest};
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::server::conn::http1 as server;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

use super::super::carry::{Activity, Begun, Carrier, Refusal};
use super::super::greeting::is_same;
use super::super::hosts::Host;
use super::super::near::Near;
use super::veil::{Veil, Veiled};
use super::{Injection, stand_in};

/// How long making a TLS connection may take.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);
/// How long a host may take to begin its answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(10 * 60);
/// The most of a head that is read.
const MAX_HEAD: usize = 64 * 1024;

/// Headers that are about one connection only.
const HOP: [HeaderName; 8] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::EXPECT,
];

type Answer = Response<BoxBody<Bytes, hyper::Error>>;

/// One connection and where it goes.
struct Passage<'a> {
    carrier: &'a Carrier,
    injection: &'a Injection,
    host: &'a Host,
    port: u16,
    /// The connection to the host: the one that is there, one that was just opened, or none.
    far: Mutex<Far>,
}

enum Far {
    Opened(TcpStream),
    Ready(SendRequest<Incoming>),
    None,
}

impl Injection {
    /// Serves a TLS connection of the server to a host.
    pub(in super::super) async fn serve<S>(
        &self,
        carrier: &Carrier,
        begun: Begun<S>,
        far: TcpStream,
        host: &Host,
        port: u16,
    ) where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let config = match self.authority.host(host) {
            Ok(config) => config,
            Err(error) => return tracing::warn!(%host, error = %error.report(), "a server cannot be answered"),
        };
        let active = Arc::new(Activity::new());
        let near = Near::new(begun, Arc::clone(&carrier.traffic), Arc::clone(&active));
        let accepted = match timeout(HANDSHAKE_LIMIT, TlsAcceptor::from(config).accept(near)).await {
            Ok(Ok(accepted)) => accepted,
            Ok(Err(cause)) => {
                // Mostly a client with a list of its own of whom it trusts, which its operator has to hear of.
                let why =
                    format!("its client makes no TLS connection with the gateway in the place of the host: {cause}");
                return drop(carrier.deny(host, port, why));
            }
            Err(_) => return,
        };
        let passage = Passage { carrier, injection: self, host, port, far: Mutex::new(Far::Opened(far)) };
        let service = service_fn(|request| async { Ok::<_, Infallible>(passage.answer(request).await) });
        let serving = server::Builder::new().max_buf_size(MAX_HEAD).serve_connection(TokioIo::new(accepted), service);
        tokio::select! {
            ended = serving => {
                if let Err(cause) = ended {
                    tracing::debug!(%host, %cause, "a connection of a server ended early");
                }
            }
            () = active.idle() => {}
        }
    }
}

impl Passage<'_> {
    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let request = match self.outgoing(request) {
            Ok(request) => request,
            Err(why) => {
                self.carrier.deny(self.host, self.port, why.clone());
                return said(StatusCode::FORBIDDEN, &format!("the gateway does not send this: {why}"));
            }
        };
        let answer = match self.send(request).await {
            Ok(answer) => answer,
            Err(why) => {
                return said(StatusCode::BAD_GATEWAY, &format!("{}:{} cannot be asked: {why}", self.host, self.port));
            }
        };
        match self.incoming(answer) {
            Ok(answer) => answer,
            Err(why) => {
                self.carrier.deny(self.host, self.port, why);
                said(StatusCode::BAD_GATEWAY, &format!("the gateway does not let this answer in: {why}"))
            }
        }
    }

    /// A request as it goes out, with the secrets in it.
    fn outgoing(&self, request: Request<Incoming>) -> Result<Request<Incoming>, String> {
        let (mut parts, body) = request.into_parts();
        let hosts: Vec<_> = parts.headers.get_all(header::HOST).iter().collect();
        let [named] = hosts[..] else { return Err("its request does not have one `Host`".to_owned()) };
        let authority = parts.uri.authority().map(|authority| authority.as_str().to_owned());
        for name in authority.iter().map(String::as_str).chain([named.to_str().unwrap_or_default()]) {
            if !is_same(name, self.host, self.port) {
                return Err(format!("its request is for `{}`", name.escape_debug()));
            }
        }
        let path = parts.uri.path_and_query().map_or("/", |path| path.as_str());
        parts.uri = path.parse::<Uri>().map_err(|_| "the target of its request cannot be read".to_owned())?;
        without_hop(&mut parts.headers);
        // What is packed cannot be looked into.
        parts.headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        stand_in::put(&mut parts.headers, self.injection.of(self.host, self.port))
            .map_err(|name| format!("a secret cannot stand in the header `{name}`"))?;
        Ok(Request::from_parts(parts, body))
    }

    /// An answer as the server may have it.
    fn incoming(&self, answer: Response<Incoming>) -> Result<Answer, &'static str> {
        let (mut parts, body) = answer.into_parts();
        if parts.status == StatusCode::SWITCHING_PROTOCOLS {
            return Err("another protocol than HTTP cannot be looked into");
        }
        let packed = parts.headers.get(header::CONTENT_ENCODING);
        if packed.is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity")) {
            return Err("it is packed, and cannot be looked into");
        }
        without_hop(&mut parts.headers);
        let values = self.injection.of(self.host, self.port).map(|secret| &secret.value);
        let veil = Veil::new(values).ok_or("it cannot be looked into for the secrets")?;
        veil.headers(&mut parts.headers);
        Ok(Response::from_parts(parts, Veiled::new(body, veil).boxed()))
    }

    async fn send(&self, request: Request<Incoming>) -> Result<Response<Incoming>, String> {
        let mut far = self.far.lock().await;
        let kept = match std::mem::replace(&mut *far, Far::None) {
            // A host may have ended a connection that was left open; a request that was not begun can go another way.
            Far::Ready(mut sender) => sender.ready().await.is_ok().then_some(sender),
            Far::Opened(stream) => Some(self.begin(stream).await?),
            Far::None => None,
        };
        let mut sender = match kept {
            Some(sender) => sender,
            None => {
                let opened = self.carrier.open(self.host, self.port).await;
                self.begin(opened.map_err(Refusal::into_text)?).await?
            }
        };
        let answer = timeout(ANSWER_LIMIT, sender.send_request(request)).await;
        let answer = answer.map_err(|_| "no answer in time".to_owned())?.map_err(|cause| cause.to_string())?;
        *far = Far::Ready(sender);
        Ok(answer)
    }

    async fn begin(&self, stream: TcpStream) -> Result<SendRequest<Incoming>, String> {
        let name = self.host.to_string();
        let name = ServerName::try_from(name.trim_start_matches('[').trim_end_matches(']').to_owned())
            .map_err(|cause| cause.to_string())?;
        let secured = timeout(HANDSHAKE_LIMIT, self.injection.connector.connect(name, stream)).await;
        let secured =
            secured.map_err(|_| "no TLS connection in time".to_owned())?.map_err(|cause| cause.to_string())?;
        let shaken = client::Builder::new().max_buf_size(MAX_HEAD).handshake(TokioIo::new(secured)).await;
        let (sender, connection) = shaken.map_err(|cause| cause.to_string())?;
        // Ends with the sender, which is dropped with the passage.
        tokio::spawn(connection);
        Ok(sender)
    }
}

fn without_hop(headers: &mut HeaderMap) {
    let named: Vec<_> = headers
        .get_all(header::CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse::<HeaderName>().ok())
        .collect();
    for name in HOP.iter().chain(&named) {
        headers.remove(name);
    }
}

fn said(status: StatusCode, why: &str) -> Answer {
    let body = Full::new(Bytes::from(format!("{why}\n"))).map_err(|never| match never {}).boxed();
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    answer
}
