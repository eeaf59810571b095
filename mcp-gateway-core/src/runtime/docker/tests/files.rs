//! Secrets that a container reads from files, and what is left of them outside.

use super::support::{ECHO, bench, container, echo, plan, plan_of};
use crate::error::ErrorKind;
use crate::model::{CallContext, SecretValue};
use crate::runtime::{
    GatewayInstance, LaunchPlan, LaunchTarget, Mount, MountSource, Runtime, SecretFile, secret_files,
};

const VALUE: &str = "hunter2 \"$x\"\n";

fn with_files(mut plan: LaunchPlan) -> LaunchPlan {
    plan.files = vec![
        SecretFile::new("TOKEN", SecretValue::new(VALUE)),
        SecretFile::new("OTHER", SecretValue::new("correct horse")),
    ];
    plan
}

#[tokio::test]
async fn a_server_of_any_user_reads_its_secrets_and_cannot_change_them() {
    let Some(bench) = bench().await else { return };
    for user in ["0:0", "1234:1234"] {
        let script = "cat $TOKEN_FILE $OTHER_FILE; echo; env | grep -c hunter2; echo $TOKEN_FILE
            ls /run/secrets | tr '\\n' ' '
            for path in /run/secrets/TOKEN /run/secrets/new; do (echo x > $path) 2>/dev/null && echo written; done
            rm -f /run/secrets/TOKEN 2>/dev/null || echo kept
            stat -f -c %T /run/secrets/TOKEN";
        let seen = bench
            .script(script, |plan| {
                *plan = with_files(plan.clone());
                let LaunchTarget::Container(container) = &mut plan.target else { unreachable!() };
                container.user = Some(user.to_owned());
            })
            .await;
        assert_eq!(seen, format!("{VALUE}correct horse\n0\n/run/secrets/TOKEN\nOTHER TOKEN kept\ntmpfs\n"), "{user}");
    }
    bench.empty().await;
}

#[tokio::test]
async fn once_a_server_runs_nothing_of_its_secrets_is_outside() {
    let Some(bench) = bench().await else { return };
    let instance = &bench.runtime.instance;
    let mut server = bench.try_start(with_files(plan(ECHO))).await.unwrap();
    echo(&mut server.connection, "one").await;
    assert_eq!(secret_files::present(instance), [] as [std::path::PathBuf; 0]);
    drop(server);
    bench.empty().await;
    // Neither where the start failed.
    let mut unknown = container(ECHO);
    unknown.user = Some("nobody-of-this-name".to_owned());
    bench.try_start(with_files(plan_of(unknown))).await.unwrap_err();
    assert_eq!(secret_files::present(instance), [] as [std::path::PathBuf; 0]);
    bench.empty().await;
}

#[tokio::test]
async fn what_a_dead_gateway_left_is_swept_and_a_plan_with_a_mount_there_is_refused() {
    let Some(bench) = bench().await else { return };
    let dead = GatewayInstance::register(bench.home.path()).unwrap();
    let left = secret_files::SecretFiles::write(&dead, &with_files(plan(ECHO)).files, secret_files::Readers::Container);
    let path = left.as_ref().unwrap().path().to_owned();
    // As after a kill: nobody removes them.
    std::mem::forget(left);
    drop(dead);
    bench.runtime.sweep().await.unwrap();
    assert!(!path.exists());

    for target in ["/run", "/run/secrets", "/run/secrets/TOKEN"] {
        let mut container = container(&["true"]);
        container.mounts.push(Mount::new(MountSource::Volume("data".to_owned()), target));
        let refused = bench.runtime.run_once(&CallContext::local(), with_files(plan_of(container))).await;
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::InvalidConfig, "{target}");
    }
    assert!(bench.runtime.list().await.unwrap().is_empty());
}
