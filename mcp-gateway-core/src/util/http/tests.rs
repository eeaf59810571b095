use super::testing::TestServer;
use super::*;

fn request<'a>(method: HttpMethod, url: &'a Url) -> HttpRequest<'a> {
    let mut request = HttpRequest::new(method, url);
    request.open.set("x-open", "everywhere").unwrap();
    request.guarded.set("authorization", "Bearer hunter2").unwrap();
    request
}

fn client(rule: AddressRule) -> HttpClient {
    HttpClient::new(rule).unwrap()
}

#[tokio::test]
async fn a_redirect_repeats_the_message_with_its_headers() {
    let server = TestServer::start(async |request, reply| match request.path.as_str() {
        "/old" => reply.send(308, &[("Location", "/new")], "").await,
        _ => reply.send(200, &[], &format!("{} {}", request.method, request.body)).await,
    })
    .await;
    let url = Url::parse(&server.url("/old")).unwrap();
    let mut request = request(HttpMethod::Post, &url);
    request.body = Some(Bytes::from_static(b"hello"));
    let mut response = client(AddressRule::Any).send(request).await.unwrap();
    assert_eq!(response.url().path(), "/new");
    assert_eq!(response.body(100).await.unwrap(), b"POST hello");
    assert_eq!(server.seen()[1].header("authorization"), Some("Bearer hunter2"));
}

#[tokio::test]
async fn guarded_headers_stay_at_home() {
    let other = TestServer::start(async |_, reply| reply.send(200, &[], "").await).await;
    let target = other.url("/x");
    let server = TestServer::start(move |_, reply| {
        let target = target.clone();
        async move { reply.send(307, &[("Location", &target)], "").await }
    })
    .await;
    let url = Url::parse(&server.url("/")).unwrap();
    client(AddressRule::Any).send(request(HttpMethod::Get, &url)).await.unwrap();
    assert_eq!(server.seen()[0].header("authorization"), Some("Bearer hunter2"));
    // Same host, other port: another origin.
    assert_eq!(other.seen()[0].header("authorization"), None);
    assert_eq!(other.seen()[0].header("x-open"), Some("everywhere"));
}

#[tokio::test]
async fn a_redirect_to_where_nobody_may_go_is_refused() {
    for (target, reason) in [
        ("http://169.254.169.254/latest/meta-data/", "metadata service of a cloud"),
        ("https://169.254.169.254/", "metadata service of a cloud"),
        ("https://10.0.0.1/", "private address"),
        ("https://localhost/", "loopback address"),
        ("http://example.com/", "plain HTTP"),
    ] {
        let server = TestServer::start(async move |_, reply| reply.send(302, &[("Location", target)], "").await).await;
        let url = Url::parse(&server.url("/")).unwrap();
        let error = client(AddressRule::Any).send(request(HttpMethod::Get, &url)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Denied, "{target}");
        assert!(error.to_string().contains(reason), "{target}: {error}");
    }
}

#[tokio::test]
async fn redirects_end() {
    let server = TestServer::start(async |_, reply| reply.send(302, &[("Location", "/again")], "").await).await;
    let url = Url::parse(&server.url("/")).unwrap();
    let error = client(AddressRule::Any).send(request(HttpMethod::Get, &url)).await.unwrap_err();
    assert!(error.to_string().contains("more than 5 times"), "{error}");
    assert_eq!(server.seen().len(), MAX_REDIRECTS + 1);
}

