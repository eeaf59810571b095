//! Every `SecretBroker`.

use std::sync::Arc;

use mcp_gateway_core::model::{SecretEntry, SecretValue};
use mcp_gateway_core::secrets::{
    BrokerOptions, ChainBroker, DotenvBroker, EnvBroker, MemoryBroker, SecretBroker, SecretKey, open, resolve,
};
use mcp_gateway_core::{ErrorKind, util};
use tempfile::TempDir;

/// Checks a broker that holds nothing yet; one that is not writable is checked for saying so.
pub(crate) async fn check_broker(broker: Arc<dyn SecretBroker>, writable: bool) {
    assert!(!broker.name().is_empty());
    assert_eq!(broker.is_writable(), writable);
    missing_keys_have_no_value(&*broker).await;
    if !writable {
        let key = key("BEHAVIOR_TOKEN");
        let refused =
            [broker.set(&key, SecretValue::new("x")).await.unwrap_err(), broker.delete(&key).await.unwrap_err()];
        for error in refused {
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
            assert!(error.operation().is_some());
        }
        missing_keys_have_no_value(&*broker).await;
        return;
    }
    values_are_kept_under_their_own_key(&*broker).await;
    empty_values_are_refused(&*broker).await;
    any_text_is_kept(&*broker).await;
    a_server_gets_the_most_specific(&*broker).await;
    writers_at_once_lose_nothing(&broker).await;
    nothing_shows_a_value(&*broker).await;
}

fn key(text: &str) -> SecretKey {
    SecretKey::parse(text).unwrap()
}

const KEYS: [&str; 4] =
    ["BEHAVIOR_TOKEN", "dev//BEHAVIOR_TOKEN", "dev/github/BEHAVIOR_TOKEN", "/github/BEHAVIOR_TOKEN"];

async fn missing_keys_have_no_value(broker: &dyn SecretBroker) {
    for name in KEYS {
        assert_eq!(broker.get(&key(name)).await.unwrap(), None, "{name}");
    }
    assert!(broker.list().await.unwrap().is_empty());
}

async fn values_are_kept_under_their_own_key(broker: &dyn SecretBroker) {
    for name in KEYS {
        broker.set(&key(name), SecretValue::new(format!("value of {name}"))).await.unwrap();
    }
    for name in KEYS {
        let value = broker.get(&key(name)).await.unwrap().unwrap();
        assert_eq!(value.expose(), format!("value of {name}"));
    }
    let mut expected = KEYS.map(key);
    expected.sort();
    assert_eq!(broker.list().await.unwrap(), expected);

    broker.set(&key(KEYS[1]), SecretValue::new("changed")).await.unwrap();
    assert_eq!(broker.get(&key(KEYS[1])).await.unwrap().unwrap().expose(), "changed");
    for (gone, name) in KEYS.iter().enumerate() {
        broker.delete(&key(name)).await.unwrap();
        assert_eq!(broker.get(&key(name)).await.unwrap(), None);
        assert_eq!(broker.list().await.unwrap().len(), KEYS.len() - gone - 1);
    }
    broker.delete(&key(KEYS[0])).await.unwrap();
}

async fn empty_values_are_refused(broker: &dyn SecretBroker) {
    let key = key("EMPTY");
    broker.set(&key, SecretValue::new("x")).await.unwrap();
    let error = broker.set(&key, SecretValue::new("")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(broker.get(&key).await.unwrap().unwrap().expose(), "x");
    broker.delete(&key).await.unwrap();
}

async fn any_text_is_kept(broker: &dyn SecretBroker) {
    let long = "x".repeat(20_000);
    let values = ["two words", "it's \"quoted\" $HOME \\n", "-----BEGIN\nline\n-----END\n", " # é ☃\t", "=", &long];
    for value in values {
        let key = key("dev/github/key.with-dots_1");
        broker.set(&key, SecretValue::new(value)).await.unwrap();
        assert_eq!(broker.get(&key).await.unwrap().unwrap().expose(), value);
        broker.delete(&key).await.unwrap();
    }
}

async fn a_server_gets_the_most_specific(broker: &dyn SecretBroker) {
    let (profile, server) = ("dev".parse().unwrap(), "github".parse().unwrap());
    let entry = SecretEntry::default();
    let entry = {
        let mut entry = entry;
        entry.name = "github.token".to_owned();
        entry.env = "BEHAVIOR_TOKEN".to_owned();
        entry
    };
    let error = resolve(broker, &profile, &server, &entry).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MissingSecret);
    assert!(error.to_string().contains("github.token") && error.hints().any(|hint| hint.contains("secret set")));
    for name in
        ["github.token", "BEHAVIOR_TOKEN", "/github/github.token", "dev//BEHAVIOR_TOKEN", "dev/github/github.token"]
    {
        broker.set(&key(name), SecretValue::new(name)).await.unwrap();
        let value = resolve(broker, &profile, &server, &entry).await.unwrap().unwrap();
        assert_eq!(value.expose(), name);
    }
    let other = resolve(broker, &"prod".parse().unwrap(), &server, &entry).await.unwrap().unwrap();
    assert_eq!(other.expose(), "/github/github.token");
    for key in broker.list().await.unwrap() {
        broker.delete(&key).await.unwrap();
    }
}

