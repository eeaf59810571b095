//! A server that tries to get out, as a container and as a process. What it must not get is planted before.
//!
//! `docs/threat-model.md` lists each attempt with what stops it.

use std::path::{Path, PathBuf};

use mcp_gateway_core::ErrorKind;
use mcp_gateway_core::model::{CallContext, ProcessEntry, ProcessPackage, ServerEntry};
use mcp_gateway_core::profile::{LimitsSpec, ServerSpec};
use serde_json::{Value, json};

use crate::support::docker::{Engine, boxed_entry};
use crate::support::{Bench, Running, awkward_entry, server_name, until};

const BASE: &str = "mcp-gateway-test/base:1";
const PYTHON: &str = "/usr/bin/python3";
/// What is planted where the server must not find it.
const PLANTED: &str = "planted-7d1f0c2a";
/// What a server may do to the first of its own processes.
const OWN: [&str; 2] = ["trace", "kill the first"];
/// What a process that it leaves behind carries in its command line.
const ORPHAN: &str = "mcp-gateway-hostile-orphan";

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/servers/hostile.py")
}

/// The ways in which a server can be run here.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Container,
    Process { bubblewrap: bool },
}

impl Way {
    /// Those that this machine has; the others are said.
    async fn all() -> Vec<(Self, Option<Engine>)> {
        let mut ways = Vec::new();
        if let Some(engine) = Engine::with_images(&[BASE]).await {
            ways.push((Self::Container, Some(engine)));
        }
        if Path::new(PYTHON).exists() {
            ways.push((Self::Process { bubblewrap: false }, None));
            if Path::new("/usr/bin/bwrap").exists() {
                ways.push((Self::Process { bubblewrap: true }, None));
            } else {
                eprintln!("skipped: bubblewrap is not there");
            }
        } else {
            eprintln!("skipped: {PYTHON} is not there");
        }
        ways
    }

    /// Whether what it sees as the first process is its own.
    fn has_own_processes(self) -> bool {
        self != Self::Process { bubblewrap: false }
    }

    fn entry(self, name: &str) -> ServerEntry {
        match self {
            Self::Container => {
                let mut entry = ServerEntry::image(server_name(name), BASE);
                entry.command = vec!["python3".to_owned(), "/hostile.py".to_owned()];
                entry.volumes = vec![format!("{}:/hostile.py", script().display())];
                entry
            }
            Self::Process { .. } => {
                let mut process = ProcessEntry::new(ProcessPackage::Command(PYTHON.to_owned()));
                process.args = vec![script().display().to_string()];
                process.read = vec![script().display().to_string()];
                ServerEntry::process(server_name(name), process)
            }
        }
    }

    /// A gateway with the hostile server and one that it must leave alone.
    async fn start(self, engine: Option<&Engine>, limits: LimitsSpec) -> Prison {
        let mut bench = Bench::new();
        let planted = bench.home.path().join("planted.txt");
        std::fs::write(&planted, PLANTED).unwrap();
        if let Self::Process { bubblewrap } = self {
            bench.process = bench.process.with_bubblewrap(bubblewrap);
        }
        let victim = match self {
            Self::Container => boxed_entry("victim", &[PLANTED]),
            Self::Process { .. } => awkward_entry("victim", &[PLANTED]),
        };
        bench = bench
            .with_entry(self.entry("hostile"), |spec: &mut ServerSpec| spec.limits = limits)
            .with_entry(victim, |_| {});
        if let Some(engine) = engine {
            bench = bench.with_engine(&engine.host());
        }
        let running = bench.build().await;
        let (ctx, ..) = running.session().await;
        Prison { running, ctx, planted }
    }
}

struct Prison {
    running: Running,
    ctx: CallContext,
    planted: PathBuf,
}

impl Prison {
    async fn attempt(&self, tool: &str, what: impl AsRef<str>) -> String {
        let tool = format!("hostile.{tool}");
        let text = self.running.call(&self.ctx, &tool, json!({"what": what.as_ref()})).await;
        text.unwrap_or_else(|error| panic!("{tool}: {}", error.report()))
    }

    async fn refused(&self, tool: &str, what: impl AsRef<str>) {
        let what = what.as_ref();
        let text = self.attempt(tool, what).await;
        assert!(text.starts_with("refused: "), "{tool} {what}: {text}");
    }

    /// The other server works, whatever was done.
    async fn victim_works(&self) {
        self.running.echoes(&self.ctx, "victim").await;
    }

    async fn json(&self, tool: &str, what: &str) -> Value {
        serde_json::from_str(&self.attempt(tool, what).await).unwrap()
    }

    async fn end(self) {
        self.victim_works().await;
        self.running.end().await;
    }
}

fn limits(memory: &str, pids: u32) -> LimitsSpec {
    let mut limits = LimitsSpec::default();
    limits.memory = Some(memory.to_owned());
    limits.pids = Some(pids);
    limits
}