#[tokio::test]
async fn a_message_is_never_turned_into_a_get() {
    let server = TestServer::start(async |_, reply| reply.send(303, &[("Location", "/other")], "").await).await;
    let url = Url::parse(&server.url("/")).unwrap();
    let response = client(AddressRule::Any).send(request(HttpMethod::Post, &url)).await.unwrap();
    assert_eq!(response.status(), 303);
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_name_is_checked_when_it_is_dialled() {
    let url = Url::parse("https://localhost:1/?key=hunter2").unwrap();
    let error = client(AddressRule::PublicHttpsOnly).send(request(HttpMethod::Get, &url)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
    insta::assert_snapshot!(
        error.report(),
        @"address of the server must not be reached (host: localhost, reason: loopback address)"
    );
    assert!(error.hints().any(|hint| hint.contains("allowPrivate: true")));
}

#[tokio::test]
async fn failures_name_host_and_reason_and_no_secret() {
    let server = TestServer::start(async |_, mut reply| reply.raw(b"SSH-2.0-OpenSSH_9.2\r\n").await).await;
    let plain = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let not_tls = plain.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = plain.accept().await {
            let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap()
    };
    for (address, reason) in [
        (format!("http://{closed}/secret?key=hunter2"), "refused"),
        (server.url("/secret?key=hunter2"), "invalid"),
        (format!("https://{not_tls}/secret?key=hunter2"), ""),
        ("http://no-such-host.invalid/secret?key=hunter2".to_owned(), "resolved"),
    ] {
        let url = Url::parse(&address).unwrap();
        let error = client(AddressRule::Any).send(request(HttpMethod::Get, &url)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Network, "{error}");
        assert_eq!(error.retry(), crate::Retry::Later);
        assert!(error.to_string().contains(reason), "{error}");
        let everything = format!("{error} {error:?} {}", error.report());
        assert!(!everything.contains("hunter2") && !everything.contains("/secret"), "{everything}");
    }
}

#[tokio::test]
async fn bodies_are_bounded() {
    let server = TestServer::start(async |_, reply| reply.send(200, &[], &"x".repeat(100_000)).await).await;
    let url = Url::parse(&server.url("/")).unwrap();
    let client = client(AddressRule::Any);
    let mut response = client.send(request(HttpMethod::Get, &url)).await.unwrap();
    assert_eq!(response.body(1000).await.unwrap_err().kind(), ErrorKind::TooLarge);
    let mut response = client.send(request(HttpMethod::Get, &url)).await.unwrap();
    assert_eq!(response.beginning(10).await, b"xxxxxxxxxx");
}

#[test]
fn headers_are_checked_and_never_shown() {
    let mut headers = HeaderSet::default();
    headers.set("Authorization", "Bearer hunter2").unwrap();
    assert_eq!(format!("{headers:?}"), r#"["authorization"]"#);
    for (name, value) in [("bad name", "x"), ("", "x"), ("x", "hunter2\r\nHost: evil"), ("x", "hunter2\0")] {
        let error = headers.set(name, value).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig);
        assert!(!format!("{error:?}{error}").contains("hunter2"));
    }
}

/// A server with a certificate for `localhost` of an authority that nobody knows, made by `openssl`.
#[cfg(unix)]
fn tls_server(folder: &std::path::Path) -> Option<u16> {
    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    use std::io::{Read as _, Write as _};

    let script = "openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj /CN=authority -days 2 &&
        openssl req -newkey rsa:2048 -nodes -keyout leaf.key -out leaf.csr -subj /CN=localhost &&
        echo subjectAltName=DNS:localhost > names &&
        openssl x509 -req -in leaf.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out leaf.pem -days 2 -extfile names";
    let made = std::process::Command::new("sh").args(["-c", script]).current_dir(folder).output().unwrap();
    if !made.status.success() {
        eprintln!("skipped: no certificate: {}", String::from_utf8_lossy(&made.stderr));
        return None;
    }
    let chain = vec![CertificateDer::from_pem_file(folder.join("leaf.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(folder.join("leaf.key")).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(crate::util::tls::provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let config = std::sync::Arc::new(config);
    let listener = std::net::TcpListener::bind("localhost:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let session = rustls::ServerConnection::new(std::sync::Arc::clone(&config)).unwrap();
            let mut stream = rustls::StreamOwned::new(session, stream.unwrap());
            // A client that does not trust the certificate hangs up here.
            if stream.read(&mut [0; 4096]).is_ok() {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecure");
            }
        }
    });
    Some(port)
}

#[cfg(unix)]
#[tokio::test]
async fn tls_trusts_what_the_machine_trusts() {
    let folder = tempfile::tempdir().unwrap();
    let Some(port) = tls_server(folder.path()) else { return };
    let address = format!("https://localhost:{port}/");
    let url = Url::parse(&address).unwrap();
    let error = client(AddressRule::Any).send(request(HttpMethod::Get, &url)).await.unwrap_err();
    assert!(error.to_string().contains("invalid peer certificate: UnknownIssuer"), "{error}");
    assert!(error.hints().any(|hint| hint.contains("SSL_CERT_FILE")));
    // The authorities are read once per process, so that another process has to try with one more.
    let child = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "util::http::tests::tls_with_an_authority_of_its_own", "--ignored"])
        .env("SSL_CERT_FILE", folder.path().join("ca.pem"))
        .env("MCP_GATEWAY_TEST_URL", address)
        .output()
        .unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
}

#[tokio::test]
#[ignore = "run by `tls_trusts_what_the_machine_trusts` with the environment that it needs"]
async fn tls_with_an_authority_of_its_own() {
    let url = Url::parse(&crate::util::env_vars::get("MCP_GATEWAY_TEST_URL").unwrap()).unwrap();
    let mut response = client(AddressRule::Any).send(request(HttpMethod::Get, &url)).await.unwrap();
    assert_eq!(response.body(100).await.unwrap(), b"secure");
}
