//! Artifacts in a real registry, and registries that do not keep their word.

use std::sync::Arc;

use serde_json::{Value, json};

use super::artifact::Pulled;
use super::testing::{TestRegistry, USER};
use super::*;
use crate::error::{ErrorKind, Result};
use crate::util::http::testing::{TestReply, TestRequest, TestServer};
use crate::util::http::{AddressRule, HttpClient};

const KIND: &str = "application/vnd.test.thing.v1+json";
const LIMIT: usize = 1 << 20;

fn http() -> HttpClient {
    HttpClient::new(AddressRule::Any).unwrap()
}

fn artifact(content: &str) -> Artifact {
    let layers = vec![Layer::new("application/json", content.as_bytes().to_vec()), Layer::new("text/plain", "second")];
    Artifact { kind: KIND.to_owned(), layers, ..Artifact::default() }
}

fn contents(pulled: &Pulled) -> Vec<(&str, &[u8])> {
    pulled.artifact.layers.iter().map(|layer| (layer.media_type.as_str(), &layer.content[..])).collect()
}

#[tokio::test]
async fn what_is_pushed_is_pulled_by_tag_and_by_digest() {
    let Some(registry) = TestRegistry::start(false).await else { return };
    let http = http();
    let repository = Repository::new(&http, &registry.address, "team/things", None).unwrap();
    let digest = repository.push("1", &artifact("{\"a\": 1}")).await.unwrap();
    assert_eq!(repository.push("again", &artifact("{\"a\": 1}")).await.unwrap(), digest, "it is the same artifact");
    for reference in ["1", "again", &digest] {
        let pulled = repository.pull(reference, KIND, LIMIT).await.unwrap();
        assert_eq!(pulled.digest, digest);
        assert_eq!(contents(&pulled), [("application/json", &b"{\"a\": 1}"[..]), ("text/plain", b"second")]);
    }
    assert_eq!(repository.tag("1", "stable").await.unwrap(), digest);
    let other = repository.push("1", &artifact("{\"a\": 2}")).await.unwrap();
    assert_ne!(other, digest);
    assert_eq!(repository.resolve("1").await.unwrap(), other);
    assert_eq!(repository.resolve("stable").await.unwrap(), digest, "a tag stays with what it was given");

    let kind_of = |result: Result<Pulled>| result.unwrap_err().kind();
    assert_eq!(kind_of(repository.pull("none", KIND, LIMIT).await), ErrorKind::NotFound);
    assert_eq!(kind_of(repository.pull("1", "application/other", LIMIT).await), ErrorKind::InvalidInput);
    assert_eq!(kind_of(repository.pull("1", KIND, 10).await), ErrorKind::TooLarge);
    let elsewhere = Repository::new(&http, &registry.address, "team/none", None).unwrap();
    assert_eq!(kind_of(elsewhere.pull("1", KIND, LIMIT).await), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_registry_that_asks_gets_the_login() {
    let Some(registry) = TestRegistry::start(true).await else { return };
    let http = http();
    let login = |password: &str| Login::Password { user: USER.0.to_owned(), password: password.to_owned().into() };
    let repository = |login| Repository::new(&http, &registry.address, "team/things", login).unwrap();
    let digest = repository(Some(login(USER.1))).push("1", &artifact("{}")).await.unwrap();
    assert_eq!(repository(Some(login(USER.1))).pull("1", KIND, LIMIT).await.unwrap().digest, digest);
    for login in [None, Some(login("hunter2"))] {
        let repository = repository(login);
        let error = repository.push("2", &artifact("{}")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Network, "{}", error.report());
        assert!(error.hints().any(|hint| hint.contains("docker login")), "{error:?}");
        assert!(!format!("{error:?}{repository:?}").contains("hunter2"));
    }
}

/// A registry that answers with these files.
async fn answers(files: Vec<(String, String)>) -> TestServer {
    let files = Arc::new(files);
    TestServer::start(move |request: TestRequest, reply: TestReply| {
        let files = Arc::clone(&files);
        async move {
            match files.iter().find(|(path, _)| *path == request.path) {
                Some((_, content)) => reply.send(200, &[], content).await,
                None => reply.send(404, &[], "").await,
            }
        }
    })
    .await
}

fn layer(digest: &str, size: u64) -> Value {
    json!({"mediaType": "application/json", "digest": digest, "size": size})
}

fn manifest(layers: &[Value]) -> String {
    json!({"schemaVersion": 2, "artifactType": KIND, "layers": layers}).to_string()
}

#[tokio::test]
async fn what_is_not_what_was_asked_for_is_refused() {
    let good = manifest(&[layer(&digest_of(b"{}"), 2)]);
    let pinned = digest_of(b"another manifest");
    let blob = |content: &str| (format!("/v2/a/b/blobs/{}", digest_of(b"{}")), content.to_owned());
    let tagged = |content: &str| ("/v2/a/b/manifests/1".to_owned(), content.to_owned());
    let at_digest = (format!("/v2/a/b/manifests/{pinned}"), good.clone());
    let many = vec![layer(&digest_of(b"{}"), 2); 33];
    for (files, reference, kind) in [
        (vec![at_digest, blob("{}")], pinned.as_str(), ErrorKind::Denied),
        (vec![tagged(&good), blob("[]")], "1", ErrorKind::Denied),
        (vec![tagged(&good)], "1", ErrorKind::NotFound),
        (vec![tagged("[]")], "1", ErrorKind::Denied),
        (vec![tagged("<html>")], "1", ErrorKind::Denied),
        (vec![tagged("{}")], "1", ErrorKind::InvalidInput),
        (vec![tagged(&manifest(&many)), blob("{}")], "1", ErrorKind::TooLarge),
        (vec![tagged(&manifest(&[layer(&digest_of(b"{}"), u64::MAX)])), blob("{}")], "1", ErrorKind::TooLarge),
        // It says that it is small.
        (vec![tagged(&good), blob(&"x".repeat(2 << 20))], "1", ErrorKind::TooLarge),
        (vec![tagged(&manifest(&[layer("sha256:../../../x", 2)]))], "1", ErrorKind::NotFound),
        (vec![tagged(&"x".repeat(2 << 20))], "1", ErrorKind::TooLarge),
    ] {
        let server = answers(files.clone()).await;
        let http = http();
        let repository = Repository::new(&http, &server.address.to_string(), "a/b", None).unwrap();
        let error = repository.pull(reference, KIND, LIMIT).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{}", error.report());
        assert!(error.context().any(|(key, value)| key == "repository" && value.ends_with("/a/b")), "{error:?}");
    }
}

#[tokio::test]
async fn a_blob_goes_where_the_registry_says_and_the_login_does_not() {
    let store = TestServer::start(|request: TestRequest, reply: TestReply| async move {
        assert_eq!((request.method.as_str(), request.header("authorization")), ("PUT", None));
        reply.send(201, &[], "").await;
    })
    .await;
    let target = store.url("/upload?state=x");
    let server = TestServer::start(move |request: TestRequest, reply: TestReply| {
        let target = target.clone();
        async move {
            let challenge = [("WWW-Authenticate", "Basic realm=\"test\"")];
            match (request.method.as_str(), request.header("authorization")) {
                (_, None) => reply.send(401, &challenge, "").await,
                ("POST", _) => reply.send(202, &[("Location", &target)], "").await,
                ("PUT", _) => reply.send(201, &[], "").await,
                _ => reply.send(404, &[], "").await,
            }
        }
    })
    .await;
    let http = http();
    let login = Login::Password { user: "ann".to_owned(), password: "hunter2".to_owned().into() };
    let repository = Repository::new(&http, &server.address.to_string(), "a/b", Some(login)).unwrap();
    repository.push("1", &artifact("{}")).await.unwrap();
    let sent = store.seen();
    assert_eq!(sent.len(), 3, "the configuration and both files");
    assert!(sent.iter().all(|put| put.path.starts_with("/upload?state=x&digest=sha256%3A")), "{sent:?}");
}

#[tokio::test]
async fn of_a_refusal_only_its_code_is_told() {
    let server = TestServer::start(|_: TestRequest, reply: TestReply| async move {
        let body = json!({"errors": [{"code": "NAME_INVALID", "message": "\u{1b}[31mrun this"}]});
        reply.json(400, &[], &body).await;
    })
    .await;
    let http = http();
    let repository = Repository::new(&http, &server.address.to_string(), "a/b", None).unwrap();
    let error = repository.pull("1", KIND, LIMIT).await.unwrap_err();
    assert!(error.report().contains("NAME_INVALID") && !error.report().contains("run this"), "{}", error.report());
}
