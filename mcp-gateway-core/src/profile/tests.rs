use std::sync::Arc;

use serde_json::json;

use super::{FileProfile, Isolation, NetworkSpec, Profile, ProfileSpec, ProfileStore, ServerSpec, Toolkit};
use crate::error::{Error, ErrorKind};
use crate::model::{Definition, ProfileName, ServerName, Surface};
use crate::util::fs;

fn name(name: &str) -> ProfileName {
    ProfileName::new(name).unwrap()
}

fn server(name: &str) -> ServerName {
    ServerName::new(name).unwrap()
}

fn told(error: &Error) -> String {
    error.hints().fold(error.to_string(), |text, hint| format!("{text}\nhint: {hint}"))
}

const FULL: &str = r#"name: dev-tools
description: Everyday tools
catalogs:
- docker
servers:
  time: {}
  github:
    tools:
    - get_*
    - "!get_secret_*"
    config:
      host: github.example.com
      port: 8080
      paths:
      - /a
      - "yes"
    secrets:
      GITHUB_TOKEN: team.token
    limits:
      memory: 512m
      cpus: 0.5
      callTimeout: 90s
    network:
    - api.github.com:443
    - "*.example.com:443"
    - "[::1]:80"
    isolation: call
    idle: never
    writable:
    - /srv/data
tools:
- github:*
policy:
  default: hard_confirm
  rules:
  - match: github.delete_*
    effect: deny
    reason: deleting is done by people
"#;

// === the text ===

#[tokio::test]
async fn a_profile_is_written_as_a_person_would() {
    let folder = tempfile::tempdir().unwrap();
    let store = ProfileStore::new(folder.path());
    let profile = store.import("x.yaml", FULL, false).await.unwrap();
    let written = fs::read_to_string(profile.path()).unwrap();
    assert_eq!(written, FULL);
    let spec = profile.spec().await.unwrap();
    let github = &spec.servers["github"];
    assert_eq!(github.config["paths"], json!(["/a", "yes"]));
    assert_eq!(github.isolation, Some(Isolation::Call));
    assert!(matches!(&github.network, Some(NetworkSpec::Hosts(hosts)) if hosts.len() == 3));
    // What is written is read as the same.
    assert_eq!(store.import("y.yaml", &written, true).await.unwrap().spec().await.unwrap(), spec);
}

#[tokio::test]
async fn a_server_may_stand_alone() {
    let folder = tempfile::tempdir().unwrap();
    let store = ProfileStore::new(folder.path());
    let spec = store.import("x", "name: p\nservers:\n  time:\n  git: {}\n", false).await.unwrap().spec().await.unwrap();
    assert_eq!(spec.servers.values().collect::<Vec<_>>(), [&ServerSpec::default(); 2]);
}

