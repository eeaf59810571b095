//! A server with a stand-in, a door, and a host that tells what it was sent.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UnixStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::super::testing::{Heard, Names};
use super::super::{Door, DoorPlan, Folder, Listener};
use super::*;
use crate::model::ProfileName;
use crate::runtime::egress::folder::SOCKET;
use crate::runtime::{GatewayInstance, LaunchTarget, Owner};

const SECRET: &str = "s3cret-of-the-operator";

fn plan(listed: &[String], hosts: &[String]) -> LaunchPlan {
    let owner = Owner::new("g", ProfileName::new("p").unwrap(), "s".parse().unwrap());
    let mut plan = LaunchPlan::new(owner, LaunchTarget::Memory("s".to_owned()));
    plan.network = NetworkRule::Listed(listed.to_vec());
    plan.headers.push(HeaderSecret::new(SecretValue::new(SECRET), hosts.to_vec()).unwrap());
    plan
}

fn trusting(pem: &str) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    // The first is the door's own, after it come those of this machine.
    roots.add(CertificateDer::pem_slice_iter(pem.as_bytes()).next().unwrap().unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(tls::provider()).with_safe_default_protocol_versions().unwrap();
    TlsConnector::from(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

/// Says what it was sent, once in a header and once in its text.
async fn host(listener: TcpListener, authority: Arc<Authority>) {
    while let Ok((stream, _)) = listener.accept().await {
        let acceptor = TlsAcceptor::from(authority.host(&Host::parse("api.test").unwrap()).unwrap());
        tokio::spawn(async move {
            let Ok(stream) = acceptor.accept(stream).await else { return };
            let service = service_fn(|request: Request<Incoming>| async move {
                let sent = format!("{} {} {:?}", request.method(), request.uri(), request.headers());
                let mut answer = Response::new(Full::new(Bytes::from(sent)));
                if let Some(credential) = request.headers().get("authorization") {
                    answer.headers_mut().insert("x-you-said", credential.clone());
                }
                let closes = request.uri().path() == "/last";
                if closes {
                    answer.headers_mut().insert("connection", "close".parse().unwrap());
                }
                if request.uri().path() == "/packed" {
                    answer.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
                }
                Ok::<_, std::convert::Infallible>(answer)
            });
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

struct Bench {
    _door: (Door, Folder),
    _home: tempfile::TempDir,
    socket: PathBuf,
    plan: LaunchPlan,
    heard: Heard,
    port: u16,
    /// What the hosts got, as they would have told it to somebody whom nothing is kept from.
    authority: Arc<Authority>,
}

impl Bench {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let authority = Arc::new(Authority::new().unwrap());
        tokio::spawn(host(listener, Arc::clone(&authority)));
        let listed = [format!("api.test:{port}"), format!("other.test:{port}")];
        let mut plan = plan(&listed, &listed[..1]);
        let mut injection = Arc::into_inner(Injection::enter(&mut plan).unwrap().unwrap()).unwrap();
        injection.connector = trusting(&authority.bundle());
        let home = tempfile::tempdir().unwrap();
        let folder = Folder::new(&GatewayInstance::register(home.path()).unwrap()).unwrap();
        let heard = Heard::default();
        let door = DoorPlan {
            hosts: HostList::parse(&listed).unwrap(),
            private: true,
            watch: Arc::new(heard.clone()),
            resolver: Arc::new(Names::new(&[("api.test", "127.0.0.1"), ("other.test", "127.0.0.1")])),
            injection: Some(Arc::new(injection)),
        };
        let door = Door::open(vec![Listener::Socket(folder.listen().unwrap())], door);
        let socket = folder.path().join(SOCKET);
        Self { _door: (door, folder), _home: home, socket, plan, heard, port, authority }
    }

    fn stand_in(&self) -> &str {
        &self.plan.headers[0].stand_in
    }

    /// A TLS connection as the server makes it, trusting whom its file names.
    async fn connect(
        &self,
        name: &'static str,
        trust: &str,
    ) -> std::io::Result<tokio_rustls::client::TlsStream<UnixStream>> {
        let mut stream = UnixStream::connect(&self.socket).await.unwrap();
        stream.write_all(format!("{name}:{}\n", self.port).as_bytes()).await.unwrap();
        trusting(trust).connect(ServerName::try_from(name).unwrap(), stream).await
    }

    /// Sends requests in one connection, the last of which closes it, and gives what came back.
    async fn ask(&self, requests: &[(&str, &str)]) -> String {
        let file = self.plan.files.iter().find(|file| file.variable == FILE).unwrap();
        let mut stream = self.connect("api.test", file.value.expose()).await.unwrap();
        for (path, headers) in requests {
            let request = format!("GET {path} HTTP/1.1\r\nHost: api.test:{}\r\n{headers}\r\n", self.port);
            stream.write_all(request.as_bytes()).await.unwrap();
        }
        let mut got = Vec::new();
        let _ = stream.read_to_end(&mut got).await;
        String::from_utf8(got).unwrap()
    }
}

#[tokio::test]
async fn the_host_gets_the_secret_and_the_server_never_does() {
    let bench = Bench::new().await;
    let bearer = format!("Authorization: Bearer {}\r\n", bench.stand_in());
    let other = format!("X-Request-Id: {}\r\nConnection: close\r\n", bench.stand_in());
    let got = bench.ask(&[("/first?q=1", &bearer), ("/second", &bearer), ("/third", &other)]).await;
    assert_eq!(got.matches("HTTP/1.1 200 OK").count(), 3, "{got}");
    assert!(got.contains("GET /first?q=1 ") && got.contains("\"accept-encoding\": \"identity\""), "{got}");
    // The host's own words, without the secret that it repeats, and as long as they were.
    assert!(!got.contains(SECRET) && got.contains(&format!("Bearer {}", "*".repeat(SECRET.len()))), "{got}");
    assert!(got.contains("x-you-said: ***\r\n"), "{got}");
    // A header that is for no credential is sent as it is.
    assert!(got.contains(&format!("\"x-request-id\": \"{}\"", bench.stand_in())), "{got}");
    let (sent, received) = bench._door.0.traffic().bytes();
    assert!(sent > 0 && received as usize >= got.len());
    assert_eq!(bench.heard.all(), [""; 0]);
}

#[tokio::test]
async fn a_host_that_ends_its_connection_is_reached_by_another() {
    let bench = Bench::new().await;
    let bearer = format!("Authorization: Bearer {}\r\n", bench.stand_in());
    let got = bench.ask(&[("/last", &bearer), ("/next", &format!("{bearer}Connection: close\r\n"))]).await;
    assert_eq!(got.matches("HTTP/1.1 200 OK").count(), 2, "{got}");
}

#[tokio::test]
async fn what_cannot_be_looked_into_does_not_pass() {
    let bench = Bench::new().await;
    let got = bench.ask(&[("/packed", "Connection: close\r\n")]).await;
    assert!(got.starts_with("HTTP/1.1 502 ") && got.contains("packed"), "{got}");
    bench.heard.until("it is packed").await;
    let file = bench.plan.files.iter().find(|file| file.variable == FILE).unwrap();
    let mut stream = bench.connect("api.test", file.value.expose()).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: evil.test\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut got = String::new();
    let _ = stream.read_to_string(&mut got).await;
    assert!(got.starts_with("HTTP/1.1 403 "), "{got}");
    bench.heard.until("its request is for `evil.test`").await;
}

#[tokio::test]
async fn other_hosts_are_not_stood_for_and_other_clients_do_not_believe_the_door() {
    let bench = Bench::new().await;
    // This one is the host itself, whose certificate is for another name.
    let other = bench.connect("other.test", &bench.authority.bundle()).await.unwrap_err();
    assert!(other.to_string().contains("not valid for name"), "{other}");
    let stranger = bench.connect("api.test", &bench.authority.bundle()).await.unwrap_err();
    assert!(stranger.to_string().contains("UnknownIssuer"), "{stranger}");
    bench.heard.until("makes no TLS connection with the gateway").await;
}

#[test]
fn a_plan_is_given_a_file_of_certificates_and_nothing_else_that_names_one() {
    let hosts = ["api.test:443".to_owned(), "*.wild.test:443".to_owned()];
    let mut furnished = plan(&hosts, &hosts);
    for name in ["SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "KEPT"] {
        furnished.env.push((name.to_owned(), SecretValue::new("/elsewhere")));
    }
    let injection = Injection::enter(&mut furnished).unwrap().unwrap();
    assert_eq!(furnished.env.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["KEPT"]);
    assert_eq!(furnished.files.iter().map(|file| file.path_variable()).collect::<Vec<_>>(), ["SSL_CERT_FILE"]);
    assert!(furnished.files[0].value.expose().starts_with("-----BEGIN CERTIFICATE-----"));
    assert!(!format!("{injection:?} {furnished:?}").contains(SECRET));
    let mut plain = plan(&hosts, &hosts);
    plain.headers.clear();
    assert!(Injection::enter(&mut plain).unwrap().is_none() && plain.files.is_empty());
    for (listed, host) in
        [("api.test:443", "evil.test:443"), ("api.test:443", "api.test:80"), ("*.a.test:443", "*:443")]
    {
        let refused = Injection::enter(&mut plan(&[listed.to_owned()], &[host.to_owned()])).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidConfig, "{host}");
    }
    let mut open = plan(&hosts, &hosts);
    open.network = NetworkRule::Open;
    assert_eq!(Injection::enter(&mut open).unwrap_err().kind(), ErrorKind::InvalidConfig);
}
