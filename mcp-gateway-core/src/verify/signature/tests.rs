//! A real keyless signature, registries that ask for a login, and those that cannot be relied on.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use sigstore_verify::trust_root::{SIGSTORE_PRODUCTION_TRUSTED_ROOT, SIGSTORE_STAGING_TRUSTED_ROOT};

use super::*;
use crate::model::{ImageReference, RegistryLogin, SecretValue, VerifyRule};
use crate::util::http::testing::{TestReply, TestRequest, TestServer};

/// The bundle of an image of Kubewarden, signed by its release workflow in April 2026 (from the tests of the crate
/// `sigstore` 0.14, Apache-2.0).
const BUNDLE: &str = include_str!("fixtures/keyless.json");
const IMAGE: &str = "sha256:c811d58de79c92f03214e63aa339484e488d694ae8a6283b5f3f17a9faf50172";
const IDENTITY: &str =
    "https://github.com/kubewarden/kubewarden-controller/.github/workflows/release.yml@refs/tags/v1.34.0";
const ISSUER: &str = "https://token.actions.githubusercontent.com";

fn digest_of(content: &str) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(content)))
}

/// What a registry answers, by path; `None` is one that breaks down.
type Files = Vec<(String, Option<String>)>;

/// The bundle beside an image, in the list of what refers to it.
fn bundle_of(image: &str, bundle: &str) -> Files {
    let manifest = json!({"schemaVersion": 2, "subject": {"digest": image}, "layers": [{"size": bundle.len(),
        "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json", "digest": digest_of(bundle)}]})
    .to_string();
    let list =
        json!({"manifests": [{"digest": digest_of(&manifest), "artifactType": "application/vnd.oci.empty.v1+json"}]});
    vec![
        (format!("/v2/a/b/referrers/{image}"), Some(list.to_string())),
        (format!("/v2/a/b/manifests/{}", digest_of(&manifest)), Some(manifest)),
        (format!("/v2/a/b/blobs/{}", digest_of(bundle)), Some(bundle.to_owned())),
    ]
}

async fn registry(files: Files) -> TestServer {
    let files = Arc::new(files);
    TestServer::start(move |request: TestRequest, reply: TestReply| {
        let files = Arc::clone(&files);
        async move {
            match files.iter().find(|(path, _)| *path == request.path) {
                Some((_, Some(content))) => reply.send(200, &[], content).await,
                Some((_, None)) => reply.send(500, &[], "").await,
                None => reply.send(404, &[], "").await,
            }
        }
    })
    .await
}

fn check(server: &TestServer, image: &str, mode: VerifyMode, signer: &Signer) -> ImageCheck {
    let reference = ImageReference::parse(&format!("{}/a/b:1", server.address)).unwrap();
    let rule = VerifyRule::new(mode, Some(signer.clone()));
    ImageCheck::new(reference, Some(Digest::new(image).unwrap())).with_rule(rule)
}

fn signer(identity: &str, issuer: &str) -> Signer {
    Signer::of_identity(identity, issuer).unwrap()
}

#[tokio::test]
async fn a_real_keyless_signature_is_checked_without_asking_anyone() {
    let server = registry(bundle_of(IMAGE, BUNDLE)).await;
    let verifier = SignatureVerifier::new().unwrap();
    let verify = async |verifier: &SignatureVerifier, signer: &Signer| {
        verifier.verify(&check(&server, IMAGE, VerifyMode::Required, signer)).await
    };
    let right = signer("https://github.com/kubewarden/kubewarden-controller/*", ISSUER);
    for signer in [&right, &signer(IDENTITY, ISSUER)] {
        let found = verify(&verifier, signer).await.unwrap();
        assert_eq!(found.level, VerificationLevel::Signed);
        assert_eq!(found.signer, Some(format!("{IDENTITY} ({ISSUER})")));
    }
    let mut provenance = right.clone();
    provenance.source = Some("https://github.com/kubewarden/kubewarden-controller".to_owned());
    for (signer, said) in [
        (signer("https://github.com/evil/kubewarden-controller/*", ISSUER), IDENTITY),
        (signer(IDENTITY, "https://accounts.example"), "issuer"),
        (provenance, "no provenance by the signer"),
        (Signer::named("docker").unwrap(), "nobody says by whom"),
    ] {
        let error = verify(&verifier, &signer).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Denied);
        assert!(error.report().contains(said), "{}", error.report());
    }

    // Roots that do not vouch for it: one of somebody else, one without its log, one whose authority had ended before.
    let edited = |edit: &dyn Fn(&mut Value)| {
        let mut root: Value = serde_json::from_str(SIGSTORE_PRODUCTION_TRUSTED_ROOT).unwrap();
        edit(&mut root);
        root.to_string()
    };
    let roots = [
        SIGSTORE_STAGING_TRUSTED_ROOT.to_owned(),
        edited(&|root| root["tlogs"] = json!([root["tlogs"][1]])),
        edited(&|root| {
            for authority in root["certificateAuthorities"].as_array_mut().unwrap() {
                authority["validFor"]["end"] = json!("2026-01-01T00:00:00Z");
            }
        }),
    ];
    for root in roots {
        let verifier = SignatureVerifier::new().unwrap().with_trust_root(&root).unwrap();
        let error = verify(&verifier, &right).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Denied, "{}", error.report());
    }
    assert_eq!(SignatureVerifier::new().unwrap().with_trust_root("{}").unwrap_err().kind(), ErrorKind::InvalidConfig);
}

