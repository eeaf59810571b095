//! `client …`

use crate::support::Place;

#[test]
fn a_client_is_listed_connected_and_disconnected() {
    let place = Place::new();
    insta::assert_snapshot!("ls_none", place.show("client ls"));
    let text = "{\n  // mine\n  \"mcpServers\": {\n    \"other\": {\"command\": \"x\"},\n  }\n}\n";
    place.write("user/.cursor/mcp.json", text);
    place.ok("profile create dev");
    let connect = "client connect cursor --profile dev --program /usr/local/bin/mcp-gateway";
    insta::assert_snapshot!("dry_run", place.show(&format!("{connect} --dry-run")));
    assert_eq!(place.read("user/.cursor/mcp.json"), text);
    insta::assert_snapshot!("connect", place.show(connect));
    insta::assert_snapshot!("connect_twice", place.show(connect));
    insta::assert_snapshot!("ls", place.show("client ls"));
    let rows: serde_json::Value = serde_json::from_str(&place.ok("client ls --format json")).unwrap();
    assert_eq!(rows[0]["profile"], "dev");
    insta::assert_snapshot!("disconnect", place.show("client disconnect cursor"));
    assert_eq!(place.read("user/.cursor/mcp.json"), text);
    insta::assert_snapshot!("disconnect_twice", place.show("client disconnect cursor"));
    assert!(place.ok("client ls --all").lines().count() > 14);
}

#[test]
fn the_program_that_is_written_is_this_one() {
    let place = Place::new();
    place.ok("client connect claude-code --scope project");
    let written: serde_json::Value = serde_json::from_str(&place.read(".mcp.json")).unwrap();
    let entry = &written["mcpServers"]["mcp-gateway"];
    let program = std::fs::canonicalize(crate::support::BINARY).unwrap();
    assert_eq!(std::fs::canonicalize(entry["command"].as_str().unwrap()).unwrap(), program);
    assert_eq!(entry["env"]["MCP_GATEWAY_HOME"], place.home("").display().to_string().trim_end_matches('/'));
    place.ok("client disconnect claude-code --scope project");
    assert!(!place.path(".mcp.json").exists());
}

#[test]
fn what_cannot_be_is_refused_with_the_next_step() {
    let place = Place::new();
    insta::assert_snapshot!("unknown", place.show("client connect curser"));
    insta::assert_snapshot!("not_installed", place.show("client connect zed"));
    insta::assert_snapshot!("no_project", place.show("client connect goose --scope project"));
    place.write("user/.codex/config.toml", "model = \n");
    insta::assert_snapshot!("broken", place.show("client connect codex"));
    place.write("user/.kiro/settings/mcp.json", r#"{"mcpServers": {"mcp-gateway": {"url": "https://a.example"}}}"#);
    insta::assert_snapshot!("foreign", place.show("client connect kiro"));
    assert_eq!(place.run(["client", "disconnect", "kiro"]).status.code(), Some(12));
}
