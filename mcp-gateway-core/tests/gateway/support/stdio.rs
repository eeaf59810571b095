//! A client on the standard input and output of the binary.

use std::process::{ExitStatus, Stdio};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::task::JoinHandle;

use super::LIMIT;

pub(crate) struct StdioClient {
    pub(crate) child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    errors: JoinHandle<String>,
    next: u64,
    /// Every line that it was sent.
    pub(crate) heard: Vec<String>,
}

impl StdioClient {
    /// Runs a gateway and greets it.
    pub(crate) async fn start(command: Command) -> Self {
        Self::start_as(command, "2025-06-18", json!({})).await
    }

    /// As a client of a version that can do something.
    pub(crate) async fn start_as(mut command: Command, version: &str, capabilities: Value) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut stderr = child.stderr.take().unwrap();
        let errors = tokio::spawn(async move {
            let mut bytes = Vec::new();
            let _ = stderr.read_to_end(&mut bytes).await;
            String::from_utf8_lossy(&bytes).into_owned()
        });
        let mut client = Self { child, lines, errors, next: 0, heard: Vec::new() };
        let hello = json!({
            "protocolVersion": version,
            "capabilities": capabilities,
            "clientInfo": {"name": "t", "version": "0"},
        });
        assert_eq!(client.ask("initialize", hello).await["result"]["protocolVersion"], version);
        client.write(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"})).await;
        client
    }

    pub(crate) async fn ask(&mut self, method: &str, params: Value) -> Value {
        let id = self.send(method, params).await;
        self.answer(id).await
    }

    /// Waits for the answer to a request.
    pub(crate) async fn answer(&mut self, id: u64) -> Value {
        self.wait(|message| message["id"] == id && message.get("method").is_none()).await
    }

    /// Waits for a message, and forgets those before it.
    pub(crate) async fn wait(&mut self, is_it: impl Fn(&Value) -> bool + Send + Sync) -> Value {
        let waiting = async {
            loop {
                let line = self.lines.next_line().await.unwrap().expect("the gateway goes on");
                let message: Value = serde_json::from_str(&line).expect("nothing but the protocol on standard output");
                self.heard.push(line);
                if is_it(&message) {
                    return message;
                }
            }
        };
        tokio::time::timeout(LIMIT, waiting).await.expect("the gateway answers")
    }

    /// Sends a request whose answer nobody waits for.
    pub(crate) async fn send(&mut self, method: &str, params: Value) -> u64 {
        self.next += 1;
        self.write(&json!({"jsonrpc": "2.0", "id": self.next, "method": method, "params": params})).await;
        self.next
    }

    pub(crate) async fn call(&mut self, tool: &str, arguments: Value) -> Value {
        self.ask("tools/call", json!({"name": tool, "arguments": arguments})).await
    }

    /// Calls `echo` of a server and checks its answer.
    pub(crate) async fn echoes(&mut self, server: &str) {
        let answer = self.call(&format!("{server}.echo"), json!({"text": "hello"})).await;
        assert_eq!(answer["result"]["content"][0]["text"], "hello", "{answer}");
    }

    /// Closes the gateway's input; gives how it ended and what it said.
    pub(crate) async fn finish(mut self) -> (ExitStatus, String) {
        drop(self.child.stdin.take());
        self.ended().await
    }

    /// Kills the gateway as the kernel does when memory runs out.
    pub(crate) async fn kill(mut self) {
        self.child.start_kill().unwrap();
        self.ended().await;
    }

    /// Tells the gateway to end, as a service manager does; gives how it ended and what it said.
    pub(crate) async fn terminate(self) -> (ExitStatus, String) {
        let id = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").arg(id).status().await.unwrap().success());
        self.ended().await
    }

    async fn ended(mut self) -> (ExitStatus, String) {
        let status = tokio::time::timeout(LIMIT, self.child.wait()).await.expect("the gateway ends").unwrap();
        // Only what nobody holds open any more can be read to its end.
        let said = tokio::time::timeout(LIMIT, &mut self.errors).await.expect("its errors end").unwrap();
        (status, said)
    }

    pub(crate) async fn write(&mut self, message: &Value) {
        let input = self.child.stdin.as_mut().unwrap();
        input.write_all(format!("{message}\n").as_bytes()).await.unwrap();
        input.flush().await.unwrap();
    }
}
