//! Two homes, and a profile that goes from one to the other.

use std::sync::Arc;

use super::*;
use crate::catalog::fingerprint;
use crate::model::{Definition, SecretValue, Surface};
use crate::profile::{ApprovedSurface, Profile as _, ServerLock, ServerSpec};
use crate::secrets::{SecretBroker as _, SecretKey};
use crate::util::oci::testing::TestRegistry;

const CATALOG: &str = "registry:
  github:
    title: GitHub
    type: server
    image: ghcr.io/acme/github
    secrets:
      - {name: github.token, env: GITHUB_TOKEN, description: a token that may read}
      - {name: github.extra, env: EXTRA, required: false}
  time: {title: Time, type: server, image: ghcr.io/acme/time}
";

const DIGEST: &str = "sha256:4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945";

struct Place {
    _folder: tempfile::TempDir,
    home: Home,
}

/// A home with this catalog.
fn place(catalog: &str) -> Place {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("catalog.yaml");
    fs::write_atomic(&file, catalog.as_bytes()).unwrap();
    let home = Home::at(&folder.path().join("home")).unwrap();
    home.register_catalog("acme", &file, false, false).unwrap();
    Place { _folder: folder, home }
}

fn dev() -> ProfileName {
    ProfileName::new("dev").unwrap()
}

