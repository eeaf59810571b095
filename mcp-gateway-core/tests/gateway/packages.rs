//! Packages of npm and PyPI in base images: installed through the gateway's door, from their registry and from nowhere else.

use std::net::ToSocketAddrs as _;

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

use crate::support::LIMIT;
use crate::support::binary::Place;
use crate::support::docker::Engine;
use crate::support::registry::Registry;
use crate::support::stdio::StdioClient;

const NPX: &str = "mcp-gateway-test/npx:1";
const UVX: &str = "mcp-gateway-test/uvx:1";
const MEMORY: &str = "io.test_memory";
const TIME: &str = "io.test_time";
const NPM_HOST: &str = "registry.npmjs.org:443";
const PYPI_HOST: &str = "pypi.org:443";
/// Where PyPI's packages themselves are, which is another host.
const FILES_HOST: &str = "files.pythonhosted.org:443";

/// Images by digest, as an operator names them; each is another one than the test image, which stays when this one goes.
const PUSH: &str = r#"
for name in npx uvx; do
    printf 'FROM mcp-gateway-test/%s:1\nLABEL registry=%s\n' "$name" "$REGISTRY" | docker build -q -t "$REGISTRY/$name:1" - >/dev/null
    docker push -q "$REGISTRY/$name:1" >/dev/null
    docker inspect --format '{{range .RepoDigests}}{{println .}}{{end}}' "$REGISTRY/$name:1" | grep "^$REGISTRY/$name@"
done
"#;

/// A home whose catalog is a registry of MCP servers, and what its base images are in.
struct Packages {
    place: Place,
    registry: Registry,
    engine: Engine,
    _listed: AbortOnDropHandle<()>,
}

impl Packages {
    /// `None`, with the reason printed, where an engine, the images or a registry is missing.
    async fn new() -> Option<Self> {
        let engine = Engine::with_images(&[NPX, UVX]).await?;
        for host in [NPM_HOST, PYPI_HOST, FILES_HOST] {
            if !is_reached(host).await {
                eprintln!("skipped: {host} cannot be reached from this machine");
                return None;
            }
        }
        let registry = Registry::start(&engine).await?;
        let images = registry.run(PUSH).await;
        let (node, python) = images.split_once('\n').unwrap();
        let place = Place::with_engine(&engine.host());
        let package = |name: &str, kind: &str, identifier: &str, version: &str| {
            let package = json!({"registryType": kind, "identifier": identifier, "version": version});
            json!({"server": {"name": name, "description": name, "version": "1.0.0", "packages": [package]}})
        };
        let servers = [
            package("io.test/memory", "npm", "@modelcontextprotocol/server-memory", "2026.8.31"),
            package("io.test/time", "pypi", "mcp-server-time", "2026.10.19"),
        ];
        let (origin, listed) = list(json!({"servers": servers, "metadata": {"count": 2}})).await;
        let packages = Self { place, registry, engine, _listed: listed };
        packages
            .ok(&format!("catalog add mcp registry:{origin} --node-image {node} --python-image {}", python.trim()))
            .await;
        Some(packages)
    }

