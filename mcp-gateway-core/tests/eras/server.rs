//! Servers in this process that speak either era and do what their tools say.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use mcp_gateway_core::protocol::Era;
use mcp_gateway_core::runtime::MemoryServer;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream, WriteHalf};
use tokio::sync::{Mutex as AsyncMutex, Notify, oneshot};
use tokio_util::sync::CancellationToken;

const META: &str = "io.modelcontextprotocol/";

/// A server of one era.
#[derive(Debug)]
pub(crate) struct Server {
    era: Era,
    /// Everything that came in, in its order.
    pub(crate) heard: Mutex<Vec<Value>>,
    pub(crate) connections: AtomicU64,
    /// Lets `hold` go on.
    pub(crate) gate: Notify,
}

impl Server {
    pub(crate) fn new(era: Era) -> Arc<Self> {
        Arc::new(Self { era, heard: Mutex::default(), connections: AtomicU64::new(0), gate: Notify::new() })
    }

    /// The messages with this method.
    pub(crate) fn heard(&self, method: &str) -> Vec<Value> {
        self.heard.lock().unwrap().iter().filter(|message| message["method"] == method).cloned().collect()
    }
}

/// One connection under way.
struct Link {
    server: ServerHandle,
    write: AsyncMutex<WriteHalf<DuplexStream>>,
    waiting: Mutex<HashMap<u64, oneshot::Sender<Value>>>,
    next: AtomicU64,
    state: Mutex<State>,
    calls: Mutex<HashMap<String, CancellationToken>>,
}

#[derive(Debug, Default)]
struct State {
    capabilities: Value,
    level: Option<String>,
    grown: bool,
    /// Whether its resource is subscribed to, as the session era does.
    watched: bool,
    listening: Option<Value>,
    tasks: HashMap<String, Value>,
}

type ServerHandle = Arc<Server>;

/// Serves as this server; the runtime wants a value that is the server.
#[derive(Debug)]
pub(crate) struct Served(pub(crate) ServerHandle);

#[async_trait]
impl MemoryServer for Served {
    async fn serve(&self, stream: DuplexStream, _env: BTreeMap<String, String>) {
        self.0.connections.fetch_add(1, Ordering::SeqCst);
        let (read, write) = tokio::io::split(stream);
        let link = Arc::new(Link {
            server: Arc::clone(&self.0),
            write: AsyncMutex::new(write),
            waiting: Mutex::default(),
            next: AtomicU64::new(1),
            state: Mutex::default(),
            calls: Mutex::default(),
        });
        // What it was doing ends with its connection.
        let ended = CancellationToken::new();
        let _ended = ended.clone().drop_guard();
        let mut lines = BufReader::new(read).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            let message: Value = serde_json::from_str(&line).unwrap();
            self.0.heard.lock().unwrap().push(message.clone());
            let method = message["method"].as_str().map(str::to_owned);
            match (method, message.get("id").cloned()) {
                (Some(method), Some(id)) => {
                    let token = ended.child_token();
                    link.calls.lock().unwrap().insert(id.to_string(), token.clone());
                    let link = Arc::clone(&link);
                    tokio::spawn(async move {
                        let answer = tokio::select! {
                            answer = link.answer(&id, &method, &message["params"]) => answer,
                            () = token.cancelled() => None,
                        };
                        link.calls.lock().unwrap().remove(&id.to_string());
                        match answer {
                            Some(Ok(result)) => {
                                link.send(&json!({"jsonrpc": "2.0", "id": id, "result": result})).await;
                            }
                            Some(Err(error)) => {
                                link.send(&json!({"jsonrpc": "2.0", "id": id, "error": error})).await;
                            }
                            None => {}
                        }
                    });
                }
                (Some(method), None) if method == "notifications/cancelled" => {
                    if let Some(call) = link.calls.lock().unwrap().get(&message["params"]["requestId"].to_string()) {
                        call.cancel();
                    }
                }
                (Some(_), None) => {}
                (None, _) => {
                    let waiting = link.waiting.lock().unwrap().remove(&message["id"].as_u64().unwrap());
                    if let Some(waiting) = waiting {
                        let _ = waiting.send(message);
                    }
                }
            }
        }
    }
}

