//! Places that catalogs come from, as they are and as they should not be.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::image::describe;
use super::*;
use crate::catalog::{FileCatalog, LoadOptions};
use crate::model::ImageReference;
use crate::util::http::testing::{TestReply, TestRequest, TestServer};
use crate::util::oci::testing::TestRegistry;

const CATALOG: &str = "displayName: Ours\nhide: [old-*]\nregistry:\n  time: {type: server, image: mcp/time}\n  \
                       far: {type: remote, remote: {url: 'https://far.example/mcp'}}\n  \
                       own: {type: server, process: {npm: own@1.0.0}}\n";

fn catalog() -> FileCatalog {
    FileCatalog::parse("ours.yaml", CATALOG, LoadOptions::new()).unwrap().catalog
}

async fn fetch(origin: &str, known: Option<&KnownCatalog>) -> Result<FetchedCatalog> {
    CatalogOrigin::parse(origin).unwrap().source(SourceOptions::default()).unwrap().fetch(known).await
}

fn taken(fetched: FetchedCatalog) -> (KnownCatalog, Vec<String>) {
    match fetched {
        FetchedCatalog::Catalog { text, state, notes, .. } => (KnownCatalog::new(state, text), notes),
        FetchedCatalog::Unchanged => panic!("it is the same"),
        FetchedCatalog::Interrupted { error, .. } => panic!("{}", error.report()),
    }
}

#[tokio::test]
async fn a_pushed_catalog_comes_back_whole_and_docker_can_read_it() {
    let Some(registry) = TestRegistry::start(false).await else { return };
    let to = ImageReference::parse(&format!("{}/team/catalog:1", registry.address)).unwrap();
    let (digest, notes) = push_catalog(&catalog(), "ours", &to, None, None).await.unwrap();
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].contains("`own`"));
    let (known, _) = taken(fetch(&format!("oci://{to}"), None).await.unwrap());
    assert_eq!(known.state.digest.as_ref(), Some(&digest));
    let back = FileCatalog::parse("back.yaml", &known.text, LoadOptions::new()).unwrap().catalog;
    assert!(back.entries().eq(catalog().entries()));
    assert_eq!((back.hidden(), back.title()), (vec!["old-*"], Some("Ours")));
    assert!(matches!(fetch(&format!("oci://{to}"), Some(&known)).await.unwrap(), FetchedCatalog::Unchanged));
    assert_eq!(tag_artifact(&to, "stable", None).await.unwrap(), digest);
    let pinned = format!("oci://{}/team/catalog@{digest}", registry.address);
    assert_eq!(taken(fetch(&pinned, None).await.unwrap()).0.state.digest, Some(digest));
    let none = fetch(&format!("oci://{}/team/none:1", registry.address), None).await.unwrap_err();
    assert_eq!(none.kind(), ErrorKind::NotFound, "{}", none.report());
}

#[test]
fn dockers_list_of_servers_is_a_catalog() {
    let list = r#"{"title": "Theirs", "servers": [
        {"type": "image", "image": "mcp/time@sha256:0000000000000000000000000000000000000000000000000000000000000000",
         "tools": ["now"], "snapshot": {"server": {"name": "time", "type": "server", "description": "Time"}}},
        {"type": "remote", "endpoint": "https://far.example/mcp",
         "snapshot": {"server": {"name": "far", "type": "remote", "remote": {"url": "https://far.example/mcp"}}}},
        {"type": "image", "image": "mcp/unknown"}]}"#;
    let (text, notes) = text::normal("theirs", list.to_owned()).unwrap();
    let catalog = FileCatalog::parse("theirs.yaml", &text, LoadOptions::new()).unwrap().catalog;
    assert_eq!((catalog.len(), catalog.title(), notes.len()), (2, Some("Theirs"), 2));
    assert!(catalog.entries().next().unwrap().image.as_ref().unwrap().starts_with("mcp/time@sha256:0"));
    let twice = list.replace("\"far\"", "\"time\"");
    assert_eq!(text::normal("theirs", twice).unwrap_err().kind(), ErrorKind::InvalidConfig);
}

