//! `gateway …`, as clients see it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, ChildStdout, Stdio};

use serde_json::{Value, json};

use crate::support::{Place, wait};

/// A client on the standard input and output of a gateway.
struct Client {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Client {
    fn start(place: &Place, line: &str) -> Self {
        let mut child = place.command(line.split(' ')).stdin(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        let mut client = Self { child, lines };
        let hello = client.ask(
            "initialize",
            json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "0"}}),
        );
        assert_eq!(hello["result"]["protocolVersion"], "2025-06-18");
        client.send(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
        client
    }

    fn send(&mut self, message: &Value) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{message}").unwrap();
    }

    fn ask(&mut self, method: &str, params: Value) -> Value {
        self.send(&json!({"jsonrpc": "2.0", "id": method, "method": method, "params": params}));
        loop {
            let mut line = String::new();
            assert!(self.lines.read_line(&mut line).unwrap() > 0, "the gateway ended");
            let message: Value = serde_json::from_str(&line).expect("nothing but the protocol on standard output");
            if message["id"] == method {
                return message;
            }
        }
    }

    /// Closes the gateway's input and gives how it ended.
    fn finish(mut self) -> std::process::Output {
        drop(self.child.stdin.take());
        let mut rest = String::new();
        self.lines.read_to_string(&mut rest).unwrap();
        wait(self.child)
    }
}

#[test]
fn a_client_on_standard_input_lists_and_calls() {
    if !Place::has_python() {
        return;
    }
    let place = Place::with_catalog();
    place.ok("profile create dev --servers tiny");
    place.ok("policy default allow --profile dev");
    let mut client = Client::start(&place, "gateway stdio --profile dev");
    let tools = client.ask("tools/list", json!({}));
    assert_eq!(tools["result"]["tools"].as_array().unwrap().len(), 5);
    let sum = client.ask("tools/call", json!({"name": "add", "arguments": {"a": 2, "b": 3}}));
    assert_eq!(sum["result"]["content"][0]["text"], "5");
    let done = client.finish();
    assert_eq!(done.status.code(), Some(0), "{}", place.shown(&done));
}

#[test]
fn what_happens_is_written_line_by_line() {
    if !Place::has_python() {
        return;
    }
    let place = Place::with_catalog();
    place.write("events.jsonl", "before\n");
    let mut client = Client::start(&place, "gateway run --servers tiny --events events.jsonl");
    client.ask("tools/list", json!({}));
    assert!(client.finish().status.success());
    let written = place.read("events.jsonl");
    let mut lines = written.lines();
    assert_eq!(lines.next(), Some("before"), "what is there stays");
    let events: Vec<Value> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
    let types: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert!(types.contains(&"server_started") && types.contains(&"server_stopped"), "{types:?}");
    assert!(events.iter().all(|event| event["profile"] == "default" && event["time"].is_string()), "{events:?}");
    assert!(place.show("gateway run --servers tiny --events /no/such/folder/x").contains("/no/such/folder/x"));
}

#[test]
fn files_of_dockers_toolkit_choose_servers_and_tools() {
    if !Place::has_python() {
        return;
    }
    let place = Place::with_catalog();
    place.write("registry.yaml", "registry:\n  tiny:\n    ref: \"\"\n");
    place.write("tools.yaml", "tiny: [add]\n");
    place.write("config.yaml", "tiny: {}\n");
    place.write(".env", "keeper.token=hunter2-hunter2\n");
    place.ok("policy default allow");
    let mut client = Client::start(
        &place,
        "gateway run --catalog=servers.yaml --registry=registry.yaml --config=config.yaml --tools-config=tools.yaml --secrets=.env",
    );
    let tools = client.ask("tools/list", json!({}));
    assert_eq!(tools["result"]["tools"].as_array().unwrap().len(), 1, "{tools}");
    assert!(client.finish().status.success());

    let mut client = Client::start(&place, "gateway run --catalog servers.yaml --servers=keeper,tiny --secrets=.env");
    let secret = client.ask("tools/call", json!({"name": "keeper.has_secret", "arguments": {}}));
    assert_eq!(secret["result"]["content"][0]["text"], "yes", "{secret}");
    assert!(client.finish().status.success());
}

