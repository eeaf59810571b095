//! `tools call` of tools that ask something: of a file, of a person at a terminal, of nobody.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::{BINARY, Place, fixture, fixtures, wait};

const CALL: [&str; 6] = ["tools", "call", "--catalog", "asker.yaml", "--servers", "asker"];

/// A place with the server that asks.
fn place() -> Option<Place> {
    Place::has_python().then(|| {
        let place = Place::new();
        place.write("asker.yaml", &fixture("asker.yaml").replace("FIXTURES", &fixtures().display().to_string()));
        place.ok("policy default allow");
        place
    })
}

/// Calls a tool with more flags, and shows all that was done.
fn call(place: &Place, tool: &str, more: &[&str]) -> String {
    place.shown(&place.run(CALL.iter().chain(&[tool]).chain(more)))
}

/// Calls a tool at a terminal, where these texts are typed.
fn at_terminal(place: &Place, tool: &str, more: &[&str], typed: &Value) -> String {
    let (helper, typed) = (fixtures().join("terminal.py").display().to_string(), typed.to_string());
    let words = [&helper, &typed, BINARY].into_iter().chain(CALL).chain([tool]).chain(more.iter().copied());
    let done = wait(place.command_of(Path::new("/usr/bin/python3"), words).env("NO_COLOR", "1").spawn().unwrap());
    place.shown(&done)
}

#[test]
fn a_script_answers_from_a_file() {
    let Some(place) = place() else { return };
    place.write("answers.json", r#"{"day": "monday", "place": "out", "guests": 3}"#);
    insta::assert_snapshot!("answered", call(&place, "book", &["--answers", "answers.json"]));
    place.write("answers.json", r#"{"day": "monday", "place": "roof"}"#);
    insta::assert_snapshot!("answered_wrongly", call(&place, "book", &["--answers", "answers.json"]));
    place.write("answers.json", r#"{"day": "monday"}"#);
    insta::assert_snapshot!("answered_in_part", call(&place, "book", &["--answers", "answers.json"]));
    place.write("answers.json", r#"["monday"]"#);
    insta::assert_snapshot!("answers_of_a_wrong_form", call(&place, "book", &["--answers", "answers.json"]));
}

#[test]
fn nobody_is_asked_where_there_is_nobody() {
    let Some(place) = place() else { return };
    insta::assert_snapshot!("nobody", call(&place, "book", &[]));
    place.write("answers.json", "{}");
    // A file cannot agree to visit an address.
    insta::assert_snapshot!("nobody_visits", call(&place, "visit", &["--answers", "answers.json"]));
}

#[test]
fn roots_logs_and_progress_are_told() {
    let Some(place) = place() else { return };
    place.write("project/README.md", "");
    insta::assert_snapshot!("roots", call(&place, "where", &["--root", "project"]));
    insta::assert_snapshot!("root_that_is_no_folder", call(&place, "where", &["--root", "asker.yaml"]));
    let logged = call(&place, "work", &["--log-level", "info"]);
    assert!(logged.contains("half 50%\n") && logged.contains("log warning: work: {\"left\":1}\n"), "{logged}");
    assert!(!logged.contains("a detail"), "{logged}");
    insta::assert_snapshot!("no_logs", call(&place, "work", &[]));
}

#[test]
fn a_person_fills_the_form_in() {
    let Some(place) = place() else { return };
    let typed = json!(["\n", "monday\n", "9\n", "4\n", "outside\n", "\n", "\n"]);
    insta::assert_snapshot!("form", at_terminal(&place, "book", &[], &typed));
    // What is prepared is not asked for.
    place.write("answers.json", r#"{"day": "monday", "place": "out", "smokes": true, "wishes": "quiet"}"#);
    let asked = at_terminal(&place, "book", &["--answers", "answers.json"], &json!(["5\n"]));
    insta::assert_snapshot!("form_in_part", asked);
    insta::assert_snapshot!("form_declined", at_terminal(&place, "book", &[], &json!(["monday\n", "\u{4}"])));
}

#[test]
fn a_person_agrees_to_visit_an_address() {
    let Some(place) = place() else { return };
    insta::assert_snapshot!("address", at_terminal(&place, "visit", &[], &json!(["y\n"])));
    assert!(at_terminal(&place, "visit", &[], &json!(["\n"])).contains(r#"{"action": "decline"}"#));
}