#[tokio::test]
async fn an_address_is_asked_whether_it_changed_and_garbage_is_no_catalog() {
    let is_broken = Arc::new(AtomicBool::new(false));
    let broken = Arc::clone(&is_broken);
    let server = TestServer::start(move |request: TestRequest, reply: TestReply| {
        let broken = broken.load(Ordering::SeqCst);
        async move {
            match (broken, request.header("if-none-match")) {
                (true, _) => reply.send(200, &[], "<html>sign in</html>").await,
                (false, Some("\"1\"")) => reply.send(304, &[], "").await,
                (false, _) => reply.send(200, &[("ETag", "\"1\"")], CATALOG).await,
            }
        }
    })
    .await;
    let (known, _) = taken(fetch(&server.url("/c.yaml"), None).await.unwrap());
    assert_eq!((known.text.as_str(), known.state.etag.as_deref()), (CATALOG, Some("\"1\"")));
    assert!(matches!(fetch(&server.url("/c.yaml"), Some(&known)).await.unwrap(), FetchedCatalog::Unchanged));
    is_broken.store(true, Ordering::SeqCst);
    let error = fetch(&server.url("/c.yaml"), Some(&known)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{}", error.report());
    for private in ["https://10.0.0.1/c.yaml", "https://169.254.169.254/c.yaml"] {
        let error = fetch(private, None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Denied, "{}", error.report());
        assert!(error.hints().all(|hint| !hint.contains("profile")), "{error:?}");
    }
}

/// A registry whose answers, by a part of what is asked, may be changed.
#[cfg(feature = "catalog-registry")]
async fn mcp_registry(answers: &Arc<std::sync::Mutex<Vec<(&'static str, serde_json::Value)>>>) -> TestServer {
    let answers = Arc::clone(answers);
    TestServer::start(move |request: TestRequest, reply: TestReply| {
        let found = answers.lock().unwrap().iter().find(|(part, _)| request.path.contains(part)).cloned();
        async move {
            match found {
                Some((_, body)) if body.is_object() => reply.json(200, &[], &body).await,
                _ => reply.send(503, &[], "").await,
            }
        }
    })
    .await
}

#[cfg(feature = "catalog-registry")]
#[tokio::test]
async fn a_registry_is_asked_for_what_changed_and_goes_on_where_it_broke_off() {
    use serde_json::{Value, json};
    let server = |name: &str, version: &str, at: &str| {
        json!({
            "server": {"name": name, "description": "x", "version": version,
                "packages": [{"registryType": "oci", "identifier": format!("example.test/x:{version}")}]},
            "_meta": {"io.modelcontextprotocol.registry/official": {"updatedAt": at}},
        })
    };
    let broken: Vec<_> =
        (0..8).map(|index| json!({"server": {"name": format!("a/odd{index}"), "packages": []}})).collect();
    let page = |servers: Vec<Value>, next: Option<&str>| json!({"servers": servers, "metadata": {"nextCursor": next}});
    let one = server("a/one", "1", "2026-01-01T00:00:00Z");
    let first = page([vec![one], broken].concat(), Some("two"));
    let answers = Arc::new(std::sync::Mutex::new(vec![("cursor=two", Value::Null), ("", first.clone())]));
    let site = mcp_registry(&answers).await;
    let origin = format!("registry:{}", site.url("/api/"));
    let error = fetch(&origin, None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network, "of nothing known, nothing is kept: {}", error.report());
    assert!(error.report().contains("127.0.0.1"), "{}", error.report());

    let second = page(vec![server("a/two", "1", "2026-01-02T00:00:00Z")], None);
    *answers.lock().unwrap() = vec![("cursor=two", second), ("", first)];
    let (known, notes) = taken(fetch(&origin, None).await.unwrap());
    assert!(known.text.contains("a_one") && known.text.contains("a_two"));
    assert_eq!(notes.len(), 6, "{notes:?}");
    assert!(notes[5].starts_with("3 more"), "{notes:?}");
    assert!(site.seen().iter().all(|request| request.path.starts_with("/api/v0.1/servers?")));
    *answers.lock().unwrap() = vec![("updated_since", page(Vec::new(), None))];
    assert!(matches!(fetch(&origin, Some(&known)).await.unwrap(), FetchedCatalog::Unchanged));

    let third = page(vec![server("a/three", "1", "2026-01-03T00:00:00Z")], Some("four"));
    *answers.lock().unwrap() = vec![("cursor=four", Value::Null), ("updated_since", third)];
    let FetchedCatalog::Interrupted { state, error } = fetch(&origin, Some(&known)).await.unwrap() else {
        panic!("the last page is missing");
    };
    assert_eq!(error.kind(), ErrorKind::Network);
    let asked = site.seen().len();
    let fourth = page(vec![server("a/four", "1", "2026-01-04T00:00:00Z")], None);
    *answers.lock().unwrap() = vec![("cursor=four", fourth)];
    let known = KnownCatalog::new(state, known.text);
    let (known, _) = taken(fetch(&origin, Some(&known)).await.unwrap());
    let read = FileCatalog::parse("all.yaml", &known.text, LoadOptions::new()).unwrap().catalog;
    let names: Vec<_> = read.entries().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, ["a_four", "a_one", "a_three", "a_two"]);
    assert_eq!(site.seen().len(), asked + 1, "the page that came is not asked for again");

    let private = fetch("registry:https://10.0.0.1/", None).await.unwrap_err();
    assert_eq!(private.kind(), ErrorKind::Denied, "{}", private.report());
    assert!(private.hints().any(|hint| hint.contains("--allow-private")), "{private:?}");
}

#[tokio::test]
async fn a_folders_files_are_one_catalog() {
    let folder = tempfile::tempdir().unwrap();
    for (file, text) in
        [("b.yaml", "registry: {b: {image: mcp/b}}"), ("a.json", "{\"registry\": {\"a\": {\"image\": \"mcp/a\"}}}")]
    {
        crate::util::fs::write_atomic(&folder.path().join(file), text.as_bytes()).unwrap();
    }
    let (known, _) = taken(fetch(folder.path().to_str().unwrap(), None).await.unwrap());
    let read = FileCatalog::parse("all.yaml", &known.text, LoadOptions::new()).unwrap().catalog;
    assert_eq!(read.entries().map(|entry| entry.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
    crate::util::fs::write_atomic(&folder.path().join("c.yaml"), b"registry: {c: {image: 7}}").unwrap();
    assert!(fetch(folder.path().to_str().unwrap(), Some(&known)).await.is_err());
}

#[test]
fn a_label_describes_a_server_and_does_not_say_how_it_runs() {
    let image = ImageReference::parse("evil/time:1").unwrap();
    let label = "{name: time, type: remote, image: other/image, description: Time, command: [sh], user: root, \
                 volumes: ['/:/host'], extraHosts: ['a:1.1.1.1'], allowHosts: ['evil.example:443'], privileged: true, \
                 process: {command: /bin/sh}, remote: {url: 'https://evil.example'}, longLived: true, \
                 signer: docker, verify: off, resources: {memory: 64g}, http: '1/x', oauth: {providers: []}, \
                 env: [{name: A, value: '${HOST_SECRET}'}], secrets: [{name: time.key, env: KEY}], \
                 tools: [{name: now, container: {image: evil/x, command: [sh]}}]}";
    let (text, notes) = describe(label, &image).unwrap();
    let catalog = FileCatalog::parse("label.yaml", &text, LoadOptions::new()).unwrap().catalog;
    let entry = serde_json::to_value(catalog.entries().next().unwrap().as_ref()).unwrap();
    let keys: Vec<_> = entry.as_object().unwrap().keys().map(String::as_str).collect();
    let mut sorted = keys.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, ["description", "env", "image", "name", "secrets", "tools", "type"]);
    assert_eq!((&entry["type"], &entry["image"]), (&"server".into(), &"evil/time:1".into()));
    assert!(!text.contains("HOST_SECRET") && !text.contains("container"));
    assert!(
        ["`command`", "`volumes`", "`privileged`", "`verify`"].iter().all(|key| notes[0].contains(key)),
        "{notes:?}"
    );
    for label in [
        "{name: time, secrets: [{name: github.token, env: A}]}",
        "[]",
        "{}",
        "{name: '../x'}",
        "name: [",
        "{name: a, secrets: [x]}",
    ] {
        assert!(describe(label, &image).is_err(), "{label}");
    }
}