#[test]
fn what_cannot_be_served_is_said_before_anything_starts() {
    let place = Place::with_catalog();
    place.ok("profile create a --servers tiny");
    place.ok("profile create b --servers keeper");
    insta::assert_snapshot!("no_profile", place.show("gateway run --profile nobody"));
    insta::assert_snapshot!("two_on_stdio", place.show("gateway run --profile a --profile b"));
    insta::assert_snapshot!(
        "servers_of_several",
        place.show("gateway run --profile a --profile b --transport sse --servers tiny")
    );
    insta::assert_snapshot!("open_to_all", place.show("gateway run --transport sse --host 0.0.0.0 --port 0 --no-auth"));
    insta::assert_snapshot!(
        "oauth_without_address",
        place.show("gateway run --transport sse --oauth-issuer https://a.example")
    );
    let oauth = |rest: &str| {
        let line = "gateway run --profile a --transport streaming --port 0 --oauth-issuer https://a.example";
        place.show(&format!("{line} --oauth-resource https://gw.example{rest}"))
    };
    insta::assert_snapshot!("oauth_at_a_profile", oauth("/mcp"));
    insta::assert_snapshot!("oauth_and_open_to_all", oauth(" --no-auth"));
    insta::assert_snapshot!("oauth_role_of_nothing", oauth(" --oauth-role admin"));
    insta::assert_snapshot!("oauth_keys_missing", oauth(" --oauth-jwks no-such.json"));
    insta::assert_snapshot!("oauth_plain_issuer", oauth(" --oauth-issuer http://b.example"));
    insta::assert_snapshot!("oauth_private_issuer", oauth(" --oauth-issuer https://10.1.2.3"));
    place.write("keys.json", r#"{"keys": []}"#);
    insta::assert_snapshot!("oauth_without_keys", oauth(" --oauth-jwks keys.json"));
    insta::assert_snapshot!("oauth_keys_of_several", oauth(" --oauth-issuer https://b.example --oauth-jwks keys.json"));
    insta::assert_snapshot!("no_catalog_file", place.show("gateway run --catalog no-such.yaml --servers tiny"));
    let broken = crate::support::fixtures().join("broken.yaml");
    let shown = place.show(&format!("gateway run --servers two --catalog {}", broken.display()));
    assert!(shown.starts_with("exit: 10\n") && shown.contains("broken.yaml:"), "{shown}");
}

/// A gateway over HTTP: its address, its token, and the process.
pub(crate) struct Served {
    child: Child,
    pub(crate) address: String,
    pub(crate) token: Option<String>,
    stderr: BufReader<std::process::ChildStderr>,
}

impl Served {
    pub(crate) fn start(place: &Place, line: &str) -> Self {
        let mut child = place.command(line.split(' ')).spawn().unwrap();
        let mut stderr = BufReader::new(child.stderr.take().unwrap());
        let (mut address, mut token) = (String::new(), None);
        while address.is_empty()
            || token.is_none() && !["--token", "--no-auth", "--oauth"].iter().any(|flag| line.contains(flag))
        {
            let mut text = String::new();
            assert!(stderr.read_line(&mut text).unwrap() > 0, "the gateway ended");
            if let Some(rest) = text.trim().strip_prefix("note: listening on http://") {
                address = rest.split('/').next().unwrap().to_owned();
            }
            if let Some((_, rest)) = text.trim().split_once("Bearer ") {
                token = Some(rest.trim_end_matches('`').to_owned());
            }
        }
        Self { child, address, token, stderr }
    }

    /// The status line and body of a request.
    fn http(&self, request: &str, token: Option<&str>, body: &str) -> (String, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        let authorization = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
        write!(
            stream,
            "{request} HTTP/1.1\r\nHost: {}\r\n{authorization}Connection: close\r\nContent-Type: application/json\r\n\
             Accept: application/json, text/event-stream\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        )
        .unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        (head.lines().next().unwrap().to_owned(), body.to_owned())
    }

    fn initialize(&self, path: &str, token: Option<&str>) -> String {
        let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "0"}}});
        self.http(&format!("POST {path}"), token, &hello.to_string()).0
    }

    /// Sends SIGTERM and gives how the gateway ended, and what it said.
    fn terminate(mut self) -> (Option<i32>, String) {
        let done = std::process::Command::new("kill").arg(self.child.id().to_string()).status().unwrap();
        assert!(done.success());
        let mut text = String::new();
        self.stderr.read_to_string(&mut text).unwrap();
        (self.child.wait().unwrap().code(), text)
    }
}

