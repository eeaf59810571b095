//! A value is planted in every store; its server says it in every way that it knows; nothing of it comes out.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mcp_gateway_core::ErrorKind;
use mcp_gateway_core::audit::{AuditQuery, AuditStore as _, MemoryAudit};
use mcp_gateway_core::gateway::GatewayHost;
use mcp_gateway_core::model::{ProcessEntry, ProcessPackage, SecretEntry, SecretValue, ServerEntry};
use mcp_gateway_core::secrets::SecretKey;
use serde_json::{Value, json};

use crate::support::binary::Place;
use crate::support::http::Served;
use crate::support::stdio::StdioClient;
use crate::support::{Bench, server_name, servers};

const PYTHON: &str = "/usr/bin/python3";

/// With signs that JSON, URLs and shells write in other ways.
const CANARY: &str = "Can4ry/7\"q+ö=Zw9&kLm2";
/// As it is without the signs that `.env` files and command lines would need quotes for.
const PLAIN: &str = "Can4ry-7q0Zw9kLm2Xv8Rt5";

fn script() -> PathBuf {
    servers("canary.py")
}

fn has_python() -> bool {
    let there = Path::new(PYTHON).exists();
    if !there {
        eprintln!("skipped: {PYTHON} is not there");
    }
    there
}

/// What would be a leak, in any of the forms that the server writes.
fn leaks(value: &str) -> Vec<String> {
    let escaped = serde_json::to_string(value).unwrap();
    let mut forms = vec![value.to_owned(), escaped.trim_matches('"').to_owned(), hex::encode(value)];
    forms.push(hex::encode_upper(value));
    forms.push(value.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect());
    forms.push(value.bytes().map(|byte| format!("%{byte:02X}")).collect());
    forms.push(url(value));
    for before in ["", "u", "us"] {
        // What stands at the ends depends on the neighbours; the middle is enough.
        let digits = STANDARD.encode(format!("{before}{value}"));
        forms.push(digits[4..digits.len() - 4].to_owned());
    }
    forms
}

fn url(value: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~".contains(&b);
    value.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}

fn assert_clean(value: &str, what: &str, said: &str) {
    let plain = said.replace("\\/", "/").replace("\\\"", "\"").replace("\\\\", "\\");
    // However the rest of it is written. Its beginning may be told in a log before it is known what it is.
    let end = &value[value.len() - 6..];
    assert!(!said.contains(end), "{what} holds the end of the value:\n{said}");
    for leak in leaks(value) {
        assert!(!said.contains(&leak) && !plain.contains(&leak), "{what} holds {leak}:\n{said}");
    }
}

