//! Images from a registry: a small one that this file serves.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bollard::query_parameters::TagImageOptions;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::support::{Bench, bench_with};
use crate::error::ErrorKind;
use crate::model::{CallContext, ImageReference};
use crate::runtime::{ContainerPlan, Identity, LaunchTarget, PrepareProgress, Runtime, Silent};
use crate::util::fs;
use crate::util::http::testing::{TestReply, TestRequest, TestServer};

/// A password whose encoding differs between the two alphabets of base64.
const PASSWORD: &str = "p?>~?>~ssword";
const MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";

fn digest(content: &str) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(content.as_bytes())))
}

/// An archive with one file.
fn layer(name: &str, content: &str) -> String {
    let mut header = vec![0_u8; 512];
    let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, name);
    put(100, "0000644\0");
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, &format!("{:011o}\0", content.len()));
    put(136, "00000000000\0");
    put(148, "        ");
    put(156, "0");
    put(257, "ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut archive = String::from_utf8(header).unwrap();
    archive.push_str(content);
    archive.push_str(&"\0".repeat(512 - content.len() % 512 + 1024));
    archive
}

/// A registry with one image, for those who know the password.
async fn registry(content: &str) -> (TestServer, String) {
    let layer = layer("word", content);
    let config = json!({"architecture": "amd64", "os": "linux", "config": {},
        "rootfs": {"type": "layers", "diff_ids": [digest(&layer)]}})
    .to_string();
    let blob = |kind: &str, content: &str| json!({"mediaType": kind, "size": content.len(), "digest": digest(content)});
    let manifest = json!({"schemaVersion": 2, "mediaType": MANIFEST,
        "config": blob("application/vnd.docker.container.image.v1+json", &config),
        "layers": [blob("application/vnd.docker.image.rootfs.diff.tar", &layer)]})
    .to_string();
    let pinned = digest(&manifest);
    let files = Arc::new([
        (format!("/v2/box/manifests/{pinned}"), MANIFEST, manifest.clone()),
        ("/v2/box/manifests/1".to_owned(), MANIFEST, manifest),
        (format!("/v2/box/blobs/{}", digest(&config)), "application/octet-stream", config),
        (format!("/v2/box/blobs/{}", digest(&layer)), "application/octet-stream", layer),
        ("/v2/".to_owned(), "application/json", "{}".to_owned()),
    ]);
    let expected = format!("Basic {}", STANDARD.encode(format!("ann:{PASSWORD}")));
    let server = TestServer::start(move |request: TestRequest, mut reply: TestReply| {
        let (files, expected) = (Arc::clone(&files), expected.clone());
        async move {
            if request.header("authorization") != Some(&expected) {
                let challenge = [("WWW-Authenticate", "Basic realm=\"test\"")];
                return reply.send(401, &challenge, r#"{"errors":[{"code":"UNAUTHORIZED","message":"no"}]}"#).await;
            }
            let Some((_, kind, content)) = files.iter().find(|(path, ..)| *path == request.path) else {
                let body = r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#;
                return reply.send(404, &[("Content-Type", "application/json")], body).await;
            };
            let pinned = digest(content);
            let headers = [("Content-Type", *kind), ("Docker-Content-Digest", pinned.as_str())];
            if request.method == "HEAD" {
                let head = format!(
                    "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: {kind}\r\nDocker-Content-Digest: {pinned}\r\nContent-Length: {}\r\n\r\n",
                    content.len()
                );
                return reply.raw(head.as_bytes()).await;
            }
            reply.send(200, &headers, content).await;
        }
    })
    .await;
    (server, pinned)
}

fn target(image: &str) -> LaunchTarget {
    LaunchTarget::Container(ContainerPlan::new(ImageReference::parse(image).unwrap()))
}

#[derive(Debug, Default)]
struct Heard(Mutex<Vec<(String, u64, u64)>>);

impl PrepareProgress for Heard {
    fn update(&self, status: &str, done: u64, total: u64) {
        self.0.lock().unwrap().push((status.to_owned(), done, total));
    }
}

/// A runtime that logs in to a registry, and the folder that holds its credentials.
async fn logged_in(server: &TestServer, password: &str) -> Option<(Bench, tempfile::TempDir)> {
    let folder = tempfile::tempdir().unwrap();
    let auth = STANDARD.encode(format!("ann:{password}"));
    let config = json!({"auths": {server.address.to_string(): {"auth": auth}}}).to_string();
    fs::write_atomic(&folder.path().join("config.json"), config.as_bytes()).unwrap();
    let bench = bench_with(|builder| builder.with_config_folder(folder.path())).await?;
    Some((bench, folder))
}

#[tokio::test]
async fn an_image_is_pinned_and_pulled_by_its_digest_with_credentials() {
    let (server, pinned) = registry(&crate::util::random::hex(8).unwrap()).await;
    let Some((bench, _folder)) = logged_in(&server, PASSWORD).await else { return };
    let ctx = CallContext::local();
    let image = format!("{}/box:1", server.address);
    let target = target(&image);
    let identity = bench.runtime.identify(&ctx, &target).await.unwrap();
    assert_eq!(identity.value, pinned);
    let blobs = |from: usize| server.seen()[from..].iter().filter(|request| request.path.contains("/blobs/")).count();
    assert!(blobs(0) < 2, "the layer is not fetched to know the image");
    let heard = Arc::new(Heard::default());
    let progress: Arc<dyn PrepareProgress> = Arc::<Heard>::clone(&heard);
    bench.runtime.prepare(&ctx, &target, &identity, progress).await.unwrap();
    assert!(!heard.0.lock().unwrap().is_empty());
    assert!(blobs(0) >= 2);
    let asked = server.seen().len();
    bench.runtime.prepare(&ctx, &target, &identity, Arc::new(Silent)).await.unwrap();
    assert_eq!(server.seen().len(), asked, "what is there is not asked for again");
    let pinned_image = format!("{}/box@{pinned}", server.address);
    bench.runtime.engine.inspect_image(&pinned_image).await.unwrap();

    // Under another name, the image stays when this one goes.
    let (engine, tag) = (&bench.runtime.engine, &pinned[7..19]);
    let kept = TagImageOptions { repo: Some("mcp-gateway-test/kept".to_owned()), tag: Some(tag.to_owned()) };
    engine.bollard().tag_image(&pinned_image, Some(kept)).await.unwrap();
    let kept = format!("mcp-gateway-test/kept:{tag}");
    assert!(!bench.runtime.discard(&kept).await.unwrap(), "what has no digest comes back from nowhere");
    assert!(bench.runtime.discard(&pinned_image).await.unwrap());
    assert!(!bench.runtime.discard(&pinned_image).await.unwrap(), "it is gone");
    engine.inspect_image(&kept).await.unwrap();
    engine.remove_image(&kept).await.unwrap();
}

#[tokio::test]
async fn images_that_a_registry_does_not_give_are_told_apart_from_trouble() {
    let (server, _) = registry("x").await;
    let Some((bench, _folder)) = logged_in(&server, PASSWORD).await else { return };
    let ctx = CallContext::local();
    let absent = bench.runtime.identify(&ctx, &target(&format!("{}/box:2", server.address))).await.unwrap_err();
    assert_eq!(absent.kind(), ErrorKind::NotFound, "{absent}");
    let unknown = ImageReference::parse(&format!("{}/box@{}", server.address, digest("unknown"))).unwrap();
    let identity = Identity::of_digest(unknown.digest().unwrap().clone());
    let target = LaunchTarget::Container(ContainerPlan::new(unknown));
    let error = bench.runtime.prepare(&ctx, &target, &identity, Arc::new(Silent)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    assert!(error.to_string().contains("box@sha256"), "{error}");
}

#[tokio::test]
async fn a_wrong_password_is_said_without_it() {
    let (server, _) = registry("x").await;
    let Some((bench, _folder)) = logged_in(&server, "hunter2").await else { return };
    let target = target(&format!("{}/box:1", server.address));
    let error = bench.runtime.identify(&CallContext::local(), &target).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    assert!(error.hints().any(|hint| hint.contains("docker login 127.0.0.1")), "{error:?}");
    assert!(!format!("{error:?} {}", error.report()).contains("hunter2"));
}

#[tokio::test]
async fn a_local_image_without_a_digest_is_known_by_its_id_and_never_pulled() {
    let Some(bench) = bench_with(|builder| builder).await else { return };
    let ctx = CallContext::local();
    let target = target(super::support::BASE);
    let identity = bench.runtime.identify(&ctx, &target).await.unwrap();
    assert_eq!(identity.digest, None);
    assert!(identity.value.starts_with("sha256:"));
    bench.runtime.prepare(&ctx, &target, &identity, Arc::new(Silent)).await.unwrap();
    let gone = Identity::new(digest("no such image"));
    let error = bench.runtime.prepare(&ctx, &target, &gone, Arc::new(Silent)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}
