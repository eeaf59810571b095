//! A small MCP server with every awkward behaviour that the tests need. It speaks newline-delimited JSON on stdio.
//!
//! Flags: `--crash-at-start`, `--silent` (never answers), `--ignore-eof`, `--junk` (noise before and between messages),
//! `--pages` (one tool per page), `--prefix NAME` (tools are called `NAME_echo` and so on), `--exit-after N` (requests).
#![allow(
    missing_docs,
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a program for tests, not an interface"
)]

use std::collections::HashSet;
use std::io::{BufRead, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::process::exit;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

/// The tools, each with the names of its arguments.
const TOOLS: [(&str, &[&str]); 16] = [
    ("echo", &["text"]),
    ("sleep", &["ms"]),
    ("crash", &[]),
    ("exit_after", &[]),
    ("hang", &[]),
    ("flood", &["lines"]),
    ("big", &["bytes"]),
    ("env", &["name"]),
    ("count", &[]),
    ("progress", &["steps"]),
    ("read_file", &["path"]),
    ("write_file", &["path"]),
    ("connect", &["address"]),
    ("add_tool", &["name"]),
    ("was_cancelled", &[]),
    ("fail", &[]),
];

#[derive(Default)]
struct Server {
    flags: HashSet<String>,
    prefix: String,
    added: Mutex<Vec<String>>,
    cancelled: Mutex<Vec<Value>>,
    calls: AtomicU64,
    sleeping: AtomicU64,
    /// The most calls of `sleep` that were under way at once.
    most_sleeping: AtomicU64,
    requests: AtomicU64,
    exit_after: Option<u64>,
}

fn main() {
    let mut server = Server::default();
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--prefix" => server.prefix = args.next().map(|name| name + "_").unwrap_or_default(),
            "--exit-after" => server.exit_after = args.next().and_then(|count| count.parse().ok()),
            _ => drop(server.flags.insert(arg)),
        }
    }
    if server.has("--crash-at-start") {
        eprintln!("cannot open the database: no such host");
        exit(3);
    }
    if server.has("--junk") {
        println!("Starting awkward server v0 …\n{{not json}}\n[1, 2");
        eprintln!("warning: this server talks too much");
    }
    let server = Arc::new(server);
    for line in std::io::stdin().lock().lines() {
        let Ok(message) = serde_json::from_str::<Value>(&line.unwrap_or_default()) else { continue };
        if server.has("--silent") {
            continue;
        }
        let server = Arc::clone(&server);
        // Each request in a thread of its own, so that slow ones do not hold up others.
        thread::spawn(move || server.handle(&message));
    }
    if server.has("--ignore-eof") {
        loop {
            thread::sleep(Duration::from_secs(3600));
        }
    }
}

fn send(message: &Value) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{message}");
    let _ = out.flush();
}

impl Server {
    fn has(&self, flag: &str) -> bool {
        self.flags.contains(flag)
    }

    fn handle(&self, message: &Value) {
        let method = message["method"].as_str().unwrap_or_default();
        let params = &message["params"];
        let Some(id) = message.get("id") else {
            if method == "notifications/cancelled" {
                self.cancelled.lock().unwrap().push(params["requestId"].clone());
            }
            return;
        };
        if self.has("--junk") {
            println!("debug: got {method}");
        }
        let result = match method {
            "initialize" => Ok(json!({
                "protocolVersion": params["protocolVersion"],
                "capabilities": {"tools": {"listChanged": true}, "prompts": {}, "resources": {"subscribe": true}, "completions": {}},
                "serverInfo": {"name": "awkward", "version": "1"},
                "instructions": "be careful",
            })),
            "ping" => Ok(json!({})),
            "tools/list" => Ok(self.tools(params["cursor"].as_str())),
            "prompts/list" => Ok(json!({"prompts": [{"name": "greet", "arguments": [{"name": "who"}]}]})),
            "prompts/get" => {
                let text = format!("hello {}", params["arguments"]["who"].as_str().unwrap_or("you"));
                Ok(json!({"messages": [{"role": "user", "content": {"type": "text", "text": text}}]}))
            }
            "resources/list" => Ok(json!({"resources": [{"uri": "awkward://one", "name": "one", "vendor": 1.50}]})),
            "resources/templates/list" => {
                Ok(json!({"resourceTemplates": [{"uriTemplate": "awkward://item/{id}", "name": "item"}]}))
            }
            "resources/read" => Ok(json!({"contents": [{"uri": params["uri"], "text": "content"}]})),
            "completion/complete" => Ok(json!({"completion": {"values": [params["ref"]["name"]]}})),
            "resources/subscribe" | "resources/unsubscribe" => Ok(json!({})),
            "tools/call" => self.call(id, params),
            _ => Err(json!({"code": -32601, "message": format!("no method {method}")})),
        };
        match result {
            Ok(result) => send(&json!({"jsonrpc": "2.0", "id": id, "result": result})),
            Err(error) => send(&json!({"jsonrpc": "2.0", "id": id, "error": error})),
        }
        if self.exit_after.is_some_and(|limit| self.requests.fetch_add(1, Ordering::SeqCst) + 1 >= limit) {
            exit(0);
        }
    }

