//! Clients of a gateway over streamable HTTP, written against the specification and nothing of ours.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use mcp_gateway_core::model::{Principal, SecretValue};
use mcp_gateway_core::transport::server::SessionHost;
use mcp_gateway_core::transport::server::http::{HttpServer, HttpServerConfig};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::LIMIT;

const TOKEN: &str = "a-token-that-only-this-test-knows";
const SESSION: &str = "mcp-session-id";

/// A gateway that is served over HTTP in this process.
pub(crate) struct Served {
    address: SocketAddr,
    shutdown: CancellationToken,
    serving: JoinHandle<()>,
}

impl Served {
    pub(crate) async fn start(host: Arc<dyn SessionHost>, edit: impl FnOnce(&mut HttpServerConfig)) -> Self {
        let mut config = HttpServerConfig::default();
        config.address = SocketAddr::from(([127, 0, 0, 1], 0));
        edit(&mut config);
        let server = HttpServer::builder()
            .with_config(config)
            .with_host("p", host)
            .with_token(SecretValue::new(TOKEN), Principal::new("tester"));
        let bound = server.bind().await.unwrap();
        let (address, shutdown) = (bound.local_addr().unwrap(), CancellationToken::new());
        let serving = tokio::spawn(bound.serve(shutdown.clone()));
        Self { address, shutdown, serving }
    }

    /// A client with a session.
    pub(crate) async fn client(&self) -> HttpClient {
        HttpClient::connect(self.address, TOKEN).await
    }

    pub(crate) async fn stop(self) {
        self.shutdown.cancel();
        tokio::time::timeout(LIMIT, self.serving).await.expect("the server drains").unwrap();
    }
}

/// A client with a session; each request has a connection of its own, which ends when the request is dropped.
pub(crate) struct HttpClient {
    address: SocketAddr,
    token: String,
    session: String,
    next: AtomicU64,
}

impl HttpClient {
    pub(crate) async fn connect(address: SocketAddr, token: &str) -> Self {
        let mut client = Self { address, token: token.to_owned(), session: String::new(), next: AtomicU64::new(1) };
        let hello =
            json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "0"}});
        let (status, headers, answer) = client.post(&client.request("initialize", hello)).await;
        assert_eq!(status, StatusCode::OK, "{answer}");
        client.session = headers[SESSION].to_str().unwrap().to_owned();
        let greeted = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        assert_eq!(client.post(&greeted).await.0, StatusCode::ACCEPTED);
        client
    }

    /// Sends a request and waits for its answer.
    pub(crate) async fn ask(&self, method: &str, params: Value) -> Value {
        self.post(&self.request(method, params)).await.2
    }

    /// Calls a tool.
    pub(crate) async fn call(&self, tool: &str, arguments: Value) -> Value {
        self.ask("tools/call", json!({"name": tool, "arguments": arguments})).await
    }

    /// The status of a request, for one that may be refused.
    pub(crate) async fn status(&self, method: &str) -> StatusCode {
        self.post(&self.request(method, json!({}))).await.0
    }

    /// Ends the session.
    pub(crate) async fn delete(&self) {
        let (_connection, response) = self.send(Method::DELETE, String::new()).await;
        assert!(response.status().is_success(), "{}", response.status());
    }

    fn request(&self, method: &str, params: Value) -> Value {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
    }

    async fn post(&self, message: &Value) -> (StatusCode, HeaderMap, Value) {
        let exchange = async {
            let (_connection, response) = self.send(Method::POST, message.to_string()).await;
            let (parts, body) = response.into_parts();
            let events = parts.headers.get(CONTENT_TYPE).is_some_and(|kind| kind == "text/event-stream");
            let answer = if events { answer_among(body, &message["id"]).await } else { whole(body).await };
            (parts.status, parts.headers, answer)
        };
        tokio::time::timeout(LIMIT, exchange).await.expect("the gateway answers")
    }

    async fn send(&self, method: Method, body: String) -> (AbortOnDropHandle<()>, hyper::Response<Incoming>) {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        let connection = AbortOnDropHandle::new(tokio::spawn(async move {
            let _ = connection.await;
        }));
        let mut request = Request::builder()
            .method(method)
            .uri("/mcp")
            .header(HOST, self.address.to_string())
            .header(AUTHORIZATION, format!("Bearer {}", self.token))
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, "application/json, text/event-stream");
        if !self.session.is_empty() {
            request = request.header(SESSION, &self.session);
        }
        let response = sender.send_request(request.body(Full::new(Bytes::from(body))).unwrap()).await.unwrap();
        (connection, response)
    }
}

async fn whole(body: Incoming) -> Value {
    let bytes = body.collect().await.unwrap().to_bytes();
    serde_json::from_slice(&bytes).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()))
}

/// The answer to a request among the events of its stream.
async fn answer_among(mut body: Incoming, id: &Value) -> Value {
    let mut text = String::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.unwrap().into_data() {
            text.push_str(std::str::from_utf8(&data).unwrap());
        }
        let messages = text.lines().filter_map(|line| line.strip_prefix("data:"));
        let answer =
            messages.filter_map(|data| serde_json::from_str::<Value>(data).ok()).find(|message| message["id"] == *id);
        if let Some(answer) = answer {
            return answer;
        }
    }
    panic!("the stream ended without the answer: {text}");
}

/// Sends something to an address over a connection of its own; gives status and body.
pub(crate) async fn post(url: &str, headers: &[(&str, &str)], body: &str) -> (u16, String) {
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let mut request = Request::builder().method(Method::POST).uri(format!("/{path}")).header(HOST, host);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let exchange = async {
        let stream = TcpStream::connect(host).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        let _connection = AbortOnDropHandle::new(tokio::spawn(async move {
            let _ = connection.await;
        }));
        let response = sender.send_request(request.body(Full::new(Bytes::from(body.to_owned()))).unwrap()).await;
        let (parts, body) = response.unwrap().into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        (parts.status.as_u16(), String::from_utf8_lossy(&bytes).into_owned())
    };
    tokio::time::timeout(LIMIT, exchange).await.expect("it answers")
}

/// Sends a form as a browser does from the page that it was shown on.
pub(crate) async fn form(url: &str, form: &str) -> (u16, String) {
    let origin = url.split('/').take(3).collect::<Vec<_>>().join("/");
    let headers = [
        ("origin", origin.as_str()),
        ("sec-fetch-site", "same-origin"),
        ("content-type", "application/x-www-form-urlencoded"),
    ];
    post(url, &headers, form).await
}
