//! What is wrong before anything runs: secrets, catalogs, isolation that this machine does not have.

use mcp_gateway_core::ErrorKind;
use mcp_gateway_core::catalog::{FileCatalog, LoadOptions};
use mcp_gateway_core::gateway::ServerState;
use mcp_gateway_core::model::{CallContext, SecretEntry, SecretValue};
use mcp_gateway_core::profile::{NetworkSpec, NetworkWord};
use mcp_gateway_core::secrets::SecretKey;
use serde_json::json;

use crate::support::binary::Place;
use crate::support::{Bench, awkward_entry, awkward_server};

fn needs_token() -> mcp_gateway_core::model::ServerEntry {
    let mut entry = awkward_entry("keeper", &[]);
    let mut secret = SecretEntry::default();
    secret.name = "keeper.token".to_owned();
    secret.env = "KEEPER_TOKEN".to_owned();
    entry.secrets = vec![secret];
    entry
}

#[tokio::test]
async fn a_missing_secret_is_named_with_the_command_that_sets_it() {
    let running = Bench::new().with_entry(needs_token(), |_| {}).with("fine", &[]).build().await;
    let (ctx, ..) = running.session().await;
    assert!(running.tools(&ctx).await.contains(&"echo".to_owned()), "the other server is listed");
    let status = running.status("keeper").await;
    let reason = status.reason.unwrap();
    assert!(reason.contains("secret `keeper.token` of server `keeper` is not set"), "{reason}");
    let error = running.error(&ctx, "keeper.echo", json!({})).await;
    assert_eq!(error.kind(), ErrorKind::MissingSecret, "{}", error.report());
    assert!(error.hints().any(|hint| hint.contains("secret set")), "{}", error.report());
    running.echoes(&ctx, "fine").await;
    running.end().await;
}

#[tokio::test]
async fn a_server_gets_its_secret_and_nothing_else_of_the_environment() {
    let mut bench = Bench::new().with_entry(needs_token(), |_| {});
    bench.secrets =
        bench.secrets.with_secret(SecretKey::new("keeper.token").unwrap(), SecretValue::new("hunter2-hunter2"));
    bench.secrets = bench.secrets.with_secret(SecretKey::new("other.token").unwrap(), SecretValue::new("not-for-it"));
    let running = bench.build().await;
    let ctx = CallContext::local();
    running.tools(&ctx).await;
    let env = async |name: &str| running.call(&ctx, "keeper.env", json!({"name": name})).await.unwrap();
    // It has its own, which nobody else gets to see.
    assert_eq!(env("KEEPER_TOKEN").await, "***");
    for name in ["OTHER_TOKEN", "other.token", "CARGO_MANIFEST_DIR", "USER"] {
        assert_eq!(env(name).await, "unset", "{name}");
    }
    running.end().await;
}

#[tokio::test]
async fn a_broken_catalog_is_refused_with_file_and_line() {
    let text = "version: 3\nname: c\nregistry:\n  good:\n    type: server\n    image: x/y\n  bad:\n    type: server\n    image: [not, text]\n";
    let error = FileCatalog::parse("broken.yaml", text, LoadOptions::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig);
    assert!(error.report().contains("broken.yaml:9"), "{}", error.report());

    let place = Place::new();
    place.write("broken.yaml", text);
    let done = place.run("gateway run --catalog broken.yaml --servers good").await;
    assert!(!done.status.success());
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(said.contains("broken.yaml:9"), "{said}");
    assert!(done.stdout.is_empty(), "nothing but the protocol belongs on standard output");
}

#[tokio::test]
async fn a_server_that_no_catalog_has_is_refused_with_its_reason() {
    let mut bench = Bench::new().with("fine", &[]);
    bench.spec = bench.spec.with_server(crate::support::server_name("nowhere"), Default::default());
    let running = bench.build().await;
    let ctx = CallContext::local();
    assert!(!running.tools(&ctx).await.is_empty());
    let status = running.status("nowhere").await;
    assert_eq!(status.state, ServerState::Refused);
    assert!(status.reason.unwrap().contains("is in no catalog"));
    running.end().await;
}

#[tokio::test]
async fn isolation_that_is_required_is_given_or_refused() {
    let mut bench = Bench::new()
        .with("s", &[])
        .with_entry(awkward_entry("listed", &[]), |spec| {
            spec.network = Some(NetworkSpec::Hosts(vec!["api.example.test:443".to_owned()]));
        })
        .with_entry(awkward_entry("cut", &[]), |spec| spec.network = Some(NetworkSpec::Word(NetworkWord::None)));
    bench.process.require_isolation = true;
    let running = bench.build().await;
    let ctx = CallContext::local();
    running.tools(&ctx).await;
    for server in ["s", "listed", "cut"] {
        match running.call(&ctx, &format!("{server}.read_file"), json!({"path": "/etc/shadow"})).await {
            Ok(text) => assert!(text.starts_with("error: "), "{server} reads {text}"),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unsupported, "{}", error.report());
                assert!(error.hints().next().is_some());
            }
        }
    }
    running.end().await;
}

#[tokio::test]
async fn a_server_reads_and_reaches_only_what_it_was_given() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let running = Bench::new().with("s", &[]).build().await;
    let ctx = CallContext::local();
    running.tools(&ctx).await;
    let secret = running.home.path().join("secret");
    std::fs::write(&secret, "hidden").unwrap();
    for path in [secret.display().to_string(), awkward_server().with_file_name("..").display().to_string()] {
        let read = running.call(&ctx, "s.read_file", json!({"path": path})).await.unwrap();
        assert!(read.starts_with("error: "), "{path}: {read}");
    }
    let connected = running.call(&ctx, "s.connect", json!({"address": address})).await.unwrap();
    assert!(connected.starts_with("error: "), "{connected}");
    running.end().await;
}
