//! Gateways that are killed with their servers running, and what the next one finds.

use std::path::Path;

use crate::support::binary::Place;
use crate::support::docker::{AWKWARD, Engine};
use crate::support::stdio::StdioClient;
use crate::support::until;

/// The processes that have this word in their command line.
fn processes(word: &str) -> Vec<String> {
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = entries.filter_map(|entry| std::fs::read(entry.path().join("cmdline")).ok());
    lines.map(|line| String::from_utf8_lossy(&line).replace('\0', " ")).filter(|line| line.contains(word)).collect()
}

/// A word that no other test has in a command line.
fn word(place: &Place) -> String {
    format!("w{}", place.label())
}

#[tokio::test]
async fn no_process_outlives_a_gateway_that_is_killed() {
    let place = Place::new();
    let word = word(&place);
    place.write_catalog(&["--ignore-eof", "--prefix", &word]);
    let line = "gateway run --catalog catalog.yaml --servers child";
    let mut client = StdioClient::start(place.command(line)).await;
    let tool = format!("child.{word}_echo");
    assert_eq!(client.call(&tool, serde_json::json!({"text": "x"})).await["result"]["content"][0]["text"], "x");
    assert!(!processes(&word).is_empty());
    client.kill().await;
    until("its server is gone", async || processes(&word).is_empty()).await;

    let mut client = StdioClient::start(place.command(line)).await;
    assert_eq!(client.call(&tool, serde_json::json!({"text": "x"})).await["result"]["content"][0]["text"], "x");
    until("the folder of the one before is swept", async || own_folders(&place.path("home")) == 1).await;
    let (status, said) = client.finish().await;
    assert!(status.success(), "{said}");
    assert_eq!(processes(&word), [] as [String; 0]);
    assert_eq!(own_folders(&place.path("home")), 0);
}

fn own_folders(home: &Path) -> usize {
    std::fs::read_dir(home.join("packages").join("own")).unwrap().count()
}

#[tokio::test]
async fn the_next_gateway_removes_the_containers_of_one_that_was_killed() {
    let Some(engine) = Engine::with_images(&[AWKWARD]).await else { return };
    let place = Place::with_engine(&engine.host());
    // Without its input this server goes on, so only the sweep can end it.
    place.write_catalog(&["--ignore-eof"]);
    let line = "gateway run --catalog catalog.yaml --servers boxed";
    let mut client = StdioClient::start(place.command(line)).await;
    client.echoes("boxed").await;
    let before = engine.containers(&place.label()).await;
    assert_eq!(before.len(), 1);
    let left = before[0]["Id"].clone();
    client.kill().await;
    assert_eq!(engine.containers(&place.label()).await.len(), 1, "nobody could remove it");

    let mut client = StdioClient::start(place.command(line)).await;
    client.echoes("boxed").await;
    until("the one that was left is gone", async || {
        engine.containers(&place.label()).await.iter().all(|container| container["Id"] != left)
    })
    .await;
    let (status, said) = client.finish().await;
    assert!(status.success(), "{said}");
    assert_eq!(engine.containers(&place.label()).await.len(), 0, "nothing is left after a normal end");
}

#[tokio::test]
async fn a_paused_pool_is_swept_too_and_living_gateways_keep_theirs() {
    let Some(engine) = Engine::with_images(&[AWKWARD]).await else { return };
    let place = Place::with_engine(&engine.host());
    place.write_catalog(&[]);
    let line = "gateway run --catalog catalog.yaml --servers boxed --isolation call";
    let mut doomed = StdioClient::start(place.command(line)).await;
    doomed.echoes("boxed").await;
    until("its pool is full and paused", async || {
        let containers = engine.containers(&place.label()).await;
        containers.len() == 2 && containers.iter().all(|container| container["State"] == "paused")
    })
    .await;
    let mut living = StdioClient::start(place.command("gateway run --catalog catalog.yaml --servers boxed")).await;
    living.echoes("boxed").await;
    assert_eq!(engine.containers(&place.label()).await.len(), 3);
    doomed.kill().await;
    let done = place.run("prune").await;
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    assert_eq!(engine.containers(&place.label()).await.len(), 1, "only that of the living one is left");
    living.echoes("boxed").await;
    let (status, said) = living.finish().await;
    assert!(status.success(), "{said}");
    assert_eq!(engine.containers(&place.label()).await.len(), 0);
}
