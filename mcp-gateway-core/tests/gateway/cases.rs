//! The cases that run in every language; see tests/cases.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use mcp_gateway_core::catalog::SearchQuery;
use mcp_gateway_core::gateway::home::{OpenOptions, OpenParts, open};
use mcp_gateway_core::gateway::{CallOptions, Gateway as _, McpGateway, Session};
use mcp_gateway_core::model::{HostObject, Principal, SecretValue};
use mcp_gateway_core::protocol::{ListKind, RawJson, RawObject};
use mcp_gateway_core::{Error, ErrorKind, Result};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::support::{folder, server_name, until};

/// An object of the host in any role, whose every method behaves in one way.
#[derive(Debug)]
struct Host(String);

#[async_trait]
impl HostObject for Host {
    fn name(&self) -> &str {
        "Host"
    }

    fn has(&self, method: &str) -> bool {
        ["decide", "approve", "get", "elicit", "sample", "roots"].contains(&method)
    }

    async fn call(&self, method: &'static str, arguments: SecretValue) -> Result<SecretValue> {
        let answer = match self.0.as_str() {
            "fill" => filled(method, &serde_json::from_str(arguments.expose()).unwrap()),
            effect @ ("allow" | "deny") => json!(effect),
            said @ ("grant" | "refuse") => json!(said == "grant"),
            "token" => json!("token-of-the-host-4711"),
            "nonsense" => json!({"maybe": [1, 2]}),
            "hang" => std::future::pending().await,
            _ => return Err(Error::new(ErrorKind::Internal, "the host does not want to")),
        };
        Ok(SecretValue::new(answer.to_string()))
    }
}

/// What a client answers, by the arguments of its method.
fn filled(method: &str, arguments: &Value) -> Value {
    match method {
        "elicit" if arguments[1]["mode"] == "url" => json!(true),
        "elicit" => json!({"action": "accept", "content": {"name": arguments[0]["server"]}}),
        "sample" => json!("Once upon a time."),
        _ => json!([{"uri": "file:///work", "name": "work"}, "file:///play"]),
    }
}

struct Run {
    gateway: McpGateway,
    session: Session,
    seen: Arc<Mutex<Vec<Value>>>,
    /// Gone with the run.
    _home: TempDir,
}

#[tokio::test]
async fn every_case() {
    let folder_of_cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    if !Path::new("/usr/bin/python3").exists() {
        eprintln!("skipped: the server of the cases needs /usr/bin/python3");
        return;
    }
    let text = std::fs::read_to_string(folder_of_cases.join("cases.json")).unwrap();
    let cases: Vec<Value> = serde_json::from_str(&text).unwrap();
    for case in &cases {
        eprintln!("case: {}", case["name"]);
        let run = Run::start(case, folder_of_cases.join("server.py")).await;
        for step in case["steps"].as_array().unwrap() {
            let carried_out = tokio::time::timeout(Duration::from_secs(60), run.carry_out(step)).await;
            assert!(carried_out.is_ok(), "{}: this does not end: {step}", case["name"]);
        }
        run.gateway.shutdown().await;
    }
}

