//! An engine behind TLS, named by a context of Docker's client.

use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use sha2::{Digest as _, Sha256};
use tokio::net::{TcpListener, UnixStream};
use tokio_rustls::TlsAcceptor;

use super::support::{ECHO, bench, bench_with, closed, echo, runtime_in};
use crate::error::ErrorKind;
use crate::runtime::Runtime;
use crate::util::{fs, tls};

/// An authority, a certificate of its for `localhost` that serves both ends, and one of nobody's.
const CERTIFICATES: &str = "
    openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=authority -days 2 &&
    openssl req -newkey rsa:2048 -nodes -keyout key.pem -out leaf.csr -subj /CN=localhost &&
    echo subjectAltName=DNS:localhost > names &&
    openssl x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out cert.pem -days 2 -extfile names &&
    mkdir stranger &&
    openssl req -x509 -newkey rsa:2048 -nodes -keyout stranger/key.pem -out stranger/cert.pem -subj /CN=x -days 2 &&
    cp ca.pem stranger/ca.pem";

/// Serves the engine's socket by TLS, to those with a certificate of the authority.
async fn serve(folder: &Path) -> u16 {
    let certificates = || vec![CertificateDer::from_pem_file(folder.join("ca.pem")).unwrap()];
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(certificates());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), tls::provider()).build().unwrap();
    let config = rustls::ServerConfig::builder_with_provider(tls::provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier)
        .with_single_cert(
            vec![CertificateDer::from_pem_file(folder.join("cert.pem")).unwrap()],
            PrivateKeyDer::from_pem_file(folder.join("key.pem")).unwrap(),
        )
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("localhost:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut near) = acceptor.accept(stream).await else { return };
                let mut far = UnixStream::connect("/var/run/docker.sock").await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
            });
        }
    });
    port
}

/// Writes a context of Docker's client.
fn write_context(folder: &Path, name: &str, port: u16, certificates: &Path) {
    let id = hex::encode(Sha256::digest(name.as_bytes()));
    let meta = format!(r#"{{"Name":"{name}","Endpoints":{{"docker":{{"Host":"tcp://localhost:{port}"}}}}}}"#);
    fs::write_atomic(&folder.join("contexts/meta").join(&id).join("meta.json"), meta.as_bytes()).unwrap();
    for file in ["ca.pem", "cert.pem", "key.pem"] {
        let content = fs::read_to_string(&certificates.join(file)).unwrap();
        fs::write_atomic(&folder.join("contexts/tls").join(&id).join("docker").join(file), content.as_bytes()).unwrap();
    }
}

#[tokio::test]
async fn an_engine_behind_tls_is_used_by_those_it_trusts() {
    let Some(direct) = bench().await else { return };
    if direct.runtime.engine.endpoint().to_string() != "unix:///var/run/docker.sock" {
        eprintln!("skipped: the engine is not at the usual socket");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let made = std::process::Command::new("sh").args(["-c", CERTIFICATES]).current_dir(folder.path()).output().unwrap();
    if !made.status.success() {
        eprintln!("skipped: no certificate: {}", String::from_utf8_lossy(&made.stderr));
        return;
    }
    let port = serve(folder.path()).await;
    write_context(folder.path(), "far", port, folder.path());
    write_context(folder.path(), "stranger", port, &folder.path().join("stranger"));
    let bench =
        bench_with(|builder| builder.with_config_folder(folder.path()).with_context("far")).await.expect("the engine");
    let mut server = bench.start(ECHO).await;
    echo(&mut server.connection, "one").await;
    server.connection.sink.close().await;
    assert_eq!(closed(&mut server.connection).await.message(), "server exited with code 0");
    bench.empty().await;
    let home = tempfile::tempdir().unwrap();
    let stranger =
        runtime_in(home.path(), |builder| builder.with_config_folder(folder.path()).with_context("stranger"));
    let error = stranger.check().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RuntimeUnavailable, "{}", error.report());
}