#[tokio::test]
async fn a_signature_counts_for_its_image_only() {
    let other = digest_of("another image");
    let verifier = SignatureVerifier::new().unwrap();
    let right = signer(IDENTITY, ISSUER);
    let server = registry(bundle_of(&other, BUNDLE)).await;
    for mode in [VerifyMode::Required, VerifyMode::IfPresent] {
        let error = verifier.verify(&check(&server, &other, mode, &right)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Denied, "{}", error.report());
    }
    // Only its log entry is another's.
    let mut forged: Value = serde_json::from_str(BUNDLE).unwrap();
    forged["verificationMaterial"]["tlogEntries"] = json!([]);
    let server = registry(bundle_of(IMAGE, &forged.to_string())).await;
    let error = verifier.verify(&check(&server, IMAGE, VerifyMode::Required, &right)).await.unwrap_err();
    assert!(error.report().contains("not in a transparency log"), "{}", error.report());
    let server = registry(Vec::new()).await;
    let found = verifier.verify(&check(&server, IMAGE, VerifyMode::IfPresent, &right)).await.unwrap();
    assert_eq!(found.level, VerificationLevel::None);
    let error = verifier.verify(&check(&server, IMAGE, VerifyMode::Required, &right)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied, "{}", error.report());
}

#[tokio::test]
async fn a_registry_that_cannot_be_relied_on_is_not_one_without_signatures() {
    let verifier = SignatureVerifier::new().unwrap();
    let right = signer(IDENTITY, ISSUER);
    let files = bundle_of(IMAGE, BUNDLE);
    let hex = IMAGE.trim_start_matches("sha256:");
    let broken = |at: usize, content: Option<&str>| {
        let mut files = files.clone();
        files[at].1 = content.map(str::to_owned);
        files
    };
    for (files, kind) in [
        (broken(0, None), ErrorKind::Network),
        (broken(1, None), ErrorKind::Network),
        (broken(2, None), ErrorKind::Network),
        (broken(0, Some("[]")), ErrorKind::Denied),
        (broken(1, Some("{}")), ErrorKind::Denied),
        (broken(2, Some("{}")), ErrorKind::Denied),
        (files[..1].to_vec(), ErrorKind::Denied),
        (files[..2].to_vec(), ErrorKind::Denied),
        (vec![(format!("/v2/a/b/manifests/sha256-{hex}.sig"), Some("<html>".to_owned()))], ErrorKind::Denied),
        (vec![(format!("/v2/a/b/manifests/sha256-{hex}"), None)], ErrorKind::Network),
        (vec![(format!("/v2/a/b/referrers/{IMAGE}"), Some("x".repeat(2 << 20)))], ErrorKind::TooLarge),
    ] {
        let server = registry(files.clone()).await;
        let result = verifier.verify(&check(&server, IMAGE, VerifyMode::IfPresent, &right)).await;
        let error = result.err().unwrap_or_else(|| panic!("{files:?}"));
        assert_eq!(error.kind(), kind, "{}", error.report());
        assert!(error.context().any(|(key, value)| key == "image" && value.contains("/a/b:1")));
    }
    let gone = registry(Vec::new()).await;
    let check = check(&gone, IMAGE, VerifyMode::IfPresent, &right);
    drop(gone);
    let error = verifier.verify(&check).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network, "{}", error.report());
}

