//! Texts that people might write, and what putting an entry in and taking it out does to them.

use proptest::prelude::*;

use super::*;
use crate::gateway::home::clients::entry::{Shape, Start};

fn entry(shape: Shape) -> Entry {
    let start = Start {
        program: "/opt/my tools/mcp-gateway".to_owned(),
        arguments: ["gateway", "run", "--profile", "dev"].map(str::to_owned).to_vec(),
        variables: vec![("MCP_GATEWAY_HOME".to_owned(), "/srv/home \"x\"".to_owned())],
    };
    shape.entry("mcp-gateway", &start)
}

fn json() -> Slot<'static> {
    Slot { form: Form::Json, file: "c.json", key: "mcpServers", name: "mcp-gateway" }
}

fn toml() -> Slot<'static> {
    Slot { form: Form::Toml, file: "c.toml", key: "mcp_servers", name: "mcp-gateway" }
}

fn goose() -> Slot<'static> {
    Slot { form: Form::Yaml, file: "c.yaml", key: "extensions", name: "mcp-gateway" }
}

fn continued() -> Slot<'static> {
    Slot { form: Form::Yaml, file: "c.yaml", key: "mcpServers", name: "mcp-gateway" }
}

/// Puts in and takes out, in both ways; gives the text between.
fn round(slot: Slot<'_>, shape: Shape, text: &str) -> String {
    let (after, inserted) = slot.insert(text, &entry(shape)).unwrap_or_else(|error| panic!("{text:?}: {error}"));
    assert_eq!(slot.take_back(&after, &inserted).as_deref(), Some(text), "{after}");
    let removed = slot.remove(&after).unwrap_or_else(|error| panic!("{after}\n{error}"));
    let names = |text: &str| slot.servers(text).unwrap().into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names(&removed), names(text), "{removed}");
    after
}

