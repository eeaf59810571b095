//! `policy …` and `server approve`

use serde_json::Value;

use crate::support::Place;

const PROFILE: &str = "name: default
servers: {tiny: {}}
policy:
  preset: default
  rules:
    - {match: tiny.echo, effect: allow}
    - id: big
      match: tiny.add
      arguments: {/a: {above: 9}}
      role: '!admin'
      effect: deny
      reason: sums above nine are for admins
    - {server: nobody, effect: deny}
";

const CASES: &str = "cases:
  - ask: {name: tiny.echo}
    expect: allow
  - ask: {name: tiny.add, arguments: {a: 10}}
    expect: deny
    rule: big
  - ask: {name: tiny.add, arguments: {a: 10}, roles: [admin]}
    expect: soft_confirm
  - ask: {name: tiny.get_x, annotations: {destructiveHint: true}}
    expect: hard_confirm
";

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

fn place() -> Place {
    let place = Place::with_catalog();
    place.write("home/profiles/default.yaml", PROFILE);
    place.write("cases.yaml", CASES);
    place
}

#[test]
fn what_would_be_decided_is_shown_with_its_rule() {
    let place = place();
    let explained = place.run(["policy", "explain", "tiny.add", "--arguments", "{\"a\": 10}", "--format", "json"]);
    let explained = json(&String::from_utf8(explained.stdout).unwrap());
    assert_eq!(explained["decision"]["rule"], "big");
    assert_eq!(explained["decision"]["reason"], "sums above nine are for admins");
    let by = |role: &str| {
        let arguments =
            ["policy", "explain", "tiny.add", "--arguments", "{\"a\": 10}", "--role", role, "--format", "json"];
        json(&String::from_utf8(place.run(arguments).stdout).unwrap())["decision"]["effect"].clone()
    };
    assert_eq!(by("admin"), "soft_confirm");
    assert_eq!(by("dev"), "deny");
    assert_eq!(place.run(["policy", "explain", "tiny.add", "--arguments", "[1]"]).status.code(), Some(2));
    assert_eq!(place.run(["policy", "explain", "tiny.add", "--at", "noon"]).status.code(), Some(2));
}

#[test]
fn a_table_of_cases_passes_or_fails() {
    let place = place();
    insta::assert_snapshot!("cases", place.show("policy test cases.yaml"));
    place.write("wrong.yaml", &CASES.replace("expect: allow", "expect: deny"));
    let done = place.run(["policy", "test", "wrong.yaml", "--format", "json"]);
    assert_eq!(done.status.code(), Some(1));
    assert_eq!(json(&String::from_utf8(done.stdout).unwrap())[0]["passed"], false);
    place.write("broken.yaml", "cases: [{ask: {nam: x}, expect: allow}]");
    assert_eq!(place.run(["policy", "test", "broken.yaml"]).status.code(), Some(10));
}

#[test]
fn rules_that_cannot_be_meant_are_told_with_their_place() {
    let place = place();
    insta::assert_snapshot!("idle", place.show("policy check"));
    let hidden = PROFILE.replace("match: tiny.add", "match: tiny.echo");
    place.write("home/profiles/default.yaml", &hidden);
    insta::assert_snapshot!("hidden", place.show("policy check"));
    assert_eq!(place.run(["tools", "ls"]).status.code(), Some(10), "nothing is done with such a profile");
}

#[test]
fn recorded_decisions_are_made_again() {
    if !Place::has_python() {
        return;
    }
    let place = place();
    assert_eq!(place.run(["policy", "dry-run"]).status.code(), Some(11), "nothing was recorded yet");
    place.ok("tools call echo text=x");
    place.write(
        "home/profiles/default.yaml",
        &PROFILE.replace("match: tiny.echo, effect: allow", "match: tiny.echo, effect: deny"),
    );
    let run = json(&place.ok("policy dry-run --since 1h --format json"));
    assert_eq!(run["changes"][0]["target"], "tiny.echo");
    assert_eq!(run["changes"][0]["after"]["effect"], "deny");
    assert!(place.ok("policy dry-run").contains("tiny.echo"));
}

#[test]
fn a_server_is_approved_and_revoked() {
    if !Place::has_python() {
        return;
    }
    let place = place();
    let shown = json(&place.ok("server approve tiny --show --format json"));
    assert_eq!(shown["approved"], false);
    let approved = json(&place.ok("server approve tiny --by ann --format json"));
    assert_eq!((&approved["approved"], &approved["by"]), (&Value::Bool(true), &Value::from("ann")));
    assert!(place.read("home/profiles/default.lock").contains("\"by\": \"ann\""));
    place.ok("tools call echo text=x");
    assert_eq!(json(&place.ok("server approve tiny --show --format json"))["approved"], true);
    assert_eq!(json(&place.ok("server approve tiny --revoke --format json"))["approved"], false);
    assert_eq!(place.run(["server", "approve", "nobody"]).status.code(), Some(11));
}

#[test]
fn a_profile_is_created_with_the_preset() {
    let place = Place::with_catalog();
    place.ok("profile create careful --servers tiny --preset default");
    assert!(place.read("home/profiles/careful.yaml").contains("preset: default"));
    let explained = json(&place.ok("policy explain tiny.delete_it --profile careful --format json"));
    assert_eq!(explained["decision"]["rule"], "default/grave");
    assert_eq!(explained["decision"]["effect"], "hard_confirm");
}

#[test]
fn cedar_files_beside_the_profile_decide_too_and_a_mistake_names_its_place() {
    let place = place();
    place.write("home/profiles/default.yaml", &format!("{PROFILE}  cedar: [org.cedar]\n"));
    place.write(
        "home/profiles/org.cedar",
        "@id(\"sums\") @confirm(\"hard\") @reason(\"sums are looked at\")\n\
         permit (principal, action, resource == Tool::\"tiny.add\");\n",
    );
    let decided = |name: &str| {
        let explained = place.run(["policy", "explain", name, "--format", "json"]);
        json(&String::from_utf8(explained.stdout).unwrap())["decision"].clone()
    };
    assert_eq!(decided("tiny.add")["rule"], "sums");
    assert_eq!(decided("tiny.add")["effect"], "hard_confirm");
    // The rules of the profile allow it.
    assert_eq!(decided("tiny.echo")["effect"], "deny");

    place.write("home/profiles/org.cedar", "permit (principal, action, resource)\nwhen { resource.nmae == \"x\" };\n");
    let refused = place.run(["policy", "explain", "tiny.add"]);
    assert!(!refused.status.success());
    let said = String::from_utf8(refused.stderr).unwrap();
    assert!(said.contains("org.cedar:2:") && said.contains("nmae"), "{said}");

    let schema = place.run(["policy", "schema"]);
    assert!(String::from_utf8(schema.stdout).unwrap().contains("action \"tools/call\""));
}
