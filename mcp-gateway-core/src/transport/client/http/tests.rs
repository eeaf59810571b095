use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::future::Either;
use serde_json::{Value, json};

use super::testing::{answer, ask, hello, initialize, peer, plain, until};
use super::*;
use crate::model::{CallContext, SecretValue};
use crate::transport::client::{Peer, PeerRequest};
use crate::util::http::testing::{TestReply, TestRequest, TestServer};

const MAX_BYTES: usize = 100_000;

fn connect(server: &TestServer) -> Connection {
    let config = HttpConfig::new(server.url("/mcp?key=query-secret"))
        .with_header("Authorization", SecretValue::new("Bearer hunter2-hunter2"))
        .with_allow_private(true)
        .with_max_message_bytes(MAX_BYTES);
    connect_http(config, Arc::new(Diagnostics::default())).unwrap()
}

/// A plain server that treats `tools/call` in a way of its own, and a peer after the handshake with it.
async fn connected<F, Answering>(call: F) -> (TestServer, Peer)
where
    F: Fn(TestRequest, TestReply) -> Answering + Send + Sync + 'static,
    Answering: Future<Output = ()> + Send + 'static,
{
    let server = TestServer::start(move |request, reply| {
        if request.json("method") == "tools/call" {
            Either::Left(call(request, reply))
        } else {
            Either::Right(plain(request, reply))
        }
    })
    .await;
    let (peer, _) = peer(connect(&server));
    initialize(&peer).await.unwrap();
    (server, peer)
}

fn event(message: &Value) -> String {
    format!("event: message\ndata: {message}\n\n")
}

#[tokio::test]
async fn a_session_lasts_from_the_handshake_to_the_close() {
    let (server, peer) = connected(plain).await;
    assert_eq!(ask(&peer, "tools/list", json!({"a": 1})).await.unwrap(), json!({"a": 1}));
    until("the server's own stream", || server.seen().iter().any(|request| request.method == "GET")).await;
    peer.close().await;
    let seen = server.seen();
    let first = &seen[0];
    assert_eq!(first.json("method"), "initialize");
    assert_eq!((first.header("mcp-session-id"), first.header("mcp-protocol-version")), (None, None));
    assert_eq!(seen[1].json("method"), "notifications/initialized");
    assert_eq!(seen.last().unwrap().method, "DELETE");
    for request in &seen[1..] {
        assert_eq!(request.header("mcp-session-id"), Some("s1"), "{request:?}");
        assert_eq!(request.header("mcp-protocol-version"), Some("2025-06-18"), "{request:?}");
    }
    for request in seen.iter().filter(|request| request.method == "POST") {
        assert_eq!(request.header("accept"), Some("application/json, text/event-stream"));
        assert_eq!(request.header("content-type"), Some("application/json"));
        assert_eq!(request.header("authorization"), Some("Bearer hunter2-hunter2"));
    }
    assert!(ask(&peer, "tools/list", json!({})).await.unwrap_err().starts_with("connection: "));
}

#[tokio::test]
async fn a_dropped_connection_ends_its_session() {
    let (server, peer) = connected(plain).await;
    drop(peer);
    until("the end of the session", || server.seen().iter().any(|request| request.method == "DELETE")).await;
    let mut connection = connect(&server);
    connection.sink.close().await;
    connection.sink.close().await;
    assert!(connection.incoming.recv().await.is_none());
}

#[tokio::test]
async fn answers_come_by_stream_however_it_is_cut() {
    let (_server, peer) = connected(async |request, mut reply| {
        reply.events().await;
        let mut text =
            String::from("\u{feff}: hello\r\n\r\nretry: 100\n\ndata: this is no message\n\nevent: ping\ndata: {}\n\n");
        text.push_str(&event(&json!({"jsonrpc": "2.0", "method": "notifications/message", "params": {}})));
        text.push_str(&event(&answer(&request, &json!({"text": "zwölf Boxkämpfer"}))));
        for byte in text.as_bytes() {
            reply.raw(&[*byte]).await;
        }
    })
    .await;
    assert_eq!(ask(&peer, "tools/call", json!({})).await.unwrap(), json!({"text": "zwölf Boxkämpfer"}));
}