#[test]
fn json_of_every_style_takes_an_entry() {
    insta::assert_snapshot!("json_none", round(json(), Shape::Plain, ""));
    insta::assert_snapshot!("json_empty", round(json(), Shape::Plain, "{}\n"));
    insta::assert_snapshot!("json_line", round(json(), Shape::Typed, r#"{"a": [1, 2], "mcpServers": {"x": {}}}"#));
    let zed = "// Zed settings\n{\n    \"theme\": \"One\", // light\n    \"context_servers\": { // mine\n    },\n}\n";
    let slot = Slot { key: "context_servers", ..json() };
    insta::assert_snapshot!("json_comments", round(slot, Shape::Zed, zed));
    let tabs = "{\r\n\t\"mcpServers\": {\r\n\t\t\"x\": {\"command\": \"y\"}\r\n\t}\r\n}";
    let after = round(json(), Shape::Plain, tabs);
    assert!(after.contains("{\r\n\t\t\"mcp-gateway\": {\r\n\t\t\t\"command\""), "{after}");
    round(json(), Shape::Plain, "\u{feff}{ }");
    round(json(), Shape::OpenCode, "// nothing but this");
    assert_eq!(round(json(), Shape::Plain, "{\"mcpServers\":{}}").lines().count(), 1);
}

#[test]
fn what_is_taken_out_without_memory_is_the_entry_alone() {
    let text = "{\n  \"mcpServers\": {\n    \"a\": {},\n    // ours\n    \"mcp-gateway\": {} // end\n  }\n}\n";
    assert_eq!(
        json().remove(text).unwrap(),
        "{\n  \"mcpServers\": {\n    \"a\": {}\n    // ours // end\n  }\n}\n",
        "the comma before it goes, comments stay"
    );
    let text = "[mcp_servers.mcp-gateway]\ncommand = \"x\"\n\n[mcp_servers.mcp-gateway.env]\nA = \"b\"\n\n# next\n[t]\nx = 1\n";
    assert_eq!(toml().remove(text).unwrap(), "\n# next\n[t]\nx = 1\n");
    let text = "a: 1\nextensions:\n  mcp-gateway:\n    cmd: x\n\n    args: []\n  # next\n  other: {}\n";
    assert_eq!(goose().remove(text).unwrap(), "a: 1\nextensions:\n  # next\n  other: {}\n");
}

#[test]
fn broken_files_are_refused_with_their_place() {
    let place = |slot: Slot<'_>, text: &str| {
        let error = slot.insert(text, &entry(Shape::Plain)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{text}");
        error.context().find(|(key, _)| *key == "file").unwrap().1.to_owned()
    };
    assert_eq!(place(json(), "{\n  \"a\": 1\n  \"b\": 2\n}"), "c.json:3:3");
    assert_eq!(place(json(), "{\"mcpServers\": {}, \"mcpServers\": {}}"), "c.json:1:20");
    assert_eq!(place(json(), "{\"mcpServers\": null}"), "c.json:1:16");
    assert_eq!(place(json(), "[]"), "c.json:1:1");
    assert_eq!(place(json(), "{\"a\": 1} x"), "c.json:1:10");
    assert_eq!(place(json(), &"[".repeat(100_000)), "c.json:1:130");
    assert_eq!(place(toml(), "a = 1\nb = \n"), "c.toml:2:5");
    assert_eq!(place(toml(), "mcp_servers = 1\n"), "c.toml:1:15");
    assert!(place(goose(), "a: [1\nb: 2\n").starts_with("c.yaml:"));
    assert_eq!(place(goose(), "- a\n"), "c.yaml:1:1");
    assert_eq!(place(goose(), "extensions: all\n"), "c.yaml:1:13");
}

#[test]
fn toml_and_yaml_of_every_style_take_an_entry() {
    insta::assert_snapshot!(
        "toml",
        round(toml(), Shape::Codex, "model = \"x\" # best\n\n[mcp_servers.a]\ncommand = \"b\"")
    );
    round(toml(), Shape::Codex, "");
    round(toml(), Shape::Codex, "mcp_servers.a.command = \"b\"\r\n");
    let (after, _) = toml().insert("mcp_servers = { a = { command = \"b\" } }\n", &entry(Shape::Codex)).unwrap();
    assert!(after.starts_with("mcp_servers = { mcp-gateway = {"), "{after}");
    insta::assert_snapshot!(
        "goose",
        round(goose(), Shape::Goose, "GOOSE_MODEL: x\nextensions: # mine\n  a:\n    enabled: true\n")
    );
    insta::assert_snapshot!(
        "continue",
        round(continued(), Shape::Named, "name: c\nversion: 1.0.0\nmcpServers:\n- name: a\n  command: b")
    );
    round(continued(), Shape::Named, "name: c\n");
    round(continued(), Shape::Named, "");
    round(goose(), Shape::Goose, "extensions:\r\n");
    let kept = round(goose(), Shape::Goose, "a: 1\n...\n");
    assert!(kept.starts_with("extensions:"), "before the document's end: {kept}");
    let (flow, _) = goose().insert("{a: 1, extensions: {b: {}}}", &entry(Shape::Goose)).unwrap();
    assert!(flow.starts_with("{a: 1, extensions: {\"mcp-gateway\": {"), "{flow}");
    let refused = goose().insert("extensions: null\n", &entry(Shape::Goose)).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unsupported, "nothing can be put into a word");
}

/// White space and comments as they may stand between two tokens of JSON.
fn space() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["", "", " ", "\n", "\n    ", "\t", "\r\n", " // }, \"\n", "/* { */", " /* \n */ "])
        .prop_map(str::to_owned)
}

