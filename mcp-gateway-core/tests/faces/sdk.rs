//! The official Python SDK of both generations, as it is used in the wild.

use std::path::PathBuf;
use std::process::{Output, Stdio};

use libtest_mimic::Trial;
use tokio::process::Command;

use crate::authority::{Authority, Key, RESOURCE};
use crate::http::{Server, TOKEN};
use crate::oauth;

pub(crate) fn tests() -> Vec<Trial> {
    vec![
        crate::test("sdk::python_1", || everything("python1")),
        crate::test("sdk::python_2", || everything("python")),
        crate::test("sdk::python_2_falls_back", falls_back),
        crate::test("sdk::python_1_with_a_token_of_an_issuer", || with_a_token_of_an_issuer("python1")),
        crate::test("sdk::python_2_with_a_token_of_an_issuer", || with_a_token_of_an_issuer("python")),
        crate::test("sdk::python_1_leaves_mid_call", || leaves("python1")),
        crate::test("sdk::python_2_leaves_mid_call", || leaves("python")),
    ]
}

/// The interpreter with an SDK; where there is none, `.ci/` has not installed it.
fn python(name: &str) -> Option<PathBuf> {
    let folder = option_env!("MCP_GATEWAY_TEST_SERVERS")
        .map_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/test-servers")), PathBuf::from);
    let python = folder.join(name).join("bin/python");
    if python.exists() {
        return Some(python);
    }
    eprintln!("skipped: no {}; `make servers` installs it", python.display());
    None
}

async fn run(python: &PathBuf, arguments: &[&str]) -> Output {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/faces/sdk.py");
    let mut command = Command::new(python);
    command.arg(script).args(arguments).stdin(Stdio::null()).kill_on_drop(true);
    command.output().await.unwrap()
}

async fn everything(name: &str) {
    let Some(python) = python(name) else { return };
    let server = Server::start().await;
    let program = std::env::current_exe().unwrap();
    let (mcp, sse) = (format!("http://{}/mcp", server.address), format!("http://{}/sse", server.address));
    for (kind, place, clients) in [("stdio", program.to_str().unwrap(), "2"), ("http", &mcp, "50"), ("sse", &sse, "10")]
    {
        let output = run(&python, &[kind, place, TOKEN, clients]).await;
        let (said, words) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{kind}: {words}");
        assert_eq!(said.trim(), format!("{clients} x 2025-11-25"), "{kind}: {words}");
    }
    server.host.until("every session is closed", |host| &host.closed, 60).await;
}

/// The SDK of both eras finds out by itself that this server has sessions.
async fn falls_back() {
    let Some(python) = python("python") else { return };
    let server = Server::start().await;
    let program = std::env::current_exe().unwrap();
    let mcp = format!("http://{}/mcp", server.address);
    for (kind, place) in [("auto-stdio", program.to_str().unwrap()), ("auto-http", &mcp)] {
        let output = run(&python, &[kind, place, TOKEN, "1"]).await;
        assert!(output.status.success(), "{kind}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

async fn with_a_token_of_an_issuer(name: &str) {
    let Some(python) = python(name) else { return };
    let key = Key::new("1");
    let authority = Authority::start(&key).await;
    let server = oauth::server(authority.resource().with_role("mcp:admin", "admin")).await;
    for kind in ["http", "sse"] {
        let path = if kind == "sse" { "/sse" } else { "/mcp" };
        let claims = authority.claims("user").with("aud", format!("{RESOURCE}{path}")).with("scope", "mcp:admin");
        let (place, token) = (format!("http://{}{path}", server.address), key.sign(&claims));
        let output = run(&python, &[kind, &place, &token, "5"]).await;
        assert!(output.status.success(), "{kind}: {}", String::from_utf8_lossy(&output.stderr));
        let refused = run(&python, &[kind, &place, &Key::new("1").sign(&claims), "1"]).await;
        assert!(!refused.status.success(), "{kind}: a forged token");
    }
    assert_eq!(*server.host.principals.lock().unwrap(), vec!["user"; 10]);
}

async fn leaves(name: &str) {
    let Some(python) = python(name) else { return };
    let server = Server::start().await;
    let address = format!("http://{}/mcp", server.address);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/faces/sdk.py");
    let mut command = Command::new(python);
    command.arg(script).args(["leave", &address, TOKEN, "1"]).kill_on_drop(true);
    let mut child = command.spawn().unwrap();
    server.host.until("it calls", |host| &host.running, 1).await;
    child.kill().await.unwrap();
    server.host.gate.add_permits(1);
    server.host.until("the call goes on", |host| &host.running, 0).await;
    assert_eq!(server.host.count(|host| &host.dropped), 0);
    server.session().await;
}
