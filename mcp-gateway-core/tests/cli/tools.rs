//! `tools …`, with a server that runs as a process.

use crate::support::Place;

/// A place whose default profile has the tiny server.
fn place() -> Option<Place> {
    Place::has_python().then(|| {
        let place = Place::with_catalog();
        place.ok("server add tiny");
        place.ok("policy default allow");
        place
    })
}

#[test]
fn tools_are_listed_and_shown() {
    let Some(place) = place() else { return };
    insta::assert_snapshot!("ls", place.show("tools ls"));
    insta::assert_snapshot!("ls_filtered", place.show("tools ls --tools tiny:a*"));
    insta::assert_snapshot!("inspect", place.show("tools inspect tiny.add"));
    insta::assert_snapshot!("inspect_json", place.show("tools inspect echo --format json"));
    insta::assert_snapshot!("inspect_unknown", place.show("tools inspect ecoh"));
    let listed: serde_json::Value = serde_json::from_str(&place.ok("tools ls --format json")).unwrap();
    assert_eq!(listed[0]["target"], "tiny.echo");
    assert_eq!(listed[0]["definition"]["name"], "echo");
    let presented: serde_json::Value = serde_json::from_str(&place.ok("tools ls --api anthropic")).unwrap();
    assert_eq!(presented["tools"][0]["input_schema"]["required"], serde_json::json!(["text"]));
    assert_eq!(presented["names"]["add"], "add");
    assert_eq!(place.run(["tools", "ls", "--api", "cobol"]).status.code(), Some(2));
}

#[test]
fn a_tool_is_called_with_values_of_the_right_type() {
    let Some(place) = place() else { return };
    assert_eq!(place.ok("tools call add a=1 b=2.5"), "3.5\n");
    assert_eq!(place.ok("tools call tiny.echo text=12"), "12\n");
    assert_eq!(place.ok("tools call echo text:=[1]"), "[1]\n");
    assert_eq!(place.ok(r#"tools call add --json {"a":1,"b":2}"#), "3\n");
    let done = place.run_with_input(["tools", "call", "echo", "-"], r#"{"text": "from a pipe"}"#);
    assert_eq!(String::from_utf8_lossy(&done.stdout), "from a pipe\n");
    insta::assert_snapshot!("call_json", place.show("tools call echo text=hi --format json"));
    insta::assert_snapshot!("call_wrong_argument", place.show("tools call echo hi"));
}

#[test]
fn failures_have_exit_codes_of_their_own() {
    let Some(place) = place() else { return };
    insta::assert_snapshot!("call_tool_error", place.show("tools call fail"));
    insta::assert_snapshot!("call_unknown", place.show("tools call nothing"));
    assert_eq!(place.run(["tools", "call", "crash"]).status.code(), Some(22));
    place.ok("profile create empty");
    insta::assert_snapshot!("ls_empty", place.show("tools ls --profile empty"));
    assert_eq!(place.run(["tools", "ls", "--profile", "nobody"]).status.code(), Some(11));
}

#[test]
fn a_secret_reaches_its_server_and_nobody_else() {
    let Some(place) = place() else { return };
    place.ok("server add keeper");
    insta::assert_snapshot!("missing_secret", place.show("tools call keeper.has_secret"));
    place.run_with_input(["profile", "secret", "set", "keeper", "--key", "KEEPER_TOKEN"], "hunter2-hunter2");
    assert_eq!(place.ok("tools call keeper.has_secret"), "yes\n");
    assert_eq!(place.ok("tools call tiny.has_secret"), "no\n");
    assert!(!place.ok("audit query --format json").contains("hunter2"));
}

#[test]
fn a_run_with_servers_of_its_own_leaves_the_profile_alone() {
    let Some(place) = place() else { return };
    let listed = place.ok("tools ls --servers keeper,tiny --catalog servers.yaml --format json");
    assert!(listed.contains("tiny.echo"), "{listed}");
    assert!(!place.ok("profile show default").contains("keeper"));
    // What was seen is remembered for the next such run, not for the profile.
    assert!(place.ok("server list --format json").contains("unknown"));
}
