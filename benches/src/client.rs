//! Two plain clients that cost next to nothing themselves.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio as Pipe};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use serde_json::Value;

const HELLO: &str = r#"{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}"#;

/// A client that many threads may use at once.
pub(crate) trait Client: Sync {
    fn request(&self, method: &str, params: &str) -> String;

    fn initialize(&self);

    fn call(&self, tool: &str, arguments: &str) {
        let answer = self.request("tools/call", &format!(r#"{{"name":"{tool}","arguments":{arguments}}}"#));
        assert!(answer.contains("\"result\""), "{answer}");
    }
}

type Waiting = Arc<Mutex<HashMap<u64, mpsc::Sender<String>>>>;

/// A child process spoken to by lines.
pub(crate) struct Stdio {
    child: Mutex<Child>,
    input: Mutex<Option<ChildStdin>>,
    waiting: Waiting,
    next: AtomicU64,
}

impl Stdio {
    pub(crate) fn open(program: &Path, args: &[String]) -> Self {
        let mut child = spawn(program, args, Pipe::piped());
        let output = child.stdout.take().unwrap();
        let waiting = Waiting::default();
        let input = Mutex::new(child.stdin.take());
        let client = Self { child: Mutex::new(child), input, waiting: Arc::clone(&waiting), next: AtomicU64::new(1) };
        std::thread::spawn(move || {
            for line in BufReader::with_capacity(1 << 20, output).lines().map_while(Result::ok) {
                let Some(id) = id(&line) else { continue };
                if let Some(sender) = waiting.lock().unwrap().remove(&id) {
                    let _ = sender.send(line);
                }
            }
        });
        client
    }

    /// How many tools are listed.
    pub(crate) fn list(&self) -> usize {
        let (mut count, mut params) = (0, "{}".to_owned());
        loop {
            let answer: Value = serde_json::from_str(&self.request("tools/list", &params)).unwrap();
            count += answer["result"]["tools"].as_array().unwrap().len();
            match answer["result"]["nextCursor"].as_str() {
                Some(cursor) => params = format!(r#"{{"cursor":"{cursor}"}}"#),
                None => return count,
            }
        }
    }

    /// Lists until so many tools are there.
    pub(crate) fn list_all(&self, expected: usize) -> usize {
        let begun = Instant::now();
        loop {
            let listed = self.list();
            if listed >= expected {
                return listed;
            }
            assert!(begun.elapsed() < Duration::from_secs(300), "{listed} of {expected} tools are listed");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    pub(crate) fn resident(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.lock().unwrap().id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    /// How many processes there are below it beyond the servers themselves.
    pub(crate) fn helpers(&self, servers: usize) -> isize {
        let pid = self.child.lock().unwrap().id();
        let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
        let children: usize = tasks
            .map(|task| std::fs::read_to_string(task.unwrap().path().join("children")).unwrap_or_default())
            .map(|children| children.split_whitespace().count())
            .sum();
        children as isize - servers as isize
    }

    /// Ends the child and waits for it.
    pub(crate) fn finish(self) {
        self.input.lock().unwrap().take();
        let _ = self.child.lock().unwrap().wait();
    }

    fn send(&self, line: &str) {
        let mut input = self.input.lock().unwrap();
        input.as_mut().unwrap().write_all(line.as_bytes()).unwrap();
    }
}

impl Drop for Stdio {
    fn drop(&mut self) {
        self.input.lock().unwrap().take();
        let _ = self.child.lock().unwrap().wait();
    }
}

impl Client for Stdio {
    fn request(&self, method: &str, params: &str) -> String {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, answer) = mpsc::channel();
        self.waiting.lock().unwrap().insert(id, sender);
        self.send(&format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"{method}\",\"params\":{params}}}\n"));
        answer.recv_timeout(Duration::from_secs(120)).expect("an answer within two minutes")
    }

    fn initialize(&self) {
        self.request("initialize", HELLO);
        self.send("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n");
    }
}

/// Streamable HTTP over one kept connection per thread.
pub(crate) struct Http {
    child: Child,
    session: Mutex<Option<String>>,
    next: AtomicU64,
    idle: Mutex<Vec<BufReader<TcpStream>>>,
}

impl Http {
    pub(crate) const PORT: u16 = 18_811;

    pub(crate) fn open(program: &Path, args: &[String]) -> Self {
        let child = spawn(program, args, Pipe::null());
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", Self::PORT)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(20), "the gateway does not listen");
            std::thread::sleep(Duration::from_millis(5));
        }
        Self { child, session: Mutex::default(), next: AtomicU64::new(1), idle: Mutex::default() }
    }

    fn post(&self, body: &str) -> (String, Option<String>) {
        let kept = self.idle.lock().unwrap().pop();
        let mut connection = kept.unwrap_or_else(|| {
            let stream = TcpStream::connect(("127.0.0.1", Self::PORT)).unwrap();
            stream.set_nodelay(true).unwrap();
            BufReader::new(stream)
        });
        let session =
            self.session.lock().unwrap().as_ref().map(|id| format!("Mcp-Session-Id: {id}\r\n")).unwrap_or_default();
        let request = format!(
            "POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n{session}Content-Length: {}\r\n\r\n{body}",
            Self::PORT,
            body.len()
        );
        connection.get_mut().write_all(request.as_bytes()).unwrap();
        let (mut length, mut id, mut line) = (0, None, String::new());
        loop {
            line.clear();
            connection.read_line(&mut line).unwrap();
            let lower = line.to_ascii_lowercase();
            if let Some(value) = lower.strip_prefix("content-length:") {
                length = value.trim().parse().unwrap();
            }
            if lower.starts_with("mcp-session-id:") {
                id = line.split_once(':').map(|(_, value)| value.trim().to_owned());
            }
            if line == "\r\n" {
                break;
            }
        }
        let mut answer = vec![0; length];
        connection.read_exact(&mut answer).unwrap();
        self.idle.lock().unwrap().push(connection);
        (String::from_utf8(answer).unwrap(), id)
    }
}

impl Client for Http {
    fn request(&self, method: &str, params: &str) -> String {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        self.post(&format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"{method}\",\"params\":{params}}}")).0
    }

    fn initialize(&self) {
        let (_, session) =
            self.post(&format!("{{\"jsonrpc\":\"2.0\",\"id\":0,\"method\":\"initialize\",\"params\":{HELLO}}}"));
        *self.session.lock().unwrap() = session;
        self.post("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}");
    }
}

impl Drop for Http {
    fn drop(&mut self) {
        // The gateway drains on SIGTERM.
        let _ = Command::new("kill").arg(self.child.id().to_string()).status();
        let _ = self.child.wait();
    }
}

fn spawn(program: &Path, args: &[String], input: Pipe) -> Child {
    let home = std::env::temp_dir().join(format!("mcp-gateway-bench-{}", std::process::id())).join("home");
    let mut command = Command::new(program);
    command.args(args).env("MCP_GATEWAY_HOME", home).stdin(input).stdout(Pipe::piped()).stderr(Pipe::inherit());
    command.spawn().unwrap_or_else(|error| panic!("cannot start {}: {error}", program.display()))
}

/// The id of a response, without reading the whole message.
fn id(line: &str) -> Option<u64> {
    let rest = &line[line.find("\"id\":")? + 5..];
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}
