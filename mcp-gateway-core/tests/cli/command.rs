//! What holds for every command.

use std::io::Read as _;
use std::process::Stdio;

use crate::support::{Place, wait};

#[test]
fn every_verb_explains_itself_with_an_example() {
    let place = Place::new();
    let verbs = [
        "catalog ls",
        "catalog show",
        "catalog add",
        "catalog rm",
        "catalog validate",
        "catalog search",
        "profile create",
        "profile ls",
        "profile show",
        "profile edit",
        "profile delete",
        "profile export",
        "profile import",
        "profile add-server",
        "profile remove-server",
        "profile secret set",
        "profile secret ls",
        "profile secret rm",
        "secret set",
        "secret ls",
        "secret rm",
        "server list",
        "server add",
        "server remove",
        "server inspect",
        "server approve",
        "server diff",
        "gateway run",
        "gateway stdio",
        "tools ls",
        "tools inspect",
        "tools call",
        "ps",
        "stats",
        "prune",
        "audit tail",
        "audit query",
        "approvals ls",
        "approvals show",
        "approvals approve",
        "approvals reject",
        "approvals grants",
        "approvals revoke",
        "policy check",
        "policy explain",
        "policy test",
        "policy dry-run",
        "toolkit install",
        "toolkit uninstall",
        "completion",
        "version",
    ];
    for verb in verbs {
        let help = place.ok(&format!("{verb} --help"));
        assert!(help.contains("Example"), "{verb} has no example:\n{help}");
        assert!(help.contains(&format!("Usage: mcp-gateway {verb}")), "{help}");
    }
}

#[test]
fn a_wrong_command_line_is_a_usage_error() {
    let place = Place::new();
    assert_eq!(place.run(["catalgo"]).status.code(), Some(2));
    assert_eq!(place.run(["profile", "create", "../x"]).status.code(), Some(2));
    insta::assert_snapshot!("bad_name", place.show("profile show -- -x"));
}

#[test]
fn every_shell_gets_its_completion() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        assert!(place.ok(&format!("completion {shell}")).contains("mcp-gateway"), "{shell}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let place = Place::with_catalog();
    let mut child = place.command(["completion", "bash"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut first = [0; 16];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let done = wait(child);
    assert_eq!(done.status.code(), Some(0), "{}", place.shown(&done));
    assert!(done.stderr.is_empty(), "{}", place.shown(&done));
}

#[test]
fn without_a_home_the_variable_is_named() {
    let place = Place::new();
    let mut command = place.command(["profile", "ls"]);
    let done = wait(command.env_remove("HOME").env_remove("MCP_GATEWAY_HOME").spawn().unwrap());
    insta::assert_snapshot!("no_home", place.shown(&done));
}

#[test]
fn the_version_is_shown() {
    let place = Place::new();
    let version = env!("CARGO_PKG_VERSION");
    assert_eq!(place.ok("version"), format!("mcp-gateway {version}\n"));
    assert!(place.ok("version --format json").contains(version));
}

#[test]
fn without_an_engine_nothing_runs_and_nothing_fails() {
    let place = Place::new();
    assert_eq!(place.ok("ps --format json"), "[]\n");
    assert_eq!(place.ok("stats --format json"), "[]\n");
    assert_eq!(place.ok("prune --format json"), "[]\n");
    assert_eq!(place.ok("prune --unused 7d --format json"), "[]\n");
    assert_eq!(place.ok("prune --unused 7d --dry-run --format json"), "[]\n");
}
