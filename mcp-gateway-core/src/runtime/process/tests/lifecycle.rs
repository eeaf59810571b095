//! How servers end: by themselves, when asked, and with their gateway.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use super::super::state::State;
use super::*;
use crate::runtime::{GatewayInstance, InstanceStatus};
use crate::util::env_vars;

/// Says where the gateway that is to be killed keeps its files, and whether it uses namespaces.
const ROLE: &str = "MCP_GATEWAY_TEST_KILLED";

/// A server that leaves children behind as well as it can, and reads its input.
const FAMILY: &str =
    "sleep 1000 & setsid sleep 1001 & (trap '' HUP TERM; setsid sh -c 'sleep 1002; true' &) ; cat >/dev/null; exit 5";

#[tokio::test]
async fn a_crash_tells_its_exit_status_and_last_words() {
    for bench in Bench::each() {
        let error = bench.start(awkward_plan(&["--crash-at-start"])).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StartFailed);
        let text = error.to_string();
        assert!(text.contains("exit status 3") && text.contains("cannot open the database"), "{text}");
        let peer = bench.start(awkward_plan(&[])).await.unwrap();
        let error = call(&peer, "crash", json!({})).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ServerExited);
        assert!(error.to_string().contains("exit status 101"), "{error}");
        assert_eq!(bench.run(shell("kill -SEGV $$")).await.unwrap().end(), "process was killed by signal 11");
        bench.gone().await;
    }
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named() {
    for bench in Bench::each() {
        for program in ["no-such-program", "/no/such/program"] {
            let error = bench.start(plan(program, &[])).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound);
            assert!(error.to_string().contains(program), "{error}");
        }
        assert_eq!(bench.start(plan("./x", &[])).await.unwrap_err().kind(), ErrorKind::InvalidConfig);
        // A file that is no program.
        let file = bench.file("text", "hello");
        let error = bench.start(plan(file, &[])).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StartFailed, "{error}");
        bench.nothing_left().await;
    }
}

#[tokio::test]
async fn a_server_that_ignores_the_end_of_its_input_is_killed() {
    for bench in Bench::each() {
        let peer = bench.start(awkward_plan(&["--ignore-eof"])).await.unwrap();
        drop(peer);
        bench.gone().await;
    }
}

#[tokio::test]
async fn a_server_is_asked_before_it_is_killed() {
    for bench in Bench::each() {
        let script = "trap 'echo asked; exit 7' TERM; echo ready; while :; do sleep 0.01; done";
        let mut running = bench.runtime.start(&CallContext::local(), shell(script)).await.unwrap();
        let diagnostics = Arc::clone(&running.connection.diagnostics);
        until("it is ready", async || diagnostics.lines() == ["ready"]).await;
        bench.runtime.stop(&running.id).await.unwrap();
        while running.connection.incoming.recv().await.is_some() {}
        // A shell tells of its child's end too.
        assert!(diagnostics.lines().contains(&"asked".to_owned()), "{:?}", diagnostics.lines());
        assert!(diagnostics.closed().unwrap().to_string().contains("exit status 7"));
        bench.gone().await;
    }
}

#[tokio::test]
async fn a_server_that_ignores_everything_is_killed() {
    for bench in Bench::each() {
        let running = bench
            .runtime
            .start(&CallContext::local(), shell("trap '' TERM HUP INT; while :; do sleep 1; done"))
            .await
            .unwrap();
        bench.runtime.stop(&running.id).await.unwrap();
        assert!(bench.runtime.list().await.unwrap().is_empty());
        bench.runtime.stop(&running.id).await.unwrap();
        bench.gone().await;
    }
}

#[tokio::test]
async fn a_server_takes_its_children_with_it_however_it_ends() {
    for bench in Bench::each() {
        for script in
            [FAMILY, &FAMILY.replace("cat >/dev/null", "true"), &FAMILY.replace("cat >/dev/null", "kill -KILL $$")]
        {
            let running = bench.runtime.start(&CallContext::local(), shell(script)).await.unwrap();
            drop(running);
            bench.gone().await;
        }
    }
}

#[tokio::test]
async fn a_paused_server_answers_once_it_goes_on_and_can_be_stopped() {
    for bench in Bench::each() {
        let peer = bench.start(awkward_plan(&[])).await.unwrap();
        let status = bench.runtime.list().await.unwrap().remove(0);
        assert_eq!(status.state, "running");
        assert!(status.memory_bytes.unwrap() > 100_000 && status.pids.unwrap() >= 1, "{status:?}");
        bench.runtime.pause(&status.id).await.unwrap();
        until("it is paused", async || bench.runtime.list().await.unwrap()[0].state == "paused").await;
        let mut answer = Box::pin(call(&peer, "echo", json!({"text": "hi"})));
        let early = tokio::time::timeout(Duration::from_millis(100), &mut answer).await;
        assert!(early.is_err(), "a paused server answered");
        bench.runtime.unpause(&status.id).await.unwrap();
        assert_eq!(answer.await.unwrap(), "hi");
        bench.runtime.pause(&status.id).await.unwrap();
        drop(peer);
        bench.gone().await;
    }
}

#[tokio::test]
async fn noise_does_not_hold_a_server_up() {
    for bench in Bench::each() {
        let peer = bench.start(awkward_plan(&["--junk"])).await.unwrap();
        assert_eq!(call(&peer, "flood", json!({"lines": 20_000})).await.unwrap(), "done");
        assert_eq!(call(&peer, "echo", json!({"text": "hi"})).await.unwrap(), "hi");
    }
}