#[tokio::test]
async fn a_list_of_several_pages_is_read_and_does_not_lead_elsewhere() {
    let verifier = SignatureVerifier::new().unwrap();
    let right = signer(IDENTITY, ISSUER);
    let path = format!("/v2/a/b/referrers/{IMAGE}");
    // More than is looked at refers to the image, and none of it is there.
    let others: Vec<_> = (0..40).map(|number| json!({"digest": format!("sha256:{number:064}")})).collect();
    for (next, kind) in [
        ("?last=1", None),
        ("/v2/a/b/referrers/other?last=1", Some(ErrorKind::Denied)),
        ("http://127.0.0.1:1/v2/a/b/", Some(ErrorKind::Denied)),
    ] {
        let mut files = bundle_of(IMAGE, BUNDLE);
        let mut list: Value = serde_json::from_str(files[0].1.as_ref().unwrap()).unwrap();
        list["manifests"][0]["artifactType"] = "application/vnd.dev.sigstore.bundle.v0.3+json".into();
        files[0] = (format!("{path}?last=1"), Some(list.to_string()));
        let (files, path, first) = (Arc::new(files), path.clone(), json!({"manifests": others}).to_string());
        let server = TestServer::start(move |request: TestRequest, reply: TestReply| {
            let (files, path, first) = (Arc::clone(&files), path.clone(), first.clone());
            async move {
                if request.path == path {
                    let link = format!("<{next}>; rel=\"next\"");
                    return reply.send(200, &[("Link", link.as_str())], &first).await;
                }
                match files.iter().find(|(path, _)| *path == request.path) {
                    Some((_, Some(content))) => reply.send(200, &[], content).await,
                    _ => reply.send(404, &[], "").await,
                }
            }
        })
        .await;
        let found = verifier.verify(&check(&server, IMAGE, VerifyMode::Required, &right)).await;
        match kind {
            None => assert_eq!(found.unwrap().level, VerificationLevel::Signed),
            Some(kind) => assert_eq!(found.unwrap_err().kind(), kind, "{next}"),
        }
    }
}

#[tokio::test]
async fn a_registry_is_told_who_asks_and_nobody_else_is() {
    let address = Arc::new(Mutex::new(String::new()));
    let (known, files) = (Arc::clone(&address), bundle_of(IMAGE, BUNDLE));
    let server = TestServer::start(move |request: TestRequest, reply: TestReply| {
        let (known, files) = (Arc::clone(&known), files.clone());
        async move {
            let basic = format!("Basic {}", STANDARD.encode("ann:pass:word"));
            if let Some(query) = request.path.strip_prefix("/token?") {
                assert!(query.contains("scope=repository%3Aa%2Fb%3Apull") && query.contains("service=reg"), "{query}");
                let may = request.header("authorization") == Some(&basic);
                let token = json!({"token": "t0ken"});
                return if may { reply.json(200, &[], &token).await } else { reply.send(401, &[], "").await };
            }
            if request.header("authorization") != Some("Bearer t0ken") {
                let realm = known.lock().unwrap().clone();
                let challenge = format!("Bearer realm=\"http://{realm}/token\",service=\"reg\"");
                return reply.send(401, &[("WWW-Authenticate", &challenge)], "").await;
            }
            match files.iter().find(|(path, _)| *path == request.path) {
                Some((_, Some(content))) => reply.send(200, &[], content).await,
                _ => reply.send(404, &[], "").await,
            }
        }
    })
    .await;
    *address.lock().unwrap() = server.address.to_string();
    let verifier = SignatureVerifier::new().unwrap();
    let check = check(&server, IMAGE, VerifyMode::Required, &signer(IDENTITY, ISSUER));
    let login =
        |password: &str| RegistryLogin::Password { user: "ann".to_owned(), password: SecretValue::new(password) };
    let found = verifier.verify(&check.clone().with_login(Some(login("pass:word")))).await.unwrap();
    assert_eq!(found.level, VerificationLevel::Signed);
    let asked = server.seen().iter().filter(|request| request.path.starts_with("/token")).count();
    assert_eq!(asked, 1, "one token is enough for all that is read");
    for login in [None, Some(login("hunter2"))] {
        let error = verifier.verify(&check.clone().with_login(login)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Network, "{}", error.report());
        assert!(error.hints().any(|hint| hint.contains("docker login")), "{error:?}");
        assert!(!format!("{error:?}").contains("hunter2"));
    }
    // A password is not sent to where it could be read on the way.
    *address.lock().unwrap() = "registry.example".to_owned();
    let error = verifier.verify(&check.with_login(Some(login("pass:word")))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied, "{}", error.report());
}