fn json_value() -> impl Strategy<Value = String> {
    let leaves = vec!["null", "true", "-1.5e3", "0", r#""a\"}b""#, r#""ü // no comment""#, r#""\\""#, "[]", "{}"];
    prop::sample::select(leaves).prop_map(str::to_owned).prop_recursive(3, 24, 4, |inner| {
        let items = prop::collection::vec((space(), inner.clone(), space()), 0..4);
        let array = (items, any::<bool>()).prop_map(|(items, trailing)| {
            let items: Vec<String> = items.into_iter().map(|(a, item, b)| a + &item + &b).collect();
            format!("[{}{}]", items.join(","), if trailing && !items.is_empty() { "," } else { "" })
        });
        prop_oneof![array, json_object(inner, "k")]
    })
}

fn json_object(value: impl Strategy<Value = String>, key: &'static str) -> impl Strategy<Value = String> {
    let members = prop::collection::vec((space(), space(), space(), value, space()), 0..4);
    (members, any::<bool>(), space()).prop_map(move |(members, trailing, last)| {
        let members = members.into_iter().enumerate();
        let members: Vec<String> =
            members.map(|(n, (a, b, c, value, d))| format!("{a}\"{key}{n}\"{b}:{c}{value}{d}")).collect();
        format!("{{{}{}{last}}}", members.join(","), if trailing && !members.is_empty() { "," } else { "" })
    })
}

/// A file of a client in JSON, with or without servers.
fn json_file() -> impl Strategy<Value = String> {
    let parts = (space(), json_object(json_value(), "k"), prop::option::of(json_object(json_value(), "s")), space());
    (parts, any::<bool>()).prop_map(|((before, root, servers, after), mark)| {
        let root = match servers {
            Some(servers) if root.starts_with("{}") => format!("{{\"mcpServers\":{servers}}}"),
            Some(servers) if root.contains(':') => format!("{{\"mcpServers\":{servers},{}", &root[1..]),
            _ => root,
        };
        format!("{}{before}{root}{after}", if mark { "\u{feff}" } else { "" })
    })
}

fn toml_file() -> impl Strategy<Value = String> {
    let top = prop::sample::subsequence(
        vec![
            "# a [comment]",
            "a = 1",
            "b = \"\"\"\n[not.a.table]\n\"\"\"",
            "",
            "'c d' = 1979-05-27",
            "e = [1,\n 2]",
            "f.g = 1.0",
        ],
        0..7,
    );
    let tables = prop::sample::subsequence(
        vec![
            "[t] # x\ny = 2",
            "[[list]]\nz = 1",
            "[mcp_servers.a]\ncommand = \"b\"",
            "[mcp_servers.a.env]\nA = \"]\"",
            "# end",
        ],
        0..5,
    );
    (top, tables, any::<bool>(), any::<bool>()).prop_map(|(top, tables, ended, windows)| {
        let text = top.into_iter().chain(tables).collect::<Vec<_>>().join("\n") + if ended { "\n" } else { "" };
        if windows { text.replace('\n', "\r\n") } else { text }
    })
}

fn yaml_file() -> impl Strategy<Value = String> {
    let before = prop::sample::subsequence(
        vec![
            "# head",
            "a: 1",
            "",
            "b:\n  c: [1, 2]\n  # inner\n  d: 'x: y'",
            "e: |\n  text\n\n  more",
            "f:\n- 1\n- g: 2",
        ],
        0..6,
    );
    let own = prop::sample::select(vec![
        "",
        "extensions:",
        "extensions: {}",
        "extensions: # x\n  a:\n    cmd: b\n\n  # y\n  c: {}",
        "extensions:\n    a: {cmd: b}",
        "extensions: {a: {}}",
        "extensions:\n  # only this\n  a: 1",
    ]);
    let after = prop::sample::subsequence(vec!["z: \"é\"", "# tail", "y: |+\n  kept\n"], 0..3);
    (before, own, after, any::<bool>(), any::<bool>()).prop_map(|(before, own, after, ended, windows)| {
        let text =
            before.into_iter().chain([own]).chain(after).collect::<Vec<_>>().join("\n") + if ended { "\n" } else { "" };
        if windows { text.replace('\n', "\r\n") } else { text }
    })
}

/// What holds for every file: an entry that was put in is all that is new, and taking it out gives the file back.
fn holds(slot: Slot<'_>, shape: Shape, text: &str) -> std::result::Result<(), TestCaseError> {
    let wanted = entry(shape);
    let (after, inserted) = match slot.insert(text, &wanted) {
        Ok(done) => done,
        Err(error) => return Err(TestCaseError::fail(format!("{text:?}: {error}"))),
    };
    prop_assert_eq!(slot.take_back(&after, &inserted), Some(text.to_owned()));
    let found = slot.servers(&after).unwrap().into_iter().find(|(name, _)| name == slot.name);
    prop_assert_eq!(found.map(|(_, found)| found), Some(wanted.to_json()));
    match slot.remove(&after) {
        Ok(removed) => prop_assert!(slot.is_only_change(&after, &removed, None)),
        // What a person wrote on one line, a person takes out.
        Err(error) => prop_assert_eq!(error.kind(), ErrorKind::Unsupported),
    }
    // Text around it changes nothing.
    let more = format!("{after}{}", if slot.form == Form::Json { "\n// later\n" } else { "\n# later\n" });
    if let Some(less) = slot.take_back(&more, &inserted) {
        prop_assert!(less.starts_with(text));
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn json_is_given_back_as_it_was(text in json_file()) {
        holds(json(), Shape::Plain, &text)?;
    }

    #[test]
    fn toml_is_given_back_as_it_was(text in toml_file()) {
        holds(toml(), Shape::Codex, &text)?;
    }

    #[test]
    fn yaml_is_given_back_as_it_was(text in yaml_file()) {
        holds(goose(), Shape::Goose, &text)?;
    }

    #[test]
    fn no_text_makes_a_reader_fail_badly(text in "[\\[\\]{}\":,/*#\\-\\\\ \na-c=|>&*!.é]{0,60}") {
        for slot in [json(), toml(), goose(), continued()] {
            if let Ok((after, inserted)) = slot.insert(&text, &entry(Shape::Named)) {
                prop_assert_eq!(slot.take_back(&after, &inserted), Some(text.clone()));
            }
            let _ = slot.remove(&text);
        }
    }
}