#[tokio::test]
async fn a_start_that_nobody_waits_for_leaves_nothing() {
    for bench in Bench::each() {
        for polls in 1..4 {
            let ctx = CallContext::local();
            let start = bench.runtime.start(&ctx, awkward_plan(&["--ignore-eof"]));
            tokio::pin!(start);
            for _ in 0..polls {
                // A busy machine may have it done by now, and what is done must not be polled again.
                if futures_util::poll!(&mut start).is_ready() {
                    break;
                }
            }
        }
        bench.gone().await;
    }
}

#[test]
fn servers_end_with_the_runtime_that_drives_them() {
    for bench in Bench::each() {
        let driver = tokio::runtime::Runtime::new().unwrap();
        let running = driver.block_on(bench.runtime.start(&CallContext::local(), shell(FAMILY))).unwrap();
        drop(driver);
        tokio::runtime::Runtime::new().unwrap().block_on(bench.gone());
        drop(running);
    }
}

#[tokio::test]
async fn servers_end_with_their_runtime() {
    for bench in Bench::each() {
        let running = bench.runtime.start(&CallContext::local(), shell(FAMILY)).await.unwrap();
        let Bench { runtime, folder } = bench;
        let bubblewrap = runtime.kernel.contains();
        drop(runtime);
        let bench = Bench { runtime: Bench::runtime(folder.path(), bubblewrap), folder };
        bench.nothing_left().await;
        drop(running);
    }
}

#[tokio::test]
async fn gateways_of_one_home_see_each_others_servers_and_leave_them_alone() {
    let bench = Bench::new(false);
    let other = Bench::runtime(bench.folder.path(), false);
    let peer = bench.start(awkward_plan(&[])).await.unwrap();
    let seen = other.list().await.unwrap();
    assert_eq!(seen.len(), 1);
    assert_eq!(seen[0].id, bench.runtime.list().await.unwrap()[0].id);
    assert!(seen[0].memory_bytes.unwrap() > 100_000);
    assert_eq!(other.sweep().await.unwrap(), []);
    assert_eq!(call(&peer, "echo", json!({"text": "still here"})).await.unwrap(), "still here");
    drop(peer);
    bench.gone().await;
    assert!(other.list().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_gateway_that_is_killed_leaves_no_process_and_the_next_one_removes_its_files() {
    for bench in Bench::each() {
        let mut gateway = Command::new(std::env::current_exe().unwrap());
        let test = "runtime::process::tests::lifecycle::gateway_to_be_killed";
        gateway.args(["--exact", test, "--nocapture", "--ignored"]).stdout(Stdio::piped()).stdin(Stdio::piped());
        let kind = if bench.runtime.kernel.contains() { "namespaces" } else { "rules" };
        gateway.env(ROLE, format!("{kind}:{}", bench.folder.path().display()));
        let mut gateway = gateway.spawn().unwrap();
        let mut lines = BufReader::new(gateway.stdout.take().unwrap()).lines();
        let started = lines.by_ref().map(|line| line.unwrap()).find(|line| line.starts_with("started "));
        let id = InstanceId::new(started.expect("it starts a server").trim_start_matches("started ")).unwrap();
        let home = bench.folder("home").join("own");
        until("the whole family runs", async || stats::with_folder_in_environment(&home).len() >= 5).await;
        assert_eq!(bench.runtime.list().await.unwrap().len(), 1);

        gateway.kill().unwrap();
        gateway.wait().unwrap();
        // Without any help from the next gateway.
        until("its processes end", async || stats::with_folder_in_environment(&home).is_empty()).await;
        assert!(home.join(id.as_str()).exists());
        assert_eq!(bench.runtime.sweep().await.unwrap(), []);
        bench.gone().await;
    }
}

/// The gateway of the test above, in a process of its own.
#[tokio::test]
#[ignore = "is run and killed by another test"]
async fn gateway_to_be_killed() {
    let Some(role) = env_vars::get(ROLE) else { return };
    let (kind, folder) = role.split_once(':').unwrap();
    let runtime = Bench::runtime(Path::new(folder), kind == "namespaces");
    let running = runtime.start(&CallContext::local(), shell(FAMILY)).await.unwrap();
    println!("started {}", running.id);
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn what_outlives_a_killed_gateway_all_the_same_is_swept() {
    let bench = Bench::new(false);
    let home = bench.folder("home");
    // As a gateway leaves it when everything that should have ended its servers was killed too.
    let dead = GatewayInstance::register(&home).unwrap();
    let id = InstanceId::new(format!("process-{}-1", dead.id())).unwrap();
    let owner = Owner::new(dead.id(), ProfileName::new("p").unwrap(), ServerName::new("s").unwrap());
    let status = InstanceStatus::new(id.clone(), "process", owner, "test");
    let traces = State::new(&home, &home).unwrap().enter(&status).unwrap();
    let own = traces.own().to_owned();
    std::mem::forget(traces);
    let mut orphan = Command::new("/bin/sleep").arg("1000").env_clear().env("HOME", &own).spawn().unwrap();
    let mut stranger =
        Command::new("/bin/sleep").arg("1000").env_clear().env("HOME", own.with_extension("0")).spawn().unwrap();

    assert_eq!(bench.runtime.sweep().await.unwrap(), [], "its gateway lives");
    drop(dead);
    assert_eq!(bench.runtime.sweep().await.unwrap(), [id]);
    assert!(orphan.wait().unwrap().code().is_none());
    assert!(stranger.try_wait().unwrap().is_none());
    stranger.kill().unwrap();
    stranger.wait().unwrap();
    bench.nothing_left().await;
}