async fn writers_at_once_lose_nothing(broker: &Arc<dyn SecretBroker>) {
    let tasks: Vec<_> = (0..8)
        .map(|number| {
            let broker = Arc::clone(broker);
            tokio::spawn(async move {
                let key = SecretKey::new(format!("KEY_{number}")).unwrap();
                broker.set(&key, SecretValue::new(number.to_string())).await.unwrap();
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let keys = broker.list().await.unwrap();
    assert_eq!(keys.len(), 8);
    for key in keys {
        assert!(broker.get(&key).await.unwrap().is_some());
        broker.delete(&key).await.unwrap();
    }
}

async fn nothing_shows_a_value(broker: &dyn SecretBroker) {
    let key = key("dev/github/SHOWN");
    broker.set(&key, SecretValue::new("hunter2-hunter2")).await.unwrap();
    let value = broker.get(&key).await.unwrap();
    let shown = format!("{broker:?} {} {value:?} {:?}", broker.name(), broker.list().await.unwrap());
    assert!(!shown.contains("hunter2"), "{shown}");
    broker.delete(&key).await.unwrap();
}

// === implementations ===

#[tokio::test]
async fn memory() {
    check_broker(Arc::new(MemoryBroker::new()), true).await;
}

#[tokio::test]
async fn env() {
    check_broker(Arc::new(EnvBroker::new()), false).await;
    let broker = EnvBroker::new().with_allowed("PATH").with_allowed("BEHAVIOR_NOT_SET");
    assert_eq!(broker.get(&key("PATH")).await.unwrap().unwrap().expose(), util::env_vars::get("PATH").unwrap());
    assert_eq!(broker.list().await.unwrap(), [key("PATH")]);
}

#[tokio::test]
async fn dotenv() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("new/secrets.env");
    check_broker(Arc::new(DotenvBroker::new(&path)), true).await;
    assert!(!util::fs::is_open_to_others(&path));

    let path = folder.path().join("kept.env");
    util::fs::write_atomic(&path, b"# mine\nA=1 # one\n\nexport B='2'\n").unwrap();
    let broker = DotenvBroker::new(&path);
    broker.set(&key("A"), SecretValue::new("new")).await.unwrap();
    broker.set(&key("dev/github/C"), SecretValue::new("3")).await.unwrap();
    broker.delete(&key("B")).await.unwrap();
    assert_eq!(util::fs::read_to_string(&path).unwrap(), "# mine\nA=new # one\n\ndev/github/C=3\n");

    util::fs::write_atomic(&path, b"A=1\nhunter2\n").unwrap();
    for error in [broker.get(&key("A")).await.unwrap_err(), broker.delete(&key("A")).await.unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::InvalidConfig);
        assert!(error.to_string().contains("kept.env:2") && !format!("{error:?}").contains("hunter2"), "{error:?}");
    }
    assert_eq!(util::fs::read_to_string(&path).unwrap(), "A=1\nhunter2\n");
}

#[cfg(unix)]
#[tokio::test]
async fn dotenv_behind_a_symbolic_link() {
    let folder = TempDir::new().unwrap();
    let (real, link) = (folder.path().join("real.env"), folder.path().join("link.env"));
    util::fs::write_atomic(&real, b"A=1\n").unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    DotenvBroker::new(&link).set(&key("A"), SecretValue::new("2")).await.unwrap();
    assert_eq!(util::fs::read_to_string(&real).unwrap(), "A=2\n");
    assert_eq!(util::fs::canonicalize(&link).unwrap(), util::fs::canonicalize(&real).unwrap());
}

#[tokio::test]
async fn dotenv_written_by_several_at_once() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("s.env");
    let tasks: Vec<_> = (0..8)
        .map(|writer| {
            let broker = DotenvBroker::new(&path);
            tokio::spawn(async move {
                for number in 0..10 {
                    let key = SecretKey::new(format!("W{writer}_{number}")).unwrap();
                    broker.set(&key, SecretValue::new("x")).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(DotenvBroker::new(&path).list().await.unwrap().len(), 80);
}

#[tokio::test]
async fn chain() {
    let brokers: Vec<Arc<dyn SecretBroker>> =
        vec![Arc::new(EnvBroker::new()), Arc::new(MemoryBroker::new()), Arc::new(MemoryBroker::new())];
    check_broker(Arc::new(ChainBroker::new(brokers)), true).await;
    check_broker(Arc::new(ChainBroker::new(vec![Arc::new(EnvBroker::new())])), false).await;
}

#[tokio::test]
async fn opened_by_text() {
    let folder = TempDir::new().unwrap();
    let text = format!("file:{}", folder.path().join("s.env").display());
    check_broker(open(&text, &BrokerOptions::default()).unwrap(), true).await;
    check_broker(open("env", &BrokerOptions::default()).unwrap(), false).await;
}

#[cfg(feature = "secrets-age")]
#[tokio::test]
async fn age_by_key_file() {
    use mcp_gateway_core::secrets::{AgeBroker, AgeBrokerConfig};
    let folder = TempDir::new().unwrap();
    let config = AgeBrokerConfig::new(folder.path().join("s.age")).with_identity(folder.path().join("keys/me.key"));
    check_broker(Arc::new(AgeBroker::new(config).unwrap()), true).await;
}

#[cfg(feature = "secrets-age")]
#[tokio::test]
async fn age_by_passphrase() {
    use mcp_gateway_core::secrets::{AgeBroker, AgeBrokerConfig};
    let folder = TempDir::new().unwrap();
    let config = AgeBrokerConfig::new(folder.path().join("s.age"))
        .with_passphrase(SecretValue::new("correct horse"))
        .with_work_factor(2);
    check_broker(Arc::new(AgeBroker::new(config).unwrap()), true).await;
}

#[cfg(all(unix, feature = "secrets-command"))]
#[tokio::test]
async fn command() {
    use mcp_gateway_core::secrets::{CommandBroker, CommandBrokerConfig};
    let folder = TempDir::new().unwrap();
    let argv = ["cat".to_owned(), "--".to_owned(), format!("{}/{{key}}", folder.path().display())];
    check_broker(Arc::new(CommandBroker::new(CommandBrokerConfig::new(argv)).unwrap()), false).await;
}

#[cfg(all(target_os = "linux", feature = "secrets-keyring"))]
#[tokio::test]
async fn keyring() {
    use mcp_gateway_core::secrets::{KeyringBroker, KeyringBrokerConfig};
    const WITHIN: &str = "MCP_GATEWAY_TEST_KEYRING";
    if util::env_vars::get(WITHIN).is_some() {
        return check_broker(Arc::new(KeyringBroker::new(KeyringBrokerConfig::default()).unwrap()), true).await;
    }
    let programs = ["dbus-run-session", "gnome-keyring-daemon"].map(|name| std::path::Path::new("/usr/bin").join(name));
    if let Some(missing) = programs.iter().find(|program| !program.exists()) {
        eprintln!("skipped: there is no {}", missing.display());
        return;
    }
    // Again, in a session with a keyring of its own.
    let home = TempDir::new().unwrap();
    let script = "printf pw | gnome-keyring-daemon --unlock --components=secrets >/dev/null
        exec \"$0\" --exact secrets::keyring --nocapture";
    let mut command = tokio::process::Command::new(&programs[0]);
    command.args(["--", "/bin/sh", "-c", script]).arg(std::env::current_exe().unwrap());
    command.env_clear().env("PATH", "/usr/bin:/bin").env(WITHIN, "unlocked");
    command.envs(["HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR"].map(|name| (name, home.path())));
    let run = command.output().await.unwrap();
    let said = String::from_utf8_lossy(&run.stdout).into_owned() + &String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success() && said.contains("1 passed"), "{said}");
}
