//! Tests with real commands.

use std::path::Path;
use std::time::Duration;

use super::*;
use crate::util::fs;

fn key(name: &str) -> SecretKey {
    SecretKey::parse(name).unwrap()
}

/// A broker that runs a script, `$1` being the key.
fn script(text: &str) -> CommandBroker {
    CommandBroker::new(CommandBrokerConfig::new(["/bin/sh", "-c", text, "sh", "{key}"])).unwrap()
}

#[tokio::test]
async fn reads_files_with_cat() {
    let folder = tempfile::tempdir().unwrap();
    fs::write_atomic(&folder.path().join("dev/github/TOKEN"), b"hunter2\n").unwrap();
    fs::write_atomic(&folder.path().join("EMPTY"), b"\n").unwrap();
    fs::write_atomic(&folder.path().join("LINES"), b"a\nb\r\n").unwrap();
    let broker = CommandBroker::new(
        CommandBrokerConfig::parse(&format!("cat -- '{}/{{key}}'", folder.path().display())).unwrap(),
    )
    .unwrap();
    assert_eq!(broker.get(&key("dev/github/TOKEN")).await.unwrap(), Some(SecretValue::new("hunter2")));
    assert_eq!(broker.get(&key("LINES")).await.unwrap(), Some(SecretValue::new("a\nb")));
    assert_eq!(broker.get(&key("EMPTY")).await.unwrap(), None);
    assert_eq!(broker.get(&key("MISSING")).await.unwrap(), None);
    assert_eq!(broker.name(), "command:cat");
}

#[tokio::test]
async fn other_exit_codes_are_errors_that_show_nothing() {
    let broker = script("echo hunter2; echo hunter2 >&2; exit 3");
    let error = broker.get(&key("A")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.to_string().contains("exit code 3"));
    assert!(!format!("{error:?} {broker:?} {}", error.report()).contains("hunter2"));
    assert_eq!(script("kill -9 $$").get(&key("A")).await.unwrap_err().kind(), ErrorKind::Io);
    assert_eq!(script("printf '\\377'").get(&key("A")).await.unwrap_err().kind(), ErrorKind::InvalidConfig);
    assert_eq!(script("cat /dev/zero").get(&key("A")).await.unwrap_err().kind(), ErrorKind::TooLarge);

    let config = CommandBrokerConfig::new(["/bin/sh", "-c", "exit 11", "{key}"]).with_not_found_exit_codes([11]);
    assert_eq!(CommandBroker::new(config).unwrap().get(&key("A")).await.unwrap(), None);
    let config = CommandBrokerConfig::new(["sleep", "600", "{key}"]).with_deadline(Duration::from_millis(50));
    let error = CommandBroker::new(config).unwrap().get(&key("0")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    let error = CommandBroker::new(CommandBrokerConfig::new(["no-such-program", "{key}"])).unwrap();
    assert_eq!(error.get(&key("A")).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn the_environment_is_a_short_list() {
    let names = "env | cut -d= -f1 | sort | tr '\\n' ' '";
    let printed = script(names).get(&key("A")).await.unwrap().unwrap();
    for name in printed.expose().split_whitespace() {
        assert!(VARIABLES.contains(&name) || ["PWD", "OLDPWD", "SHLVL", "_"].contains(&name), "{name}");
    }
    let Some(other) = ["CARGO_PKG_NAME", "SHELL", "TERM"].into_iter().find(|name| env_vars::get(name).is_some()) else {
        return eprintln!("skipped in part: no variable is set that could be passed on");
    };
    let config = CommandBrokerConfig::new(["/bin/sh", "-c", names, "{key}"]).with_variable(other);
    let printed = CommandBroker::new(config).unwrap().get(&key("A")).await.unwrap().unwrap();
    assert!(printed.expose().split_whitespace().any(|name| name == other));
}

#[tokio::test]
async fn asks_pass() {
    let home = tempfile::tempdir().unwrap();
    let Some(setup) = pass_store(home.path()).await else { return };
    let line =
        format!("env GNUPGHOME={0}/gpg PASSWORD_STORE_DIR={0}/store pass show mcp/{{key}}", home.path().display());
    let broker = CommandBroker::new(CommandBrokerConfig::parse(&line).unwrap()).unwrap();
    assert_eq!(broker.get(&key("dev/github/TOKEN")).await.unwrap(), Some(SecretValue::new(setup)));
    assert_eq!(broker.get(&key("dev/github/OTHER")).await.unwrap(), None);
}

/// Makes a store of `pass` with one secret, or says why it cannot.
async fn pass_store(home: &Path) -> Option<&'static str> {
    let text = format!(
        "command -v pass && command -v gpg || exit 1; set -e; export GNUPGHOME={0}/gpg PASSWORD_STORE_DIR={0}/store; \
         mkdir -m 700 -p $GNUPGHOME; \
         gpg --batch --quiet --passphrase '' --quick-generate-key t@example.com default default never; \
         pass init t@example.com; echo hunter2 | pass insert -e mcp/dev/github/TOKEN; echo {{name}}",
        home.display()
    );
    let config = CommandBrokerConfig::new(["/bin/sh", "-c", &text]).with_deadline(Duration::from_secs(60));
    match CommandBroker::new(config).unwrap().get(&key("A")).await {
        Ok(Some(_)) => Some("hunter2"),
        Ok(None) => {
            eprintln!("skipped: `pass` or `gpg` is not installed");
            None
        }
        Err(error) => {
            eprintln!("skipped: `pass` cannot make a store here: {error}");
            None
        }
    }
}
