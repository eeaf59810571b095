//! Who is let in over HTTP, and how much they may do.

use std::time::Duration;

use mcp_gateway_core::error::ErrorKind;
use mcp_gateway_core::model::{Principal, SecretValue};
use mcp_gateway_core::transport::server::http::{HttpServer, HttpServerConfig, generate_token};
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::PATIENCE;
use crate::host::{FakeHost, serve};
use crate::http::{Server, TOKEN};
use crate::stream::initialize;

crate::tests![
    health_is_for_everyone_and_tells_nothing,
    metrics_need_the_token,
    no_token_no_entry,
    names_that_are_not_ours_are_refused,
    pages_from_elsewhere_are_refused,
    an_unsafe_server_is_not_built,
    a_token_is_long_and_never_the_same,
    a_body_over_the_limit_is_refused,
    a_body_is_not_read_before_the_token_is_checked,
    headers_over_the_limit_are_refused,
    the_number_of_sessions_is_bounded,
    the_number_of_sessions_is_bounded_in_a_rush_too,
    an_idle_session_expires,
    a_session_in_use_does_not_expire,
    a_slow_reader_of_a_stream_loses_notifications_not_the_answer,
    shutdown_lets_calls_finish,
    shutdown_cuts_off_what_does_not_finish,
    the_number_of_connections_is_bounded,
];

async fn health_is_for_everyone_and_tells_nothing() {
    let server = Server::start().await;
    let reply = server.ask("GET", "/health").without("authorization").header("host", "probe.example").send().await;
    assert_eq!((reply.status(), reply.json().await), (200, json!({"status": "ok"})));
}

async fn metrics_need_the_token() {
    let server = Server::with(|_| {}, |builder| builder.with_metrics(|| "calls 1\n".to_owned())).await;
    assert_eq!(server.ask("GET", "/metrics").without("authorization").status().await, 401);
    assert_eq!(server.ask("GET", "/metrics").send().await.text().await, "calls 1\n");
    assert_eq!(Server::start().await.ask("GET", "/metrics").status().await, 404);
}

async fn no_token_no_entry() {
    let server = Server::start().await;
    for (method, path) in [
        ("POST", "/mcp"),
        ("GET", "/mcp"),
        ("DELETE", "/mcp"),
        ("GET", "/sse"),
        ("POST", "/message?sessionId=x"),
        ("POST", "/profiles/second/mcp"),
        ("GET", "/profiles/second/sse"),
    ] {
        let ask = server.ask(method, path).json(&initialize("2025-11-25"));
        let reply = ask.clone().without("authorization").send().await;
        assert_eq!(reply.status(), 401, "{method} {path}");
        assert!(reply.header("www-authenticate").unwrap().starts_with("Bearer"));
        assert!(!reply.text().await.contains(TOKEN));
        for wrong in
            ["Bearer", "Bearer ", "Bearer wrong", &format!("Basic {TOKEN}"), &format!("Bearer {TOKEN}x"), TOKEN]
        {
            assert_eq!(ask.clone().header("authorization", wrong).status().await, 401, "{method} {path} {wrong}");
        }
    }
    assert_eq!(server.post(&initialize("x")).header("authorization", &format!("bearer  {TOKEN}")).status().await, 200);
    assert_eq!(server.host.count(|host| &host.opened), 1);
}

async fn names_that_are_not_ours_are_refused() {
    let server = Server::with_config(|config| config.allowed_hosts = vec!["gw.example".to_owned()]).await;
    let port = server.address.port();
    for (host, status) in [
        (format!("127.0.0.1:{port}"), 200),
        (format!("localhost:{port}"), 200),
        (format!("LOCALHOST:{port}"), 200),
        (format!("[::1]:{port}"), 200),
        ("gw.example".to_owned(), 200),
        ("evil.example".to_owned(), 403),
        (format!("localhost.evil.example:{port}"), 403),
        (format!("127.0.0.1.evil.example:{port}"), 403),
        (String::new(), 403),
    ] {
        for (method, path) in [("POST", "/mcp"), ("GET", "/sse")] {
            let ask = server.ask(method, path).json(&initialize("x")).header("host", &host);
            assert_eq!(ask.status().await, status, "{host} {method}");
        }
    }
    assert_eq!(server.ask("GET", "/metrics").header("host", "evil.example").status().await, 404);
}

