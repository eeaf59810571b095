//! `audit …`

use std::io::{BufRead as _, BufReader};

use serde_json::Value;

use crate::support::{Place, wait};

fn records(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn without_a_trail_it_is_said_when_one_begins() {
    let place = Place::new();
    insta::assert_snapshot!("none", place.show("audit tail"));
    assert_eq!(place.run(["audit", "query", "--outcome", "fine"]).status.code(), Some(2));
    assert_eq!(place.run(["audit", "query", "--since", "yesterday"]).status.code(), Some(2));
}

#[test]
fn calls_are_recorded_and_found() {
    if !Place::has_python() {
        return;
    }
    let place = Place::with_catalog();
    place.ok("server add tiny");
    place.ok("policy default allow");
    place.ok("tools call echo text=payload-of-the-call");
    place.run(["tools", "call", "fail"]);
    let all = place.ok("audit query --format json");
    assert!(!all.contains("payload-of-the-call"), "values are not recorded");
    let calls = records(&place.ok("audit query --tool echo --format json"));
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0]["event"]["server"], "tiny");
    assert_eq!(calls[0]["event"]["shape"]["text"], "string(19)");
    assert_eq!(records(&place.ok("audit query --outcome tool_error --format json")).len(), 1);
    assert_eq!(records(&place.ok("audit query --since 1h --server tiny --limit 1 --format json")).len(), 1);
    assert!(records(&place.ok("audit query --principal nobody --format json")).is_empty());
    assert!(place.ok("audit tail -n 50").contains("tiny.echo"));
}

#[test]
fn new_records_are_followed() {
    if !Place::has_python() {
        return;
    }
    let place = Place::with_catalog();
    place.ok("server add tiny");
    place.ok("policy default allow");
    place.ok("tools call echo text=one");
    let mut child = place.command(["audit", "tail", "-f", "-n", "0", "--format", "json"]).spawn().unwrap();
    let stdout = child.stdout.take().unwrap();
    let (seen, record) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || {
        for line in BufReader::new(stdout).lines() {
            let record: Value = serde_json::from_str(&line.unwrap()).unwrap();
            if record["event"]["name"] == "echo" {
                seen.send(()).unwrap();
                return;
            }
        }
    });
    // The follower may begin after the first call: only the calls after its start are sure to be seen.
    let is_seen = (0..100).any(|_| {
        place.ok("tools call echo text=two");
        record.recv_timeout(std::time::Duration::from_millis(100)).is_ok()
    });
    if !is_seen {
        child.kill().unwrap();
    }
    reader.join().unwrap();
    assert!(is_seen, "no new record was shown");
    // Its reader is gone, so it ends by itself with the next record.
    place.ok("tools call echo text=three");
    let done = wait(child);
    assert_eq!(done.status.code(), Some(0), "{}", place.shown(&done));
}

#[test]
fn a_trail_is_verified_exported_and_reported_on() {
    if !Place::has_python() {
        return;
    }
    let place = Place::with_catalog();
    place.ok("server add tiny");
    place.ok("policy default allow");
    place.ok("tools call echo text=one");
    let key = place.ok("audit key");
    assert!(key.starts_with("ed25519:"));
    let found: Value = serde_json::from_str(&place.ok("audit verify --format json")).unwrap();
    assert_eq!((&found["intact"], &found["keyWasGiven"]), (&true.into(), &true.into()));
    assert_eq!(found["keys"][0], key.trim());
    assert!(place.ok("audit verify").contains("intact"));

    // What was noted is held; another head is not.
    let head = place.ok("audit head");
    place.ok(&format!("audit verify --checkpoint {}", head.trim()));
    let (number, hash) = head.trim().split_once(':').unwrap();
    let later = format!("audit verify --checkpoint {}:{hash}", number.parse::<u64>().unwrap() + 1);
    assert_eq!(place.run(later.split(' ')).status.code(), Some(10));
    assert_eq!(place.run(["audit", "verify", "--checkpoint", "x"]).status.code(), Some(2));

    // Who added the server, by which change, and what it was allowed.
    let made: Value = serde_json::from_str(&place.ok("audit report --since 1h --format json")).unwrap();
    let tiny = &made["servers"]["tiny"];
    assert_eq!(tiny["added"][0]["detail"]["by"], "command line");
    assert_eq!(tiny["tools"]["echo"]["by"][0], "local");
    assert!(tiny["allowed"]["network"].is_string() || tiny["allowed"]["network"].is_object());
    assert!(place.ok("audit report").starts_with("<!doctype html>"));
    assert!(place.ok("audit report --format csv").contains("tool,tiny,echo"));

    let exported = place.ok("audit export");
    assert!(exported.lines().all(|line| serde_json::from_str::<Value>(line).is_ok()));
    let file = place.path("all.jsonl");
    std::fs::write(&file, exported.replace("tiny", "tony")).unwrap();
    let edited = place.run(["audit", "verify", file.to_str().unwrap()]);
    assert_eq!(edited.status.code(), Some(10));
    assert!(String::from_utf8_lossy(&edited.stdout).contains("edited"));
    assert!(place.ok("audit export --format otlp").starts_with(r#"{"resourceLogs""#));
}

#[test]
fn a_profile_that_was_edited_by_hand_is_noticed_when_it_is_opened() {
    if !Place::has_python() {
        return;
    }
    let place = Place::with_catalog();
    place.ok("server add tiny");
    place.ok("policy default allow");
    place.ok("tools call echo text=one");
    let changes = || records(&place.ok("audit query --action config/change --format json"));
    let before = changes().len();
    place.ok("tools call echo text=two");
    assert_eq!(changes().len(), before, "nothing has changed");
    let profile = place.home("profiles/default.yaml");
    let text = std::fs::read_to_string(&profile).unwrap();
    std::fs::write(&profile, format!("{text}audit:\n  arguments: true\n")).unwrap();
    place.ok("tools call echo text=three");
    let changes = changes();
    assert_eq!(changes.len(), before + 1);
    assert_eq!(changes.last().unwrap()["event"]["detail"]["profile"]["audit"]["arguments"], true);
    let calls = records(&place.ok("audit query --tool echo --format json"));
    assert_eq!(calls.last().unwrap()["event"]["arguments"]["text"], "three");
    assert!(calls[0]["event"]["resultHash"].as_str().unwrap().starts_with("sha256:"));
}
