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
