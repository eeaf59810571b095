//! Secrets that their servers never have: put into the headers of real programs' requests, on the way to a host.

use std::process::Stdio;

use serde_json::json;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::support::binary::Place;
use crate::support::docker::Engine;
use crate::support::servers;
use crate::support::stdio::StdioClient;

const PYTHON: &str = "/usr/bin/python3";
const BASE: &str = "mcp-gateway-test/base:1";
const VALUE: &str = "hunter2-correct-horse";
/// Of this machine, and not an address that programs never ask a proxy for.
const ADDRESS: &str = "127.0.0.2";

/// A host of the web whose certificate the gateways of a place trust.
struct Web {
    _child: Child,
    port: String,
}

impl Web {
    /// `None`, with a word, where a program for it is missing.
    async fn start(place: &Place) -> Option<Self> {
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem"])
            .args(["-subj", "/CN=web", "-days", "2", "-addext", &format!("subjectAltName=IP:{ADDRESS}")])
            .args(["-addext", "basicConstraints=critical,CA:FALSE"])
            .current_dir(place.path(""))
            .output()
            .await;
        if !std::path::Path::new(PYTHON).exists() || !made.is_ok_and(|made| made.status.success()) {
            eprintln!("skipped: {PYTHON} or openssl is not there");
            return None;
        }
        let mut child = Command::new(PYTHON)
            .arg(servers("https.py"))
            .args([ADDRESS, "cert.pem", "key.pem", "said.txt"])
            .current_dir(place.path(""))
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut port = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut port).await.unwrap();
        Some(Self { _child: child, port: port.trim().to_owned() })
    }
}

/// Has a server ask the host, and holds what each side knows against what it should.
async fn show(place: &Place, web: &Web, how: &str) {
    let listed = format!("{ADDRESS}:{}", web.port);
    place.write(
        "catalog.yaml",
        &format!(
            "version: 3\nname: t\nregistry:\n  caller:\n    type: server\n    {how}\n    allowHosts: [\"{listed}\", \"other.test:443\"]\n    \
             secrets:\n      - {{name: caller.token, env: CALLER_TOKEN, delivery: header, hosts: [\"{listed}\"]}}\n",
        ),
    );
    place.write("profile.yaml", "name: p\nservers: {caller: {allowPrivate: true}}\npolicy: {default: allow}\n");
    place.write("kept.env", &format!("CALLER_TOKEN={VALUE}\n"));
    for line in ["catalog add t catalog.yaml", "profile import profile.yaml"] {
        let done = place.run(line).await;
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }
    let mut command = place.command("gateway run --profile p --secrets=kept.env");
    command.env("SSL_CERT_FILE", place.path("cert.pem"));
    let mut client = StdioClient::start(command).await;
    let text =
        |answer: serde_json::Value| answer["result"]["content"][0]["text"].as_str().unwrap_or_default().to_owned();

    let token = text(client.call("caller.read_token", json!({})).await);
    assert!(token.starts_with("mcpgw_"), "the server has a stand-in: {token}");
    let page = text(client.call("caller.get_page", json!({"url": format!("https://{listed}/")})).await);
    assert_eq!(page, format!("you said: Bearer {}", "*".repeat(VALUE.len())), "the answer is what the server saw");
    let said = std::fs::read_to_string(place.path("said.txt")).unwrap();
    assert_eq!(said, format!("Bearer {VALUE}\n"), "the host was sent the secret");
    let other = text(client.call("caller.get_page", json!({"url": "https://evil.test/"})).await);
    assert!(other.contains("Error"), "{other}");

    let (status, log) = client.finish().await;
    assert!(status.success() && !log.contains(VALUE), "{status}: {log}");
    let records = String::from_utf8(place.run("audit query --profile p --format json").await.stdout).unwrap();
    assert!(records.replace(' ', "").contains(r#""delivery":"header""#) && !records.contains(VALUE), "{records}");
    std::fs::remove_file(place.path("said.txt")).unwrap();
}

#[tokio::test]
async fn a_process_asks_with_a_secret_that_it_does_not_have() {
    let place = Place::new();
    let Some(web) = Web::start(&place).await else { return };
    let script = servers("caller.py");
    let script = script.display();
    show(&place, &web, &format!("process: {{command: {PYTHON}, args: [{script}], read: [{script}]}}")).await;
}

#[tokio::test]
async fn a_container_asks_with_a_secret_that_it_does_not_have() {
    let Some(engine) = Engine::with_images(&[BASE]).await else { return };
    let place = Place::with_engine(&engine.host());
    let Some(web) = Web::start(&place).await else { return };
    let script = servers("caller.py");
    let how = format!(
        "image: {BASE}\n    command: [python3, /caller.py]\n    volumes: [\"{}:/caller.py\"]",
        script.display()
    );
    show(&place, &web, &how).await;
}
