//! Servers that fail: at the start, during a call, between calls, and by what they say.

use std::time::Duration;

use mcp_gateway_core::ErrorKind;
use mcp_gateway_core::gateway::ServerState;
use mcp_gateway_core::profile::ServerSpec;
use serde_json::json;

use crate::support::{Bench, awkward_entry, until};

fn with_call_timeout(spec: &mut ServerSpec) {
    spec.limits.call_timeout = Some("500ms".to_owned());
}

#[tokio::test]
async fn a_server_that_crashes_at_its_start_says_why_and_takes_no_other_with_it() {
    let running = Bench::new().with("broken", &["--crash-at-start"]).with("fine", &[]).build().await;
    let (ctx, ..) = running.session().await;
    assert!(running.tools(&ctx).await.contains(&"echo".to_owned()));
    let reasons = running.unavailable(&ctx).await;
    assert_eq!(reasons[0]["server"], "broken", "{reasons}");
    let status = running.status("broken").await;
    assert_eq!(status.state, ServerState::Failed);
    assert!(status.reason.unwrap().contains("cannot open the database: no such host"));
    let error = running.error(&ctx, "broken.echo", json!({})).await;
    assert_eq!(error.kind(), ErrorKind::StartFailed, "{}", error.report());
    running.echoes(&ctx, "fine").await;
    running.end().await;
}

#[tokio::test]
async fn a_crash_fails_the_call_that_died_and_the_next_one_gets_a_fresh_server() {
    let running = Bench::new().with("s", &[]).with("other", &["--prefix", "other"]).build().await;
    let (ctx, ..) = running.session().await;
    running.tools(&ctx).await;
    running.echoes(&ctx, "s").await;
    let error = running.error(&ctx, "s.crash", json!({})).await;
    assert_eq!(error.kind(), ErrorKind::ServerExited, "{}", error.report());
    let report = error.report();
    assert!(report.contains("out of cheese"), "its last words are told: {report}");
    running.echoes(&ctx, "s").await;
    assert_eq!(running.call(&ctx, "other.other_echo", json!({"text": "still here"})).await.unwrap(), "still here");
    running.end().await;
}

#[tokio::test]
async fn calls_under_way_with_the_one_that_crashes_the_server_all_fail_at_once() {
    let running = Bench::new().with("s", &[]).build().await;
    let (ctx, ..) = running.session().await;
    running.tools(&ctx).await;
    let hanging = running.call(&ctx, "s.hang", json!({}));
    let crash = async {
        running.echoes(&ctx, "s").await;
        running.error(&ctx, "s.crash", json!({})).await
    };
    let (hung, crashed) = tokio::join!(hanging, crash);
    assert_eq!(hung.unwrap_err().kind(), ErrorKind::ServerExited);
    assert_eq!(crashed.kind(), ErrorKind::ServerExited);
    running.end().await;
}

#[tokio::test]
async fn a_server_that_ends_between_calls_is_started_again() {
    let running = Bench::new().with("s", &[]).build().await;
    let (ctx, ..) = running.session().await;
    running.tools(&ctx).await;
    for _ in 0..3 {
        assert_eq!(running.call(&ctx, "s.exit_after", json!({})).await.unwrap(), "goodbye");
        until("the gateway has noticed", async || running.status("s").await.running == 0).await;
        running.echoes(&ctx, "s").await;
    }
    running.end().await;
}

#[tokio::test]
async fn a_server_that_ignores_the_end_of_its_input_is_ended_all_the_same() {
    let running = Bench::new().with("s", &["--ignore-eof"]).build().await;
    let (ctx, session, _) = running.session().await;
    running.tools(&ctx).await;
    running.echoes(&ctx, "s").await;
    mcp_gateway_core::gateway::Gateway::close_session(&running.gateway, &session).await;
    running.until_running(0).await;
    running.end().await;
}

#[tokio::test]
async fn a_call_that_is_never_answered_ends_at_its_limit_and_the_server_is_told() {
    let running = Bench::new().with_entry(awkward_entry("s", &[]), with_call_timeout).build().await;
    let (ctx, ..) = running.session().await;
    running.tools(&ctx).await;
    let error = running.error(&ctx, "s.hang", json!({})).await;
    assert_eq!(error.kind(), ErrorKind::Timeout, "{}", error.report());
    until("the server hears of it", async || {
        running.call(&ctx, "s.was_cancelled", json!({})).await.is_ok_and(|ids| ids != "[]")
    })
    .await;
    running.echoes(&ctx, "s").await;
    running.end().await;
}

#[tokio::test]
async fn a_server_that_never_answers_the_handshake_is_given_up() {
    let short = |spec: &mut ServerSpec| spec.limits.start_timeout = Some("500ms".to_owned());
    let running =
        Bench::new().with_entry(awkward_entry("silent", &["--silent"]), short).with("fine", &[]).build().await;
    let (ctx, ..) = running.session().await;
    assert!(!running.tools(&ctx).await.is_empty());
    let listed = running.unavailable(&ctx).await;
    assert_eq!(listed[0]["server"], "silent", "{listed}");
    until("it has failed", async || running.status("silent").await.state == ServerState::Failed).await;
    let status = running.status("silent").await;
    assert!(status.reason.as_ref().unwrap().contains("did not answer the handshake in time"), "{status:?}");
    running.echoes(&ctx, "fine").await;
    // Only the other one is still there.
    running.until_running(1).await;
    running.end().await;
}

#[tokio::test]
async fn a_caller_may_have_less_time_than_the_server_has() {
    let running = Bench::new().with("s", &[]).build().await;
    let (ctx, ..) = running.session().await;
    running.tools(&ctx).await;
    let hurried = ctx.clone().with_timeout(Duration::from_millis(200));
    assert_eq!(running.error(&hurried, "s.hang", json!({})).await.kind(), ErrorKind::Timeout);
    running.echoes(&ctx, "s").await;
    running.end().await;
}

#[tokio::test]
async fn noise_on_both_streams_breaks_nothing() {
    let running = Bench::new().with("s", &["--junk"]).build().await;
    let (ctx, ..) = running.session().await;
    running.tools(&ctx).await;
    let flood = running.call(&ctx, "s.flood", json!({"lines": 100_000})).await;
    assert_eq!(flood.unwrap(), "done");
    running.echoes(&ctx, "s").await;
    assert_eq!(running.status("s").await.state, ServerState::Running);
    running.end().await;
}

#[tokio::test]
async fn a_message_of_50_mb_is_refused_and_nobody_else_notices() {
    let running = Bench::new().with("big", &[]).with("other", &[]).build().await;
    let (ctx, ..) = running.session().await;
    running.tools(&ctx).await;
    running.echoes(&ctx, "other").await;
    let other = running.result(&ctx, "other.sleep", json!({"ms": 500}));
    let (error, other) = tokio::join!(running.error(&ctx, "big.big", json!({"bytes": 50_000_000})), other);
    assert_eq!(error.kind(), ErrorKind::TooLarge, "{}", error.report());
    assert!(error.report().contains("larger than 16777216 bytes"), "{}", error.report());
    assert_eq!(other.unwrap()["content"][0]["text"], "slept");
    running.echoes(&ctx, "big").await;
    let large = running.call(&ctx, "big.big", json!({"bytes": 10_000_000})).await.unwrap();
    assert_eq!(large.len(), 10_000_000, "what is within the limit passes whole");
    running.end().await;
}
