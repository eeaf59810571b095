//! The address on this machine that a browser is sent back to.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use url::Url;

use crate::error::{Error, ErrorKind, Result};
use crate::model::SecretValue;

/// The largest head of a request.
const MAX_HEAD: usize = 32 * 1024;
/// How long a browser may take for its request, and for reading the answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How many connections are read at once; browsers open some that they never use.
const MAX_CONNECTIONS: usize = 16;

/// Waits for a browser on the loopback address.
#[derive(Debug)]
pub(super) struct Listener {
    listener: TcpListener,
    uri: Url,
}

/// The page that the browser waits for.
#[derive(Debug)]
pub(super) struct Page(TcpStream);

impl Listener {
    /// Listens at a port of 127.0.0.1; 0 takes any. `name` is what the address calls the machine.
    ///
    /// # Errors
    /// `Io` when the port is taken.
    pub(super) async fn bind(port: u16, name: &str, path: &str) -> Result<Self> {
        let failed = |cause| {
            Error::new(ErrorKind::Io, "cannot listen for the browser")
                .with_context("port", port)
                .with_hint("choose another one with `--port`, or use `--paste`")
                .with_source(cause)
        };
        let listener = TcpListener::bind(("127.0.0.1", port)).await.map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        let uri = Url::parse(&format!("http://{name}:{port}{path}"))
            .map_err(|cause| Error::new(ErrorKind::Internal, "no address to come back to").with_source(cause))?;
        Ok(Self { listener, uri })
    }

    /// The address to come back to.
    pub(super) fn uri(&self) -> &str {
        self.uri.as_str()
    }

    /// Waits for the one request that carries the state; every other one is turned away.
    ///
    /// # Errors
    /// `Io` when no more connections are accepted.
    pub(super) async fn answer(&self, state: &str) -> Result<(SecretValue, Page)> {
        let mut reading = JoinSet::new();
        loop {
            tokio::select! {
                accepted = self.listener.accept(), if reading.len() < MAX_CONNECTIONS => {
                    let (stream, _) = accepted.map_err(|cause| {
                        Error::new(ErrorKind::Io, "cannot listen for the browser").with_source(cause)
                    })?;
                    reading.spawn(tokio::time::timeout(TIMEOUT, target(stream)));
                }
                Some(read) = reading.join_next() => {
                    let Ok(Ok(Some((target, stream)))) = read else { continue };
                    match self.uri.join(&target) {
                        Ok(url) if url.path() == self.uri.path() && has_state(&url, state) => {
                            return Ok((SecretValue::new(url), Page(stream)));
                        }
                        _ => {
                            reading.spawn(async move {
                                say(stream, "404 Not Found", "This is not the page that is waited for.").await;
                                Ok(None)
                            });
                        }
                    }
                }
            }
        }
    }
}

impl Page {
    /// Tells the person how it went.
    pub(super) async fn show(self, is_done: bool) {
        let text = if is_done {
            "The server is authorized. You can close this window."
        } else {
            "The server is not authorized; the terminal says why. You can close this window."
        };
        say(self.0, "200 OK", text).await;
    }
}

fn has_state(url: &Url, state: &str) -> bool {
    let states = url.query_pairs().filter(|(name, _)| name == "state");
    states.map(|(_, value)| SecretValue::new(value)).any(|found| found == SecretValue::new(state))
}

/// What a request asks for, if it is a GET.
async fn target(mut stream: TcpStream) -> Option<(String, TcpStream)> {
    let mut head = Vec::new();
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        if head.len() > MAX_HEAD || stream.read_buf(&mut head).await.ok()? == 0 {
            return None;
        }
    }
    let line = head.split(|byte| *byte == b'\r').next()?;
    let target = std::str::from_utf8(line).ok()?.strip_prefix("GET ")?.split(' ').next()?;
    target.starts_with('/').then(|| (target.to_owned(), stream))
}

/// Answers; whether the browser still reads does not matter.
async fn say(mut stream: TcpStream, status: &str, text: &str) {
    let body = format!("<!doctype html><meta charset=utf-8><title>MCP Gateway</title><p>{text}</p>\n");
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\
         Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\n\r\n{body}",
        body.len()
    );
    let telling = async {
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await
    };
    let _ = tokio::time::timeout(TIMEOUT, telling).await;
}
