//! Against a real keyring: GNOME's, in a session bus of its own.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::*;
use crate::util::env_vars;

/// The variable that makes a run of the tests one within a session bus; its value is what the keyring is like.
const WITHIN: &str = "MCP_GATEWAY_TEST_KEYRING";

fn broker() -> KeyringBroker {
    KeyringBroker::new(KeyringBrokerConfig::default().with_deadline(Duration::from_secs(20))).unwrap()
}

fn key(text: &str) -> SecretKey {
    SecretKey::parse(text).unwrap()
}

/// Runs a test of this file again where there is a session bus; `None`, with the reason printed, where none can be had.
///
/// `before` is run by the shell within the bus, as its home's only user.
fn within(name: &str, keyring: &str, before: &str) -> Option<std::process::Output> {
    let programs = ["dbus-run-session", "gnome-keyring-daemon"];
    let missing = programs.iter().find(|program| !Path::new("/usr/bin").join(program).exists());
    if let Some(program) = missing {
        eprintln!("skipped: {program} is not installed");
        return None;
    }
    let home = tempfile::tempdir().unwrap();
    let own = std::env::current_exe().unwrap();
    let script = format!("{before}\nexec \"$0\" --exact secrets::keyring::tests::{name} --nocapture");
    let run = std::process::Command::new("/usr/bin/dbus-run-session")
        .args(["--", "/bin/sh", "-c", &script])
        .arg(own)
        .env_clear()
        .envs([("PATH", PathBuf::from("/usr/bin:/bin")), (WITHIN, PathBuf::from(keyring))])
        .envs([("HOME", home.path()), ("XDG_RUNTIME_DIR", home.path()), ("XDG_DATA_HOME", home.path())])
        .output()
        .unwrap();
    Some(run)
}

fn assert_ran(run: &std::process::Output) {
    let said = String::from_utf8_lossy(&run.stdout).into_owned() + &String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success() && said.contains("1 passed"), "{said}");
}

/// Unlocks a keyring with a password, which makes it where there is none.
const UNLOCKED: &str = "printf pw | gnome-keyring-daemon --unlock --components=secrets >/dev/null";

#[tokio::test]
async fn secrets_are_kept_listed_and_forgotten() {
    if env_vars::get(WITHIN).is_none() {
        if let Some(run) = within("secrets_are_kept_listed_and_forgotten", "unlocked", UNLOCKED) {
            assert_ran(&run);
        }
        return;
    }
    let (broker, other) = (broker(), KeyringBroker::new(KeyringBrokerConfig::default().with_service("other")).unwrap());
    assert_eq!((broker.get(&key("TOKEN")).await.unwrap(), broker.list().await.unwrap()), (None, Vec::new()));
    for (name, value) in [("TOKEN", "one"), ("dev/github/TOKEN", "line\nline é ☃"), ("/github/TOKEN", "three")] {
        broker.set(&key(name), SecretValue::new("before")).await.unwrap();
        broker.set(&key(name), SecretValue::new(value)).await.unwrap();
        assert_eq!(broker.get(&key(name)).await.unwrap().unwrap().expose(), value);
    }
    let long = SecretValue::new("x".repeat(20_000));
    broker.set(&key("LONG"), long.clone()).await.unwrap();
    assert_eq!(broker.get(&key("LONG")).await.unwrap(), Some(long));
    let listed: Vec<_> = broker.list().await.unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(listed.len(), 4, "{listed:?}");
    assert_eq!((other.list().await.unwrap(), other.get(&key("TOKEN")).await.unwrap()), (Vec::new(), None));
    let refused = broker.set(&key("EMPTY"), SecretValue::new("")).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    assert!(!format!("{broker:?}").contains("one"));
    for name in ["TOKEN", "TOKEN", "dev/github/TOKEN", "/github/TOKEN", "LONG"] {
        broker.delete(&key(name)).await.unwrap();
    }
    assert!(broker.list().await.unwrap().is_empty());

    // With an expiry beside it, as in any other store.
    crate::secrets::keep(&broker, &key("OLD"), SecretValue::new("x"), Some(1)).await.unwrap();
    assert_eq!(crate::secrets::expiry(&broker, &key("OLD")).await.unwrap(), Some(1));
    let refused = crate::secrets::refuse_expired(&broker, &key("OLD")).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::MissingSecret);
}

#[tokio::test]
async fn a_keyring_that_stays_locked_is_an_error() {
    if env_vars::get(WITHIN).is_none() {
        // Made and filled by one daemon, then found by another that nobody unlocks and that can ask nobody.
        let before = format!(
            "{UNLOCKED}\nprintf x | secret-tool store --label x service mcp-gateway username TOKEN || exit 77
             gnome-keyring-daemon --replace --components=secrets >/dev/null"
        );
        let run = within("a_keyring_that_stays_locked_is_an_error", "locked", &before);
        match run {
            Some(run) if run.status.code() == Some(77) => eprintln!("skipped: secret-tool is not installed"),
            Some(run) => assert_ran(&run),
            None => {}
        }
        return;
    }
    let broker = KeyringBroker::new(KeyringBrokerConfig::default().with_deadline(Duration::from_secs(5))).unwrap();
    let error = broker.get(&key("TOKEN")).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Unauthorized | ErrorKind::Timeout), "{}", error.report());
    assert!(error.hints().next().is_some_and(|hint| hint.contains("unlock")), "{}", error.report());
    let error = broker.set(&key("NEW"), SecretValue::new("hunter2")).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Unauthorized | ErrorKind::Timeout), "{}", error.report());
    assert!(!error.report().contains("hunter2"));
}

#[tokio::test]
async fn without_a_session_bus_the_next_step_is_said() {
    if env_vars::get(WITHIN).is_none() {
        let run = within(
            "without_a_session_bus_the_next_step_is_said",
            "none",
            "export DBUS_SESSION_BUS_ADDRESS=unix:path=/no/bus",
        );
        if let Some(run) = run {
            assert_ran(&run);
        }
        return;
    }
    for error in [broker().get(&key("TOKEN")).await.unwrap_err(), broker().list().await.unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Io, "{}", error.report());
        assert!(
            error.operation().is_some() && error.hints().any(|hint| hint.contains("age:PATH")),
            "{}",
            error.report()
        );
    }
}

#[test]
fn names_that_cannot_be_are_refused() {
    for bad in ["", "a\nb"] {
        let refused = KeyringBroker::new(KeyringBrokerConfig::default().with_service(bad)).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::InvalidInput, "{bad:?}");
    }
}
