//! Secrets that reach their servers in files: seen by nobody else, and gone with a gateway that is killed.

use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;

use mcp_gateway_core::ErrorKind;
use mcp_gateway_core::model::{CallContext, EnvEntry, SecretDelivery, SecretEntry, SecretValue, ServerEntry};
use mcp_gateway_core::profile::DeliverySpec;
use mcp_gateway_core::runtime::GatewayInstance;
use mcp_gateway_core::secrets::SecretKey;
use serde_json::json;

use crate::support::binary::Place;
use crate::support::docker::{AWKWARD, Engine, boxed_entry};
use crate::support::stdio::StdioClient;
use crate::support::{Bench, awkward_entry, awkward_server, until};

const VALUE: &str = "hunter2-correct-horse";

fn with_secret(mut entry: ServerEntry) -> ServerEntry {
    let mut secret = SecretEntry::new("s.token", "TOKEN");
    secret.delivery = Some(SecretDelivery::File);
    entry.secrets = vec![secret];
    entry
}

fn bench(entry: ServerEntry, delivery: Option<DeliverySpec>) -> Bench {
    let mut bench = Bench::new().with_entry(entry, |spec| spec.delivery = delivery);
    bench.secrets = bench.secrets.with_secret(SecretKey::new("TOKEN").unwrap(), SecretValue::new(VALUE));
    bench
}

#[tokio::test]
async fn the_engine_shows_a_path_and_the_server_a_mask() {
    let Some(engine) = Engine::with_images(&[AWKWARD]).await else { return };
    let running = bench(with_secret(boxed_entry("s", &[])), None).with_engine(&engine.host()).build().await;
    let ctx = CallContext::local();
    let env = async |name: &str| running.call(&ctx, "s.env", json!({"name": name})).await.unwrap();
    assert_eq!((env("TOKEN").await.as_str(), env("TOKEN_FILE").await.as_str()), ("unset", "/run/secrets/TOKEN"));
    // The whole file is the value, which nothing that a server says may hold.
    assert_eq!(running.call(&ctx, "s.read_file", json!({"path": "/run/secrets/TOKEN"})).await.unwrap(), "***");
    let label = GatewayInstance::home_label(&running.home.path().join("run"));
    let containers = engine.containers(&label).await;
    let known = engine.inspect(containers[0]["Id"].as_str().unwrap()).await.to_string();
    assert!(known.contains("TOKEN_FILE=/run/secrets/TOKEN") && !known.contains(VALUE), "{known}");
    running.end().await;
    assert!(engine.containers(&label).await.is_empty());
}

#[tokio::test]
async fn the_operators_word_counts_and_a_text_is_no_way_around_a_file() {
    let ctx = CallContext::local();
    let entry = || with_secret(awkward_entry("s", &[]));
    let running = bench(entry(), Some(DeliverySpec::All(SecretDelivery::Env))).build().await;
    assert_eq!(running.call(&ctx, "s.env", json!({"name": "TOKEN"})).await.unwrap(), "***");
    assert_eq!(running.call(&ctx, "s.env", json!({"name": "TOKEN_FILE"})).await.unwrap(), "unset");
    running.end().await;

    let mut in_text = entry();
    let mut variable = EnvEntry::default();
    (variable.name, variable.value) = ("AUTH".to_owned(), Some("Bearer ${TOKEN}".to_owned()));
    in_text.env = vec![variable];
    let unknown = DeliverySpec::Each([("TOKNE".to_owned(), SecretDelivery::Env)].into_iter().collect());
    for (entry, delivery, said) in [(in_text, None, "TOKEN"), (entry(), Some(unknown), "TOKNE")] {
        let running = bench(entry, delivery).build().await;
        let refused = running.error(&ctx, "s.echo", json!({"text": "x"})).await;
        assert!(refused.kind() == ErrorKind::InvalidConfig && refused.message().contains(said), "{}", refused.report());
        assert!(!refused.report().contains(VALUE));
        running.end().await;
    }
}

/// What is in memory of servers of a home whose binary runs without a runtime folder of its user.
fn in_memory(place: &Place) -> Vec<PathBuf> {
    let user = std::fs::metadata(place.path("home")).unwrap().uid();
    let folder = format!("/dev/shm/mcp-gateway-{user}-{}", place.label());
    std::fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()).collect()
}

#[tokio::test]
async fn a_gateway_that_is_killed_leaves_no_secret_behind_after_the_next_one() {
    let place = Place::new();
    place.write(
        "catalog.yaml",
        &format!(
            "version: 3\nname: t\nregistry:\n  child:\n    type: server\n    process: {{command: {}}}\n    \
             secrets:\n      - {{name: child.token, env: TOKEN, delivery: file}}\n",
            awkward_server().display()
        ),
    );
    place.write("kept.env", &format!("TOKEN={VALUE}\n"));
    let line = "gateway run --catalog catalog.yaml --servers child --secrets file:kept.env";
    let mut client = StdioClient::start(place.command(line)).await;
    client.echoes("child").await;
    // Where namespaces hold the file there is none outside, which is even better.
    let before = in_memory(&place);
    client.kill().await;

    let mut client = StdioClient::start(place.command(line)).await;
    client.echoes("child").await;
    until("the files of the one before are swept", async || before.iter().all(|path| !path.exists())).await;
    let (status, said) = client.finish().await;
    assert!(status.success(), "{said}");
    assert_eq!(in_memory(&place), [] as [PathBuf; 0]);
}
