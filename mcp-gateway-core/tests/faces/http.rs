//! A server on a free port, and a client that shows every header and every event.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use mcp_gateway_core::model::{Principal, SecretValue};
use mcp_gateway_core::transport::server::http::{HttpServer, HttpServerBuilder, HttpServerConfig};
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::PATIENCE;
use crate::host::{FakeHost, serve};
use crate::stream::{call, initialize};

pub(crate) const TOKEN: &str = "token-of-ann-0123456789";
pub(crate) const OTHER_TOKEN: &str = "token-of-bob-0123456789";
pub(crate) const BOTH: &str = "application/json, text/event-stream";

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) host: Arc<FakeHost>,
    /// The host of the profile `second`.
    pub(crate) second: Arc<FakeHost>,
    pub(crate) shutdown: CancellationToken,
    served: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with(|_| {}, |builder| builder).await
    }

    pub(crate) async fn with_config(set: impl FnOnce(&mut HttpServerConfig)) -> Self {
        Self::with(set, |builder| builder).await
    }

    pub(crate) async fn with(
        set: impl FnOnce(&mut HttpServerConfig),
        build: impl FnOnce(HttpServerBuilder) -> HttpServerBuilder,
    ) -> Self {
        let mut config = HttpServerConfig::default();
        config.address.set_port(0);
        set(&mut config);
        let (host, second) = (FakeHost::new(), FakeHost::new());
        let builder = HttpServer::builder()
            .with_config(config)
            .with_host("first", serve(&host))
            .with_host("second", serve(&second))
            .with_token(SecretValue::new(TOKEN), Principal::new("ann"))
            .with_token(SecretValue::new(OTHER_TOKEN), Principal::new("bob"));
        let bound = build(builder).bind().await.unwrap();
        let address = bound.local_addr().unwrap();
        let shutdown = CancellationToken::new();
        let served = Some(tokio::spawn(bound.serve(shutdown.clone())));
        Self { address, host, second, shutdown, served }
    }

    pub(crate) fn ask(&self, method: &str, path: &str) -> Ask {
        Ask {
            address: self.address,
            method: method.to_owned(),
            path: path.to_owned(),
            headers: vec![
                ("host".to_owned(), self.address.to_string()),
                ("authorization".to_owned(), format!("Bearer {TOKEN}")),
                ("accept".to_owned(), BOTH.to_owned()),
            ],
            body: Bytes::new(),
        }
    }

    pub(crate) fn post(&self, message: &Value) -> Ask {
        self.ask("POST", "/mcp").json(message)
    }

    /// Opens a session and gives its id.
    pub(crate) async fn session(&self) -> String {
        self.session_of("2025-11-25").await
    }

    pub(crate) async fn session_of(&self, version: &str) -> String {
        let reply = self.post(&initialize(version)).send().await;
        assert_eq!(reply.status(), 200);
        reply.header("mcp-session-id").expect("a session id").to_owned()
    }

    pub(crate) fn call(&self, session: &str, id: impl Into<Value>, tool: &str, arguments: Value) -> Ask {
        self.post(&call(id, tool, arguments)).header("mcp-session-id", session)
    }

    /// A call that reports progress `amount` times, then goes on when the host's gate lets it.
    pub(crate) fn progress(&self, session: &str, id: u64, amount: u64) -> Ask {
        let params = json!({
            "name": "progress", "arguments": {"amount": amount, "wait": true}, "_meta": {"progressToken": "p"},
        });
        let message = json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": params});
        self.post(&message).header("mcp-session-id", session)
    }

    pub(crate) fn listen(&self, session: &str) -> Ask {
        self.ask("GET", "/mcp").header("mcp-session-id", session)
    }

    /// Waits until `serve` has returned.
    pub(crate) async fn served(&mut self) {
        let served = self.served.take().expect("served once");
        tokio::time::timeout(PATIENCE, served).await.expect("the end in time").unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

#[derive(Clone)]
pub(crate) struct Ask {
    address: SocketAddr,
    method: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Bytes,
}

impl Ask {
    /// Sets a header in place of one that is there.
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self = self.without(name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Adds a header to those that are there.
    pub(crate) fn also(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(present, _)| present != name);
        self
    }

    pub(crate) fn json(self, message: &Value) -> Self {
        let body = message.to_string();
        Self { body: body.into(), ..self.header("content-type", "application/json") }
    }

    pub(crate) fn body(self, body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), ..self.header("content-type", "application/json") }
    }

    pub(crate) fn request(self) -> Request<Full<Bytes>> {
        let mut request = Request::builder().method(self.method.as_str()).uri(self.path);
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        request.body(Full::new(self.body)).unwrap()
    }

    pub(crate) async fn send(self) -> Reply {
        let mut connection = connect(TcpStream::connect(self.address).await.unwrap()).await;
        send(&mut connection, self).await
    }

    pub(crate) async fn status(self) -> u16 {
        self.send().await.status()
    }
}

