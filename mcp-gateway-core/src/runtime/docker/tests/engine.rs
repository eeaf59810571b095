//! Engines that are away, silent, or come back.

use std::path::Path;
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;

use super::support::{ECHO, bench, bench_with, closed, echo, plan, runtime_in};
use crate::error::{ErrorKind, Retry};
use crate::model::CallContext;
use crate::runtime::Runtime;
use crate::util::fs;

/// Stands between a runtime and the engine until it is aborted.
fn relay(socket: &Path) -> JoinHandle<()> {
    fs::remove_file(socket).unwrap();
    let listener = UnixListener::bind(socket).unwrap();
    tokio::spawn(async move {
        // What is relayed ends with the relay.
        let mut connections = tokio::task::JoinSet::new();
        loop {
            let (mut near, _) = listener.accept().await.unwrap();
            connections.spawn(async move {
                let mut far = UnixStream::connect("/var/run/docker.sock").await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut near, &mut far).await;
            });
        }
    })
}

#[tokio::test]
async fn an_engine_that_went_away_and_came_back_is_used_again() {
    let Some(direct) = bench().await else { return };
    if direct.runtime.engine.endpoint().to_string() != "unix:///var/run/docker.sock" {
        eprintln!("skipped: the engine is not at the usual socket");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("engine.sock");
    let host = format!("unix://{}", socket.display());
    let up = relay(&socket);
    let bench = bench_with(|builder| builder.with_host(host)).await.unwrap();
    let mut server = bench.start(ECHO).await;
    echo(&mut server.connection, "one").await;
    up.abort();
    let reason = closed(&mut server.connection).await;
    assert_eq!(reason.message(), "the connection to the container engine was lost");
    let error = bench.runtime.check().await.unwrap_err();
    assert_eq!((error.kind(), error.retry()), (ErrorKind::RuntimeUnavailable, Retry::Later));
    assert!(error.to_string().contains(socket.to_str().unwrap()) && error.hints().next().is_some(), "{error}");
    assert_eq!(bench.try_start(plan(ECHO)).await.unwrap_err().kind(), ErrorKind::RuntimeUnavailable);
    let _up = relay(&socket);
    bench.runtime.check().await.unwrap();
    let mut server = bench.start(ECHO).await;
    echo(&mut server.connection, "two").await;
    drop(server);
    // The container of the connection that was lost goes, too.
    bench.empty().await;
}

#[tokio::test]
async fn an_engine_that_never_answers_is_waited_for_in_bounds() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("engine.sock");
    let _listener = UnixListener::bind(&socket).unwrap();
    let config = super::super::DockerRuntimeConfig {
        host: Some(format!("unix://{}", socket.display())),
        check_timeout: Duration::from_millis(100),
        request_timeout: Duration::from_millis(100),
        ..Default::default()
    };
    let runtime = runtime_in(folder.path(), |builder| builder.with_config(config));
    let ctx = CallContext::local();
    for error in [
        runtime.check().await.unwrap_err(),
        runtime.start(&ctx, plan(ECHO)).await.unwrap_err(),
        runtime.list().await.unwrap_err(),
        runtime.sweep().await.unwrap_err(),
        runtime.identify(&ctx, &plan(ECHO).target).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::RuntimeUnavailable, "{error}");
        assert!(error.message().contains("in time"), "{error}");
    }
}

#[tokio::test]
async fn an_engine_that_is_not_there_is_said_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = runtime_in(folder.path(), |builder| builder.with_host("unix:///no/such/engine.sock"));
    let error = runtime.check().await.unwrap_err();
    assert_eq!((error.kind(), error.operation()), (ErrorKind::RuntimeUnavailable, Some("DockerRuntime::check")));
    assert!(error.hints().any(|hint| hint.contains("DOCKER_HOST")), "{error:?}");
    assert!(!runtime.capability().resource_limits);
}
