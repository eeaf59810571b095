//! The official SDKs as clients of the binary, with servers that others wrote; in containers and as processes.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::support::LIMIT;
use crate::support::binary::Place;
use crate::support::docker::{Engine, skip};

const IMAGES: [&str; 2] = ["mcp-gateway-test/everything:1", "mcp-gateway-test/time:1"];

/// An official SDK: its interpreter, the language of its drivers, what comes first on their command line.
pub(crate) struct Sdk {
    pub(crate) name: &'static str,
    program: &'static str,
    language: &'static str,
    generation: &'static [&'static str],
}

pub(crate) const SDKS: [Sdk; 4] = [
    Sdk { name: "python 2.x", program: "python/bin/python", language: "py", generation: &[] },
    Sdk { name: "python 1.x", program: "python1/bin/python", language: "py", generation: &[] },
    Sdk { name: "typescript 2.x", program: "node/bin/node", language: "mjs", generation: &["client"] },
    Sdk { name: "typescript 1.x", program: "node/bin/node", language: "mjs", generation: &["sdk"] },
];

/// Where `make servers` has put servers and SDKs, if it has.
pub(crate) fn installed() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("test-servers");
    let folder = mcp_gateway_core::util::env_vars::get("MCP_GATEWAY_TEST_SERVERS").map_or(folder, PathBuf::from);
    let missing = SDKS.iter().map(|sdk| folder.join(sdk.program)).find(|program| !program.exists());
    if let Some(missing) = &missing {
        skip(&format!("{} is not there (make servers)", missing.display()));
    }
    missing.is_none().then_some(folder)
}

impl Sdk {
    /// Drives a gateway and gives what came of it.
    async fn drive(&self, servers: &Path, place: &Place, target: &[&str]) -> Value {
        self.drive_by("client", servers, place, target).await
    }

    /// As [`drive`](Self::drive), by another of the drivers.
    pub(crate) async fn drive_by(&self, driver: &str, servers: &Path, place: &Place, target: &[&str]) -> Value {
        let mut command = Command::new(servers.join(self.program));
        command
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk").join(format!("{driver}.{}", self.language)))
            .args(self.generation)
            .args(target)
            .current_dir(servers.join("node"))
            .env_clear()
            .envs(place.env())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let done = tokio::time::timeout(LIMIT, command.output()).await;
        let done = done.unwrap_or_else(|_| panic!("{} {target:?} does not end", self.name)).unwrap();
        let said = String::from_utf8_lossy(&done.stderr);
        assert!(done.status.success(), "{} {target:?}: {}\n{said}", self.name, done.status);
        serde_json::from_slice(&done.stdout).unwrap_or_else(|error| panic!("{}: {error}\n{said}", self.name))
    }

    fn check(&self, way: &str, came: &Value) {
        let text = |key: &str| came[key].as_str().unwrap_or_default();
        let has = |key: &str, name: &str| came[key].as_array().unwrap().iter().any(|item| item == name);
        let name = format!("{} over {way}: {came}", self.name);
        for tool in ["echo", "get-sum", "get_current_time", "convert_time"] {
            assert!(has("tools", tool), "{name}");
        }
        assert!(has("prompts", "simple-prompt"), "{name}");
        let steps: Vec<_> = came["progress"].as_array().unwrap().iter().map(|step| step[0].as_f64().unwrap()).collect();
        // Answer and last step may overtake each other in the client.
        assert!(steps.starts_with(&[1.0, 2.0]) && steps.len() <= 3, "{name}");
        assert!(text("time").contains("UTC"), "{name}");
        assert_eq!(text("prompt"), "What's weather in Oslo?", "{name}");
        assert!(!text("resource").is_empty(), "{name}");
        assert!(has("completion", "Sales") && has("completion", "Support"), "{name}");
        let echoes: Vec<_> = came["echoes"].as_array().unwrap().iter().map(|echo| echo.as_str().unwrap()).collect();
        assert_eq!(echoes, (0..30).map(|n| format!("Echo: {n}")).collect::<Vec<_>>(), "{name}");
    }
}