pub(crate) async fn connect(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> SendRequest<Full<Bytes>> {
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

pub(crate) async fn send(connection: &mut SendRequest<Full<Bytes>>, ask: Ask) -> Reply {
    connection.ready().await.unwrap();
    let reply = tokio::time::timeout(PATIENCE, connection.send_request(ask.request())).await;
    Reply(reply.expect("a reply in time").unwrap())
}

pub(crate) struct Reply(Response<Incoming>);

impl Reply {
    pub(crate) fn status(&self) -> u16 {
        self.0.status().as_u16()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.0.headers().get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) async fn text(self) -> String {
        let body = tokio::time::timeout(PATIENCE, self.0.into_body().collect()).await.expect("a body in time");
        String::from_utf8(body.unwrap().to_bytes().to_vec()).unwrap()
    }

    /// The body of a plain answer.
    pub(crate) async fn json(self) -> Value {
        assert_eq!(self.header("content-type"), Some("application/json"));
        serde_json::from_str(&self.text().await).unwrap()
    }

    /// The body of an answer that came as a stream.
    pub(crate) fn events(self) -> Events {
        assert_eq!(self.0.status(), StatusCode::OK);
        assert_eq!(self.header("content-type"), Some("text/event-stream"));
        assert_eq!(self.header("cache-control"), Some("no-store"));
        assert_eq!(self.header("x-accel-buffering"), Some("no"));
        Events { body: self.0.into_body(), text: String::new() }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Event {
    pub(crate) id: Option<String>,
    pub(crate) name: String,
    pub(crate) data: String,
}

impl Event {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.data).unwrap_or_else(|_| panic!("not a message: {self:?}"))
    }
}

pub(crate) struct Events {
    body: Incoming,
    text: String,
}

impl Events {
    /// The next event; `None` at the end of the stream.
    pub(crate) async fn next(&mut self) -> Option<Event> {
        loop {
            while let Some((block, rest)) = self.text.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.text = rest;
                let mut event = Event::default();
                for line in block.lines() {
                    match line.split_once(':').map(|(field, value)| (field, value.trim_start())) {
                        Some(("id", id)) => event.id = Some(id.to_owned()),
                        Some(("event", name)) => event.name = name.to_owned(),
                        Some(("data", data)) => event.data.push_str(data),
                        _ => {}
                    }
                }
                if !event.data.is_empty() {
                    return Some(event);
                }
            }
            let frame = tokio::time::timeout(PATIENCE, self.body.frame()).await.expect("an event in time")?;
            // A connection that the server cut is an end too.
            let data = frame.ok()?.into_data().unwrap_or_default();
            self.text.push_str(std::str::from_utf8(&data).unwrap());
        }
    }

    pub(crate) async fn message(&mut self) -> Value {
        self.next().await.expect("an event").json()
    }
}
