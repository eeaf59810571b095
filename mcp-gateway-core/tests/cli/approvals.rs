//! `approvals …`, from another process than the one that asks.

use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::gateway::Served;
use crate::support::{BINARY, Place, wait};

/// A place whose `echo` needs an operator.
fn place(approval: &str) -> Option<Place> {
    Place::has_python().then(|| {
        let place = Place::with_catalog();
        place.write(
            "home/profiles/default.yaml",
            &format!(
                "name: default\nservers:\n  tiny: {{}}\npolicy:\n  rules:\n    - {{match: tiny.echo, effect: hard_confirm, \
                 reason: it is loud}}\napproval: {{{approval}}}\n"
            ),
        );
        place
    })
}

fn call(place: &Place, text: &str) -> Child {
    place.command(["tools", "call", "echo", &format!("text={text}")]).spawn().unwrap()
}

/// The one thing that waits, once it does.
fn pending(place: &Place) -> Value {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(30) {
        let pending: Value = serde_json::from_str(&place.ok("approvals ls --format json")).unwrap();
        if let Some(first) = pending.get(0) {
            return first.clone();
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("nothing waits");
}

fn id(pending: &Value) -> &str {
    pending["id"].as_str().unwrap()
}

#[test]
fn an_operator_lets_one_call_through_with_a_reason() {
    let Some(place) = place("") else { return };
    let waiting = call(&place, "hello");
    let pending = pending(&place);
    assert_eq!(pending["question"]["arguments"]["text"], "hello");
    assert_eq!(pending["effect"], "hard_confirm");
    assert!(place.ok("approvals ls").contains("tiny.echo"));
    let shown = place.ok(&format!("approvals show {}", id(&pending)));
    for part in ["tools/call: echo", "server: tiny", "rule: tiny.echo", "reason: it is loud", "\"text\": \"hello\""] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let without = place.run(["approvals", "approve", id(&pending)]);
    assert_eq!(without.status.code(), Some(2), "{}", String::from_utf8_lossy(&without.stderr));
    place.run(["approvals", "approve", id(&pending), "--reason", "ticket 7", "--as", "ann"]);
    let done = wait(waiting);
    assert!(done.status.success() && String::from_utf8_lossy(&done.stdout).contains("hello"));
    let again = place.run(["approvals", "approve", id(&pending), "--reason", "again"]);
    assert!(!again.status.success());
    let records = place.ok("audit query --tool echo --format json");
    let answer = records.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let answer = answer.into_iter().find(|record| record["event"]["action"] == "approval/answer").unwrap();
    assert!(answer["event"]["detail"]["by"].as_str().unwrap().starts_with("ann (user "), "{answer}");
}

#[test]
fn an_operator_refuses_and_the_reason_is_told() {
    let Some(place) = place("") else { return };
    let waiting = call(&place, "hello");
    let pending = pending(&place);
    place.ok(&format!("approvals reject {} --reason not-today", id(&pending)));
    let done = wait(waiting);
    assert!(!done.status.success() && String::from_utf8_lossy(&done.stderr).contains("not-today"));
}

#[test]
fn nobody_answers_and_a_gateway_that_was_killed_asks_no_longer() {
    let Some(place) = place("wait: 200ms") else { return };
    let done = wait(call(&place, "hello"));
    assert!(String::from_utf8_lossy(&done.stderr).contains("confirmation that was not given"));
    assert_eq!(place.ok("approvals ls --format json").trim(), "[]");

    let Some(place) = self::place("") else { return };
    let mut waiting = call(&place, "hello");
    let pending = pending(&place);
    waiting.kill().unwrap();
    waiting.wait().unwrap();
    let late = place.run(["approvals", "approve", id(&pending), "--reason", "too late"]);
    assert!(!late.status.success() && String::from_utf8_lossy(&late.stderr).contains("no approval"));
}

#[test]
fn what_holds_for_more_is_listed_and_ended() {
    let Some(place) = place("") else { return };
    let waiting = call(&place, "hello");
    let pending = pending(&place);
    let more = ["--reason", "nightly", "--for-arguments", "--ttl", "1h"];
    place.run(["approvals", "approve", id(&pending)].iter().chain(&more));
    assert!(wait(waiting).status.success());
    assert!(wait(call(&place, "hello")).status.success(), "the grant holds for another gateway too");
    let grants: Value = serde_json::from_str(&place.ok("approvals grants --format json")).unwrap();
    assert_eq!((&grants[0]["scope"], &grants[0]["reason"]), (&"arguments".into(), &"nightly".into()));
    assert!(place.ok("approvals grants").contains("tiny.echo"));
    place.ok(&format!("approvals revoke {}", id(&grants[0])));
    assert_eq!(place.ok("approvals grants --format json").trim(), "[]");
    assert!(!place.run(["approvals", "revoke", id(&grants[0])]).status.success());
}

#[test]
fn a_soft_one_is_for_a_person_and_not_for_a_file() {
    let Some(place) = place("wait: 200ms") else { return };
    let profile = place.read("home/profiles/default.yaml").replace("hard_confirm", "soft_confirm");
    place.write("home/profiles/default.yaml", &profile);
    place.write("answers.json", r#"{"decision": "approve"}"#);
    let done = place.run(["tools", "call", "echo", "text=x", "--answers", "answers.json"]);
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(!done.status.success() && said.contains("there is no terminal to ask at"), "{said}");
}

/// The interpreter with an SDK; where there is none, `.ci/` has not installed it.
fn sdk(name: &str) -> Option<PathBuf> {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/test-servers").join(name).join("bin/python");
    if !python.exists() {
        eprintln!("skipped: no {}; `make servers` installs it", python.display());
    }
    python.exists().then_some(python)
}

/// The official SDKs, of sessions and of requests that stand alone, with a person who says yes, with one who says no, and
/// with nobody: a soft confirmation is theirs, a hard one is not.
#[test]
fn real_clients_confirm_what_is_theirs() {
    for (name, version) in [("python1", "2025-11-25"), ("python", "2026-07-28")] {
        let (Some(python), Some(place)) = (sdk(name), place("wait: 300ms")) else { continue };
        let rules = "policy:\n  rules:\n    - {match: tiny.echo, effect: soft_confirm}\n    - {match: tiny.fail, effect: hard_confirm}";
        let profile = format!("name: default\nservers:\n  tiny: {{}}\n{rules}\napproval: {{wait: 300ms}}\n");
        place.write("home/profiles/default.yaml", &profile);
        let served = Served::start(&place, "gateway run --transport streaming --port 0");
        let (url, token) = (format!("http://{}/mcp", served.address), served.token.clone().unwrap());
        for person in ["yes", "no", "none"] {
            for target in [vec!["stdio", BINARY, "gateway", "run"], vec!["http", &url, &token]] {
                let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdk/confirming.py");
                let words = [script, person].into_iter().chain(target.iter().copied());
                let done = wait(place.command_of(&python, words).spawn().unwrap());
                let said = String::from_utf8_lossy(&done.stdout).into_owned();
                let what = format!("{name} {person} {target:?}: {said} {}", String::from_utf8_lossy(&done.stderr));
                let said: Value = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{what}"));
                assert_eq!(said["protocol"], version, "{what}");
                let (soft, hard) = (said["soft"].as_str().unwrap(), said["hard"].as_str().unwrap());
                assert_eq!(soft == "hello", person == "yes", "{what}");
                assert!(hard.contains("confirmation that was not given"), "{what}");
                let asked = said["asked"].as_array().unwrap();
                assert_eq!(asked.len(), usize::from(person != "none"), "{what}");
                assert!(
                    asked.iter().all(|message| message.as_str().unwrap().contains("\"text\": \"hello\"")),
                    "{what}"
                );
            }
        }
    }
}
