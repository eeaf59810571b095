use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::super::http::testing::{answer, ask, hello, initialize, peer};
use super::*;
use crate::model::SecretValue;
use crate::util::http::testing::{TestReply, TestRequest, TestServer};

/// What the stream of a test server says next; its end ends the stream.
type Says = mpsc::UnboundedSender<String>;

/// A server whose stream names `endpoint` and then says what `posted` tells it to.
async fn serve<F, Answering>(endpoint: &'static str, posted: F) -> TestServer
where
    F: Fn(TestRequest, TestReply, Option<Says>) -> Answering + Send + Sync + 'static,
    Answering: Future<Output = ()> + Send + 'static,
{
    let says: Arc<Mutex<Option<Says>>> = Arc::default();
    let posted = Arc::new(posted);
    TestServer::start(move |request, mut reply| {
        let (says, posted) = (Arc::clone(&says), Arc::clone(&posted));
        async move {
            if request.method == "POST" {
                let stream = match request.json("method").as_str() {
                    // Whoever takes the stream's end with it ends the stream.
                    Some("end") => locked(&says).take(),
                    _ => locked(&says).clone(),
                };
                return posted(request, reply, stream).await;
            }
            let (sender, mut words) = mpsc::unbounded_channel();
            *locked(&says) = Some(sender);
            reply.events().await;
            reply.raw(format!(": hi\n\nevent: endpoint\ndata: {endpoint}\n\n").as_bytes()).await;
            while let Some(word) = words.recv().await {
                reply.raw(word.as_bytes()).await;
            }
        }
    })
    .await
}

async fn plain(request: TestRequest, reply: TestReply, says: Option<Says>) {
    let message = match request.json("method").as_str() {
        Some("initialize") => answer(&request, &hello()),
        _ => answer(&request, &request.json("params")),
    };
    reply.send(202, &[], "Accepted").await;
    if let (Some(says), false) = (says, request.json("id") == Value::Null) {
        let _ = says.send(format!("event: message\r\ndata: {message}\r\n\r\n"));
    }
}

fn config(server: &TestServer) -> HttpConfig {
    HttpConfig::new(server.url("/sse"))
        .with_header("X-Key", SecretValue::new("hunter2-hunter2"))
        .with_allow_private(true)
        .with_max_message_bytes(10_000)
}

async fn connect(server: &TestServer) -> Result<Connection> {
    connect_sse(config(server), Arc::default()).await
}

#[tokio::test]
async fn messages_are_posted_to_the_endpoint_and_come_back_on_the_stream() {
    let server = serve("/messages?session_id=1", plain).await;
    let (peer, _) = peer(connect(&server).await.unwrap());
    initialize(&peer).await.unwrap();
    let calls = (0..16).map(|n| ask(&peer, "tools/call", json!({"n": n})));
    for (n, result) in futures_util::future::join_all(calls).await.into_iter().enumerate() {
        assert_eq!(result.unwrap(), json!({"n": n}));
    }
    for request in server.seen() {
        assert_eq!(request.header("x-key"), Some("hunter2-hunter2"));
        assert_eq!(request.path == "/messages?session_id=1", request.method == "POST");
    }
    peer.close().await;
    assert!(ask(&peer, "tools/list", json!({})).await.is_err());
}

#[tokio::test]
async fn an_endpoint_elsewhere_is_refused() {
    for endpoint in
        ["https://evil.example/messages", "//evil.example/x", "http://127.0.0.1:1/x", "file:///x", "http://["]
    {
        let server = serve(endpoint, plain).await;
        let error = connect(&server).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Denied | ErrorKind::Protocol), "{endpoint}: {error}");
        assert_eq!(server.seen().len(), 1, "nothing is posted");
    }
}

#[tokio::test]
async fn a_server_without_this_transport_is_named_so() {
    for (status, media_type, word) in [
        (200, "text/html", "instead of an event stream"),
        (401, "text/plain", "HTTP 401"),
        (405, "text/plain", "HTTP 405"),
        (200, "text/event-stream", "closed the stream before"),
    ] {
        let server = TestServer::start(move |_, reply| async move {
            reply.send(status, &[("Content-Type", media_type)], "").await;
        })
        .await;
        let error = connect(&server).await.unwrap_err();
        assert!(error.to_string().contains(word), "{error}");
    }
}

#[tokio::test]
async fn the_end_of_the_stream_ends_the_connection() {
    let server = serve("/messages", async |request, reply, says| {
        if request.json("method") == "end" {
            reply.send(202, &[], "").await;
            drop(says);
        } else {
            plain(request, reply, says).await;
        }
    })
    .await;
    let (peer, _) = peer(connect(&server).await.unwrap());
    initialize(&peer).await.unwrap();
    let error = ask(&peer, "end", json!({})).await.unwrap_err();
    assert!(error.contains("server went away") && error.contains("closed the event stream"), "{error}");
    assert!(peer.is_closed());
}

#[tokio::test]
async fn an_event_over_the_bound_ends_the_connection() {
    let server = serve("/messages", async |request, reply, says| {
        if let (Some(says), true) = (&says, request.json("method") == "tools/call") {
            let _ = says.send(format!("data: {}", "x".repeat(20_000)));
        }
        plain(request, reply, says).await;
    })
    .await;
    let (peer, _) = peer(connect(&server).await.unwrap());
    initialize(&peer).await.unwrap();
    let error = ask(&peer, "tools/call", json!({})).await.unwrap_err();
    assert!(error.contains("larger than 10000 bytes"), "{error}");
}

#[tokio::test]
async fn a_message_that_is_not_taken_is_answered_with_the_reason() {
    let server = serve("/messages", async |request, reply, says| {
        if request.json("method") == "tools/call" {
            reply.send(500, &[], "no: hunter2-hunter2").await;
        } else {
            plain(request, reply, says).await;
        }
    })
    .await;
    let (peer, _) = peer(connect(&server).await.unwrap());
    initialize(&peer).await.unwrap();
    let error = ask(&peer, "tools/call", json!({})).await.unwrap_err();
    assert!(error.contains("server answered HTTP 500") && error.contains("body: no: ***"), "{error}");
    assert!(ask(&peer, "tools/list", json!({})).await.is_ok());
}