#[tokio::test]
async fn several_messages_may_come_as_one_array() {
    let server = TestServer::start(async |request, reply| {
        if request.json("method") == "initialize" {
            let note = json!({"jsonrpc": "2.0", "method": "notifications/message"});
            reply.json(200, &[], &json!([note, answer(&request, &hello())])).await;
        } else {
            plain(request, reply).await;
        }
    })
    .await;
    let (peer, mut heard) = peer(connect(&server));
    initialize(&peer).await.unwrap();
    assert_eq!(heard.recv().await.unwrap(), "notifications/message");
}

#[tokio::test]
async fn a_refused_request_is_answered_with_what_the_server_said_but_no_secret() {
    let (_server, peer) = connected(async |request, reply| {
        let status = request.json("params")["status"].as_u64().unwrap();
        let body = format!("no\r\n\x1b[31m {} query-secret", request.header("authorization").unwrap());
        reply.send(u16::try_from(status).unwrap(), &[("Retry-After", "7")], &body).await;
    })
    .await;
    for (status, word) in
        [(400, "HTTP 400"), (401, "check the secrets"), (403, "HTTP 403"), (429, "retry after: 7"), (500, "HTTP 500")]
    {
        let error = ask(&peer, "tools/call", json!({"status": status})).await.unwrap_err();
        assert!(error.contains(word), "{error}");
        assert!(error.contains("body: no [31m *** ***"), "{error}");
        assert!(!error.contains("hunter2") && !error.contains("query-secret"), "{error}");
    }
    let mut params = serde_json::from_value::<crate::protocol::RawObject>(json!({"status": 503})).unwrap();
    params.set_text("x", "y");
    let request = PeerRequest::new("tools/call", params, super::testing::PATIENCE);
    let error = peer.request(&CallContext::local(), request).await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (ErrorKind::Network, crate::error::Retry::Later));
}

#[tokio::test]
async fn an_error_of_the_server_itself_is_passed_on_whatever_the_status() {
    let (_server, peer) = connected(async |request, reply| {
        let error = json!({"code": -32601, "message": "own words"});
        reply.json(404, &[], &json!({"jsonrpc": "2.0", "id": request.json("id"), "error": error})).await;
    })
    .await;
    assert_eq!(ask(&peer, "tools/call", json!({})).await.unwrap_err(), "own words");
}

