use std::time::Duration;

use serde_json::Value;

use super::*;
use crate::model::{Decision, Effect, ServerName};
use crate::protocol::{RawJson, Target};
use crate::util::http::testing::{TestRequest, TestServer};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OTHER: &str = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn signer(secret: &str) -> Signer {
    Signer::new(&SecretValue::new(secret)).unwrap()
}

fn question() -> Question {
    let target = Target::new(ServerName::new("s").unwrap(), "send");
    let arguments = RawJson::parse(r#"{"to": "ann"}"#).unwrap();
    Question::new(target, Some(arguments), Decision::new(Effect::HardConfirm, "s.*", "it changes things"))
}

/// What a webhook answers, and how it lies.
#[derive(Clone, Debug)]
struct Plan {
    secret: &'static str,
    body: fn(&TestRequest) -> String,
    id: Option<&'static str>,
    age: i64,
    status: u16,
}

fn granted(request: &TestRequest) -> String {
    let nonce = &request.json("data")["nonce"];
    json!({"type": "approval.answered", "data": {"nonce": nonce, "granted": true, "by": "ann", "reason": "ok"}})
        .to_string()
}

const HONEST: Plan = Plan { secret: SECRET, body: granted, id: None, age: 0, status: 200 };

async fn ask(plan: Plan) -> (Result<Answer>, Vec<TestRequest>) {
    let server = TestServer::start(move |request, reply| {
        let plan = plan.clone();
        async move {
            let id = plan.id.unwrap_or_else(|| request.header("webhook-id").unwrap()).to_owned();
            let time = (clock::now_millis() / 1000 - plan.age).to_string();
            let body = (plan.body)(&request);
            let signature = signer(plan.secret).sign(&id, &time, body.as_bytes());
            let headers = [("webhook-id", &*id), ("webhook-timestamp", &*time), ("webhook-signature", &*signature)];
            reply.send(plan.status, &headers, &body).await;
        }
    })
    .await;
    let config = WebhookConfig::new(server.url("/approve")).with_allow_private(true);
    let approver = WebhookApprover::new(config, &SecretValue::new(SECRET)).unwrap();
    (approver.approve(&CallContext::local(), &question()).await, server.seen())
}

#[tokio::test]
async fn a_signed_answer_to_a_signed_question_counts() {
    let (answer, seen) = ask(HONEST).await;
    assert_eq!(answer.unwrap(), Answer::new(true, "ann", "ok"));
    let request = &seen[0];
    let header = |name: &str| request.header(name).unwrap();
    let (id, time) = (header("webhook-id"), header("webhook-timestamp"));
    let now = clock::now_millis() / 1000;
    assert!(signer(SECRET).verifies(id, time, request.body.as_bytes(), header("webhook-signature"), now));
    assert_eq!(request.json("data")["question"]["arguments"], json!({"to": "ann"}));
    let refused = |request: &TestRequest| granted(request).replace("true", "false");
    assert!(!ask(Plan { body: refused, ..HONEST }).await.0.unwrap().granted);
}

#[tokio::test]
async fn anything_else_is_a_no() {
    let lies = [
        Plan { secret: OTHER, ..HONEST },
        Plan { id: Some("msg_other"), ..HONEST },
        Plan { age: 301, ..HONEST },
        Plan { age: -301, ..HONEST },
        Plan { status: 202, ..HONEST },
        Plan { status: 302, ..HONEST },
        Plan { body: |request| request.body.clone(), ..HONEST },
        Plan { body: |_| String::new(), ..HONEST },
        Plan { body: |_| "true".to_owned(), ..HONEST },
        Plan { body: |request| granted(request).replace("answered", "asked"), ..HONEST },
        Plan { body: |request| granted(request).replace("granted\":true", "granted\":\"yes\""), ..HONEST },
        Plan {
            body: |request| granted(request).replace(request.json("data")["nonce"].as_str().unwrap(), "0"),
            ..HONEST
        },
        Plan { body: |request| format!("{}{}", granted(request), " ".repeat(MAX_ANSWER)), ..HONEST },
    ];
    for lie in lies {
        let (answer, _) = ask(lie.clone()).await;
        assert!(answer.is_err(), "{lie:?}: {answer:?}");
    }
}

#[tokio::test]
async fn an_answer_that_is_played_back_is_to_another_question() {
    let (_, seen) = ask(HONEST).await;
    let old: &'static str = Box::leak(granted(&seen[0]).into_boxed_str());
    static OLD: std::sync::OnceLock<&str> = std::sync::OnceLock::new();
    OLD.set(old).unwrap();
    assert!(ask(Plan { body: |_| (*OLD.get().unwrap()).to_owned(), ..HONEST }).await.0.is_err());
}

#[tokio::test]
async fn private_addresses_are_refused_and_nobody_is_waited_for_without_end() {
    let secret = SecretValue::new(SECRET);
    for url in ["http://127.0.0.1:1/", "https://10.0.0.1/", "http://example.com/", "ftp://example.com/", "nothing"] {
        assert!(WebhookApprover::new(WebhookConfig::new(url), &secret).is_err(), "{url}");
    }
    let server = TestServer::start(|_, mut reply| async move { reply.gone().await }).await;
    let config = WebhookConfig::new(server.url("/")).with_allow_private(true).with_timeout(Duration::from_millis(50));
    let approver = WebhookApprover::new(config, &secret).unwrap();
    let answer = approver.approve(&CallContext::local(), &question()).await;
    assert_eq!(answer.unwrap_err().kind(), ErrorKind::Timeout);
    let shown: Value = question().to_json().unwrap();
    assert!(!format!("{approver:?} {shown}").contains("MfKQ"), "the secret is shown to nobody");
}
