//! A door from both sides: a server that knocks, and hosts that answer.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, UnixStream};

use super::folder::SOCKET;
use super::hello::tests::hello;
use super::testing::{Heard, Names};
use super::*;
use crate::runtime::GatewayInstance;

const LIMIT: Duration = Duration::from_secs(30);

/// A door with a host behind it that answers what it got.
struct Bench {
    door: Option<(Door, Folder)>,
    socket: PathBuf,
    _home: tempfile::TempDir,
    heard: Heard,
    names: Names,
    port: u16,
}

impl Bench {
    /// `PORT` in the list is the port of the host.
    async fn new(list: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                tokio::spawn(async move {
                    let mut got = vec![0; 4096];
                    while let Ok(count @ 1..) = stream.read(&mut got).await {
                        let answer = [b"got ", &got[..count]].concat();
                        if stream.write_all(&answer).await.is_err() {
                            break;
                        }
                    }
                });
            }
        });
        let home = tempfile::tempdir().unwrap();
        let folder = Folder::new(&GatewayInstance::register(home.path()).unwrap()).unwrap();
        let names = Names::new(&[("api.test", "127.0.0.1"), ("a.wild.test", "127.0.0.1"), ("evil.test", "127.0.0.1")]);
        let heard = Heard::default();
        let list: Vec<_> = list.iter().map(|entry| entry.replace("PORT", &port.to_string())).collect();
        let plan = DoorPlan {
            hosts: HostList::parse(&list).unwrap(),
            private: true,
            watch: Arc::new(heard.clone()),
            resolver: Arc::new(names.clone()),
            injection: None,
        };
        let door = Door::open(vec![Listener::Socket(folder.listen().unwrap())], plan);
        let socket = folder.path().join(SOCKET);
        Self { door: Some((door, folder)), socket, _home: home, heard, names, port }
    }

    fn socket(&self) -> PathBuf {
        self.socket.clone()
    }

    /// Sends bytes through the door and gives what comes back until nothing more does.
    async fn knock(&self, bytes: &[u8]) -> String {
        let mut stream = UnixStream::connect(self.socket()).await.unwrap();
        // The door may have closed before all was written.
        let _ = stream.write_all(bytes).await;
        let _ = stream.shutdown().await;
        let mut got = Vec::new();
        let _ = tokio::time::timeout(LIMIT, stream.read_to_end(&mut got)).await.expect("an end");
        String::from_utf8_lossy(&got).into_owned()
    }

    async fn direct(&self, host: &str, bytes: &[u8]) -> String {
        self.knock(&[format!("{host}\n").as_bytes(), bytes].concat()).await
    }
}

fn get(host: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")
}

#[tokio::test]
async fn a_listed_host_is_reached_and_no_other() {
    let bench = Bench::new(&["api.test:PORT"]).await;
    let listed = format!("api.test:{}", bench.port);
    let got = bench.direct(&listed, get(&listed).as_bytes()).await;
    assert!(got.starts_with("got GET / HTTP/1.1"), "{got}");
    let (sent, received) = bench.door.as_ref().unwrap().0.traffic().bytes();
    assert_eq!((sent as usize + 4, received as usize), (got.len(), got.len()));
    for (line, told) in [
        (format!("evil.test:{}", bench.port), "not listed"),
        ("api.test:22".to_owned(), "other ports"),
        (format!("127.0.0.1:{}", bench.port), "not listed"),
        ("169.254.169.254:80".to_owned(), "not listed"),
        ("names evil.test".to_owned(), "evil.test (the host is not listed)"),
        ("rubbish".to_owned(), "no host and port"),
    ] {
        assert_eq!(bench.direct(&line, get("x").as_bytes()).await, "", "{line}");
        bench.heard.until(told).await;
    }
}

#[tokio::test]
async fn a_connection_for_another_host_goes_nowhere() {
    let bench = Bench::new(&["api.test:PORT"]).await;
    let listed = format!("api.test:{}", bench.port);
    assert_eq!(bench.direct(&listed, get("evil.test").as_bytes()).await, "");
    bench.heard.until("its request is for `evil.test`").await;
    assert_eq!(bench.direct(&listed, &hello(Some("evil.test"))).await, "");
    bench.heard.until("its TLS connection is for `evil.test`").await;
    assert!(bench.direct(&listed, &hello(Some("api.test"))).await.starts_with("got "));
    // A first message without end.
    let endless = [b"GET / HTTP/1.1\r\nX: ".to_vec(), vec![b'x'; 64 * 1024]].concat();
    assert_eq!(bench.direct(&listed, &endless).await, "");
    bench.heard.until("too long").await;
}

