//! Servers and plans that go wrong.

use super::support::{ECHO, bench, closed, container, echo, plan, plan_of};
use crate::error::ErrorKind;
use crate::model::{CallContext, ImageReference, SecretValue};
use crate::runtime::{LaunchTarget, Runtime};

#[tokio::test]
async fn an_exit_is_told_with_its_code_and_last_words() {
    let Some(bench) = bench().await else { return };
    let mut plan = plan(&["sh", "-c", "echo \"cannot open $TOKEN\" >&2; exit 3"]);
    plan.env.push(("TOKEN".to_owned(), SecretValue::new("hunter2")));
    plan.secrets.push(SecretValue::new("hunter2"));
    let mut server = bench.try_start(plan).await.unwrap();
    let reason = closed(&mut server.connection).await;
    assert_eq!((reason.kind(), reason.message()), (ErrorKind::ServerExited, "server exited with code 3"));
    let told = server.connection.diagnostics.explain(ErrorKind::StartFailed, "server exited before the handshake");
    assert_eq!(
        told.to_string(),
        "server exited before the handshake (reason: server exited with code 3, stderr: cannot open ***)"
    );
    bench.empty().await;
}

#[tokio::test]
async fn a_server_without_memory_left_says_so() {
    let Some(bench) = bench().await else { return };
    if !bench.runtime.capability().resource_limits {
        eprintln!("skipped: {:?}", bench.runtime.capability().notes);
        return;
    }
    let mut plan = plan(&["python3", "-c", "x = bytearray(500_000_000)"]);
    plan.limits = plan.limits.with_memory_bytes(32 << 20);
    let mut server = bench.try_start(plan).await.unwrap();
    let reason = closed(&mut server.connection).await;
    assert_eq!(reason.message(), "server used more memory than its limit and was killed");
    bench.empty().await;
}

#[tokio::test]
async fn a_message_of_50_megabytes_ends_the_connection_and_the_server() {
    let Some(bench) = bench().await else { return };
    let flood = "import sys\nsys.stdout.write('x' * 50_000_000)\nsys.stdout.flush()\nimport time; time.sleep(600)";
    let mut server = bench.start(&["python3", "-c", flood]).await;
    let reason = closed(&mut server.connection).await;
    assert_eq!(reason.kind(), ErrorKind::TooLarge);
    bench.empty().await;
}

#[tokio::test]
async fn junk_on_both_streams_is_noted_and_passed_over() {
    let Some(bench) = bench().await else { return };
    let noisy = "echo starting; head -c 300000 /dev/zero | tr '\\0' e >&2; echo warn >&2; exec cat";
    let mut server = bench.start(&["sh", "-c", noisy]).await;
    echo(&mut server.connection, "one").await;
    let lines = server.connection.diagnostics.lines();
    assert!(lines.iter().any(|line| line == "starting"), "{lines:?}");
    drop(server);
    bench.empty().await;
}

#[tokio::test]
async fn an_image_that_is_not_there_is_named() {
    let Some(bench) = bench().await else { return };
    let mut container = container(&["true"]);
    container.image = ImageReference::parse("mcp-gateway-test/no-such-image:9").unwrap();
    let error = bench.try_start(plan_of(container.clone())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("mcp-gateway-test/no-such-image:9"), "{error}");
    assert!(error.hints().next().is_some());
    // A registry that cannot be reached is another trouble than an image that is not there.
    container.image = ImageReference::parse("127.0.0.1:1/none:1").unwrap();
    let target = LaunchTarget::Container(container);
    let error = bench.runtime.identify(&CallContext::local(), &target).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network, "{error}");
    bench.empty().await;
}

#[tokio::test]
async fn a_command_that_is_not_there_is_told_and_leaves_nothing() {
    let Some(bench) = bench().await else { return };
    let mut plan = plan(&["/no/such/program", "hunter2"]);
    plan.secrets.push(SecretValue::new("hunter2"));
    // Under an init the engine cannot see that the program is missing; it then ends at once.
    match bench.try_start(plan).await {
        Err(error) => assert_eq!(error.kind(), ErrorKind::StartFailed, "{error}"),
        Ok(mut server) => {
            let reason = closed(&mut server.connection).await;
            assert_eq!(reason.kind(), ErrorKind::ServerExited, "{reason}");
            assert!(server.connection.diagnostics.lines().join(" ").contains("/no/such/program"));
        }
    }
    bench.empty().await;
}

#[tokio::test]
async fn a_container_that_others_remove_ends_the_connection() {
    let Some(bench) = bench().await else { return };
    let mut server = bench.start(ECHO).await;
    bench.runtime.engine.remove(server.id.as_str()).await.unwrap();
    let reason = closed(&mut server.connection).await;
    assert_eq!(reason.kind(), ErrorKind::ServerExited);
    bench.empty().await;
}

#[tokio::test]
async fn what_is_no_container_is_refused() {
    let Some(bench) = bench().await else { return };
    let mut other = plan(ECHO);
    other.target = LaunchTarget::Memory("x".to_owned());
    assert_eq!(bench.try_start(other).await.unwrap_err().kind(), ErrorKind::Unsupported);
}