#[tokio::test]
async fn what_cannot_be_right_is_told_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let store = ProfileStore::new(folder.path());
    for (text, expected) in [
        ("name: p\nservrs: {}", "unknown key `servrs` (file: p.yaml:2:1)\nhint: did you mean `servers`?"),
        ("servers: {}", "missing `name` (file: p.yaml:1:1)"),
        ("name: p\nservers: {a: {tool: [x]}}", "unknown key `tool` (file: p.yaml:2:15)\nhint: did you mean `tools`?"),
        (
            "name: p\nservers: {a: {isolation: cal}}",
            "`cal` is none of the words that may stand here (file: p.yaml:2:26)\nhint: did you mean `call`?",
        ),
        (
            "name: p\nservers: {a: {network: opn}}",
            "`opn` is none of the words that may stand here (file: p.yaml:2:15)\nhint: did you mean `open`?",
        ),
        ("name: p\nservers: {a: {network: {}}}", "expected `none`, `open` or a list of `host:port`"),
        ("name: p\nservers: [a]", ""),
        ("name: -p", "profile name `-p` must start with a letter or digit"),
        ("name: p\nservers: {../a: {}}", "server name `../a` must start with a letter or digit"),
        (
            "name: p\nservers:\n a:\n  limits: {memory: much}",
            "`servers.a.limits.memory`: `much` is not an amount of memory (file: p.yaml:4:20)",
        ),
        ("name: p\nlimits: {callTimeout: soon}", "`limits.callTimeout`: `soon` is not a duration (file: p.yaml:2:23)"),
        ("name: p\nlimits: {startTimeout: 0s}", "`limits.startTimeout`: `0s` is no time at all (file: p.yaml:2:24)"),
        ("name: p\nlimits: {cpus: -1}", "`limits.cpus`: `-1` is not a number of cores (file: p.yaml:2:16)"),
        ("name: p\nservers: {a: {idle: later}}", "`servers.a.idle`: `later` is not a duration"),
        ("name: p\nservers: {a: {network: [a.example]}}", "`servers.a.network.0`: `a.example` is not `host:port`"),
        (
            "name: p\nservers: {a: {network: ['a.example:http']}}",
            "`servers.a.network.0`: `a.example:http` is not `host:port`",
        ),
        ("name: p\nservers: {a: {writable: [data]}}", "`servers.a.writable.0`: `data` is not an absolute path"),
        ("name: p\nservers: {a: {tools: ['!']}}", "`servers.a.tools.0`: `!` is not a pattern of tools"),
        ("name: p\ntools: ['a: b']", "`tools.0`: `a: b` is not a pattern of tools"),
        (
            "name: p\npolicy: {rules: [{match: '', effect: deny}]}",
            "`policy.rules.0.match`: `` is not a pattern of names",
        ),
        (
            "name: p\npolicy:\n rules:\n - {match: 'a.*', effect: allow}\n - {match: a.x, effect: deny}",
            "`policy.rules.1`: rule never decides: rule 1 (`a.*`, allow) comes first and covers all of it (file: p.yaml:5:4)",
        ),
        ("name: p\npolicy: {rules: [{effect: deny}]}", "`policy.rules.0`: rule does not say what it covers"),
        ("name: p\npolicy: {rules: [{macht: x, effect: deny}]}", "unknown key `macht`"),
        ("name: p\npolicy: {rules: [{kind: tools/cal, effect: deny}]}", "`tools/cal` is none of the words"),
        (
            "name: p\npolicy: {rules: [{arguments: {path: {exists: true}}, effect: deny}]}",
            "`path` is not a JSON pointer",
        ),
        ("name: p\npolicy: {rules: [{time: {zone: Mars}, effect: deny}]}", "`Mars` is not a time zone"),
        ("name: p\npolicy: {preset: strict}", "`strict` is none of the words"),
        (
            "name: p\npolicy: {default: alow}",
            "`alow` is none of the words that may stand here (file: p.yaml:2:19)\nhint: did you mean `allow`?",
        ),
        ("name: p\nquotas: [{rate: often}]", "`quotas.0.rate`: `often` is not a rate (file: p.yaml:2:17)"),
        ("name: p\nquotas: [{daily: 1}, {server: a}]", "`quotas.1`: a quota that bounds nothing"),
        ("name: p\nquotas: [{server: 'a b', daily: 1}]", "`quotas.0.server`: `a b` is not a pattern of names"),
        ("name: [p", ""),
        ("\u{0}\u{1}garbage", ""),
        ("", ""),
    ] {
        let error = store.import("p.yaml", text, false).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{text:?}: {error}");
        let found = told(&error);
        assert!(found.starts_with(expected), "{text:?}\nexpected {expected}\nfound    {found}");
        assert!(found.contains("p.yaml"), "{text:?}\nfound {found}");
    }
    assert_eq!(store.list().await.unwrap(), []);
}

#[test]
fn values_that_were_built_in_code_are_checked_too() {
    let mut own = ServerSpec::default();
    own.limits.memory = Some("much".to_owned());
    let error = ProfileSpec::new(name("p")).with_server(server("a"), own).validate().unwrap_err();
    assert_eq!(error.to_string(), "`much` is not an amount of memory (profile: p, key: servers.a.limits.memory)");
    assert!(ProfileSpec::new(name("p")).validate().is_ok());
}

// === files ===