#[tokio::test]
async fn what_is_no_answer_is_never_taken_for_one() {
    let (_server, peer) = connected(async |request, mut reply| match request.json("params")["way"].as_str().unwrap() {
        "html" => reply.send(200, &[("Content-Type", "text/html")], "<h1>Sign in</h1>").await,
        "empty" => reply.send(200, &[("Content-Type", "application/json")], " ").await,
        "accepted" => reply.send(202, &[], "").await,
        "junk" => reply.send(200, &[("Content-Type", "application/json")], "{\"jsonrpc\":\"2.0\",").await,
        "other" => reply.json(200, &[], &json!({"jsonrpc": "2.0", "id": 4711, "result": {}})).await,
        "torn" => reply.raw(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 50\r\n\r\n{").await,
        "end" => reply.events().await,
        "large" => reply.json(200, &[], &answer(&request, &json!("x".repeat(MAX_BYTES)))).await,
        _ => {
            reply.events().await;
            reply.raw(format!("data: {}", "x".repeat(MAX_BYTES + 1)).as_bytes()).await;
            reply.gone().await;
        }
    })
    .await;
    for (way, word) in [
        ("html", "`text/html` instead of JSON or an event stream (body: <h1>Sign in</h1>)"),
        ("empty", "without the answer"),
        ("accepted", "HTTP 202 without the answer"),
        ("junk", "not a JSON-RPC message"),
        ("other", "another request"),
        ("torn", "broke"),
        ("end", "closed the stream before the answer came"),
        ("large", "larger than 100000 bytes"),
        ("large event", "larger than 100000 bytes"),
    ] {
        let error = ask(&peer, "tools/call", json!({"way": way})).await.unwrap_err();
        assert!(error.contains(word), "{way}: {error}");
    }
    assert!(ask(&peer, "tools/list", json!({})).await.is_ok(), "the connection goes on");
}

#[tokio::test]
async fn a_redirect_to_where_nobody_may_go_fails_the_request() {
    let (_server, peer) = connected(async |_, reply| {
        reply.send(307, &[("Location", "http://169.254.169.254/latest/meta-data/")], "").await;
    })
    .await;
    let error = ask(&peer, "tools/call", json!({})).await.unwrap_err();
    assert!(error.contains("must not be reached (host: 169.254.169.254"), "{error}");
}

#[tokio::test]
async fn requests_do_not_block_each_other() {
    let together = Arc::new(tokio::sync::Barrier::new(32));
    let (_server, peer) = connected(move |request, reply| {
        let together = Arc::clone(&together);
        async move {
            together.wait().await;
            plain(request, reply).await;
        }
    })
    .await;
    let calls = (0..32).map(|n| ask(&peer, "tools/call", json!(n).as_i64().map_or(json!({}), |n| json!({"n": n}))));
    for (n, result) in futures_util::future::join_all(calls).await.into_iter().enumerate() {
        assert_eq!(result.unwrap(), json!({"n": n}));
    }
}

#[tokio::test]
async fn cancelled_requests_give_their_places_back() {
    let (server, peer) = connected(async |request, mut reply| {
        if request.json("params")["slow"] == true {
            reply.gone().await;
        } else {
            plain(request, reply).await;
        }
    })
    .await;
    let ctx = CallContext::local();
    let slow = (0..64).map(|_| {
        let params = serde_json::from_value(json!({"slow": true})).unwrap();
        peer.request(&ctx, PeerRequest::new("tools/call", params, Duration::from_millis(300)))
    });
    for result in futures_util::future::join_all(slow).await {
        assert_eq!(result.unwrap_err().kind(), ErrorKind::Timeout);
    }
    assert_eq!(ask(&peer, "tools/call", json!({"n": 1})).await.unwrap(), json!({"n": 1}));
    let cancelled = |request: &TestRequest| request.json("method") == "notifications/cancelled";
    until("the cancellations", || server.seen().iter().filter(|request| cancelled(request)).count() == 64).await;
}

#[tokio::test]
async fn a_server_that_asks_back_during_a_call_is_answered() {
    let (answered, asked) = (Arc::new(tokio::sync::Notify::new()), Arc::new(tokio::sync::Notify::new()));
    let (hear, wait) = (Arc::clone(&answered), Arc::clone(&answered));
    drop(asked);
    let server = TestServer::start(move |request, mut reply| {
        let (hear, wait) = (Arc::clone(&hear), Arc::clone(&wait));
        async move {
            if request.json("method") == "tools/call" {
                reply.events().await;
                reply.raw(event(&json!({"jsonrpc": "2.0", "id": "q", "method": "roots/list"})).as_bytes()).await;
                wait.notified().await;
                reply.raw(event(&answer(&request, &json!({}))).as_bytes()).await;
            } else {
                if request.json("id") == "q" && request.json("result") == json!({"heard": "roots/list"}) {
                    hear.notify_one();
                }
                plain(request, reply).await;
            }
        }
    })
    .await;
    let (peer, _) = peer(connect(&server));
    initialize(&peer).await.unwrap();
    ask(&peer, "tools/call", json!({})).await.unwrap();
}

/// A server that forgets its sessions: only the newest of `s1`, `s2`, … is known, and refused ones get `status`.
async fn forgetful(status: u16) -> (TestServer, Arc<AtomicUsize>) {
    let begun = Arc::new(AtomicUsize::new(0));
    let valid = Arc::new(AtomicUsize::new(1));
    let (counter, newest) = (Arc::clone(&begun), Arc::clone(&valid));
    let server = TestServer::start(move |request, reply| {
        let (counter, newest) = (Arc::clone(&counter), Arc::clone(&newest));
        async move {
            if request.json("method") == "initialize" {
                let session = format!("s{}", counter.fetch_add(1, Ordering::SeqCst) + 1);
                return reply.json(200, &[("Mcp-Session-Id", &session)], &answer(&request, &hello())).await;
            }
            let known = format!("s{}", newest.load(Ordering::SeqCst));
            if request.header("mcp-session-id") != Some(&known) {
                return reply.send(status, &[], "Bad Request: No valid session ID provided").await;
            }
            plain(request, reply).await;
        }
    })
    .await;
    (server, valid)
}

#[tokio::test]
async fn a_forgotten_session_is_begun_anew_once_for_all_callers() {
    for status in [404, 400] {
        let (server, newest) = forgetful(status).await;
        let (peer, _) = peer(connect(&server));
        initialize(&peer).await.unwrap();
        assert!(ask(&peer, "tools/call", json!({})).await.is_ok());
        newest.store(2, Ordering::SeqCst);
        let calls = (0..8).map(|_| ask(&peer, "tools/call", json!({"x": 1})));
        for result in futures_util::future::join_all(calls).await {
            assert_eq!(result.unwrap(), json!({"x": 1}));
        }
        let handshakes = |server: &TestServer| {
            let seen = server.seen();
            seen.iter().filter(|request| request.json("method") == "initialize").cloned().collect::<Vec<_>>()
        };
        let both = handshakes(&server);
        assert_eq!(both.len(), 2, "status {status}");
        assert_eq!(both[1].header("mcp-session-id"), None);
        assert_eq!(both[0].body, both[1].body);
        peer.close().await;
        assert_eq!(server.seen().last().unwrap().header("mcp-session-id"), Some("s2"));
    }
}

#[tokio::test]
async fn a_new_session_that_is_forgotten_at_once_is_an_error() {
    let (server, newest) = forgetful(404).await;
    let (peer, _) = peer(connect(&server));
    initialize(&peer).await.unwrap();
    newest.store(99, Ordering::SeqCst);
    // The new session's own first message is refused already.
    let error = ask(&peer, "tools/call", json!({})).await.unwrap_err();
    assert!(error.contains("HTTP 404"), "{error}");
    let calls = server.seen().iter().filter(|request| request.json("method") == "tools/call").count();
    assert_eq!(calls, 1);
}

#[tokio::test]
async fn a_request_is_sent_again_once_and_no_more() {
    let (server, peer) = connected(async |_, reply| reply.send(404, &[], "").await).await;
    let error = ask(&peer, "tools/call", json!({})).await.unwrap_err();
    assert!(error.contains("HTTP 404"), "{error}");
    let count = |method: &str| server.seen().iter().filter(|request| request.json("method") == method).count();
    assert_eq!((count("tools/call"), count("initialize")), (2, 2));
}

#[tokio::test]
async fn without_a_session_404_is_just_an_error() {
    let server = TestServer::start(async |_, reply| reply.send(404, &[], "nothing here").await).await;
    let (peer, _) = peer(connect(&server));
    let error = initialize(&peer).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::StartFailed);
    assert!(error.to_string().contains("server answered HTTP 404"), "{error}");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn a_broken_stream_is_taken_up_where_its_events_are_numbered() {
    let server = TestServer::start(async |request, mut reply| {
        if request.method == "GET" && request.header("last-event-id").is_some() {
            reply.events().await;
            // Its answer is the second event after the break; the id of the request is known to be 2.
            let text = match request.header("last-event-id") {
                Some("e1") => "id: e2\ndata:\n\n".to_owned(),
                _ => event(&json!({"jsonrpc": "2.0", "id": 2, "result": {"late": true}})),
            };
            reply.raw(text.as_bytes()).await;
        } else if request.json("method") == "tools/call" {
            reply.events().await;
            reply.raw(b"retry: 1\nid: e1\ndata:\n\n").await;
        } else {
            plain(request, reply).await;
        }
    })
    .await;
    let (peer, _) = peer(connect(&server));
    initialize(&peer).await.unwrap();
    assert_eq!(ask(&peer, "tools/call", json!({})).await.unwrap(), json!({"late": true}));
    let calls = server.seen().iter().filter(|request| request.json("method") == "tools/call").count();
    assert_eq!(calls, 1, "a call is never repeated");
}

#[tokio::test]
async fn a_stream_that_cannot_be_taken_up_is_an_error() {
    let (_server, peer) = connected(async |_, mut reply| {
        reply.events().await;
        reply.raw(b"retry: 1\nid: e1\ndata:\n\n").await;
    })
    .await;
    let error = ask(&peer, "tools/call", json!({})).await.unwrap_err();
    assert!(error.contains("closed the stream before the answer came") && error.contains("HTTP 405"), "{error}");
}

#[tokio::test]
async fn the_servers_own_stream_is_taken_up_when_it_breaks() {
    let server = TestServer::start(async |request, mut reply| {
        if request.method == "GET" {
            reply.events().await;
            let (number, last) = match request.header("last-event-id") {
                None => (1, false),
                Some("n1") => (2, false),
                _ => (3, true),
            };
            let note = json!({"jsonrpc": "2.0", "method": format!("notifications/{number}")});
            reply.raw(format!("retry: 1\nid: n{number}\n{}", event(&note)).as_bytes()).await;
            if last {
                reply.gone().await;
            }
        } else {
            plain(request, reply).await;
        }
    })
    .await;
    let (peer, mut heard) = peer(connect(&server));
    initialize(&peer).await.unwrap();
    for number in 1..=3 {
        assert_eq!(heard.recv().await.unwrap(), format!("notifications/{number}"));
    }
    peer.close().await;
}

#[tokio::test]
async fn a_server_that_is_away_fails_single_requests_only() {
    let (server, peer) = connected(plain).await;
    let address = server.address;
    drop(server);
    until("the end of the server", || std::net::TcpStream::connect(address).is_err()).await;
    let error = ask(&peer, "tools/call", json!({})).await.unwrap_err();
    assert!(error.contains("cannot connect to the server") && error.contains("refused"), "{error}");
    assert!(!peer.is_closed());
}

#[test]
fn what_cannot_be_right_is_refused_before_anything_is_sent() {
    let refused = |config: HttpConfig| {
        let error = connect_http(config, Arc::default()).unwrap_err();
        assert!(!format!("{error:?}{error}").contains("hunter2"), "{error:?}");
        error
    };
    let public = || HttpConfig::new("https://example.com/mcp");
    for name in
        ["Host", "content-length", "Mcp-Session-Id", "MCP-Protocol-Version", "Last-Event-ID", "Transfer-Encoding"]
    {
        let error = refused(public().with_header(name, SecretValue::new("hunter2")));
        assert!(error.kind() == ErrorKind::InvalidConfig && error.to_string().contains(name), "{error}");
    }
    for (name, value) in [("X-Key", ""), ("X-Key", " "), ("X-Key", "hunter2\r\nX: y"), ("X Key", "hunter2")] {
        assert_eq!(refused(public().with_header(name, SecretValue::new(value))).kind(), ErrorKind::InvalidConfig);
    }
    for (url, kind) in [
        ("", ErrorKind::InvalidConfig),
        ("example.com/mcp?key=hunter2", ErrorKind::InvalidConfig),
        ("unix:///var/run/docker.sock", ErrorKind::InvalidConfig),
        ("https://me:hunter2@example.com/", ErrorKind::InvalidConfig),
        ("http://example.com/mcp?key=hunter2", ErrorKind::Denied),
        ("https://127.0.0.1/mcp", ErrorKind::Denied),
        ("https://169.254.169.254/mcp", ErrorKind::Denied),
    ] {
        assert_eq!(refused(HttpConfig::new(url)).kind(), kind, "{url}");
    }
    let config = public().with_header("Authorization", SecretValue::new("Bearer hunter2"));
    assert!(!format!("{config:?}").contains("hunter2"));
    assert_eq!(
        HttpConfig::new("https://h.example/p?key=hunter2#f").address_label().unwrap(),
        "https://h.example/p?***"
    );
}