#[tokio::test]
async fn the_proxy_says_what_is_not_allowed() {
    let bench = Bench::new(&["*.wild.test:PORT"]).await;
    let tunnel = |host: &str| format!("proxy\nCONNECT {host} HTTP/1.1\r\nHost: {host}\r\n\r\n");
    let wild = format!("a.wild.test:{}", bench.port);
    let got = bench.knock(&[tunnel(&wild).as_bytes(), &hello(Some("a.wild.test"))].concat()).await;
    assert!(got.starts_with("HTTP/1.1 200 ") && got.contains("\r\n\r\ngot "), "{got}");
    let got = bench.knock(&[tunnel(&wild).as_bytes(), &hello(Some("b.wild.test"))].concat()).await;
    assert!(got.starts_with("HTTP/1.1 200 ") && got.ends_with("\r\n\r\n"), "{got}");
    let got = bench.knock(format!("proxy\nGET http://{wild}/x HTTP/1.1\r\nHost: {wild}\r\n\r\n").as_bytes()).await;
    assert!(got.starts_with(&format!("got GET /x HTTP/1.1\r\nHost: {wild}\r\nConnection: close")), "{got}");
    for host in ["evil.test:443", "127.0.0.1:443", "169.254.169.254:80", "wild.test:443"] {
        let got = bench.knock(tunnel(host).as_bytes()).await;
        assert!(got.starts_with("HTTP/1.1 403 ") && got.contains(host), "{got}");
        bench.heard.until(&format!("{host} (the host is not listed)")).await;
    }
    assert!(bench.knock(b"proxy\nnonsense\r\n\r\n").await.starts_with("HTTP/1.1 400 "));
    bench.names.set("a.wild.test", "169.254.169.254");
    let fresh = Bench::new(&["*.wild.test:PORT"]).await;
    fresh.names.set("a.wild.test", "169.254.169.254");
    let got = fresh.knock(tunnel(&format!("a.wild.test:{}", fresh.port)).as_bytes()).await;
    assert!(got.starts_with("HTTP/1.1 403 ") && got.contains("metadata"), "{got}");
    // The first door keeps to what it resolved.
    let got = bench.knock(&[tunnel(&wild).as_bytes(), &hello(Some("a.wild.test"))].concat()).await;
    assert!(got.starts_with("HTTP/1.1 200 "), "{got}");
}

#[tokio::test]
async fn a_thousand_connections_are_bounded_and_the_rest_is_served() {
    let bench = Bench::new(&["api.test:PORT"]).await;
    let mut held = Vec::new();
    for _ in 0..1_000 {
        // Beyond the bound and the kernel's queue, a connection is not even made.
        match tokio::time::timeout(Duration::from_millis(20), UnixStream::connect(bench.socket())).await {
            Ok(Ok(stream)) => held.push(stream),
            _ => break,
        }
    }
    assert!(held.len() > 256, "{}", held.len());
    drop(held);
    let listed = format!("api.test:{}", bench.port);
    assert!(bench.direct(&listed, get(&listed).as_bytes()).await.starts_with("got "));
}

#[tokio::test]
async fn a_closed_door_ends_its_connections_and_leaves_nothing() {
    let mut bench = Bench::new(&["api.test:PORT"]).await;
    let listed = format!("api.test:{}", bench.port);
    let mut stream = UnixStream::connect(bench.socket()).await.unwrap();
    stream.write_all(format!("{listed}\n{}", get(&listed)).as_bytes()).await.unwrap();
    let mut got = [0; 4];
    stream.read_exact(&mut got).await.unwrap();
    drop(bench.door.take());
    let mut rest = Vec::new();
    let _ = tokio::time::timeout(LIMIT, stream.read_to_end(&mut rest)).await.expect("an end");
    assert!(!bench.socket().exists() && !bench.socket().parent().unwrap().exists());
    assert!(UnixStream::connect(bench.socket()).await.is_err());
}

#[tokio::test]
async fn doors_of_dead_gateways_are_swept() {
    let home = tempfile::tempdir().unwrap();
    let (own, dead) =
        (GatewayInstance::register(home.path()).unwrap(), GatewayInstance::register(home.path()).unwrap());
    let kept = Folder::new(&own).unwrap();
    // Never dropped, as by a gateway that is killed.
    let left = std::mem::ManuallyDrop::new(Folder::new(&dead).unwrap());
    drop(dead);
    sweep(home.path(), own.id());
    assert!(kept.path().exists() && !left.path().exists());
}
