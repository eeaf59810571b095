//! TLS from files; the pair under `tls/` is of no use outside these tests.

use std::path::Path;
use std::sync::Arc;

use mcp_gateway_core::error::ErrorKind;
use mcp_gateway_core::transport::server::http::{HttpServer, HttpServerConfig, TlsFiles};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use serde_json::json;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::host::{FakeHost, serve};
use crate::http::{Server, connect, send};
use crate::stream::initialize;

crate::tests![
    a_client_that_trusts_the_certificate_is_served,
    plain_http_is_not_answered,
    files_that_do_not_fit_are_named
];

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/faces/tls"))
}

async fn server() -> Server {
    let files = TlsFiles::new(folder().join("certificate.pem"), folder().join("key.pem"));
    Server::with_config(|config| config.tls = Some(files)).await
}

async fn a_client_that_trusts_the_certificate_is_served() {
    let server = server().await;
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(folder().join("certificate.pem")).unwrap()).unwrap();
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(server.address).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap();
    let mut connection = connect(stream).await;
    let reply = send(&mut connection, server.post(&initialize("2025-11-25"))).await;
    let session = reply.header("mcp-session-id").unwrap().to_owned();
    reply.text().await;
    let reply = send(&mut connection, server.call(&session, 1, "echo", json!({"text": "x"}))).await;
    assert_eq!(reply.json().await["result"]["content"][0]["text"], "x");
}

async fn plain_http_is_not_answered() {
    let server = server().await;
    let mut connection = connect(TcpStream::connect(server.address).await.unwrap()).await;
    assert!(connection.send_request(server.ask("GET", "/health").request()).await.is_err());
}

async fn files_that_do_not_fit_are_named() {
    let (certificate, key) = (folder().join("certificate.pem"), folder().join("key.pem"));
    for (files, kind) in [
        (TlsFiles::new("/no/such.pem", &key), ErrorKind::NotFound),
        (TlsFiles::new(&key, &key), ErrorKind::InvalidConfig),
        (TlsFiles::new(&certificate, &certificate), ErrorKind::InvalidConfig),
    ] {
        let mut config = HttpServerConfig::default();
        config.address.set_port(0);
        config.tls = Some(files);
        let server = HttpServer::builder().with_config(config).with_host("first", serve(&FakeHost::new()));
        let error = server.without_token().bind().await.unwrap_err();
        assert_eq!(error.kind(), kind);
        assert!(error.to_string().contains(".pem"), "{error}");
        assert!(!error.report().contains("PRIVATE"));
    }
}
