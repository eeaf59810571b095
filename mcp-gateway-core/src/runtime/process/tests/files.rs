//! Secrets that a child reads from files, and that no other child does.

use super::*;
use crate::runtime::{GatewayInstance, SecretFile, secret_files};

const VALUE: &str = "hunter2 \"$x\"";

fn with_file(mut plan: LaunchPlan) -> LaunchPlan {
    plan.files = vec![SecretFile::new("TOKEN", SecretValue::new(VALUE))];
    plan
}

#[tokio::test]
async fn a_server_reads_its_secret_and_no_other_server_does() {
    for bench in Bench::each() {
        let peer = bench.start(with_file(awkward_plan(&[]))).await.unwrap();
        let path = call(&peer, "env", json!({"name": "TOKEN_FILE"})).await.unwrap();
        assert_eq!(call(&peer, "env", json!({"name": "TOKEN"})).await.unwrap(), "unset");
        assert_eq!(call(&peer, "read_file", json!({"path": path})).await.unwrap(), VALUE);
        for path in [path.clone(), format!("{path}.new")] {
            let written = call(&peer, "write_file", json!({"path": path})).await.unwrap();
            assert!(written.starts_with("error"), "{path}: {written}");
        }
        let other = bench.start(with_file(awkward_plan(&[]))).await.unwrap();
        let theirs = call(&other, "env", json!({"name": "TOKEN_FILE"})).await.unwrap();
        let third = bench.start(awkward_plan(&[])).await.unwrap();
        assert_eq!(call(&third, "env", json!({"name": "TOKEN_FILE"})).await.unwrap(), "unset");
        for (peer, path, has_files) in [(&peer, &theirs, true), (&other, &path, true), (&third, &path, false)] {
            let seen = call(peer, "read_file", json!({"path": path})).await.unwrap();
            // In a file system of its own, the same name is its own file.
            let own = bench.runtime.kernel.contains() && has_files;
            assert!(if own { seen == VALUE } else { seen.starts_with("error") }, "{path}: {seen}");
        }
        let outside = secret_files::present(&bench.runtime.instance);
        assert_eq!(outside.len(), if bench.runtime.kernel.contains() { 0 } else { 2 });
        drop((peer, other, third));
        bench.gone().await;
        assert!(secret_files::present(&bench.runtime.instance).is_empty());
    }
}

#[tokio::test]
async fn a_child_of_the_server_reads_it_too() {
    for bench in Bench::each() {
        let mut plan = with_file(shell("sh -c 'cat \"$TOKEN_FILE\" >&2'; env | grep -c hunter2 >&2"));
        plan.secrets.push(SecretValue::new(VALUE));
        // Cut out of what it prints, as a value that the plan names.
        assert_eq!(bench.run(plan).await.unwrap().lines(), ["***0"]);
    }
}

#[tokio::test]
async fn what_a_dead_gateway_left_is_swept() {
    let bench = Bench::new(false);
    let dead = GatewayInstance::register(bench.runtime.instance.folder()).unwrap();
    let left = secret_files::SecretFiles::write(&dead, &with_file(shell("")).files, secret_files::Readers::Owner);
    let path = left.as_ref().unwrap().path().to_owned();
    // As after a kill: nobody removes them.
    std::mem::forget(left);
    drop(dead);
    bench.runtime.sweep().await.unwrap();
    assert!(!path.exists());
}

#[tokio::test]
async fn without_isolation_there_are_no_files() {
    let bench = Bench::new(false);
    let plan = with_file(shell(""));
    let kernel = super::super::sandbox::Kernel::default();
    let refused = super::super::files::Handed::new(&plan.files, &kernel, &bench.runtime.instance);
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Unsupported);
}