    async fn ok(&self, line: &str) -> String {
        let done = self.place.run(line).await;
        assert!(done.status.success(), "{line}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    }

    async fn json(&self, line: &str) -> Value {
        serde_json::from_str(&self.ok(&format!("{line} --format json")).await).unwrap()
    }

    /// Runs a gateway whose servers have these networks, `null` for the one of their entries.
    async fn gateway(&self, memory: Value, time: Value) -> StdioClient {
        // As long as the client waits: a package may come slowly.
        let limits = json!({"startTimeout": "85s"});
        // The registries of packages are hosts of this machine's network, wherever that has them.
        let server = |network: Value| match network {
            Value::Null => json!({"allowPrivate": true, "limits": limits}),
            network => json!({"allowPrivate": true, "limits": limits, "network": network}),
        };
        let profile = json!({
            "name": "default",
            "servers": {MEMORY: server(memory), TIME: server(time)},
            "policy": {"default": "allow"},
        });
        self.place.write("home/profiles/default.yaml", &profile.to_string());
        StdioClient::start(self.place.command("gateway run")).await
    }

    /// What the gateways refused to reach, by server.
    async fn refused(&self) -> Vec<(String, String)> {
        let records = self.ok("audit query --format json").await;
        let records = records.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["event"].take());
        let denied = records.filter(|event| event["action"] == "egress/deny");
        denied.map(|event| (event["server"].as_str().unwrap().to_owned(), event["detail"].to_string())).collect()
    }

    /// The volume that a server's package is in.
    async fn volume(&self, server: &str) -> String {
        let entry = self.json(&format!("catalog show {server}")).await;
        entry["volumes"][0].as_str().unwrap().split_once(':').unwrap().0.to_owned()
    }

    /// How many of these volumes the engine has.
    async fn there(&self, volumes: &[String]) -> usize {
        let all = self.registry.run("docker volume ls --quiet").await;
        all.lines().filter(|name| volumes.iter().any(|volume| volume == name)).count()
    }

    /// Prunes, and looks that it shows the volumes, keeps those that were used, and removes the others.
    async fn go_when_unused(&self, volumes: &[String]) {
        let names = |rows: &Value| {
            let rows = rows.as_array().unwrap().iter().map(|row| (row["image"].as_str(), row["server"].as_str()));
            [(0, MEMORY), (1, TIME)]
                .map(|(at, server)| rows.clone().any(|row| row == (Some(&volumes[at]), Some(server))))
        };
        assert_eq!(names(&self.json("prune --unused 1h").await), [false; 2]);
        assert_eq!(names(&self.json("prune --unused 1ms --dry-run").await), [true; 2]);
        assert!(self.ok("prune --unused 1ms --dry-run").await.contains(&volumes[0]));
        assert_eq!(self.there(volumes).await, 2);
        assert_eq!(names(&self.json("prune --unused 1ms").await), [true; 2]);
        assert_eq!(self.there(volumes).await, 0);
        assert_eq!(names(&self.json("prune --unused 1ms").await), [false; 2], "they are gone");
    }

    async fn end(self) {
        let volumes = format!("{} {}", self.volume(MEMORY).await, self.volume(TIME).await);
        self.registry.run(&format!("docker volume rm --force {volumes} >/dev/null")).await;
        self.registry.forget_images().await;
        assert_eq!(self.engine.containers(&self.place.label()).await, [] as [Value; 0]);
    }
}

async fn is_reached(host: &str) -> bool {
    let name = host.to_owned();
    let Ok(Ok(addresses)) = tokio::task::spawn_blocking(move || name.to_socket_addrs()).await else { return false };
    let addresses: Vec<_> = addresses.collect();
    matches!(tokio::time::timeout(LIMIT, TcpStream::connect(addresses.as_slice())).await, Ok(Ok(_)))
}

/// A registry of MCP servers with one page.
async fn list(page: Value) -> (String, AbortOnDropHandle<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}/", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let body = page.to_string();
            let _ = stream.read(&mut [0; 4096]).await;
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let _ = stream.write_all((head + &body).as_bytes()).await;
        }
    });
    (origin, AbortOnDropHandle::new(serving))
}

fn text(answer: &Value) -> &str {
    answer["result"]["content"][0]["text"].as_str().unwrap_or_default()
}

/// Both servers answer, the one out of npm and the one out of PyPI.
async fn answers(client: &mut StdioClient) {
    let entities = json!({"entities": [{"name": "gateway", "entityType": "thing", "observations": ["works"]}]});
    client.call(&format!("{MEMORY}.create_entities"), entities).await;
    let answer = client.call(&format!("{MEMORY}.read_graph"), json!({})).await;
    assert!(text(&answer).contains("works"), "{answer}");
    let answer = client.call(&format!("{TIME}.get_current_time"), json!({"timezone": "Europe/Warsaw"})).await;
    assert!(text(&answer).contains("Europe/Warsaw"), "{answer}");
}

#[tokio::test]
async fn packages_are_installed_from_their_registry_and_from_nowhere_else() {
    let Some(packages) = Packages::new().await else { return };
    // With lists that the registry of packages is not on, or only a part of it, nothing comes.
    let mut client = packages.gateway(json!(["example.test:443"]), json!([PYPI_HOST])).await;
    for (server, tool) in [(MEMORY, "read_graph"), (TIME, "get_current_time")] {
        let answer = client.call(&format!("{server}.{tool}"), json!({"timezone": "UTC"})).await;
        assert!(answer["error"].is_object() || answer["result"]["isError"] == true, "{answer}");
    }
    let (status, log) = client.finish().await;
    assert!(status.success(), "{log}");
    let refused = packages.refused().await;
    for (server, host) in [(MEMORY, NPM_HOST), (TIME, FILES_HOST)] {
        let host = host.split(':').next().unwrap();
        assert!(refused.iter().any(|(who, what)| who == server && what.contains(host)), "{host}: {refused:?}");
    }

    let mut client = packages.gateway(Value::Null, Value::Null).await;
    answers(&mut client).await;
    let volumes = [packages.volume(MEMORY).await, packages.volume(TIME).await];
    packages.ok("prune --unused 1ms").await;
    assert_eq!(packages.there(&volumes).await, 2, "running servers have them");
    let (status, log) = client.finish().await;
    assert!(status.success(), "{log}");
    assert_eq!(packages.refused().await, refused, "they ask for nothing but their registries");
    for (server, hosts) in [(MEMORY, json!([NPM_HOST])), (TIME, json!([PYPI_HOST, FILES_HOST]))] {
        let inspected = packages.json(&format!("server inspect {server}")).await;
        assert_eq!(inspected["network"], json!({"listed": hosts}), "{inspected}");
    }
    // What is installed starts without anybody to ask, and is what was installed.
    let mut client = packages.gateway(json!("none"), json!("none")).await;
    answers(&mut client).await;
    let (status, log) = client.finish().await;
    assert!(status.success(), "{log}");
    packages.go_when_unused(&volumes).await;
    packages.end().await;
}
