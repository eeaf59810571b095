//! One connection per request, made anew each time: an engine that was restarted is found again, a broken one is not kept.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use bollard::BollardRequest;
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;

use super::endpoint::{Endpoint, TlsFiles};
use crate::error::{Error, ErrorKind, Result};
use crate::util::tls;

/// The header that carries a registry's credentials.
const REGISTRY_AUTH: &str = "x-registry-auth";

/// A byte stream to the engine.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Opens connections to one engine.
pub(super) struct Dialer {
    endpoint: Endpoint,
    tls: Option<(TlsConnector, ServerName<'static>)>,
    /// The socket that answered first; the engine is not changed afterwards.
    socket: OnceLock<PathBuf>,
}

impl Dialer {
    /// Prepares connections; reads the certificates, connects nowhere.
    pub(super) fn new(endpoint: Endpoint) -> Result<Self> {
        let tls = match &endpoint {
            Endpoint::Tls(authority, files) => Some((tls_connector(files)?, server_name(authority)?)),
            _ => None,
        };
        Ok(Self { endpoint, tls, socket: OnceLock::new() })
    }

    pub(super) fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Sends one request and gives the answer's head; the connection lives as long as the answer's body or upgrade.
    pub(super) async fn send<B>(&self, mut request: Request<B>) -> Result<Response<Incoming>, bollard::errors::Error>
    where
        B: Body + Send + 'static,
        B::Data: Send,
        B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let stream = self.connect().await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // It ends with the answer, an upgrade or an error that the answer reports.
        tokio::spawn(connection.with_upgrades());
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        *request.uri_mut() = path.parse()?;
        request.headers_mut().insert(HOST, HeaderValue::from_static("engine"));
        if let Some(value) = request.headers_mut().get_mut(REGISTRY_AUTH) {
            *value = url_safe(value);
        }
        Ok(sender.send_request(request).await?)
    }

    async fn connect(&self) -> io::Result<Box<dyn Stream>> {
        match &self.endpoint {
            Endpoint::Sockets(sockets) => self.connect_socket(sockets).await,
            Endpoint::Pipe(pipe) => connect_pipe(pipe),
            Endpoint::Tcp(authority) | Endpoint::Tls(authority, _) => {
                let stream = tokio::net::TcpStream::connect(authority).await?;
                stream.set_nodelay(true)?;
                match &self.tls {
                    Some((connector, name)) => Ok(Box::new(connector.connect(name.clone(), stream).await?)),
                    None => Ok(Box::new(stream)),
                }
            }
        }
    }

    #[cfg(unix)]
    async fn connect_socket(&self, sockets: &[PathBuf]) -> io::Result<Box<dyn Stream>> {
        let candidates = self.socket.get().map_or(sockets, std::slice::from_ref);
        let mut first = None;
        for socket in candidates {
            match tokio::net::UnixStream::connect(socket).await {
                Ok(stream) => {
                    let _ = self.socket.set(socket.clone());
                    return Ok(Box::new(stream));
                }
                // A socket that is there but refuses says more than one that is absent.
                Err(cause) if cause.kind() != io::ErrorKind::NotFound => first = first.or(Some(cause)),
                Err(_) => {}
            }
        }
        Err(first.unwrap_or_else(|| io::Error::new(io::ErrorKind::NotFound, "there is no such socket")))
    }

    #[cfg(not(unix))]
    async fn connect_socket(&self, _sockets: &[PathBuf]) -> io::Result<Box<dyn Stream>> {
        Err(io::Error::new(io::ErrorKind::Unsupported, "this system has no unix sockets"))
    }
}

impl std::fmt::Debug for Dialer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dialer").field("endpoint", &self.endpoint).finish_non_exhaustive()
    }
}

#[cfg(windows)]
fn connect_pipe(pipe: &str) -> io::Result<Box<dyn Stream>> {
    tokio::net::windows::named_pipe::ClientOptions::new()
        .open(pipe.replace('/', "\\"))
        .map(|stream| Box::new(stream) as Box<dyn Stream>)
}

#[cfg(not(windows))]
fn connect_pipe(_pipe: &str) -> io::Result<Box<dyn Stream>> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "this system has no named pipes of Windows"))
}

/// Makes bollard send its requests by a dialer.
pub(super) fn transport(dialer: Arc<Dialer>) -> impl Fn(BollardRequest) -> Sending + Send + Sync + 'static {
    move |request| {
        let dialer = Arc::clone(&dialer);
        Box::pin(async move { dialer.send(request).await })
    }
}

/// A request under way.
type Sending = std::pin::Pin<Box<dyn Future<Output = Result<Response<Incoming>, bollard::errors::Error>> + Send>>;

/// Engines read this header in the URL-safe alphabet only, and bollard writes the other one.
fn url_safe(value: &HeaderValue) -> HeaderValue {
    let bytes: Vec<u8> = value
        .as_bytes()
        .iter()
        .map(|byte| match byte {
            b'+' => b'-',
            b'/' => b'_',
            other => *other,
        })
        .collect();
    let mut safe = HeaderValue::from_bytes(&bytes).unwrap_or_else(|_| value.clone());
    safe.set_sensitive(true);
    safe
}

fn tls_connector(files: &TlsFiles) -> Result<TlsConnector> {
    let wrong = |path: &PathBuf, why: String| {
        Error::new(ErrorKind::InvalidConfig, format!("cannot use a certificate for the engine: {why}"))
            .with_context("file", path.display())
            .with_hint("DOCKER_CERT_PATH names a folder with ca.pem, cert.pem and key.pem")
    };
    let certificates = |path: &PathBuf| -> Result<Vec<CertificateDer<'static>>> {
        CertificateDer::pem_file_iter(path).and_then(Iterator::collect).map_err(|cause| wrong(path, cause.to_string()))
    };
    let mut roots = rustls::RootCertStore::empty();
    for certificate in certificates(&files.ca)? {
        roots.add(certificate).map_err(|cause| wrong(&files.ca, cause.to_string()))?;
    }
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|cause| wrong(&files.key, cause.to_string()))?;
    let config = rustls::ClientConfig::builder_with_provider(tls::provider())
        .with_safe_default_protocol_versions()
        .map_err(|cause| wrong(&files.ca, cause.to_string()))?
        .with_root_certificates(roots)
        .with_client_auth_cert(certificates(&files.certificate)?, key)
        .map_err(|cause| wrong(&files.certificate, cause.to_string()))?;
    Ok(TlsConnector::from(Arc::new(config)))
}

fn server_name(authority: &str) -> Result<ServerName<'static>> {
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    ServerName::try_from(host.trim_matches(['[', ']']).to_owned()).map_err(|_| {
        Error::new(ErrorKind::InvalidConfig, format!("engine address `tcp://{authority}` has no valid host name"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_sent_in_the_alphabet_that_engines_read() {
        let value = url_safe(&HeaderValue::from_static("ab+/=="));
        assert_eq!(value, "ab-_==");
        assert!(value.is_sensitive());
    }

    #[test]
    fn a_missing_certificate_is_named() {
        let files = TlsFiles { ca: "/no/ca.pem".into(), certificate: "/no/cert.pem".into(), key: "/no/key.pem".into() };
        let error = Dialer::new(Endpoint::Tls("e:1".to_owned(), files)).unwrap_err();
        assert!(error.to_string().contains("/no/ca.pem"), "{error}");
    }
}
