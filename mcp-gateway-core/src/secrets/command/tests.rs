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

#[test]
fn programs_are_known_by_how_they_say_that_there_is_nothing() {
    for (line, code) in [("pass show {key}", 1), ("/usr/bin/vault kv get {key}", 2), ("gopass show {key}", 11)] {
        assert_eq!(CommandBrokerConfig::parse(line).unwrap().not_found_exit_codes, [code], "{line}");
    }
}

/// `pass` with a key of its own; `None`, with the reason printed, where it is not installed.
struct Pass {
    folder: tempfile::TempDir,
}

impl Pass {
    fn new() -> Option<Self> {
        if let Some(missing) =
            ["/usr/bin/pass", "/usr/bin/gpg"].into_iter().find(|program| !Path::new(program).exists())
        {
            eprintln!("skipped: {missing} is not there");
            return None;
        }
        // Short: the sockets of GnuPG's agent are in it, whose paths may have 107 bytes.
        let folder = tempfile::Builder::new().prefix("gpg").tempdir_in("/tmp").unwrap();
        let pass = Self { folder };
        let made = "gpg --batch --quiet --pinentry-mode loopback --passphrase '' \
            --quick-generate-key test@mcp-gateway.test future-default default never && pass init test@mcp-gateway.test";
        pass.run(made, "");
        Some(pass)
    }

    fn variables(&self) -> [(&'static str, std::path::PathBuf); 4] {
        let path = |name: &str| self.folder.path().join(name);
        [
            ("PATH", "/usr/bin:/bin".into()),
            ("HOME", self.folder.path().to_owned()),
            ("GNUPGHOME", self.folder.path().to_owned()),
            ("PASSWORD_STORE_DIR", path("store")),
        ]
    }

    fn run(&self, script: &str, input: &str) {
        use std::io::Write as _;
        let mut command = std::process::Command::new("/bin/sh");
        command.args(["-c", script]).env_clear().envs(self.variables());
        let pipe = std::process::Stdio::piped;
        let mut child = command.stdin(pipe()).stdout(pipe()).stderr(pipe()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let done = child.wait_with_output().unwrap();
        assert!(done.status.success(), "{script}: {}", String::from_utf8_lossy(&done.stderr));
    }

    /// A broker that asks it, as `command:pass show mcp/{key}` does with these variables in the gateway's environment.
    fn broker(&self) -> CommandBroker {
        let variables = self.variables().map(|(name, value)| format!("{name}={}", value.display()));
        let words = ["pass", "show", "mcp/{key}"].map(str::to_owned);
        let argv = ["env".to_owned()].into_iter().chain(variables).chain(words);
        CommandBroker::new(CommandBrokerConfig::new(argv)).unwrap()
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        self.run("gpgconf --kill gpg-agent", "");
    }
}

#[tokio::test]
async fn pass_is_asked_by_its_own_names() {
    let Some(pass) = Pass::new() else { return };
    for name in ["TOKEN", "dev/github/TOKEN"] {
        pass.run(&format!("pass insert --multiline mcp/{name}"), &format!("value of {name}\n"));
    }
    let broker = pass.broker();
    for name in ["TOKEN", "dev/github/TOKEN"] {
        assert_eq!(broker.get(&key(name)).await.unwrap().unwrap().expose(), format!("value of {name}"));
    }
    for missing in ["OTHER", "dev//TOKEN", "/github/TOKEN"] {
        assert_eq!(broker.get(&key(missing)).await.unwrap(), None, "{missing}");
    }
    let profile = crate::model::ProfileName::new("dev").unwrap();
    let server = crate::model::ServerName::new("github").unwrap();
    let entry = crate::model::SecretEntry::new("github.token", "TOKEN");
    let found = crate::secrets::locate(&broker, &profile, &server, &entry).await.unwrap().unwrap();
    assert_eq!(
        (found.key.to_string().as_str(), found.value.expose()),
        ("dev/github/TOKEN", "value of dev/github/TOKEN")
    );

    // Without the key that opens it, what is there is no answer of "not there".
    pass.run("rm -rf \"$GNUPGHOME/private-keys-v1.d\" && gpgconf --kill gpg-agent", "");
    let error = broker.get(&key("TOKEN")).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Io && !error.report().contains("value of"), "{}", error.report());
}