/// A gateway over HTTP, and where it said that it is.
pub(crate) struct Served {
    child: Child,
    pub(crate) base: String,
    pub(crate) token: String,
}

impl Served {
    pub(crate) async fn start(mut command: Command) -> Self {
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let announced = async {
            let (mut base, mut token) = (None, None);
            loop {
                let line = lines.next_line().await.unwrap().expect("the gateway goes on");
                if let Some((_, url)) = line.split_once("listening on ") {
                    base = Some(url.trim_end_matches("/mcp").to_owned());
                }
                if let Some((_, said)) = line.split_once("Bearer ") {
                    token = Some(said.trim_end_matches('`').to_owned());
                }
                if let (Some(base), Some(token)) = (&base, &token) {
                    return (base.clone(), token.clone());
                }
            }
        };
        let (base, token) = tokio::time::timeout(LIMIT, announced).await.expect("it says where it is");
        // What it says later is of no interest, but must not block it.
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { child, base, token }
    }

    pub(crate) async fn stop(mut self) {
        let id = self.child.id().unwrap().to_string();
        assert!(Command::new("kill").arg(id).status().await.unwrap().success());
        assert!(tokio::time::timeout(LIMIT, self.child.wait()).await.expect("it ends").unwrap().success());
    }
}

/// Every SDK over every transport.
async fn show(place: &Place, servers: &Path) {
    let line = "gateway run --catalog catalog.yaml --servers everything,time";
    let catalog = place.path("catalog.yaml").display().to_string();
    let binary = env!("CARGO_BIN_EXE_mcp-gateway");
    let stdio = ["stdio", binary, "gateway", "run", "--catalog", &catalog, "--servers", "everything,time"];
    for sdk in &SDKS {
        sdk.check("stdio", &sdk.drive(servers, place, &stdio).await);
    }
    let served = Served::start(place.command(&format!("{line} --transport streaming --port 0"))).await;
    for sdk in &SDKS {
        let url = |path: &str| format!("{}/{path}", served.base);
        sdk.check("/mcp", &sdk.drive(servers, place, &["http", &url("mcp"), &served.token]).await);
        sdk.check("/sse", &sdk.drive(servers, place, &["sse", &url("sse"), &served.token]).await);
    }
    served.stop().await;
}

#[tokio::test]
async fn official_sdks_reach_servers_in_containers_and_none_is_left() {
    let (Some(engine), Some(servers)) = (Engine::with_images(&IMAGES).await, installed()) else { return };
    let place = Place::with_engine(&engine.host());
    place.write(
        "catalog.yaml",
        "version: 3\nname: images\nregistry:\n  everything:\n    type: server\n    image: mcp-gateway-test/everything:1\n  \
         time:\n    type: server\n    image: mcp-gateway-test/time:1\n",
    );
    show(&place, &servers).await;
    assert_eq!(engine.containers(&place.label()).await, [] as [Value; 0]);
}

#[tokio::test]
async fn official_sdks_reach_servers_that_are_processes() {
    let Some(servers) = installed() else { return };
    let place = Place::new();
    let root = servers.display();
    place.write(
        "catalog.yaml",
        &format!(
            "version: 3\nname: programs\nregistry:\n  everything:\n    type: server\n    process:\n      \
             command: {root}/node/bin/node\n      \
             args: [{root}/node/node_modules/@modelcontextprotocol/server-everything/dist/index.js]\n      \
             read: [{root}/node]\n  \
             time:\n    type: server\n    process:\n      command: {root}/python/bin/python\n      \
             args: [-m, mcp_server_time]\n      read: [{root}/python]\n"
        ),
    );
    show(&place, &servers).await;
    let own = place.path("home").join("packages").join("own");
    assert_eq!(std::fs::read_dir(own).unwrap().count(), 0, "no server is left");
}