/// A profile with pins, a surface and an approval, as a gateway would have recorded them.
async fn with_profile(home: &Home) {
    let (github, time) = (ServerName::new("github").unwrap(), ServerName::new("time").unwrap());
    let mut spec = ProfileSpec::new(dev()).with_server(github.clone(), ServerSpec::default());
    spec.servers.insert(time, ServerSpec::default());
    let profile = home.profiles().create(spec).await.unwrap();
    let (catalog, _) = home.catalog_of(&[], &[]).await.unwrap();
    let entry = fingerprint(&catalog.get(&github).await.unwrap().unwrap());
    let surface = Surface { tools: vec![Definition::new("look", r#"{"name": "look"}"#)], ..Surface::default() };
    let pin = ServerLock {
        entry: entry.clone(),
        digest: Some(Digest::new(DIGEST).unwrap()),
        identity: DIGEST.to_owned(),
        surface: Some(surface),
        approved: Some(ApprovedSurface::new(entry, DIGEST)),
        ..ServerLock::default()
    };
    let change = move |lock: &mut ProfileLock| {
        lock.names.tools.insert("look".to_owned(), "github.look".to_owned());
        lock.servers.insert(github, pin);
        Ok(())
    };
    profile.update_lock(Box::new(change)).await.unwrap();
    let key = SecretKey::new("GITHUB_TOKEN").unwrap().for_profile(dev());
    home.own_secrets().unwrap().set(&key, SecretValue::new("value-that-stays-here")).await.unwrap();
}

async fn lock_of(home: &Home, name: &ProfileName) -> ProfileLock {
    home.profiles().open(name).await.unwrap().lock().await.unwrap()
}

#[tokio::test]
async fn another_home_has_the_same_pins_and_no_secret() {
    let (first, second) = (place(CATALOG), place(CATALOG));
    with_profile(&first.home).await;
    let text = first.home.export_profile(&dev()).await.unwrap().to_text().unwrap();
    assert!(!text.contains("value-that-stays-here"));
    let imported = second.home.import_profile("dev.json", &text, ImportOptions::default()).await.unwrap();
    let (theirs, ours) = (lock_of(&first.home, &dev()).await, lock_of(&second.home, &dev()).await);
    assert_eq!(ours.servers["github"].digest, theirs.servers["github"].digest);
    assert_eq!(ours.servers["github"].surface, theirs.servers["github"].surface);
    assert_eq!(ours.names, theirs.names);
    assert_eq!(ours.servers["github"].approved, None, "another operator's word");
    assert!(imported.warnings.iter().any(|warning| warning.contains("approve")), "{:?}", imported.warnings);
    let pins: Vec<_> =
        imported.servers.iter().map(|server| (server.server.as_str(), server.pin, server.tools)).collect();
    assert_eq!(pins, [("github", PinState::Pinned, 1), ("time", PinState::Unpinned, 0)]);
    let secrets: Vec<_> =
        imported.secrets.iter().map(|one| (one.secret.key.as_str(), one.secret.required, one.set)).collect();
    assert_eq!(secrets, [("GITHUB_TOKEN", true, false), ("EXTRA", false, false)]);
    assert_eq!(imported.secrets[0].secret.why.as_deref(), Some("a token that may read"));
    assert_eq!(imported.secrets[0].command, "mcp-gateway profile secret set github --key GITHUB_TOKEN --profile dev");
    // It is there now; exported again it is the same but for the approval.
    let again = second.home.import_profile("dev.json", &text, ImportOptions::default()).await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::AlreadyExists);
    let trusting = ImportOptions { replace: true, trust_approvals: true, ..ImportOptions::default() };
    second.home.import_profile("dev.json", &text, trusting).await.unwrap();
    assert_eq!(second.home.export_profile(&dev()).await.unwrap().to_text().unwrap(), text);
}

#[tokio::test]
async fn a_pin_of_another_entry_is_said_to_be_void() {
    let (first, second) = (place(CATALOG), place(&CATALOG.replace("acme/github", "evil/github")));
    with_profile(&first.home).await;
    let bundle = first.home.export_profile(&dev()).await.unwrap();
    let (text, digest) = (bundle.to_text().unwrap(), bundle.digest().unwrap());
    let other = ImportOptions { digest: Some(Digest::new(DIGEST).unwrap()), ..ImportOptions::default() };
    let refused = second.home.import_profile("dev.json", &text, other).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Denied);
    assert!(second.home.profiles().list().await.unwrap().is_empty(), "nothing was written");
    let lab = ProfileName::new("lab").unwrap();
    let options = ImportOptions { digest: Some(digest), name: Some(lab.clone()), ..ImportOptions::default() };
    let imported = second.home.import_profile("dev.json", &text, options).await.unwrap();
    assert_eq!(imported.profile, lab);
    assert_eq!(imported.servers[0].pin, PinState::OtherEntry);
    let bare = place("registry: {}\n");
    let imported = bare.home.import_profile("dev.json", &text, ImportOptions::default()).await.unwrap();
    assert_eq!(imported.servers[0].pin, PinState::Missing);
    assert_eq!(imported.secrets.len(), 2, "the bundle itself says what is needed");
}

#[tokio::test]
async fn a_registry_holds_a_profile_for_other_homes() {
    let Some(registry) = TestRegistry::start(false).await else { return };
    let (first, second) = (place(CATALOG), place(CATALOG));
    with_profile(&first.home).await;
    let docker = DockerOptions::default();
    let place = format!("{}/team/dev:1", registry.address);
    let pushed = first.home.push_profile(&dev(), &place, &docker).await.unwrap();
    let again = first.home.push_profile(&dev(), &place, &docker).await.unwrap();
    assert_eq!(pushed.reference, again.reference, "the same profile has the same digest");
    assert!(pushed.reference.starts_with(&format!("{}/team/dev@sha256:", registry.address)), "{}", pushed.reference);
    let pulled = second.home.pull_profile(&place, ImportOptions::default(), &docker).await.unwrap();
    assert_eq!(pulled.reference.as_deref(), Some(pushed.reference.as_str()));
    assert_eq!(pulled.digest, Some(pushed.digest));
    assert_eq!(lock_of(&second.home, &dev()).await.servers["github"].digest.as_ref().unwrap().as_str(), DIGEST);
    let diff = second.home.diff_profiles("dev", &place, &docker).await.unwrap();
    assert_eq!(diff.pins.iter().map(|change| change.path.as_str()).collect::<Vec<_>>(), ["github.approved"]);
    // The tag moves; the digest does not.
    let change = |spec: &mut ProfileSpec| {
        spec.description = Some("other".to_owned());
        Ok(())
    };
    first.home.profiles().open(&dev()).await.unwrap().update(Box::new(change)).await.unwrap();
    first.home.push_profile(&dev(), &place, &docker).await.unwrap();
    let (moved, _) = second.home.fetch_profile(&place, &docker).await.unwrap();
    let (pinned, _) = second.home.fetch_profile(&pushed.reference, &docker).await.unwrap();
    assert_eq!((moved.profile.description.as_deref(), pinned.profile.description), (Some("other"), None));
    let missing = second.home.fetch_profile(&format!("{}/team/none", registry.address), &docker).await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    let digest = first.home.push_profile(&dev(), &pushed.reference, &docker).await.unwrap_err();
    assert_eq!(digest.kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn what_is_no_profile_is_not_taken_from_a_registry() {
    use crate::util::http::{AddressRule, HttpClient};
    use crate::util::oci::{Artifact, Layer, Repository};
    let Some(registry) = TestRegistry::start(false).await else { return };
    let http = HttpClient::new(AddressRule::Any).unwrap();
    let repository = Repository::new(&http, &registry.address, "x", None).unwrap();
    let (kind, layer) =
        ("application/vnd.mcp-gateway.profile.v1", "application/vnd.mcp-gateway.profile.bundle.v1+json");
    let of = |kind: &str, layers| Artifact { kind: kind.to_owned(), layers, ..Artifact::default() };
    let bundle = ProfileBundle::new(ProfileSpec::new(dev()), ProfileLock::default(), Vec::new()).unwrap();
    let text = bundle.to_text().unwrap();
    repository.push("other", &of("application/vnd.other", vec![Layer::new(layer, text.clone())])).await.unwrap();
    repository.push("type", &of(kind, vec![Layer::new("text/plain", text.clone())])).await.unwrap();
    repository
        .push("two", &of(kind, vec![Layer::new(layer, text.clone()), Layer::new(layer, text.clone())]))
        .await
        .unwrap();
    repository.push("changed", &of(kind, vec![Layer::new(layer, text.replace("dev", "vde"))])).await.unwrap();
    repository.push("good", &of(kind, vec![Layer::new(layer, text)])).await.unwrap();
    let home = Arc::new(place(CATALOG));
    for (tag, wanted) in [
        ("other", Err(ErrorKind::InvalidInput)),
        ("type", Err(ErrorKind::InvalidInput)),
        ("two", Err(ErrorKind::InvalidInput)),
        ("changed", Err(ErrorKind::Denied)),
        ("good", Ok(())),
    ] {
        let place = format!("{}/x:{tag}", registry.address);
        let done = home.home.pull_profile(&place, ImportOptions::default(), &DockerOptions::default()).await;
        assert_eq!(done.map(|_| ()).map_err(|error| error.kind()), wanted, "{tag}");
    }
}

#[tokio::test]
async fn what_a_profile_from_elsewhere_allows_is_said() {
    let place = place(CATALOG);
    let text = "name: dev\nservers:\n  time: {network: open, allowPrivate: true, writable: [/srv], verify: off}\n  github: {}\n\
                policy: {default: allow}\ndynamic: {enabled: true}\napproval: {webhook: {url: 'https://hook.example', secret: HOOK}}\n";
    let imported = place.home.import_profile("dev.yaml", text, ImportOptions::default()).await.unwrap();
    for part in ["every address", "its network", "/srv", "signature", "none of its rules", "agents", "hook.example"] {
        assert!(imported.warnings.iter().any(|warning| warning.contains(part)), "{part}: {:?}", imported.warnings);
    }
    assert!(imported.warnings.iter().all(|warning| !warning.contains("github")));
    assert!(imported.secrets.iter().any(|one| one.command == "mcp-gateway secret set HOOK"));
}

#[tokio::test]
async fn profiles_files_and_the_missing_are_compared() {
    let first = place(CATALOG);
    with_profile(&first.home).await;
    let docker = DockerOptions::default();
    let file = first._folder.path().join("dev.json");
    let text = first.home.export_profile(&dev()).await.unwrap().to_text().unwrap();
    fs::write_atomic(&file, text.as_bytes()).unwrap();
    let path = file.display().to_string();
    assert!(first.home.diff_profiles("dev", &path, &docker).await.unwrap().is_empty());
    let alone = first._folder.path().join("alone.yaml");
    fs::write_atomic(&alone, b"name: alone\nservers: {time: {}}\n").unwrap();
    let diff = first.home.diff_profiles("dev", &alone.display().to_string(), &docker).await.unwrap();
    assert!(diff.profile.iter().any(|change| change.path == "servers.github" && change.after.is_none()));
    let missing = first.home.diff_profiles("dev", "devv", &docker).await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::NotFound);
    assert!(missing.hints().any(|hint| hint.contains("dev")), "{}", missing.report());
}
