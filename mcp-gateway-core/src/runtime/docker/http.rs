//! Servers that listen on HTTP inside their container.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::error::{Error, ErrorKind, Result};
use crate::runtime::HttpEndpoint;
use crate::transport::client::{Connection, Diagnostics, HttpConfig, connect_http};

/// How often a server that does not answer yet is asked again.
pub(super) const POLL: Duration = Duration::from_millis(50);

/// How long one question whether a server answers may take.
const PROBE: Duration = Duration::from_secs(2);

/// Waits until something that speaks HTTP answers on a port of this machine; the caller bounds the wait.
pub(super) async fn answering(port: u16, path: &str) {
    // A port that is published accepts connections before the server behind it does, so an answer is what counts.
    while !tokio::time::timeout(PROBE, answers(port, path)).await.unwrap_or(false) {
        tokio::time::sleep(POLL).await;
    }
}

async fn answers(port: u16, path: &str) -> bool {
    let asking = async {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
        // This method opens no session and no stream; that it is refused is an answer, too.
        let request = format!("OPTIONS {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut start = [0; 5];
        stream.read_exact(&mut start).await?;
        std::io::Result::Ok(&start == b"HTTP/")
    };
    asking.await.unwrap_or(false)
}

/// Connects to a server on a published port.
pub(super) fn connect_endpoint(
    port: u16,
    path: &str,
    max_message_bytes: usize,
    diagnostics: Arc<Diagnostics>,
) -> Result<Connection> {
    let config = HttpConfig::new(format!("http://127.0.0.1:{port}{path}"))
        .with_allow_private(true)
        .with_max_message_bytes(max_message_bytes);
    connect_http(config, diagnostics)
}

/// Checks where a server is said to listen.
pub(super) fn check_endpoint(endpoint: &HttpEndpoint) -> Result<()> {
    let path_fine = endpoint.path.starts_with('/') && endpoint.path.bytes().all(|b| b.is_ascii_graphic());
    if path_fine && endpoint.port != 0 {
        return Ok(());
    }
    Err(Error::new(ErrorKind::InvalidConfig, "the server's HTTP endpoint is not a port and a path")
        .with_context("port", endpoint.port)
        .with_context("path", endpoint.path.escape_debug())
        .with_hint("write a port from 1 to 65535 and a path that starts with `/`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_port_that_only_accepts_does_not_count_as_an_answer() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = tokio::spawn(async move {
            drop(listener.accept().await.unwrap());
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = [0; 16];
            stream.read_exact(&mut asked).await.unwrap();
            stream.write_all(b"HTTP/1.1 405 Method Not Allowed\r\n\r\n").await.unwrap();
            asked
        });
        answering(port, "/mcp").await;
        assert_eq!(&server.await.unwrap(), b"OPTIONS /mcp HTT");
    }

    #[test]
    fn an_endpoint_that_would_change_the_request_is_refused() {
        for (port, path) in [(0, "/mcp"), (80, "mcp"), (80, "/a b"), (80, "/\r\nX: y"), (80, "")] {
            assert!(check_endpoint(&HttpEndpoint::new(port, path)).is_err(), "{path:?}");
        }
        assert!(check_endpoint(&HttpEndpoint::new(8080, "/mcp?x=1")).is_ok());
    }
}