impl Run {
    async fn start(case: &Value, server: PathBuf) -> Self {
        let home = folder();
        let entry = |title: &str, description: &str| {
            json!({
                "title": title,
                "description": description,
                "type": "server",
                "process": {"command": "/usr/bin/python3", "args": [server], "read": [server]},
            })
        };
        let mut cases = entry("Cases", "A little of each feature");
        cases["secrets"] = json!([{"name": "cases.token", "env": "CASES_TOKEN", "required": false}]);
        // Where a case says nothing, it is about something else.
        let mut policy = json!({"default": "allow"});
        policy.as_object_mut().unwrap().extend(case["policy"].as_object().cloned().unwrap_or_default());
        let mut options = json!({
            "home": home.path(),
            "profile": {
                "name": "cases",
                "servers": {"cases": {}},
                "policy": policy,
                "approval": case.get("approval").unwrap_or(&json!({})),
                "quotas": case.get("quotas").unwrap_or(&json!([])),
                "surfaces": case.get("surfaces").unwrap_or(&json!({})),
                "redaction": case.get("redaction").unwrap_or(&json!({})),
            },
            "catalogs": [{"registry": {"cases": cases, "twin": entry("Twin", "The same again")}}],
            "audit": "memory",
        });
        for (name, value) in case["options"].as_object().into_iter().flatten() {
            let mut words = name.split('_').map(str::to_owned);
            let first = words.next().unwrap();
            let rest = words.map(|word| word[..1].to_uppercase() + &word[1..]);
            options[first + &rest.collect::<String>()] = value.clone();
        }
        let options: OpenOptions = serde_json::from_value(options).unwrap();
        let mut parts = OpenParts::default();
        for (part, behaviour) in case["hosts"].as_object().into_iter().flatten() {
            let host = Arc::new(Host(behaviour.as_str().unwrap().to_owned()));
            assert!(parts.set_host(part, host, &options).unwrap());
        }
        let gateway = open(options, parts).await.unwrap().gateway;
        let seen: Arc<Mutex<Vec<Value>>> = Arc::default();
        let (mut events, heard) = (gateway.events(), Arc::clone(&seen));
        tokio::spawn(async move {
            while let Some(event) = events.next().await {
                heard.lock().unwrap().push(serde_json::to_value(&*event).unwrap());
            }
        });
        let session = gateway.session(Principal::local()).await.unwrap();
        Self { gateway, session, seen, _home: home }
    }

    async fn carry_out(&self, step: &Value) {
        let kind = ["call", "cancel", "until", "progress", "tools", "prompt", "resource", "complete", "subscribe"]
            .into_iter()
            .chain(["event", "unheard", "log_level", "roots_changed"])
            .chain(["add", "remove", "servers", "stats", "find", "audit", "present"])
            .find(|kind| step.get(kind).is_some())
            .unwrap_or_else(|| panic!("no such step: {step}"));
        let what = step[kind].as_str().unwrap_or_default();
        match kind {
            "call" => {
                let timeout = step["timeout"].as_f64().map(Duration::from_secs_f64);
                let options = timeout.map_or_else(CallOptions::new, |timeout| CallOptions::new().with_timeout(timeout));
                check(step, self.call(what, step, options).await);
            }
            "cancel" => {
                let token = CancellationToken::new();
                let options = CallOptions::new().with_cancellation(token.clone());
                let (called, ()) = tokio::join!(self.call(what, step, options), async {
                    until("the call runs", async || self.saw(|event| event["params"]["data"] == "asleep")).await;
                    token.cancel();
                });
                check(step, called);
            }
            "until" => {
                let holds = async || {
                    self.call(what, step, CallOptions::new()).await.is_ok_and(|got| text(&got) == step["text"])
                };
                until(what, holds).await;
            }
            "progress" => {
                let heard: Arc<Mutex<Vec<Value>>> = Arc::default();
                let listener = Arc::clone(&heard);
                let tell = move |params: RawJson| {
                    listener.lock().unwrap().push(params.read::<Value>().unwrap()["progress"].clone());
                };
                self.call(what, step, CallOptions::new().with_progress(Arc::new(tell))).await.unwrap();
                until("all progress is heard", async || json!(*heard.lock().unwrap()) == step["steps"]).await;
            }
            "tools" => {
                until("the tools are listed", async || {
                    let listed = self.session.list(ListKind::Tools, &CallOptions::new()).await.unwrap();
                    let has = |name: &Value| listed.iter().any(|tool| *name == tool.key);
                    let all = |key: &str| step[key].as_array().cloned().unwrap_or_default();
                    all("includes").iter().all(has) && !all("excludes").iter().any(has)
                })
                .await;
            }
            "prompt" => {
                let params = json!({"name": what, "arguments": step["arguments"]});
                let prompt = self.request("prompts/get", &params).await.unwrap();
                assert_eq!(prompt["messages"][0]["content"]["text"], step["text"]);
            }
            "resource" => {
                let read = self.request("resources/read", &json!({"uri": what})).await;
                check(
                    step,
                    read.map(|read| json!({"content": [{"type": "text", "text": read["contents"][0]["text"]}]})),
                );
            }
            "complete" => {
                let argument = json!({"name": step["argument"], "value": step["value"]});
                let params = json!({"ref": {"type": "ref/prompt", "name": what}, "argument": argument});
                let completed = self.request("completion/complete", &params).await.unwrap();
                assert_eq!(completed["completion"]["values"], json!([step["text"]]));
            }
            "subscribe" => drop(self.request("resources/subscribe", &json!({"uri": what})).await.unwrap()),
            "event" => {
                let wanted = |event: &Value| {
                    event["type"] == what
                        && step.get("server").is_none_or(|server| event["server"] == *server)
                        && step.get("data").is_none_or(|data| event["params"]["data"] == *data)
                };
                until(what, async || self.saw(wanted)).await;
            }
            "unheard" => assert!(!self.saw(|event| event["params"]["data"] == what)),
            "log_level" => drop(self.request("logging/setLevel", &json!({"level": what})).await.unwrap()),
            "roots_changed" => self.session.roots_changed().await,
            "add" => check(step, self.command(json!({"command": "add_server", "server": what})).await),
            "remove" => {
                let removed = self.gateway.remove_server(&server_name(what)).await;
                check(step, removed.map(|()| Value::Null));
            }
            "servers" => {
                let names: Vec<String> =
                    self.gateway.servers().await.iter().map(|server| server.name.to_string()).collect();
                assert_eq!(json!(names), step["names"]);
            }
            "stats" => {
                let stats = self.gateway.stats().await.unwrap();
                let running = stats.iter().find(|running| running.owner.server.as_str() == what).unwrap();
                assert_eq!(running.last_principal.as_deref(), step["by"].as_str());
                assert!(running.cpu_percent.is_some() && running.memory_bytes.is_some() && running.last_used.is_some());
            }
            "find" => {
                let found = self.gateway.find(&SearchQuery::new(what)).await.unwrap();
                assert_eq!(
                    json!(found.matches.iter().map(|found| found.entry.name.as_str()).collect::<Vec<_>>()),
                    step["names"]
                );
            }
            "audit" => {
                until("the records are there", async || {
                    let query = json!({"command": "audit", "query": {"name": what}});
                    let records = self.command(query).await.unwrap();
                    let event =
                        |record: &Value| serde_json::from_str::<Value>(record["text"].as_str().unwrap()).unwrap();
                    let outcomes: Vec<Value> =
                        records.as_array().unwrap().iter().map(|record| event(record)["outcome"].clone()).collect();
                    json!(outcomes) == step["outcomes"]
                })
                .await;
            }
            _ => {
                let set = self.session.present_tools(what.parse().unwrap()).await.unwrap();
                assert_eq!(set.api_name_of("notes.read/first line"), step["name"].as_str());
            }
        }
    }