async fn pages_from_elsewhere_are_refused() {
    let server = Server::with_config(|config| config.allowed_origins = vec!["https://app.example".to_owned()]).await;
    let port = server.address.port();
    for (origin, status) in [
        (format!("http://127.0.0.1:{port}"), 200),
        (format!("http://localhost:{port}"), 200),
        (format!("http://[::1]:{port}"), 200),
        ("https://app.example".to_owned(), 200),
        ("https://app.example:444".to_owned(), 403),
        ("https://evil.example".to_owned(), 403),
        (format!("http://localhost.evil.example:{port}"), 403),
        (format!("file://localhost:{port}"), 403),
        ("http://localhost:1".to_owned(), 403),
        ("http://localhost".to_owned(), 403),
        ("null".to_owned(), 403),
        (String::new(), 403),
    ] {
        let ask = server.post(&initialize("x")).header("origin", &origin);
        assert_eq!(ask.status().await, status, "{origin:?}");
    }
}

async fn an_unsafe_server_is_not_built() {
    let any_port = |address: &str| {
        let mut config = HttpServerConfig::default();
        config.address = address.parse().unwrap();
        HttpServer::builder().with_config(config).with_host("first", serve(&FakeHost::new()))
    };
    let refused = [
        any_port("127.0.0.1:0"),
        any_port("0.0.0.0:0"),
        any_port("0.0.0.0:0").without_token(),
        any_port("[::]:0").without_token(),
        any_port("127.0.0.1:0").with_token(SecretValue::new(""), Principal::new("ann")),
        any_port("127.0.0.1:0").with_token(SecretValue::new("short"), Principal::new("ann")),
        any_port("127.0.0.1:0").without_token().with_host("first", serve(&FakeHost::new())),
        any_port("127.0.0.1:0").without_token().with_host("{name}", serve(&FakeHost::new())),
        any_port("127.0.0.1:0").without_token().with_host("../x", serve(&FakeHost::new())),
        HttpServer::builder().without_token(),
    ];
    for builder in refused {
        let text = format!("{builder:?}");
        assert_eq!(builder.bind().await.unwrap_err().kind(), ErrorKind::InvalidInput, "{text}");
    }
    let open = any_port("127.0.0.1:0").without_token().bind().await.unwrap();
    let taken = any_port(&open.local_addr().unwrap().to_string()).without_token().bind().await.unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::Network);
    let debug = format!("{:?}", any_port("127.0.0.1:0").with_token(SecretValue::new(TOKEN), Principal::new("ann")));
    assert!(!debug.contains(TOKEN));
}

async fn a_token_is_long_and_never_the_same() {
    let (one, two) = (generate_token().unwrap(), generate_token().unwrap());
    assert_eq!(one.expose().len(), 64);
    assert!(one.expose().bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_ne!(one, two);
}

async fn a_body_over_the_limit_is_refused() {
    let server = Server::with_config(|config| config.max_body_bytes = 10_000).await;
    let session = server.session().await;
    let call = |size: usize| server.call(&session, 1, "echo", json!({"text": "x".repeat(size)}));
    assert_eq!(call(9_000).status().await, 200);
    assert_eq!(call(10_000).status().await, 413);
    assert_eq!(server.ask("POST", "/message?sessionId=x").body("x".repeat(10_001)).status().await, 413);
}

/// Sends raw text and gives the status line of the reply.
async fn raw(stream: &mut TcpStream, text: &str) -> String {
    // A server that refuses may close before it has read all.
    let _ = stream.write_all(text.as_bytes()).await;
    let mut reply = vec![0; 4096];
    let count = tokio::time::timeout(PATIENCE, stream.read(&mut reply)).await.expect("a reply in time").unwrap_or(0);
    String::from_utf8_lossy(&reply[..count]).lines().next().unwrap_or_default().to_owned()
}

async fn a_body_is_not_read_before_the_token_is_checked() {
    let server = Server::start().await;
    for path in ["/mcp", "/message?sessionId=x"] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 1000000\r\n\r\n"
        );
        assert_eq!(raw(&mut stream, &head).await, "HTTP/1.1 401 Unauthorized", "{path}");
    }
}

async fn headers_over_the_limit_are_refused() {
    let server = Server::start().await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let many: String = (0..200).map(|n| format!("x-{n}: 1\r\n")).collect();
    let status = raw(&mut stream, &format!("GET /health HTTP/1.1\r\nhost: localhost\r\n{many}\r\n")).await;
    assert_eq!(status, "HTTP/1.1 431 Request Header Fields Too Large");
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    let long = "x".repeat(1_000_000);
    let status = raw(&mut stream, &format!("GET /health HTTP/1.1\r\nhost: localhost\r\nx: {long}\r\n\r\n")).await;
    assert!(status.is_empty() || status.starts_with("HTTP/1.1 431"), "{status}");
}

async fn the_number_of_sessions_is_bounded() {
    let server = Server::with_config(|config| config.max_sessions = 2).await;
    let (one, _two) = (server.session().await, server.session().await);
    let reply = server.post(&initialize("x")).send().await;
    assert_eq!(reply.status(), 503);
    assert!(reply.json().await.is_object());
    assert_eq!(server.ask("GET", "/sse").status().await, 503);
    server.ask("DELETE", "/mcp").header("mcp-session-id", &one).send().await;
    server.session().await;
}

