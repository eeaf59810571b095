#![expect(clippy::disallowed_methods, reason = "somebody else touches the files of the queue here")]

use super::*;
use crate::model::{CallContext, Decision, Effect, Principal, ServerName, SessionId};
use crate::protocol::{RawJson, Target};

const LONG: Duration = Duration::from_secs(60);

fn question(arguments: &str) -> Question {
    let target = Target::new(ServerName::new("s").unwrap(), "send");
    let decision = Decision::new(Effect::HardConfirm, "s.*", "it changes things");
    Question::new(target, Some(RawJson::parse(arguments).unwrap()), decision)
}

fn yes() -> Verdict {
    Verdict::new(true, "ann", "ticket 7")
}

fn other(folder: &tempfile::TempDir) -> ApprovalQueue {
    ApprovalQueue::open(folder.path(), "other").unwrap()
}

#[tokio::test]
async fn another_process_answers_and_the_answer_is_used_up() {
    let folder = tempfile::tempdir().unwrap();
    let queue = ApprovalQueue::open(folder.path(), "one").unwrap();
    let ticket = queue.ask(&question("{}"), LONG).await.unwrap();
    let operator = other(&folder);
    let pending = operator.pending().await.unwrap();
    assert_eq!((pending.len(), pending[0].id.as_str(), pending[0].gateway.as_str()), (1, ticket.id(), "one"));
    operator.answer(ticket.id(), yes()).await.unwrap();
    assert_eq!(operator.answer(ticket.id(), yes()).await.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(ticket.answered().await.unwrap(), yes());
    assert!(operator.pending().await.unwrap().is_empty());
    assert_eq!(operator.answer(ticket.id(), yes()).await.unwrap_err().kind(), ErrorKind::NotFound);
    let left = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect::<Vec<_>>();
    assert!(left.iter().all(|name| !name.to_str().unwrap().contains(ticket.id())), "{left:?}");
}

#[tokio::test]
async fn a_hard_confirmation_needs_its_reason_and_who_gives_it() {
    let queue = ApprovalQueue::in_memory().unwrap();
    let ticket = queue.ask(&question("{}"), LONG).await.unwrap();
    for wrong in [Verdict::new(true, "ann", " "), Verdict::new(true, "", "why"), Verdict::new(false, "", "why")] {
        assert_eq!(queue.answer(ticket.id(), wrong).await.unwrap_err().kind(), ErrorKind::InvalidInput);
    }
    queue.answer(ticket.id(), Verdict::new(false, "ann", "")).await.unwrap();
    assert!(!ticket.answered().await.unwrap().granted);
}

#[tokio::test]
async fn nobody_answers_for_ever() {
    let queue = ApprovalQueue::in_memory().unwrap();
    let ticket = queue.ask(&question("{}"), Duration::from_millis(1)).await.unwrap();
    assert_eq!(ticket.answered().await.unwrap_err().kind(), ErrorKind::Timeout);
    assert_eq!(queue.answer(ticket.id(), yes()).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_question_ends_with_who_asked() {
    let folder = tempfile::tempdir().unwrap();
    let queue = ApprovalQueue::open(folder.path(), "one").unwrap();
    let operator = other(&folder);
    drop(queue.ask(&question("{}"), LONG).await.unwrap());
    assert!(operator.pending().await.unwrap().is_empty());
    let ticket = queue.ask(&question("{}"), LONG).await.unwrap();
    operator.sweep(|gateway| gateway != "one").await.unwrap();
    assert!(operator.pending().await.unwrap().is_empty());
    assert_eq!(operator.answer(ticket.id(), yes()).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn what_was_changed_replayed_or_made_up_approves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let queue = ApprovalQueue::open(folder.path(), "one").unwrap();
    let file = |id: &str, part: &str| folder.path().join(format!("{id}.{part}"));

    // An answer to one question, put beside another.
    let (first, second) =
        (queue.ask(&question("{}"), LONG).await.unwrap(), queue.ask(&question("{}"), LONG).await.unwrap());
    queue.answer(first.id(), yes()).await.unwrap();
    std::fs::copy(file(first.id(), "answer"), file(second.id(), "answer")).unwrap();
    assert_eq!(second.answered().await.unwrap_err().kind(), ErrorKind::Denied);

    // A no that was turned into a yes, and an answer that somebody without the key wrote.
    let ticket = queue.ask(&question("{}"), LONG).await.unwrap();
    queue.answer(ticket.id(), Verdict::new(false, "ann", "no")).await.unwrap();
    let text = std::fs::read_to_string(file(ticket.id(), "answer")).unwrap();
    std::fs::write(file(ticket.id(), "answer"), text.replace("false", "true")).unwrap();
    assert_eq!(ticket.answered().await.unwrap_err().kind(), ErrorKind::Denied);
    let ticket = queue.ask(&question("{}"), LONG).await.unwrap();
    std::fs::write(file(ticket.id(), "answer"), r#"{"granted":true,"by":"me"}"#).unwrap();
    assert_eq!(ticket.answered().await.unwrap_err().kind(), ErrorKind::Denied);

    // A question that shows something harmless instead.
    let ticket = queue.ask(&question(r#"{"to": "eve"}"#), LONG).await.unwrap();
    let text = std::fs::read_to_string(file(ticket.id(), "question")).unwrap();
    std::fs::write(file(ticket.id(), "question"), text.replace("eve", "ann")).unwrap();
    assert_eq!(queue.answer(ticket.id(), yes()).await.unwrap_err().kind(), ErrorKind::Denied);
    assert!(queue.pending().await.unwrap().is_empty());

    // The question of another in its place: the operator sees one and would answer the other.
    let harmless = queue.ask(&question("{}"), LONG).await.unwrap();
    std::fs::copy(file(harmless.id(), "question"), file(ticket.id(), "question")).unwrap();
    assert!(queue.answer(ticket.id(), yes()).await.is_err());
}

#[tokio::test]
async fn an_answer_to_a_gateway_that_has_ended_is_worth_nothing_to_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let queue = ApprovalQueue::open(folder.path(), "one").unwrap();
    let Asked::New(id) = queue.ask_or_take(&question("{}"), LONG).await.unwrap() else { panic!("answered") };
    queue.answer(&id, yes()).await.unwrap();
    let next = ApprovalQueue::open(folder.path(), "one").unwrap();
    assert!(matches!(next.ask_or_take(&question("{}"), LONG).await.unwrap(), Asked::New(other) if other != id));
}

#[tokio::test]
async fn an_answer_for_later_is_for_the_same_request_and_once() {
    let queue = ApprovalQueue::in_memory().unwrap();
    let ask = |question: Question| {
        let queue = queue.clone();
        async move { queue.ask_or_take(&question, LONG).await.unwrap() }
    };
    let Asked::New(id) = ask(question(r#"{"a": 1}"#)).await else { panic!("answered") };
    assert!(matches!(ask(question(r#"{"a":1}"#)).await, Asked::Pending(same) if same == id));
    queue.answer(&id, yes()).await.unwrap();
    assert!(matches!(ask(question(r#"{"a": 2}"#)).await, Asked::New(_)));
    let eve = question(r#"{"a": 1}"#).with_asker(&CallContext::new(Principal::new("eve")));
    assert!(matches!(ask(eve).await, Asked::New(_)));
    // Many at once, and the answer is used by one of them.
    let mut asked = tokio::task::JoinSet::new();
    for _ in 0..16 {
        asked.spawn(ask(question(r#"{"a": 1}"#)));
    }
    let asked = asked.join_all().await;
    assert_eq!(asked.iter().filter(|asked| matches!(asked, Asked::Answered(..))).count(), 1);
}

#[tokio::test]
async fn the_queue_is_bounded_for_one_and_for_all() {
    let queue = ApprovalQueue::in_memory().unwrap();
    let mut tickets = Vec::new();
    for _ in 0..MAX_PENDING_OF_ONE {
        tickets.push(queue.ask(&question("{}"), LONG).await.unwrap());
    }
    assert_eq!(queue.ask(&question("{}"), LONG).await.unwrap_err().kind(), ErrorKind::Overloaded);
    let mut number = 0;
    while tickets.len() < MAX_PENDING {
        let asker = CallContext::new(Principal::new(format!("agent-{}", number % 16)));
        number += 1;
        tickets.push(queue.ask(&question("{}").with_asker(&asker), LONG).await.unwrap());
    }
    let late = question("{}").with_asker(&CallContext::new(Principal::new("late")));
    assert_eq!(queue.ask(&late, LONG).await.unwrap_err().kind(), ErrorKind::Overloaded);
    tickets.pop();
    assert!(queue.ask(&late, LONG).await.is_ok());
}

#[tokio::test]
async fn a_grant_holds_for_what_it_was_given_for_and_until_it_is_revoked() {
    let folder = tempfile::tempdir().unwrap();
    let queue = ApprovalQueue::open(folder.path(), "one").unwrap();
    let exact =
        queue.remember(&question(r#"{"a": 1}"#), &yes().with_scope(Scope::Arguments), LONG).await.unwrap().unwrap();
    assert!(queue.remember(&question("{}"), &yes(), LONG).await.unwrap().is_none());
    let no = Verdict::new(false, "ann", "no").with_scope(Scope::Arguments);
    assert!(queue.remember(&question("{}"), &no, LONG).await.unwrap().is_none());
    assert!(queue.remember(&question("{}"), &yes().with_scope(Scope::Session), LONG).await.is_err());
    let next = ApprovalQueue::open(folder.path(), "two").unwrap();
    assert!(next.grant_for(&question(r#"{"a":1}"#)).await.unwrap().is_some(), "it outlives its gateway");
    assert!(next.grant_for(&question(r#"{"a":2}"#)).await.unwrap().is_none());
    let mut soft = question(r#"{"a":1}"#);
    soft.decision.effect = Effect::SoftConfirm;
    assert!(next.grant_for(&soft).await.unwrap().is_none());

    let in_session = |id: &str, arguments: &str| {
        question(arguments).with_asker(&CallContext::local().with_session(SessionId::new(id).unwrap()))
    };
    let scope = yes().with_scope(Scope::Session);
    queue.remember(&in_session("s1", "{}"), &scope, LONG).await.unwrap();
    assert!(queue.grant_for(&in_session("s1", r#"{"other": 1}"#)).await.unwrap().is_some());
    assert!(queue.grant_for(&in_session("s2", "{}")).await.unwrap().is_none());
    assert!(next.grant_for(&in_session("s1", "{}")).await.unwrap().is_none(), "it ends with its gateway");
    assert_eq!(queue.grants().await.unwrap().len(), 2);

    next.revoke(&exact.id).await.unwrap();
    assert!(queue.grant_for(&question(r#"{"a":1}"#)).await.unwrap().is_none());
    assert_eq!(next.revoke(&exact.id).await.unwrap_err().kind(), ErrorKind::NotFound);
    for strange in ["", "../key", "zz", "key"] {
        assert_eq!(next.revoke(strange).await.unwrap_err().kind(), ErrorKind::NotFound, "{strange}");
    }
    let short = yes().with_scope(Scope::Arguments).with_ttl_seconds(0);
    queue.remember(&question(r#"{"a": 3}"#), &short, LONG).await.unwrap();
    assert!(queue.grant_for(&question(r#"{"a": 3}"#)).await.unwrap().is_none(), "its time is up");
}

#[cfg(unix)]
#[tokio::test]
async fn a_key_that_others_can_read_is_no_key() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    drop(ApprovalQueue::open(folder.path(), "one").unwrap());
    let key = folder.path().join("key");
    assert_eq!(std::fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(ApprovalQueue::open(folder.path(), "one").unwrap_err().kind(), ErrorKind::InvalidConfig);
    std::fs::write(&key, "short").unwrap();
    assert!(ApprovalQueue::open(folder.path(), "one").is_err());
}