    fn saw(&self, wanted: impl Fn(&Value) -> bool) -> bool {
        self.seen.lock().unwrap().iter().any(wanted)
    }

    async fn command(&self, command: Value) -> Result<Value> {
        self.gateway.command(&command.to_string()).await?.read()
    }

    async fn request(&self, method: &str, params: &Value) -> Result<Value> {
        let params: RawObject = RawJson::from_value(params)?.object()?;
        self.session.request(method, params, CallOptions::new()).await?.read()
    }

    async fn call(&self, tool: &str, step: &Value, options: CallOptions) -> Result<Value> {
        let params = RawJson::from_value(&json!({"name": tool, "arguments": step["arguments"]}))?.object()?;
        self.session.request("tools/call", params, options).await?.read()
    }
}

fn text(result: &Value) -> String {
    let texts = result["content"].as_array().into_iter().flatten().filter_map(|block| block["text"].as_str());
    texts.collect::<Vec<_>>().join("\n")
}

fn check(step: &Value, result: Result<Value>) {
    let kind = result.as_ref().err().map(|error| error.kind().as_str());
    assert_eq!(kind, step["error"].as_str(), "{step}: {result:?}");
    let Ok(result) = result else { return };
    if result.is_null() {
        return;
    }
    assert_eq!(result["isError"] == true, step["is_error"] == true, "{step}: {result}");
    let text = text(&result);
    assert!(step["text"].as_str().is_none_or(|expected| text == expected), "{step}: {result}");
    assert!(step["length"].as_u64().is_none_or(|length| text.len() as u64 == length), "{step}");
    assert!(step.get("structured").is_none_or(|shape| result["structuredContent"] == *shape), "{step}: {result}");
    assert!(step["excludes_text"].as_str().is_none_or(|secret| !result.to_string().contains(secret)), "{step}");
}
