//! The container engine of this machine, and what runs in it.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use mcp_gateway_core::model::ServerEntry;
use mcp_gateway_core::util::env_vars;
use serde_json::Value;
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;

use super::server_name;

pub(crate) const AWKWARD: &str = "mcp-gateway-test/awkward:1";

/// An engine on a socket of this machine.
pub(crate) struct Engine {
    socket: PathBuf,
}

impl Engine {
    /// The engine, if it answers and has these images; a test without it is skipped with the reason, or fails where
    /// `MCP_GATEWAY_TEST` demands an engine.
    pub(crate) async fn with_images(images: &[&str]) -> Option<Self> {
        let found = Self::find(images).await;
        if let Err(reason) = &found {
            skip(reason);
        }
        found.ok()
    }

    async fn find(images: &[&str]) -> Result<Self, String> {
        let host = env_vars::get("DOCKER_HOST").unwrap_or_else(|| "unix:///var/run/docker.sock".to_owned());
        let socket = host.strip_prefix("unix://").ok_or_else(|| format!("{host} is not a socket of this machine"))?;
        let engine = Self { socket: PathBuf::from(socket) };
        engine.get("/_ping").await.map_err(|error| format!("no container engine answers: {error}"))?;
        for image in images {
            let (status, _) = engine.get(&format!("/images/{image}/json")).await.map_err(|error| error.to_string())?;
            if status != StatusCode::OK {
                return Err(format!("there is no image {image} (make images)"));
            }
        }
        Ok(engine)
    }

    pub(crate) fn host(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    /// The containers of a home, running or not.
    pub(crate) async fn containers(&self, label: &str) -> Vec<Value> {
        let filters = format!("%7B%22label%22%3A%5B%22io.mcp-gateway.home%3D{label}%22%5D%7D");
        let (status, body) = self.get(&format!("/containers/json?all=1&filters={filters}")).await.unwrap();
        assert_eq!(status, StatusCode::OK, "{body}");
        serde_json::from_str(&body).unwrap()
    }

    /// Everything that the engine knows of a container.
    pub(crate) async fn inspect(&self, id: &str) -> Value {
        serde_json::from_str(&self.get(&format!("/containers/{id}/json")).await.unwrap().1).unwrap()
    }

    async fn get(&self, path: &str) -> std::io::Result<(StatusCode, String)> {
        let stream = UnixStream::connect(&self.socket).await?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(std::io::Error::other)?;
        tokio::spawn(connection);
        let request = Request::builder().method(Method::GET).uri(path).header("Host", "docker");
        let request = request.body(Empty::<Bytes>::new()).map_err(std::io::Error::other)?;
        let response = sender.send_request(request).await.map_err(std::io::Error::other)?;
        let status = response.status();
        let body = response.into_body().collect().await.map_err(std::io::Error::other)?.to_bytes();
        Ok((status, String::from_utf8_lossy(&body).into_owned()))
    }
}

/// Says why a test is skipped; fails it where the environment demands what is missing.
pub(crate) fn skip(reason: &str) {
    assert!(env_vars::get("MCP_GATEWAY_TEST").is_none_or(|wanted| wanted != "docker"), "{reason}");
    eprintln!("skipped: {reason}");
}

/// The awkward server in a container.
pub(crate) fn boxed_entry(name: &str, flags: &[&str]) -> ServerEntry {
    let mut entry = ServerEntry::image(server_name(name), AWKWARD);
    entry.command = flags.iter().map(|flag| (*flag).to_owned()).collect();
    entry
}

/// A way to the engine that can be cut and restored.
pub(crate) struct Proxy {
    engine: PathBuf,
    socket: PathBuf,
    passing: JoinSet<()>,
}

impl Proxy {
    pub(crate) fn start(engine: &Engine, folder: &Path) -> Self {
        let mut proxy =
            Self { engine: engine.socket.clone(), socket: folder.join("engine.sock"), passing: JoinSet::new() };
        proxy.restore();
        proxy
    }

    pub(crate) fn host(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    /// Ends every connection and answers no more.
    pub(crate) async fn cut(&mut self) {
        self.passing.shutdown().await;
        std::fs::remove_file(&self.socket).unwrap();
    }

    /// Answers again.
    pub(crate) fn restore(&mut self) {
        let listener = UnixListener::bind(&self.socket).unwrap();
        let engine = self.engine.clone();
        self.passing.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (mut client, _) = listener.accept().await.unwrap();
                let engine = engine.clone();
                connections.spawn(async move {
                    let mut server = UnixStream::connect(engine).await.unwrap();
                    let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
                });
            }
        });
    }
}