#[tokio::test]
async fn profiles_are_created_listed_opened_and_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let store = ProfileStore::new(folder.path().join("profiles"));
    assert_eq!(store.list().await.unwrap(), []);
    let profile = store.create(ProfileSpec::new(name("dev"))).await.unwrap();
    store.create(ProfileSpec::new(name("a.b"))).await.unwrap();
    assert_eq!(store.create(ProfileSpec::new(name("dev"))).await.unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(store.list().await.unwrap(), [name("a.b"), name("dev")]);
    profile
        .update_lock(Box::new(|lock| {
            lock.names.tools.insert("t".into(), "s.t".into());
            Ok(())
        }))
        .await
        .unwrap();
    assert!(fs::exists(profile.lock_path()));

    let error = store.open(&name("devv")).await.unwrap_err();
    assert_eq!((error.kind(), error.hints().next()), (ErrorKind::NotFound, Some("did you mean `dev`?")));
    assert_eq!(store.open(&name("dev")).await.unwrap().name().as_str(), "dev");
    store.delete(&name("dev")).await.unwrap();
    assert!(!fs::exists(profile.lock_path()));
    assert_eq!(store.delete(&name("dev")).await.unwrap_err().kind(), ErrorKind::NotFound);
    for error in [
        profile.spec().await.unwrap_err(),
        profile.update(Box::new(|_| Ok(()))).await.unwrap_err(),
        profile.update_lock(Box::new(|_| Ok(()))).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
    assert_eq!(store.list().await.unwrap(), [name("a.b")]);
}

#[tokio::test]
async fn what_is_exported_can_be_imported_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let (here, there) = (ProfileStore::new(folder.path().join("a")), ProfileStore::new(folder.path().join("b")));
    here.import("x", FULL, false).await.unwrap();
    let file = folder.path().join("export.yaml");
    here.export_to(&name("dev-tools"), &file).await.unwrap();
    let copy = there.import_from(&file, false).await.unwrap();
    assert_eq!(copy.spec().await.unwrap(), here.open(&name("dev-tools")).await.unwrap().spec().await.unwrap());
    assert_eq!(there.import_from(&file, false).await.unwrap_err().kind(), ErrorKind::AlreadyExists);
    there.import("x", "name: dev-tools", true).await.unwrap();
    assert!(copy.spec().await.unwrap().servers.is_empty());
}

#[tokio::test]
async fn a_broken_file_is_told_and_never_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let store = ProfileStore::new(folder.path());
    let profile = store.import("x", FULL, false).await.unwrap();
    for broken in [&FULL[..FULL.len() / 2], "\u{0}garbage", "name: [", ""] {
        fs::write_atomic(profile.path(), broken.as_bytes()).unwrap();
        let error = profile
            .update(Box::new(|spec| {
                spec.servers.clear();
                Ok(())
            }))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{error}");
        assert!(error.to_string().contains("dev-tools.yaml"), "{error}");
        assert_eq!(fs::read_to_string(profile.path()).unwrap(), broken);
    }
    fs::write_atomic(profile.path(), FULL.replace("dev-tools", "other").as_bytes()).unwrap();
    assert!(profile.spec().await.unwrap_err().to_string().contains("says `name: other`"));

    fs::write_atomic(profile.path(), FULL.as_bytes()).unwrap();
    fs::write_atomic(profile.lock_path(), b"{\"servers\": {").unwrap();
    let error = profile.update_lock(Box::new(|_| Ok(()))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig);
    assert!(error.to_string().contains("dev-tools.lock:1:13"), "{error}");
    assert_eq!(fs::read_to_string(profile.lock_path()).unwrap(), "{\"servers\": {");
}

