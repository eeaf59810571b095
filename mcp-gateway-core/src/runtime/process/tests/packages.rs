//! Packages of others, from their registries.

use std::sync::Mutex;

use super::*;
use crate::runtime::{PrepareProgress, Silent};

const FILESYSTEM: &str = "@modelcontextprotocol/server-filesystem@2026.8.31";
const MEMORY: &str = "@modelcontextprotocol/server-memory@2026.8.31";
const TIME: &str = "mcp-server-time==2026.10.19";

#[derive(Debug, Default)]
struct Heard(Mutex<Vec<String>>);

impl PrepareProgress for Heard {
    fn update(&self, status: &str, _done: u64, _total: u64) {
        self.0.lock().unwrap().push(status.to_owned());
    }
}

/// Runtimes whose packages stay from one run of the tests to the next.
fn lasting() -> Vec<ProcessRuntime> {
    let folder = scratch().join("../../test-packages");
    std::fs::create_dir_all(&folder).unwrap();
    let runtime = |bubblewrap: bool| {
        let config = ProcessRuntimeConfig::new(&folder).with_bubblewrap(bubblewrap);
        ProcessRuntime::new(config, None).unwrap()
    };
    if has_bubblewrap() { vec![runtime(false), runtime(true)] } else { vec![runtime(false)] }
}

/// Prepares a package; says so and gives `false` where its registry or its tools are not there.
async fn prepared(runtime: &ProcessRuntime, plan: &LaunchPlan) -> bool {
    let identity = runtime.identify(&CallContext::local(), &plan.target).await.unwrap();
    match runtime.prepare(&CallContext::local(), &plan.target, &identity, Arc::new(Silent)).await {
        Ok(()) => true,
        Err(error) if matches!(error.kind(), ErrorKind::Network | ErrorKind::RuntimeUnavailable) => {
            eprintln!("skipped: {}", error.report());
            false
        }
        Err(error) => panic!("{} {:?}", error.report(), error.context().collect::<Vec<_>>()),
    }
}

async fn connect(runtime: &ProcessRuntime, plan: LaunchPlan) -> Peer {
    let ctx = CallContext::local();
    let peer = Peer::new(runtime.start(&ctx, plan).await.unwrap().connection, Arc::new(Deaf));
    peer.initialize(&ctx, &ClientHello::of_gateway(json!({})), LIMIT).await.unwrap();
    peer
}

#[tokio::test]
async fn a_server_from_npm_sees_the_folder_that_it_was_given() {
    for (runtime, bench) in lasting().into_iter().zip(Bench::each()) {
        let given = bench.folder("given");
        bench.file("given/a.txt", "inside");
        let secret = bench.file("secret.txt", "outside");
        // The server itself is told that it may read everything: only the sandbox is in the way.
        let mut plan = plan_of(ProcessPackage::Npm(FILESYSTEM.to_owned()), &[&given.display().to_string(), "/"]);
        paths(&mut plan).write = vec![given.clone()];
        if !prepared(&runtime, &plan).await {
            return;
        }
        let peer = connect(&runtime, plan).await;
        let read = async |path: PathBuf| call(&peer, "read_text_file", json!({"path": path})).await.unwrap();
        assert_eq!(read(given.join("a.txt")).await, "inside");
        for path in [secret, "/etc/passwd".into(), "/root/.bashrc".into()] {
            let text = read(path).await;
            assert!(text.contains("EACCES") || text.contains("ENOENT"), "{text}");
        }
        let text = call(&peer, "write_file", json!({"path": given.join("b.txt"), "content": "new"})).await.unwrap();
        assert!(text.contains("Successfully"), "{text}");
        // In namespaces a folder of this name may be one in the server's own `/tmp`.
        let outside = bench.folder("").join("c");
        let _ = call(&peer, "write_file", json!({"path": outside, "content": "x"})).await;
        assert!(!outside.exists());
    }
}

#[tokio::test]
async fn a_server_is_run_as_npx_would() {
    for runtime in lasting() {
        let bench = Bench::new(false);
        let mut plan = plan("npx", &["-y", MEMORY]);
        let file = bench.folder("data").join("memory.json");
        plan.env = vec![("MEMORY_FILE_PATH".to_owned(), SecretValue::new(file.display().to_string()))];
        paths(&mut plan).write = vec![bench.folder("data")];
        if !prepared(&runtime, &plan).await {
            return;
        }
        let peer = connect(&runtime, plan).await;
        let entities = json!({"entities": [{"name": "gateway", "entityType": "thing", "observations": ["works"]}]});
        call(&peer, "create_entities", entities).await.unwrap();
        assert!(call(&peer, "read_graph", json!({})).await.unwrap().contains("works"));
        assert!(file.exists());
    }
}