async fn the_number_of_sessions_is_bounded_in_a_rush_too() {
    let server = Server::with_config(|config| config.max_sessions = 5).await;
    let asked: Vec<_> = (0..40).map(|_| tokio::spawn(server.post(&initialize("x")).status())).collect();
    let mut opened = 0;
    for status in asked {
        opened += usize::from(status.await.unwrap() == 200);
    }
    assert_eq!((opened, server.host.count(|host| &host.opened)), (5, 5));
}

async fn an_idle_session_expires() {
    let server = Server::with_config(|config| config.session_idle = Duration::from_millis(100)).await;
    let session = server.session().await;
    server.host.until("closed", |host| &host.closed, 1).await;
    assert_eq!(server.call(&session, 1, "echo", json!({})).status().await, 404);
}

async fn a_session_in_use_does_not_expire() {
    let server = Server::with_config(|config| config.session_idle = Duration::from_millis(100)).await;
    let listening = server.session().await;
    let mut events = server.listen(&listening).send().await.events();
    let calling = server.session().await;
    let call = tokio::spawn(server.call(&calling, 1, "wait", json!({})).send());
    let mut sse = server.ask("GET", "/sse").send().await.events();
    sse.next().await.unwrap();
    server.host.until("it runs", |host| &host.running, 1).await;
    // Sessions opened later expire twice over; those in use are older and still there.
    for closed in 1..=2 {
        server.session().await;
        server.host.until("an unused one expires", |host| &host.closed, closed).await;
    }
    server.host.gate.add_permits(1);
    assert_eq!(call.await.unwrap().status(), 200);
    for link in server.host.links.lock().unwrap().iter() {
        let _ = futures_util::FutureExt::now_or_never(link.notify("notifications/x", None));
    }
    assert_eq!(events.message().await["method"], "notifications/x");
    assert_eq!(sse.message().await["method"], "notifications/x");
}

async fn a_slow_reader_of_a_stream_loses_notifications_not_the_answer() {
    let server = Server::start().await;
    let session = server.session().await;
    // More than the buffers of the system hold, which are tens of megabytes; it ends with the first that is refused.
    let reply = server.progress(&session, 1, 5_000_000).send().await;
    crate::until("some are refused", || server.host.count(|host| &host.refused) > 0).await;
    server.host.gate.add_permits(1);
    server.host.until("it is done", |host| &host.running, 0).await;
    let mut events = reply.events();
    loop {
        let message = events.next().await.expect("the answer before the end").json();
        if message["id"] == 1 {
            break;
        }
    }
}

async fn shutdown_lets_calls_finish() {
    let mut server = Server::start().await;
    let session = server.session().await;
    let mut listening = server.listen(&session).send().await.events();
    let call = tokio::spawn(server.call(&session, 1, "wait", json!({})).send());
    server.host.until("it runs", |host| &host.running, 1).await;
    server.shutdown.cancel();
    let address = server.address;
    let refused = async { while TcpStream::connect(address).await.is_ok() {} };
    tokio::time::timeout(PATIENCE, refused).await.expect("no more connections");
    server.host.gate.add_permits(1);
    assert_eq!(call.await.unwrap().json().await["result"]["content"][0]["text"], "done");
    assert!(listening.next().await.is_none());
    server.served().await;
    assert_eq!(server.host.count(|host| &host.closed), 1);
}

async fn shutdown_cuts_off_what_does_not_finish() {
    let mut server = Server::with_config(|config| config.drain = Duration::from_millis(100)).await;
    let session = server.session().await;
    let mut call = server.progress(&session, 1, 1).send().await.events();
    // A client that has sent half a request holds nothing up either.
    let mut half = TcpStream::connect(server.address).await.unwrap();
    half.write_all(b"POST /mcp HTTP/1.1\r\nhost: loc").await.unwrap();
    server.shutdown.cancel();
    server.served().await;
    server.host.until("cancelled", |host| &host.running, 0).await;
    assert_eq!(server.host.count(|host| &host.closed), 1);
    while call.next().await.is_some() {}
    let end = tokio::time::timeout(PATIENCE, half.read(&mut [0; 512])).await.expect("the end in time");
    assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
}

async fn the_number_of_connections_is_bounded() {
    let server = Server::with_config(|config| config.max_connections = 1).await;
    let mut first = TcpStream::connect(server.address).await.unwrap();
    let health = "GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n";
    assert_eq!(raw(&mut first, health).await, "HTTP/1.1 200 OK");
    let second = tokio::spawn(server.ask("GET", "/health").status());
    assert_eq!(raw(&mut first, health).await, "HTTP/1.1 200 OK");
    assert!(!second.is_finished());
    drop(first);
    assert_eq!(second.await.unwrap(), 200);
}
