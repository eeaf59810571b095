//! What a server sees and can do from inside its container.

use super::support::{bench, bench_with, container, plan_of};
use crate::error::ErrorKind;
use crate::model::{CallContext, NetworkRule, SecretValue};
use crate::runtime::{LaunchPlan, LaunchTarget, Mount, MountSource, Runtime};
use crate::util::fs;

#[tokio::test]
async fn a_container_is_closed_unless_opened() {
    let Some(bench) = bench().await else { return };
    let seen = bench
        .script(
            "grep -E '^(CapEff|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status
             touch /opt/x 2>/dev/null && echo root-writable
             touch /tmp/x && echo tmp-writable
             grep ' /tmp ' /proc/mounts
             ls /sys/class/net
             head -c 17 /proc/1/cmdline",
            // Not even the container's administrator gets more.
            |plan| user(plan, "0:0"),
        )
        .await;
    let words: Vec<&str> = seen.split_whitespace().collect();
    let value = |key: &str| words.iter().position(|word| *word == key).map(|at| words[at + 1]);
    assert_eq!(value("CapEff:"), Some("0000000000000000"), "{seen}");
    assert_eq!(value("CapBnd:"), Some("0000000000000000"), "{seen}");
    assert_eq!(value("NoNewPrivs:"), Some("1"), "{seen}");
    assert_eq!(value("Seccomp:"), Some("2"), "{seen}");
    assert!(!seen.contains("root-writable") && seen.contains("tmp-writable"), "{seen}");
    assert!(seen.contains("nosuid,nodev,noexec") && seen.contains("size=262144k"), "{seen}");
    assert!(seen.contains("lo") && !seen.contains("eth0"), "{seen}");
    assert!(seen.contains("init"), "{seen}");
    bench.empty().await;
}

fn user(plan: &mut LaunchPlan, user: &str) {
    let LaunchTarget::Container(container) = &mut plan.target else { unreachable!() };
    container.user = Some(user.to_owned());
}

#[tokio::test]
async fn a_server_gets_its_own_environment_and_nothing_of_the_host() {
    let Some(bench) = bench().await else { return };
    let seen = bench
        .script("env | cut -d= -f1 | sort | tr '\\n' ' '; printf %s \"$TOKEN\"; id -u", |plan| {
            plan.env.push(("TOKEN".to_owned(), SecretValue::new("a b=c\"$x")));
            user(plan, "1234:1234");
        })
        .await;
    assert_eq!(seen, "HOME HOSTNAME LANG PATH PWD TOKEN a b=c\"$x1234\n");
    bench.empty().await;
}

#[tokio::test]
async fn limits_are_the_engines_to_enforce() {
    let Some(bench) = bench().await else { return };
    if !bench.runtime.capability().resource_limits {
        eprintln!("skipped: {:?}", bench.runtime.capability().notes);
        return;
    }
    let seen = bench
        .script(
            "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null
             cat /sys/fs/cgroup/pids.max /sys/fs/cgroup/pids/pids.max 2>/dev/null; true",
            |plan| plan.limits = plan.limits.with_memory_bytes(64 << 20).with_pids(32),
        )
        .await;
    assert_eq!(seen.split_whitespace().collect::<Vec<_>>(), ["67108864", "32"], "{seen}");
    bench.empty().await;
}

#[tokio::test]
async fn binds_are_read_only_unless_allowed() {
    let Some(bench) = bench().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let (open, shut) = (folder.path().join("open"), folder.path().join("shut"));
    for path in [&open, &shut] {
        fs::create_dir_all(path).unwrap();
        fs::write_atomic(&path.join("word"), b"hello\n").unwrap();
        // The server runs as another user.
        let all = <std::fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o777);
        std::fs::set_permissions(path, all.clone()).unwrap();
        std::fs::set_permissions(path.join("word"), all).unwrap();
    }
    let mounts = |plan: &mut LaunchPlan| {
        let LaunchTarget::Container(container) = &mut plan.target else { unreachable!() };
        container.mounts = vec![
            Mount::new(MountSource::Bind(open.clone()), "/open"),
            Mount::new(MountSource::Bind(shut.clone()), "/shut"),
        ];
        container.writable = vec![open.clone()];
    };
    let seen = bench
        .script(
            "cat /open/word /shut/word; echo new > /open/word && echo open; echo new 2>/dev/null > /shut/word || echo shut",
            mounts,
        )
        .await;
    assert_eq!(seen, "hello\nhello\nopen\nshut\n");
    assert_eq!(fs::read_to_string(&open.join("word")).unwrap(), "new\n");
    assert_eq!(fs::read_to_string(&shut.join("word")).unwrap(), "hello\n");
    bench.empty().await;
}

#[tokio::test]
async fn nothing_is_created_for_a_plan_that_is_refused() {
    let Some(bench) = bench_with(|builder| builder.with_protected("/srv")).await else { return };
    for (source, kind) in
        [("/etc", ErrorKind::Denied), ("/srv", ErrorKind::Denied), ("/no/such/folder", ErrorKind::NotFound)]
    {
        let mut container = container(&["true"]);
        container.mounts.push(Mount::new(MountSource::Bind(source.into()), "/data"));
        let error = bench.try_start(plan_of(container.clone())).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{source}: {error}");
        assert_eq!(error.operation(), Some("DockerRuntime::start"));
        let error = bench.runtime.run_once(&CallContext::local(), plan_of(container)).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{source}: {error}");
    }
    assert!(!fs::exists(std::path::Path::new("/no/such/folder")));
    assert!(bench.runtime.list().await.unwrap().is_empty());
}

#[tokio::test]
async fn a_network_is_there_when_the_plan_says_so() {
    let Some(bench) = bench().await else { return };
    let seen = bench.script("ls /sys/class/net", |plan| plan.network = NetworkRule::Open).await;
    assert!(seen.contains("eth0"), "{seen}");
    assert!(bench.runtime.capability().network_isolation);
    bench.empty().await;
}