#[tokio::test]
async fn a_server_from_pypi_tells_the_time() {
    for runtime in lasting() {
        for plan in
            [plan_of(ProcessPackage::Pypi(TIME.to_owned()), &[]), plan("uvx", &["--from", TIME, "mcp-server-time"])]
        {
            if !prepared(&runtime, &plan).await {
                return;
            }
            let peer = connect(&runtime, plan).await;
            let text = call(&peer, "get_current_time", json!({"timezone": "Europe/Warsaw"})).await.unwrap();
            assert!(text.contains("Europe/Warsaw") && text.contains("datetime"), "{text}");
        }
    }
}

#[tokio::test]
async fn a_package_is_identified_by_what_is_installed() {
    let runtime = lasting().remove(0);
    let ctx = CallContext::local();
    let identity = async |target: &LaunchTarget| runtime.identify(&ctx, target).await.unwrap().value;
    let pinned = plan_of(ProcessPackage::Npm(MEMORY.to_owned()), &[]);
    assert_eq!(identity(&pinned.target).await, format!("npm:{MEMORY}"));
    let newest = plan_of(ProcessPackage::Npm("is-number".to_owned()), &[]);
    if !prepared(&runtime, &newest).await {
        return;
    }
    let value = identity(&newest.target).await;
    assert!(value.starts_with("npm:is-number@") && !value.ends_with("latest"), "{value}");
    // A library and no program.
    let error = runtime.start(&ctx, newest).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("no program"), "{error}");
}

#[tokio::test]
async fn a_package_is_removed_by_what_it_is_called_in_lists_and_comes_back() {
    let bench = Bench::each().remove(0);
    let plan = plan_of(ProcessPackage::Npm("is-number@7.0.0".to_owned()), &[]);
    assert!(!bench.runtime.discard("npm:is-number@7.0.0").await.unwrap(), "there is none yet");
    for _ in 0..2 {
        if !prepared(&bench.runtime, &plan).await {
            return;
        }
        for other in ["npm:is-number@7.0.1", "npm:../..", ""] {
            assert!(!bench.runtime.discard(other).await.unwrap(), "{other}");
        }
        assert!(bench.runtime.discard("npm:is-number@7.0.0").await.unwrap());
        let error = bench.runtime.start(&CallContext::local(), plan.clone()).await.unwrap_err();
        assert!(error.to_string().contains("is not installed"), "{error}");
    }
}

#[tokio::test]
async fn a_package_that_is_not_there_is_said_so() {
    for bench in Bench::each() {
        for package in [
            ProcessPackage::Npm("@mcp-gateway-test/no-such-package@1.0.0".to_owned()),
            ProcessPackage::Npm("is-number@999.0.0".to_owned()),
            ProcessPackage::Pypi("mcp-server-time==0.0.0".to_owned()),
        ] {
            let plan = plan_of(package, &[]);
            let ctx = CallContext::local();
            let error = bench.runtime.start(&ctx, plan.clone()).await.unwrap_err();
            assert!(error.to_string().contains("is not installed"), "{error}");
            let identity = bench.runtime.identify(&ctx, &plan.target).await.unwrap();
            let error = bench.runtime.prepare(&ctx, &plan.target, &identity, Arc::new(Silent)).await.unwrap_err();
            if matches!(error.kind(), ErrorKind::Network | ErrorKind::RuntimeUnavailable) {
                eprintln!("skipped: {}", error.report());
                return;
            }
            assert_eq!(error.kind(), ErrorKind::NotFound, "{}", error.report());
            until("nothing stays", async || bench.packages().is_empty()).await;
        }
    }
}

impl Bench {
    /// What lies where packages are installed.
    fn packages(&self) -> Vec<String> {
        let shelves = ["npm", "pypi"].map(|registry| self.folder("home/packages").join(registry));
        let entries = shelves.iter().filter_map(|shelf| shelf.read_dir().ok()).flatten();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        names.filter(|name| !name.ends_with(".lck")).collect()
    }
}

#[tokio::test]
async fn one_installation_serves_all_who_wait_for_it() {
    let bench = Bench::new(false);
    let plan = plan_of(ProcessPackage::Npm("is-number@7.0.0".to_owned()), &[]);
    let other = Bench::runtime(bench.folder.path(), false);
    let heard = Arc::new(Heard::default());
    let prepare = async |runtime: &ProcessRuntime| {
        let identity = runtime.identify(&CallContext::local(), &plan.target).await.unwrap();
        runtime.prepare(&CallContext::local(), &plan.target, &identity, Arc::clone(&heard) as _).await
    };
    let (a, b, c) = tokio::join!(prepare(&bench.runtime), prepare(&bench.runtime), prepare(&other));
    for result in [a, b, c] {
        match result {
            Ok(()) => {}
            Err(error) if matches!(error.kind(), ErrorKind::Network | ErrorKind::RuntimeUnavailable) => {
                eprintln!("skipped: {}", error.report());
                return;
            }
            Err(error) => panic!("{}", error.report()),
        }
    }
    let said = heard.0.lock().unwrap().iter().filter(|line| line.starts_with("installing")).count();
    assert_eq!(said, 1);
    until("only the package stays", async || bench.packages() == ["is-number@7.0.0"]).await;
}