#[tokio::test]
async fn files_of_the_host_and_of_other_servers_are_out_of_reach() {
    for (way, engine) in Way::all().await {
        eprintln!("{way:?}");
        let prison = way.start(engine.as_ref(), LimitsSpec::default()).await;
        prison.victim_works().await;
        let home = prison.planted.parent().unwrap().display().to_string();
        prison.refused("read", prison.planted.display().to_string()).await;
        // In a file system of its own there may be a folder of that name, with nothing in it but what leads to its own.
        let seen = prison.attempt("listing", home).await;
        assert!(!seen.contains("planted"), "{seen}");
        for (tool, path) in [
            ("read", "/etc/shadow"),
            ("read", "/proc/kcore"),
            ("listing", "/root"),
            ("listing", "/var/lib/docker"),
            ("write", "/etc/passwd"),
            ("write", "/usr/bin/python3"),
            ("write", "/proc/sysrq-trigger"),
            ("write", "/sys/kernel/uevent_helper"),
            ("connect", "/var/run/docker.sock"),
            ("connect", "/run/docker.sock"),
            ("connect", "/run/containerd/containerd.sock"),
            ("connect", "/run/dbus/system_bus_socket"),
        ] {
            prison.refused(tool, path).await;
        }
        if !way.has_own_processes() {
            prison.refused("read", "/proc/1/environ").await;
        }
        // Its own program is there to be read only.
        let own = if way == Way::Container { "/hostile.py".to_owned() } else { script().display().to_string() };
        assert!(prison.attempt("read", &own).await.contains("tries to get out"));
        prison.refused("write", own).await;
        // What the other server was started with cannot be seen, nor what it wrote.
        let seen = prison.attempt("environments", PLANTED).await;
        assert!(seen == "nothing" || seen.starts_with("refused: "), "{seen}");
        let written = json!({"path": "/tmp/of-the-victim"});
        prison.running.call(&prison.ctx, "victim.write_file", written).await.unwrap();
        prison.refused("read", "/tmp/of-the-victim").await;
        prison.end().await;
    }
}

#[tokio::test]
async fn no_rights_are_gained() {
    for (way, engine) in Way::all().await {
        eprintln!("{way:?}");
        let prison = way.start(engine.as_ref(), LimitsSpec::default()).await;
        let rights = prison.json("rights", "").await;
        assert_eq!(rights["capabilities"], json!({"CapEff": 0, "CapPrm": 0, "CapInh": 0, "CapAmb": 0}), "{rights}");
        assert_eq!(rights["noNewPrivileges"], "1");
        let done = rights["done"].as_array().unwrap().iter();
        // Over what is its own it may do as it likes.
        let done: Vec<_> =
            done.filter(|what| !way.has_own_processes() || !OWN.contains(&what.as_str().unwrap())).collect();
        assert!(done.is_empty(), "{rights}");
        prison.end().await;
    }
}

#[tokio::test]
async fn a_fork_bomb_stays_in_its_own_limits() {
    for (way, engine) in Way::all().await {
        eprintln!("{way:?}");
        if way != Way::Container && rustix::process::geteuid().is_root() {
            eprintln!("skipped: the kernel does not bound the processes of root, and the capability says so");
            continue;
        }
        let prison = way.start(engine.as_ref(), limits("512m", 40)).await;
        prison.victim_works().await;
        let forks = prison.json("fork", "").await;
        assert!(forks["children"].as_u64().unwrap() < 40, "{forks}");
        assert!(forks["outcome"].as_str().unwrap().contains("temporarily unavailable"), "{forks}");
        prison.end().await;
    }
}

#[tokio::test]
async fn what_fills_the_memory_ends_alone() {
    for (way, engine) in Way::all().await {
        eprintln!("{way:?}");
        let prison = way.start(engine.as_ref(), limits("128m", 64)).await;
        prison.victim_works().await;
        match prison.running.call(&prison.ctx, "hostile.memory", json!({"what": "1024"})).await {
            Ok(text) => assert!(text.starts_with("refused: MemoryError"), "{text}"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::ServerExited, "{}", error.report()),
        }
        prison.victim_works().await;
        // It may come back, as any server that ended.
        until("the server is started again", async || {
            prison.running.call(&prison.ctx, "hostile.memory", json!({"what": "1"})).await.is_ok()
        })
        .await;
        prison.end().await;
    }
}

#[tokio::test]
async fn a_container_fills_no_disk() {
    let Some(engine) = Engine::with_images(&[BASE]).await else { return };
    let prison = Way::Container.start(Some(&engine), limits("512m", 64)).await;
    for (folder, outcome, most) in
        [("/tmp", "No space left", 256 << 20), ("/dev/shm", "No space left", 64 << 20), ("/var/tmp", "Read-only", 0)]
    {
        let filled = prison.json("disk", folder).await;
        assert!(filled["bytes"].as_u64().unwrap() <= most, "{folder}: {filled}");
        assert!(filled["outcome"].as_str().unwrap().contains(outcome), "{folder}: {filled}");
    }
    prison.end().await;
}

#[tokio::test]
async fn nothing_outlives_the_session() {
    for (way, engine) in Way::all().await {
        eprintln!("{way:?}");
        let prison = way.start(engine.as_ref(), LimitsSpec::default()).await;
        let left = prison.attempt("outlive", "").await;
        assert!(left.starts_with("left "), "{left}");
        until("what is left behind runs", async || orphans() != 0).await;
        let session = prison.ctx.session.clone().unwrap();
        mcp_gateway_core::gateway::Gateway::close_session(&prison.running.gateway, &session).await;
        until("what was left behind is gone", async || orphans() == 0).await;
        prison.running.end().await;
    }
}

/// How many processes of this machine carry the mark: those in containers are seen from outside, too.
fn orphans() -> usize {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
    // The server itself, whose tools these are, does not carry it.
    lines.filter(|line| line.split(|byte| *byte == 0).any(|word| word == ORPHAN.as_bytes())).count()
}