#[tokio::test]
async fn nothing_comes_out_of_the_binary_whatever_store_holds_the_value() {
    if !has_python() {
        return;
    }
    for (store, delivery) in [("age", "env"), ("file", "file"), ("env", "file"), ("command", "env")] {
        let place = Place::new();
        place.write(
            "catalog.yaml",
            &format!(
                "version: 3\nname: t\nregistry:\n  canary:\n    type: server\n    process:\n      command: {PYTHON}\n      \
                 args: [{script}]\n      read: [{script}]\n    secrets:\n      - {{name: canary.token, env: CANARY_TOKEN, delivery: {delivery}}}\n",
                script = script().display()
            ),
        );
        place.write(
            "profile.yaml",
            "name: p\nservers: {canary: {}}\npolicy: {default: allow}\naudit: {arguments: true}\nredaction: {arguments: warn}\n",
        );
        let mut said = String::new();
        keep(&mut said, &place.run("catalog add t catalog.yaml").await);
        keep(&mut said, &place.run("profile import profile.yaml").await);
        let spec = match store {
            "file" => {
                place.write("kept.env", &format!("CANARY_TOKEN={PLAIN}\n"));
                Some("file:kept.env")
            }
            "env" => Some("env:CANARY_TOKEN"),
            "command" => {
                let answer = format!("print('{PLAIN}') if sys.argv[1] == 'CANARY_TOKEN' else sys.exit(1)");
                place.write("tell.py", &format!("import sys\n{answer}\n"));
                Some("command:/usr/bin/python3 tell.py {key}")
            }
            _ => None,
        };
        let with_stores = |line: &str| {
            let mut command = place.command(line);
            command.args(spec.iter().flat_map(|spec| ["--secrets", spec]));
            if store == "env" {
                command.env("CANARY_TOKEN", PLAIN);
            }
            command
        };
        if store == "age" {
            let mut command = place.command("secret set CANARY_TOKEN --expires 90d");
            command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
            let mut child = command.stderr(std::process::Stdio::piped()).spawn().unwrap();
            tokio::io::AsyncWriteExt::write_all(&mut child.stdin.take().unwrap(), PLAIN.as_bytes()).await.unwrap();
            keep(&mut said, &child.wait_with_output().await.unwrap());
        }
        let mut client = StdioClient::start(with_stores("gateway run --profile p --debug --events events.jsonl")).await;
        client.ask("logging/setLevel", json!({"level": "debug"})).await;
        client.ask("tools/list", json!({})).await;
        client.ask("resources/read", json!({"uri": "canary://all"})).await;
        client.ask("prompts/get", json!({"name": "canary.all"})).await;
        let heard = client.call("canary.heard", json!({"text": PLAIN})).await;
        assert_eq!(heard["result"]["content"][0]["text"], format!("heard {}", PLAIN.len()), "{store}: {heard}");
        for tool in ["say", "split", "mixed", "fail", "error", "tell", "crash", "say"] {
            client.ask("tools/call", json!({"name": format!("canary.{tool}"), "_meta": {"progressToken": 1}})).await;
        }
        let spoken = client.heard.join("\n");
        assert!(spoken.contains("***") && spoken.contains("notifications/progress"), "{store}: {spoken}");
        said.push_str(&spoken);
        said.push_str(&client.finish().await.1);
        for line in [
            "secret ls --format json",
            "profile secret ls --profile p --format json",
            "server inspect canary --profile p --format json",
            "tools ls --profile p --format json",
            "tools call canary.say --profile p",
            "audit query --profile p",
        ] {
            let output =
                if line.contains("audit") { place.run(line).await } else { with_stores(line).output().await.unwrap() };
            keep(&mut said, &output);
        }
        let how = format!(r#"delivery":"{delivery}"#);
        assert!(said.replace(' ', "").contains(&how), "{store}: how it was given is recorded:\n{said}");
        assert!(said.contains("secret/use"), "{store}: who was given what is recorded:\n{said}");
        assert_clean(PLAIN, store, &said);
        for file in files(&place.path("home")).into_iter().chain([place.path("events.jsonl")]) {
            let bytes = std::fs::read(&file).unwrap_or_default();
            assert_clean(PLAIN, &format!("{store}: {}", file.display()), &String::from_utf8_lossy(&bytes));
        }
    }
}

fn keep(said: &mut String, output: &std::process::Output) {
    said.push_str(&String::from_utf8_lossy(&output.stdout));
    said.push_str(&String::from_utf8_lossy(&output.stderr));
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn canary() -> ServerEntry {
    let mut process = ProcessEntry::new(ProcessPackage::Command(PYTHON.to_owned()));
    process.args = vec![script().display().to_string()];
    process.read.clone_from(&process.args);
    let mut entry = ServerEntry::process(server_name("canary"), process);
    let mut secret = SecretEntry::default();
    secret.name = "canary.token".to_owned();
    secret.env = "CANARY_TOKEN".to_owned();
    entry.secrets = vec![secret];
    entry
}

#[tokio::test]
async fn nothing_comes_out_over_http_nor_into_the_records() {
    if !has_python() {
        return;
    }
    let audit = Arc::new(MemoryAudit::new());
    let mut bench = Bench::new().with_entry(canary(), |_| {}).with("other", &[]);
    bench.secrets = bench.secrets.with_secret(SecretKey::new("canary.token").unwrap(), SecretValue::new(CANARY));
    bench.spec.audit.arguments = true;
    bench.audit = Some(Arc::clone(&audit) as _);
    let running = bench.build().await;
    let host: Arc<GatewayHost> = Arc::new(GatewayHost::new(Arc::new(running.gateway.clone())));
    let served = Served::start(host, |_| {}).await;
    let client = served.client().await;
    let mut said = vec![client.ask("tools/list", json!({})).await, client.ask("resources/list", json!({})).await];
    for tool in ["say", "split", "mixed", "fail", "error", "tell", "crash"] {
        said.push(client.call(&format!("canary.{tool}"), json!({})).await);
    }
    let texts = said[3]["result"]["content"].as_array().unwrap().iter().map(|item| item["text"].as_str().unwrap());
    assert_eq!(texts.collect::<String>(), "before ********* after");
    // Neither the server that has it is sent it by a client, nor another one.
    for tool in ["canary.heard", "other.echo"] {
        for value in [CANARY.to_owned(), STANDARD.encode(CANARY)] {
            let refused = client.call(tool, json!({"text": value})).await;
            assert!(refused.to_string().contains("what looks like a secret"), "{refused}");
            said.push(refused);
        }
    }
    for (method, params) in [
        ("resources/read", json!({"uri": format!("canary://{CANARY}")})),
        ("resources/read", json!({"uri": "canary://all", "other": CANARY})),
        ("tools/call", json!({"name": "canary.heard", "arguments": {CANARY: 1}})),
    ] {
        // An error repeats the name that the client gave: its own words, which are not for the records.
        client.ask(method, params).await;
    }
    said.push(running.unavailable(&running.session().await.0).await);
    let said: String = said.iter().map(Value::to_string).collect();
    assert!(said.contains("exit status 7"), "the end of the server is told:\n{said}");
    assert_clean(CANARY, "HTTP", &said);
    let records = audit.query(&AuditQuery::all()).await.unwrap();
    let blocked = records.iter().find(|record| record.event.name.as_deref() == Some("echo")).unwrap();
    assert_eq!(blocked.event.detail, Some(json!({"redaction": {"arguments": ["secret"]}})));
    let used = records.iter().find(|record| record.event.action == "secret/use").unwrap();
    assert_eq!(
        (used.event.name.as_deref(), used.event.server.as_ref()),
        (Some("canary.token"), Some(&server_name("canary")))
    );
    assert_clean(CANARY, "audit", &serde_json::to_string(&records).unwrap());
    assert_clean(CANARY, "metrics", &running.gateway.metrics().render());
    assert_clean(CANARY, "the state of its server", &format!("{:?}", running.status("canary").await));
    served.stop().await;
    running.end().await;
}

#[tokio::test]
async fn a_providers_token_is_cut_out_withheld_or_refused_as_the_profile_says() {
    let token = "ghp_aB3cD4eF5gH6iJ7kL8mN9oP0qRsTuVwXyZ12";
    let mut bench = Bench::new().with("one", &[]).with("two", &[]).with("three", &[]);
    bench.spec = serde_json::from_value(json!({
        "name": "p",
        "policy": {"default": "allow"},
        "servers": {
            "one": {"redaction": {"arguments": "warn"}},
            "two": {"redaction": {"arguments": "off", "results": "block"}},
            "three": {},
        },
    }))
    .unwrap();
    let audit = Arc::new(MemoryAudit::new());
    bench.audit = Some(Arc::clone(&audit) as _);
    let running = bench.build().await;
    let (ctx, ..) = running.session().await;
    let said = json!({"text": format!("it is {token}")});
    assert_eq!(running.call(&ctx, "one.echo", said.clone()).await.unwrap(), "it is ***");
    for server in ["two", "three"] {
        let error = running.error(&ctx, &format!("{server}.echo"), said.clone()).await;
        assert_eq!(error.kind(), ErrorKind::Denied);
        assert!(error.message().contains("github") && !error.report().contains(token), "{}", error.report());
    }
    let records = audit.query(&AuditQuery::all()).await.unwrap();
    let details =
        records.iter().filter(|record| record.event.action == "tools/call").map(|record| &record.event.detail);
    let expected = [
        json!({"arguments": ["github"], "results": ["github"]}),
        json!({"results": ["github"]}),
        json!({"arguments": ["github"]}),
    ];
    assert!(details.eq(&expected.map(|found| Some(json!({"redaction": found})))));
    assert!(!serde_json::to_string(&records).unwrap().contains(token));
    running.end().await;
}
