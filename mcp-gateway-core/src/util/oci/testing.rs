//! A real registry for tests.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::util::{env_vars, fs};

/// The user and the password of a registry that asks for them.
pub(crate) const USER: (&str, &str) = ("ann", "pass:word");
/// Their line in the registry's file of users.
const USERS: &str = "ann:$2b$05$abcdefghijklmnopqrstuuDIEddBSuRWBBEY6g5zv60IAP5bSSfki\n";

/// A registry of this machine; it ends with this value.
#[derive(Debug)]
pub(crate) struct TestRegistry {
    pub(crate) address: String,
    _folder: TempDir,
    _process: Child,
}

impl TestRegistry {
    /// A registry, if its program is there; a test without it prints why it is skipped.
    pub(crate) async fn start(asks_for_login: bool) -> Option<Self> {
        let tools = env_vars::get("MCP_GATEWAY_TEST_SIGNATURES")
            .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/test-signatures"), Into::into);
        let program = tools.join("bin/docker-registry");
        if !fs::exists(&program) {
            let why = fs::read_optional(&tools.join("why")).unwrap();
            let why = why.unwrap_or_else(|| "there is no registry (make signatures)".to_owned());
            assert!(env_vars::get("MCP_GATEWAY_TEST").is_none() || fs::exists(&tools.join("why")), "{why}");
            eprintln!("skipped: {}", why.trim());
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let users = folder.path().join("users");
        fs::write_atomic(&users, USERS.as_bytes()).unwrap();
        let auth = if asks_for_login {
            format!("auth: {{htpasswd: {{realm: test, path: {}}}}}\n", users.display())
        } else {
            String::new()
        };
        let config = format!(
            "version: 0.1\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: 127.0.0.1:0}}\n{auth}",
            folder.path().join("store").display()
        );
        let file = folder.path().join("config.yml");
        fs::write_atomic(&file, config.as_bytes()).unwrap();
        let mut process = Command::new(program)
            .arg("serve")
            .arg(file)
            .env("OTEL_TRACES_EXPORTER", "none")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
        let address = async {
            while let Some(line) = lines.next_line().await.unwrap() {
                if let Some((_, rest)) = line.split_once("listening on ") {
                    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ':');
                    return rest[..end.unwrap_or(rest.len())].to_owned();
                }
            }
            panic!("the registry ends without listening");
        };
        let address = tokio::time::timeout(Duration::from_secs(60), address).await.expect("the registry listens");
        // It is read to its end, so that the registry never waits for a reader.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Some(Self { address, _folder: folder, _process: process })
    }
}
