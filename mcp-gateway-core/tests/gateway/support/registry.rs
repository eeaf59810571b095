//! A real registry with real signatures in it.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use mcp_gateway_core::util::env_vars;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use super::docker::{Engine, skip};
use super::{LIMIT, folder};

/// A registry of this machine, with the programs that sign.
pub(crate) struct Registry {
    pub(crate) address: String,
    folder: TempDir,
    tools: PathBuf,
    engine: String,
    process: Child,
}

impl Registry {
    /// A registry, if what it takes is there; a test without it is skipped with the reason.
    pub(crate) async fn start(engine: &Engine) -> Option<Self> {
        let tools = env_vars::get("MCP_GATEWAY_TEST_SIGNATURES")
            .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/test-signatures"), PathBuf::from);
        if let Ok(why) = std::fs::read_to_string(tools.join("why")) {
            eprintln!("skipped: {}", why.trim());
            return None;
        }
        if !tools.join("bin/cosign2").exists() {
            skip("there is no registry to put signatures into (make signatures)");
            return None;
        }
        let folder = folder();
        let config = format!(
            "version: 0.1\nstorage: {{filesystem: {{rootdirectory: {}}}}}\nhttp: {{addr: 127.0.0.1:0}}\n",
            folder.path().join("store").display()
        );
        std::fs::write(folder.path().join("config.yml"), config).unwrap();
        let mut process = Command::new(tools.join("bin/docker-registry"))
            .arg("serve")
            .arg(folder.path().join("config.yml"))
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
        let address = tokio::time::timeout(LIMIT, address).await.expect("the registry listens");
        // It is read to its end, so that the registry never waits for a reader.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Some(Self { address, folder, tools, engine: engine.host(), process })
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn has_cosign_3(&self) -> bool {
        let found = self.tools.join("bin/cosign3").exists();
        if !found {
            eprintln!("skipped: cosign 3, which the archive no longer has in the version that is known");
        }
        found
    }

    /// Runs a script, which must succeed, in the registry's folder; gives what it printed.
    pub(crate) async fn run(&self, script: &str) -> String {
        let keyless = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers/signatures/keyless");
        let running = Command::new("bash")
            .args(["-euo", "pipefail", "-c", script])
            .current_dir(self.folder.path())
            .env("HOME", self.folder.path())
            .env("DOCKER_HOST", &self.engine)
            .env("REGISTRY", &self.address)
            .env("KEYLESS", keyless)
            .env("COSIGN", self.tools.join("bin/cosign2"))
            .env("COSIGN3", self.tools.join("bin/cosign3"))
            .env("COSIGN_PASSWORD", "")
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let output = tokio::time::timeout(LIMIT, running).await.expect("the script ends").unwrap();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{script}: {errors}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Answers no more.
    pub(crate) async fn stop(&mut self) {
        self.process.kill().await.unwrap();
    }

    /// Takes its images out of the engine.
    pub(crate) async fn forget_images(&self) {
        self.run(
            r#"docker images --quiet --no-trunc --filter "reference=$REGISTRY/*" | sort --unique | xargs --no-run-if-empty docker rmi --force"#,
        )
        .await;
    }
}