type Answer = Option<Result<Value, Value>>;

fn text(text: impl ToString) -> Value {
    json!({"content": [{"type": "text", "text": text.to_string()}]})
}

fn refused(code: i64, message: &str) -> Answer {
    Some(Err(json!({"code": code, "message": message})))
}

impl Link {
    async fn send(&self, message: &Value) {
        let _ = self.write.lock().await.write_all(format!("{message}\n").as_bytes()).await;
    }

    async fn notify(&self, method: &str, params: Value) {
        self.send(&json!({"jsonrpc": "2.0", "method": method, "params": params})).await;
    }

    /// Asks the client as the session era does.
    async fn ask(&self, method: &str, params: Value) -> Value {
        let id = self.next.fetch_add(1, Ordering::SeqCst);
        let (sender, answer) = oneshot::channel();
        self.waiting.lock().unwrap().insert(id, sender);
        self.send(&json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})).await;
        answer.await.unwrap_or_default()
    }

    async fn answer(&self, id: &Value, method: &str, params: &Value) -> Answer {
        let is_stateless = self.server.era == Era::Stateless;
        if is_stateless {
            let meta = &params["_meta"];
            if meta[format!("{META}protocolVersion")] != "2026-07-28" {
                return refused(-32602, "no version");
            }
            let mut state = self.state.lock().unwrap();
            state.capabilities = meta[format!("{META}clientCapabilities")].clone();
            state.level = meta[format!("{META}logLevel")].as_str().map(str::to_owned);
        }
        let capabilities = json!({
            "tools": {"listChanged": true}, "prompts": {}, "resources": {"subscribe": true}, "logging": {},
            "completions": {},
        });
        match (method, is_stateless) {
            ("initialize", false) => {
                self.state.lock().unwrap().capabilities = params["capabilities"].clone();
                let mut capabilities = capabilities;
                capabilities["tasks"] = json!({"requests": {"tools": {"call": {}}}});
                Some(Ok(json!({
                    "protocolVersion": "2025-11-25", "capabilities": capabilities,
                    "serverInfo": {"name": "session", "version": "1"}, "instructions": "I am of the session era.",
                })))
            }
            ("server/discover", true) => {
                let mut capabilities = capabilities;
                capabilities["extensions"] = json!({"io.modelcontextprotocol/tasks": {}});
                Some(Ok(json!({
                    "resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": capabilities,
                    "ttlMs": 0, "cacheScope": "private",
                })))
            }
            ("tools/list", _) => Some(Ok(self.tools())),
            ("prompts/list", _) => Some(Ok(json!({"prompts": [{"name": "greet", "arguments": [{"name": "who"}]}]}))),
            ("prompts/get", _) => Some(Ok(json!({"messages": [], "description": params["arguments"]["who"]}))),
            ("resources/list", _) => Some(Ok(json!({"resources": [{"uri": self.note(), "name": "one"}]}))),
            ("resources/templates/list", _) => Some(Ok(json!({"resourceTemplates": []}))),
            ("resources/read", _) if params["uri"] == self.note() => {
                Some(Ok(json!({"contents": [{"uri": self.note(), "text": "one"}]})))
            }
            ("resources/read", false) => refused(-32002, "no such resource"),
            ("resources/read", true) => refused(-32602, "no such resource"),
            ("resources/subscribe" | "resources/unsubscribe", false) => {
                self.state.lock().unwrap().watched = method == "resources/subscribe";
                Some(Ok(json!({})))
            }
            ("completion/complete", _) => Some(Ok(json!({"completion": {"values": [params["argument"]["value"]]}}))),
            ("logging/setLevel", false) => {
                self.state.lock().unwrap().level = params["level"].as_str().map(str::to_owned);
                Some(Ok(json!({})))
            }
            ("subscriptions/listen", true) => {
                self.state.lock().unwrap().listening = Some(id.clone());
                let tag = json!({format!("{META}subscriptionId"): id});
                let params = json!({"notifications": params["notifications"], "_meta": tag});
                self.notify("notifications/subscriptions/acknowledged", params).await;
                std::future::pending::<Answer>().await
            }
            ("tools/call", _) => self.call(id, params, is_stateless).await,
            ("tasks/get" | "tasks/cancel", _) => self.task(method, params, is_stateless),
            ("tasks/result", false) => Some(Ok(text("the task's result"))),
            _ => refused(-32601, "no such method"),
        }
    }

    /// Its one resource.
    fn note(&self) -> &'static str {
        if self.server.era == Era::Stateless { "note://new" } else { "note://old" }
    }

    fn tools(&self) -> Value {
        let state = self.state.lock().unwrap();
        let mut names = vec![
            "echo",
            "elicit",
            "sample",
            "roots",
            "log",
            "progress",
            "hold",
            "touch",
            "grow",
            "fail",
            "capabilities",
            "visit",
        ];
        if state.capabilities["roots"].is_object() {
            names.push("only-with-roots");
        }
        if state.grown {
            names.push("grown");
        }
        let mut tools: Vec<Value> = names
            .iter()
            .map(|name| json!({"name": name, "inputSchema": {"type": "object"}, "x-vendor": 1.0}))
            .collect();
        let support =
            json!({"name": "long", "inputSchema": {"type": "object"}, "execution": {"taskSupport": "required"}});
        tools.push(support);
        json!({"tools": tools})
    }

    async fn call(&self, id: &Value, params: &Value, is_stateless: bool) -> Answer {
        let arguments = &params["arguments"];
        let question = |method: &str, asked: Value| (method.to_owned(), asked);
        let form = json!({"type": "object", "properties": {"name": {"type": "string"}}});
        match params["name"].as_str().unwrap() {
            "echo" => {
                let mut result = text(arguments);
                result["_meta"] = json!({"vendor/seen": params["_meta"]["vendor/key"]});
                Some(Ok(result))
            }
            "elicit" => {
                let asked =
                    question("elicitation/create", json!({"message": arguments["message"], "requestedSchema": form}));
                self.need(params, vec![asked], is_stateless).await
            }
            "sample" => {
                let asked = question("sampling/createMessage", json!({"messages": [], "maxTokens": 10}));
                self.need(params, vec![asked], is_stateless).await
            }
            "roots" => self.need(params, vec![question("roots/list", json!({}))], is_stateless).await,
            "visit" => {
                let data = json!({"elicitations": [{
                    "mode": "url", "elicitationId": "e1", "url": "https://example.com/consent", "message": "please",
                }]});
                if self.server.heard("tools/call").len() > 1 {
                    return Some(Ok(text("visited")));
                }
                Some(Err(json!({"code": -32042, "message": "visit first", "data": data})))
            }
            "log" => {
                let level = self.state.lock().unwrap().level.clone();
                for (name, data) in [("debug", "fine"), ("error", "bad")] {
                    if level.is_some() {
                        self.notify("notifications/message", json!({"level": name, "data": data})).await;
                    }
                }
                Some(Ok(text(level.unwrap_or_default())))
            }
            "progress" => {
                let amount = arguments["amount"].as_u64().unwrap_or(3);
                for progress in 1..=amount {
                    let token = &params["_meta"]["progressToken"];
                    let told = json!({"progressToken": token, "progress": progress, "total": amount});
                    self.notify("notifications/progress", told).await;
                }
                Some(Ok(text("done")))
            }
            "hold" => {
                self.server.gate.notified().await;
                Some(Ok(text("held")))
            }
            "touch" => {
                let mut told = json!({"uri": self.note()});
                if let Some(listening) = &self.state.lock().unwrap().listening {
                    told["_meta"] = json!({format!("{META}subscriptionId"): listening});
                }
                if is_stateless || self.state.lock().unwrap().watched {
                    self.notify("notifications/resources/updated", told).await;
                }
                Some(Ok(text("touched")))
            }
            "grow" => {
                self.state.lock().unwrap().grown = true;
                let mut told = json!({});
                if let Some(listening) = &self.state.lock().unwrap().listening {
                    told["_meta"] = json!({format!("{META}subscriptionId"): listening});
                }
                self.notify("notifications/tools/list_changed", told).await;
                Some(Ok(text("grown")))
            }
            "fail" => Some(Err(json!({"code": -31234, "message": "own words", "data": {"n": 1}}))),
            "capabilities" => Some(Ok(text(self.state.lock().unwrap().capabilities.clone()))),
            "long" => self.long(params, is_stateless, id),
            _ => refused(-32602, "no such tool"),
        }
    }

    /// Finds out what a tool needs to know, in the way of the era, and shows it.
    async fn need(&self, params: &Value, questions: Vec<(String, Value)>, is_stateless: bool) -> Answer {
        if !is_stateless {
            let mut answers = Vec::new();
            for (method, asked) in questions {
                let answer = self.ask(&method, asked).await;
                answers.push(answer.get("result").or(answer.get("error")).cloned().unwrap_or_default());
            }
            return Some(Ok(text(json!(answers))));
        }
        let given = &params["inputResponses"];
        let keys: Vec<String> = (0..questions.len()).map(|n| format!("q{n}")).collect();
        if params["requestState"] == "s1" && keys.iter().all(|key| given.get(key).is_some()) {
            return Some(Ok(text(json!(keys.iter().map(|key| given[key].clone()).collect::<Vec<_>>()))));
        }
        let asked: serde_json::Map<String, Value> = keys
            .into_iter()
            .zip(questions)
            .map(|(key, (method, params))| (key, json!({"method": method, "params": params})))
            .collect();
        Some(Ok(json!({"resultType": "input_required", "inputRequests": asked, "requestState": "s1"})))
    }

    fn long(&self, params: &Value, is_stateless: bool, id: &Value) -> Answer {
        let mut task = json!({
            "taskId": format!("task-{id}"), "status": "working", "createdAt": "2026-01-01T00:00:00Z",
            "lastUpdatedAt": "2026-01-01T00:00:00Z",
        });
        let mut state = self.state.lock().unwrap();
        if is_stateless {
            if state.capabilities["extensions"]["io.modelcontextprotocol/tasks"].is_null() {
                let needed = json!({"extensions": {"io.modelcontextprotocol/tasks": {}}});
                return Some(Err(
                    json!({"code": -32021, "message": "tasks", "data": {"requiredCapabilities": needed}}),
                ));
            }
            task["ttlMs"] = Value::Null;
        } else if params["task"].is_object() {
            task["ttl"] = params["task"]["ttl"].clone();
        } else {
            return refused(-32601, "needs a task");
        }
        state.tasks.insert(task["taskId"].as_str().unwrap().to_owned(), task.clone());
        drop(state);
        if is_stateless {
            task["resultType"] = "task".into();
            return Some(Ok(task));
        }
        Some(Ok(json!({"task": task})))
    }

    fn task(&self, method: &str, params: &Value, is_stateless: bool) -> Answer {
        let mut state = self.state.lock().unwrap();
        let Some(task) = params["taskId"].as_str().and_then(|id| state.tasks.get_mut(id)) else {
            return refused(-32602, "no such task");
        };
        // It is done by the time somebody looks.
        task["status"] = if method == "tasks/cancel" { "cancelled" } else { "completed" }.into();
        let mut shown = task.clone();
        if is_stateless {
            shown["resultType"] = "complete".into();
            shown["result"] = text("the task's result");
        }
        Some(Ok(shown))
    }
}
