//! The binary, run in a home of its own.

use std::path::PathBuf;
use std::process::{Output, Stdio};

use mcp_gateway_core::runtime::GatewayInstance;
use tempfile::TempDir;
use tokio::process::Command;

use super::{LIMIT, awkward_server, folder};

/// A folder with a home in it, whose default profile allows everything; gone with the value.
pub(crate) struct Place {
    folder: TempDir,
    engine: Option<String>,
}

impl Place {
    pub(crate) fn new() -> Self {
        let place = Self { folder: folder(), engine: None };
        std::fs::create_dir_all(place.path("home/profiles")).unwrap();
        place.write("home/profiles/default.yaml", "name: default\npolicy: {default: allow}\n");
        place
    }

    /// A place whose gateways know an engine.
    pub(crate) fn with_engine(host: &str) -> Self {
        Self { engine: Some(host.to_owned()), ..Self::new() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// Writes `catalog.yaml` with the awkward server as a process and as a container, under these flags.
    pub(crate) fn write_catalog(&self, flags: &[&str]) {
        let flags = flags.join(", ");
        self.write(
            "catalog.yaml",
            &format!(
                "version: 3\nname: test\nregistry:\n  child:\n    type: server\n    process:\n      command: {}\n      args: [{flags}]\n  \
                 boxed:\n    type: server\n    image: mcp-gateway-test/awkward:1\n    command: [{flags}]\n",
                awkward_server().display()
            ),
        );
    }

    /// The name that containers of this home carry in a label.
    pub(crate) fn label(&self) -> String {
        GatewayInstance::home_label(&self.path("home").join("run"))
    }

    /// The whole environment of a command: nothing of this process's that could change what it does.
    pub(crate) fn env(&self) -> [(&'static str, String); 4] {
        let engine = self.engine.clone();
        let path = |name: &str| self.path(name).display().to_string();
        [
            ("PATH", "/usr/local/bin:/usr/bin:/bin".to_owned()),
            ("HOME", path("user")),
            ("MCP_GATEWAY_HOME", path("home")),
            ("DOCKER_HOST", engine.unwrap_or_else(|| format!("unix://{}", path("no-engine.sock")))),
        ]
    }

    /// The command of a line that is split at spaces.
    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mcp-gateway"));
        command.args(line.split(' ')).current_dir(self.folder.path()).env_clear().envs(self.env()).kill_on_drop(true);
        command
    }

    pub(crate) async fn run(&self, line: &str) -> Output {
        let running = self.command(line).stdin(Stdio::null()).output();
        tokio::time::timeout(LIMIT, running).await.expect("the command ends").unwrap()
    }
}