#[tokio::test]
async fn what_is_installed_starts_while_its_registry_is_away() {
    let memory = plan_of(ProcessPackage::Npm(MEMORY.to_owned()), &[]);
    let time = plan_of(ProcessPackage::Pypi(TIME.to_owned()), &[]);
    let by_runner = plan("npx", &["-y", MEMORY]);
    // The newest of its kind is not asked for again, either: what was installed stays.
    let newest = plan_of(ProcessPackage::Npm("is-number".to_owned()), &[]);
    let runtime = lasting().remove(0);
    for plan in [&memory, &time, &newest] {
        if !prepared(&runtime, plan).await {
            return;
        }
    }
    let away = ["npm_config_registry", "PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "HTTPS_PROXY", "https_proxy"];
    let mut config = ProcessRuntimeConfig::new(scratch().join("../../test-packages")).with_bubblewrap(false);
    for name in away {
        config = config.with_install_env(name, SecretValue::new("http://127.0.0.1:1/"));
    }
    config = config.with_install_env("npm_config_fetch_retries", SecretValue::new("0"));
    let offline = ProcessRuntime::new(config, None).unwrap();
    let ctx = CallContext::local();
    let prepare = async |plan: &LaunchPlan| {
        let heard = Arc::new(Heard::default());
        let identity = offline.identify(&ctx, &plan.target).await.unwrap();
        let done = offline.prepare(&ctx, &plan.target, &identity, Arc::clone(&heard) as _).await;
        (done, heard.0.lock().unwrap().clone())
    };
    for plan in [memory, by_runner, time, newest] {
        let (done, heard) = prepare(&plan).await;
        done.unwrap();
        assert_eq!(heard, [] as [String; 0], "nothing is installed");
        match &plan.target {
            LaunchTarget::Process(process) if process.package == ProcessPackage::Npm("is-number".to_owned()) => {}
            LaunchTarget::Process(process) if process.package == ProcessPackage::Pypi(TIME.to_owned()) => {
                let peer = connect(&offline, plan).await;
                let text = call(&peer, "get_current_time", json!({"timezone": "UTC"})).await.unwrap();
                assert!(text.contains("UTC"), "{text}");
            }
            _ => assert!(call(&connect(&offline, plan).await, "read_graph", json!({})).await.is_ok()),
        }
    }
    // The registry is away indeed.
    let (done, _) = prepare(&plan_of(ProcessPackage::Npm("is-number@6.0.0".to_owned()), &[])).await;
    assert_eq!(done.unwrap_err().kind(), ErrorKind::Network);
}

#[tokio::test]
async fn an_installation_that_is_cut_off_leaves_nothing() {
    for bench in Bench::each() {
        let plan = plan_of(ProcessPackage::Npm(FILESYSTEM.to_owned()), &[]);
        let ctx = CallContext::local();
        let identity = bench.runtime.identify(&ctx, &plan.target).await.unwrap();
        let heard = Arc::new(Heard::default());
        {
            let prepare = bench.runtime.prepare(&ctx, &plan.target, &identity, Arc::clone(&heard) as _);
            tokio::pin!(prepare);
            let home = bench.folder("home/packages");
            tokio::select! {
                result = &mut prepare => {
                    eprintln!("skipped: installed or failed before it was cut off: {result:?}");
                    return;
                }
                () = until("the installer runs", async || !stats::with_folder_in_environment(&home.join("npm")).is_empty()) => {}
            }
        }
        let home = bench.folder("home/packages");
        until("the installer ends", async || stats::with_folder_in_environment(&home).is_empty()).await;
        until("nothing stays", async || bench.packages().is_empty()).await;
    }
}

#[tokio::test]
async fn an_installer_sees_no_files_of_its_user_and_no_server_its_environment() {
    // npm would read the user's settings, where tokens are kept, if it saw them.
    for bench in Bench::each() {
        let config = ProcessRuntimeConfig::new(bench.folder.path().join("home"))
            .with_bubblewrap(bench.runtime.kernel.contains())
            .with_install_env("npm_config_registry", SecretValue::new("http://user:pa55word@127.0.0.1:1/"))
            .with_install_env("npm_config_fetch_retries", SecretValue::new("0"));
        let runtime = ProcessRuntime::new(config, None).unwrap();
        let plan = plan_of(ProcessPackage::Npm("is-number@7.0.0".to_owned()), &[]);
        let ctx = CallContext::local();
        let identity = runtime.identify(&ctx, &plan.target).await.unwrap();
        let error = runtime.prepare(&ctx, &plan.target, &identity, Arc::new(Silent)).await.unwrap_err();
        if error.kind() == ErrorKind::RuntimeUnavailable {
            eprintln!("skipped: {}", error.report());
            return;
        }
        assert_eq!(error.kind(), ErrorKind::Network, "{}", error.report());
        assert!(!format!("{error:?} {}", error.report()).contains("pa55word"), "{}", error.report());
    }
}
