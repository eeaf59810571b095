//! What is measured: programs, catalogs, ways to the server.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::client::{Client, Http, Stdio};

/// How many tools the test server has.
pub(crate) const TOOLS_EACH: usize = 16;

pub(crate) struct Setup {
    pub(crate) gateway: PathBuf,
    server: PathBuf,
    home: PathBuf,
    tables: Vec<String>,
}

/// A way to the server, opened when it is its turn; `None` where this machine does not have it.
pub(crate) type Open<'a> = Box<dyn Fn() -> Option<Box<dyn Client>> + 'a>;

impl Setup {
    /// `e2e GATEWAY_BINARY AWKWARD_SERVER_BINARY [latency|large|start|memory]...`
    pub(crate) fn from_args() -> Self {
        let mut args = std::env::args_os().skip(1).map(PathBuf::from);
        let (Some(gateway), Some(server)) = (args.next(), args.next()) else {
            eprintln!(
                "usage: e2e GATEWAY_BINARY AWKWARD_SERVER_BINARY [latency|large|start|memory]... (or simply: make bench)"
            );
            std::process::exit(2);
        };
        let home = std::env::temp_dir().join(format!("mcp-gateway-bench-{}", std::process::id()));
        std::fs::create_dir_all(home.join("profiles")).unwrap();
        std::fs::write(home.join("profiles/default.yaml"), "name: default\npolicy: {default: allow}\n").unwrap();
        let tables = args.filter_map(|name| name.into_os_string().into_string().ok()).collect();
        Self { gateway: absolute(&gateway), server: absolute(&server), home, tables }
    }

    /// Whether a table is to be printed: every one, unless some are named.
    pub(crate) fn is_wanted(&self, table: &str) -> bool {
        self.tables.is_empty() || self.tables.iter().any(|name| name == table)
    }

    pub(crate) fn paths(&self) -> Vec<(String, Open<'_>)> {
        let process = self.catalog("process", &self.process_entry("awkward", &[]));
        let docker = self
            .catalog("docker", "  awkward:\n    title: a\n    type: server\n    image: mcp-gateway-test/awkward:1\n");
        let stdio = |catalog: &Path| self.run(catalog, &["awkward"]);
        let (via_process, via_docker) = (stdio(&process), stdio(&docker));
        let http = [
            stdio(&process),
            vec!["--transport".into(), "streaming".into(), "--port".into(), Http::PORT.to_string(), "--no-auth".into()],
        ]
        .concat();
        vec![
            (
                "server directly, process, stdio".to_owned(),
                Box::new(|| Some(Box::new(Stdio::open(&self.server, &[])) as _)),
            ),
            (
                "gateway stdio → process".to_owned(),
                Box::new(move || Some(Box::new(Stdio::open(&self.gateway, &via_process)) as _)),
            ),
            (
                "gateway HTTP → process".to_owned(),
                Box::new(move || Some(Box::new(Http::open(&self.gateway, &http)) as _)),
            ),
            (
                "server directly, `docker run -i`".to_owned(),
                Box::new(|| {
                    has_image().then(|| {
                        let args = ["run", "-i", "--rm", "--network", "none", "mcp-gateway-test/awkward:1"];
                        Box::new(Stdio::open(Path::new("docker"), &args.map(String::from))) as _
                    })
                }),
            ),
            (
                "gateway stdio → container".to_owned(),
                Box::new(move || has_image().then(|| Box::new(Stdio::open(&self.gateway, &via_docker)) as _)),
            ),
        ]
    }

    /// The ways on which large messages are measured: directly, over a pipe in the middle, and through the gateway.
    pub(crate) fn large_paths(&self) -> Vec<(String, Box<dyn Fn() -> Stdio + '_>)> {
        let process = self.catalog("large", &self.process_entry("awkward", &[]));
        let through = self.run(&process, &["awkward"]);
        // Two programs that copy bytes and do nothing else.
        let piped = format!("cat | {} | cat", self.server.display());
        vec![
            ("server directly".to_owned(), Box::new(|| Stdio::open(&self.server, &[]))),
            (
                "over a plain pipe (`cat` on either side)".to_owned(),
                Box::new(move || Stdio::open(Path::new("sh"), &["-c".to_owned(), piped.clone()])),
            ),
            ("gateway stdio → process".to_owned(), Box::new(move || Stdio::open(&self.gateway, &through))),
        ]
    }

    /// Arguments that run a gateway over so many servers, each with tools of its own.
    pub(crate) fn many(&self, count: usize) -> Vec<String> {
        let names: Vec<String> = (0..count).map(|n| format!("s{n}")).collect();
        let entries: String = names.iter().map(|name| self.process_entry(name, &["--prefix", name])).collect();
        let catalog = self.catalog(&format!("many-{count}"), &entries);
        self.run(&catalog, &names.iter().map(String::as_str).collect::<Vec<_>>())
    }

    fn run(&self, catalog: &Path, servers: &[&str]) -> Vec<String> {
        let words = ["gateway", "run", "--catalog", catalog.to_str().unwrap(), "--servers", &servers.join(",")];
        words.map(String::from).to_vec()
    }

    fn process_entry(&self, name: &str, args: &[&str]) -> String {
        let mut entry = format!(
            "  {name}:\n    title: {name}\n    type: server\n    process:\n      command: {}\n",
            self.server.display()
        );
        if !args.is_empty() {
            let _ = writeln!(entry, "      args: [{}]", args.join(", "));
        }
        entry
    }

    fn catalog(&self, name: &str, entries: &str) -> PathBuf {
        // The child gateways find their home by the environment of this process.
        let path = self.home.join(format!("{name}.yaml"));
        std::fs::write(&path, format!("version: 3\nname: {name}\ndisplayName: Bench\nregistry:\n{entries}")).unwrap();
        path
    }
}

impl Drop for Setup {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.home);
    }
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap()
}

fn has_image() -> bool {
    let inspect = Command::new("docker").args(["image", "inspect", "mcp-gateway-test/awkward:1"]).output();
    inspect.is_ok_and(|output| output.status.success())
}