#[test]
fn several_profiles_are_served_over_http_with_one_token() {
    let place = Place::with_catalog();
    place.ok("profile create a --servers tiny");
    place.ok("profile create b --servers keeper");
    let served = Served::start(&place, "gateway run --transport streaming --port 0 --profile a --profile b");
    let token = served.token.clone().unwrap();
    assert!(served.http("GET /health", None, "").0.contains("200"));
    assert!(served.http("GET /metrics", Some(&token), "").0.contains("200"));
    assert!(served.initialize("/mcp", None).contains("401"));
    for path in ["/mcp", "/profiles/a/mcp", "/profiles/b/mcp"] {
        assert!(served.initialize(path, Some(&token)).contains("200"), "{path}");
    }
    assert!(served.initialize("/profiles/c/mcp", Some(&token)).contains("404"));
    let (code, rest) = served.terminate();
    assert_eq!(code, Some(0), "{rest}");
    assert!(!rest.contains(&token), "the token is shown once");
}

#[test]
fn a_token_that_was_given_is_not_shown() {
    let place = Place::with_catalog();
    place.ok("profile create a --servers tiny");
    let token = "0123456789abcdef0123456789abcdef";
    let path = place.write("token", &format!("{token}\n"));
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let served = Served::start(&place, "gateway run --transport sse --port 0 --profile a --token-file token");
    assert!(served.initialize("/mcp", Some(token)).contains("200"));
    assert!(served.initialize("/mcp", Some("another-token-of-some-length")).contains("401"));
    let (code, rest) = served.terminate();
    assert_eq!(code, Some(0));
    assert!(!rest.contains(token));
}

#[test]
fn tokens_of_an_authorization_server_are_taken() {
    use base64::Engine as _;
    use ring::signature::{Ed25519KeyPair, KeyPair as _};

    let place = Place::with_catalog();
    place.ok("profile create a --servers tiny");
    let text = |bytes: &[u8]| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes);
    let document = Ed25519KeyPair::generate_pkcs8(&ring::rand::SystemRandom::new()).unwrap();
    let key = Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap();
    let public = json!({"kty": "OKP", "crv": "Ed25519", "x": text(key.public_key().as_ref())});
    place.write("keys.json", &json!({"keys": [public]}).to_string());
    let token = |audience: &str| {
        let claims = json!({
            "iss": "https://login.example", "aud": audience, "sub": "ann", "scope": "mcp:use mcp:admin",
            "exp": mcp_gateway_core::util::clock::now_millis() / 1000 + 600,
        });
        let signed = format!("{}.{}", text(br#"{"alg":"EdDSA"}"#), text(claims.to_string().as_bytes()));
        let signature = text(key.sign(signed.as_bytes()).as_ref());
        format!("{signed}.{signature}")
    };
    let served = Served::start(
        &place,
        "gateway run --transport streaming --port 0 --profile a --oauth-issuer https://login.example \
         --oauth-resource https://gw.example --oauth-scope mcp:use --oauth-role mcp:admin=admin --oauth-jwks keys.json",
    );
    let good = token("https://gw.example/mcp");
    assert!(served.initialize("/mcp", Some(&good)).contains("200"));
    assert!(served.initialize("/profiles/a/mcp", Some(&good)).contains("401"));
    assert!(served.initialize("/mcp", None).contains("401"));
    let (status, document) = served.http("GET /.well-known/oauth-protected-resource/mcp", None, "");
    let document: serde_json::Value = serde_json::from_str(&document).unwrap();
    assert!(status.contains("200"));
    assert_eq!(document["resource"], "https://gw.example/mcp");
    assert_eq!(document["scopes_supported"], json!(["mcp:admin", "mcp:use"]));
    let (code, rest) = served.terminate();
    assert_eq!(code, Some(0), "{rest}");
    assert!(rest.contains("clients send tokens of https://login.example") && !rest.contains(&good), "{rest}");
}