    fn tools(&self, cursor: Option<&str>) -> Value {
        let mut tools: Vec<Value> = TOOLS
            .iter()
            .map(|(name, arguments)| {
                let properties: serde_json::Map<_, _> =
                    arguments.iter().map(|name| ((*name).to_owned(), json!({}))).collect();
                json!({"name": format!("{}{name}", self.prefix), "description": format!("does {name}"),
                       "inputSchema": {"type": "object", "properties": properties}, "x-vendor": 1.0})
            })
            .collect();
        tools.extend(
            self.added.lock().unwrap().iter().map(|name| json!({"name": name, "inputSchema": {"type": "object"}})),
        );
        if !self.has("--pages") {
            return json!({"tools": tools});
        }
        let at: usize = cursor.and_then(|cursor| cursor.parse().ok()).unwrap_or_default();
        let page = json!({"tools": [tools[at].clone()]});
        if at + 1 < tools.len() {
            let mut page = page;
            page["nextCursor"] = (at + 1).to_string().into();
            return page;
        }
        page
    }

    fn call(&self, id: &Value, params: &Value) -> Result<Value, Value> {
        let arguments = &params["arguments"];
        let text = |key: &str| arguments[key].as_str().unwrap_or_default().to_owned();
        let number = |key: &str| arguments[key].as_u64().unwrap_or_default();
        let name = params["name"].as_str().unwrap_or_default();
        let count = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let answer = match name.strip_prefix(&self.prefix).unwrap_or(name) {
            "echo" => text("text"),
            "sleep" => {
                let now = self.sleeping.fetch_add(1, Ordering::SeqCst) + 1;
                self.most_sleeping.fetch_max(now, Ordering::SeqCst);
                thread::sleep(Duration::from_millis(number("ms")));
                self.sleeping.fetch_sub(1, Ordering::SeqCst);
                let most = self.most_sleeping.load(Ordering::SeqCst);
                return Ok(
                    json!({"content": [{"type": "text", "text": "slept"}], "structuredContent": {"most": most}}),
                );
            }
            "crash" => {
                eprintln!("thread 'main' panicked: out of cheese");
                exit(101);
            }
            "exit_after" => {
                thread::spawn(|| {
                    thread::sleep(Duration::from_millis(20));
                    exit(0);
                });
                "goodbye".to_owned()
            }
            "hang" => loop {
                thread::sleep(Duration::from_secs(3600));
            },
            "flood" => {
                for n in 0..number("lines") {
                    println!("noise {n}");
                    eprintln!("noise {n}");
                }
                "done".to_owned()
            }
            "big" => "x".repeat(usize::try_from(number("bytes")).unwrap()),
            "env" => std::env::var(text("name")).unwrap_or_else(|_| "unset".to_owned()),
            "count" => count.to_string(),
            "progress" => {
                for step in 1..=number("steps") {
                    send(&json!({"jsonrpc": "2.0", "method": "notifications/progress", "params":
                        {"progressToken": params["_meta"]["progressToken"], "progress": step, "total": number("steps")}}));
                }
                "done".to_owned()
            }
            "read_file" => outcome(std::fs::read_to_string(text("path"))),
            "write_file" => outcome(std::fs::write(text("path"), "written").map(|()| "written".to_owned())),
            "connect" => outcome(connect(&text("address"))),
            "add_tool" => {
                self.added.lock().unwrap().push(text("name"));
                send(&json!({"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}));
                "added".to_owned()
            }
            "was_cancelled" => format!("{:?}", self.cancelled.lock().unwrap()),
            "fail" => return Ok(json!({"content": [{"type": "text", "text": "it did not work"}], "isError": true})),
            other => return Err(json!({"code": -32602, "message": format!("no tool {other}"), "data": {"id": id}})),
        };
        Ok(json!({"content": [{"type": "text", "text": answer}]}))
    }
}

fn connect(address: &str) -> std::io::Result<String> {
    let address = address.to_socket_addrs()?.next().ok_or_else(|| std::io::Error::other("no address"))?;
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(2))?;
    let mut byte = [0];
    stream.set_read_timeout(Some(Duration::from_millis(100)))?;
    let _ = stream.read(&mut byte);
    Ok("connected".to_owned())
}

fn outcome(result: std::io::Result<String>) -> String {
    result.unwrap_or_else(|error| format!("error: {error}"))
}
