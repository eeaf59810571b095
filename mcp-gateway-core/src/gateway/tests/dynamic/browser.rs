//! A browser that goes where it is sent, and may lie about everything.

use super::super::*;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

/// An address that somebody was sent to.
#[derive(Clone, Debug)]
pub(super) struct Address {
    pub(super) host: String,
    origin: String,
    pub(super) path: String,
}

/// What came back.
#[derive(Debug)]
pub(super) struct Shown {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Address {
    pub(super) fn of(url: &str) -> Self {
        let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
        assert!(host.starts_with("127.0.0.1:"), "{url}");
        Self { host: host.to_owned(), origin: format!("http://{host}"), path: format!("/{path}") }
    }

    /// Another path of the same port.
    pub(super) fn at(&self, path: &str) -> Self {
        Self { path: path.to_owned(), ..self.clone() }
    }

    pub(super) async fn get(&self) -> Shown {
        self.send("GET", &[("Host", &self.host)], "").await
    }

    /// Sends a form as the page itself does.
    pub(super) async fn post(&self, form: &str) -> Shown {
        self.send("POST", &self.headers(), form).await
    }

    /// What a browser says of a form that it sends.
    pub(super) fn headers(&self) -> Vec<(&str, &str)> {
        vec![("Host", &self.host), ("Origin", &self.origin), ("Content-Type", "application/x-www-form-urlencoded")]
    }

    pub(super) async fn send(&self, method: &str, headers: &[(&str, &str)], body: &str) -> Shown {
        self.try_send(method, headers, body).await.unwrap()
    }

    /// Nothing where nobody listens.
    pub(super) async fn try_send(&self, method: &str, headers: &[(&str, &str)], body: &str) -> Option<Shown> {
        let mut stream = TcpStream::connect(&self.host).await.ok()?;
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let head = format!("{method} {} HTTP/1.1\r\n{headers}Connection: close\r\n", self.path);
        // Whoever is refused before the end of it need not have read it all.
        let _ = stream.write_all(format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes()).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n")?;
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Some(Shown { status, head: head.to_lowercase(), body: body.to_owned() })
    }

    pub(super) async fn is_closed(&self) -> bool {
        TcpStream::connect(&self.host).await.is_err()
    }
}