#[tokio::test]
async fn a_change_that_fails_or_changes_nothing_leaves_the_file_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.yaml");
    let text = "# mine\nname: p\nservers: {time: }\n";
    fs::write_atomic(&path, text.as_bytes()).unwrap();
    let profile = FileProfile::open(&path).await.unwrap();
    profile.update(Box::new(|_| Ok(()))).await.unwrap();
    let failing = profile.update(Box::new(|spec| {
        spec.servers.clear();
        Err(Error::new(ErrorKind::Denied, "no"))
    }));
    assert_eq!(failing.await.unwrap_err().kind(), ErrorKind::Denied);
    let renaming = profile.update(Box::new(|spec| {
        spec.name = name("q");
        Ok(())
    }));
    assert_eq!(renaming.await.unwrap_err().kind(), ErrorKind::InvalidInput);
    let breaking = profile.update(Box::new(|spec| {
        spec.limits.memory = Some("much".into());
        Ok(())
    }));
    assert_eq!(breaking.await.unwrap_err().kind(), ErrorKind::InvalidConfig);
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_changes_are_all_kept() {
    let folder = tempfile::tempdir().unwrap();
    let store = ProfileStore::new(folder.path());
    store.create(ProfileSpec::new(name("p"))).await.unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..24 {
        // A value of its own each, as two processes would have.
        let profile = Arc::new(store.open(&name("p")).await.unwrap());
        tasks.spawn(async move {
            let added = server(&format!("s{number}"));
            profile
                .update(Box::new(|spec| {
                    spec.servers.insert(added.clone(), ServerSpec::default());
                    Ok(())
                }))
                .await
                .unwrap();
            profile
                .update_lock(Box::new(|lock| {
                    lock.servers.entry(added.clone()).or_default().identity = "x".to_owned();
                    Ok(())
                }))
                .await
                .unwrap();
        });
    }
    tasks.join_all().await;
    let profile = store.open(&name("p")).await.unwrap();
    assert_eq!(profile.spec().await.unwrap().servers.len(), 24);
    assert_eq!(profile.lock().await.unwrap().servers.len(), 24);

    let creating = (0..8).map(|_| store.create(ProfileSpec::new(name("new"))));
    let created = futures_util::future::join_all(creating).await;
    assert_eq!(created.iter().filter(|result| result.is_ok()).count(), 1);
}

#[tokio::test]
async fn a_recorded_definition_is_one_line_of_the_lock() {
    let folder = tempfile::tempdir().unwrap();
    let store = ProfileStore::new(folder.path());
    let profile = store.create(ProfileSpec::new(name("p"))).await.unwrap();
    let json = r#"{"name":"t",  "big": 12345678901234567890123}"#;
    profile
        .update_lock(Box::new(|lock| {
            let mut surface = Surface::default();
            surface.tools.push(Definition::new("t", json));
            lock.servers.entry(server("s")).or_default().surface = Some(surface);
            Ok(())
        }))
        .await
        .unwrap();
    let text = fs::read_to_string(profile.lock_path()).unwrap();
    assert_eq!(text.lines().filter(|line| line.contains("12345678901234567890123")).count(), 1);
    let lock = profile.lock().await.unwrap();
    assert_eq!(lock.servers["s"].surface.as_ref().unwrap().tools[0].json, json);
}

// === toolkit ===

#[test]
fn the_toolkits_files_are_put_into_a_profile() {
    let mut toolkit = Toolkit::new();
    assert_eq!(toolkit.read_registry("r.yaml", "registry:\n  time: {ref: \"\"}\n  git:\n").unwrap(), []);
    let warnings = toolkit.read_config("c.yaml", "git:\n  paths: [/a]\nunused: {a: 1}\nempty:\n").unwrap();
    assert_eq!(warnings, []);
    assert_eq!(toolkit.read_tools("t.yaml", "git: [log, diff]\ntime: []\nfetch:\n").unwrap(), []);
    let mut own = ServerSpec::default();
    own.config.insert("host".to_owned(), json!("h"));
    let mut spec = ProfileSpec::new(name("p")).with_server(server("git"), own);
    toolkit.apply(&mut spec);
    assert_eq!(spec.servers.keys().map(ServerName::as_str).collect::<Vec<_>>(), ["git", "time"]);
    let git = &spec.servers["git"];
    assert_eq!((&git.config["paths"], &git.config["host"]), (&json!(["/a"]), &json!("h")));
    assert_eq!(git.tools, ["log", "diff"]);
    assert_eq!(spec.servers["time"].tools, ["!*"]);
    spec.validate().unwrap();

    for empty in ["", "\n# nothing\n", "{}"] {
        assert!(Toolkit::new().read_config("c.yaml", empty).is_ok(), "{empty:?}");
    }
    let error = toolkit.read_registry("r.yaml", "registy: {}\n").unwrap_err();
    assert!(
        told(&error).starts_with("missing `registry` (file: r.yaml:1:1)\nhint: is one of the other keys"),
        "{}",
        told(&error)
    );
    assert!(toolkit.read_tools("t.yaml", "git: log").unwrap_err().to_string().contains("t.yaml:1:6"));
    assert!(toolkit.read_config("c.yaml", "git: [a]").unwrap_err().to_string().contains("c.yaml:1:6"));
}
