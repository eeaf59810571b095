//! The conventions of docs/architecture.md that no compiler and no lint checks.

mod source;

use std::collections::BTreeSet;

use mcp_gateway_core::util::fs;

use source::{Source, files, is_word, root, short, sources};

/// Each room; its level; where it may import but one capability, that one; the trait that its backends implement.
const ROOMS: &[(&str, u8, Option<&str>, &str)] = &[
    ("error", 0, None, ""),
    ("util", 1, None, ""),
    ("model", 2, None, ""),
    ("protocol", 3, None, ""),
    ("catalog", CAPABILITY, None, "Catalog"),
    ("secrets", CAPABILITY, None, "SecretBroker"),
    ("policy", CAPABILITY, None, "Policy"),
    ("approval", CAPABILITY, None, "Approver"),
    ("verify", CAPABILITY, None, "Verifier"),
    ("audit", CAPABILITY, None, "AuditStore"),
    ("telemetry", CAPABILITY, None, ""),
    ("transport", CAPABILITY, None, "MessageSink"),
    ("profile", 5, Some("catalog"), "Profile"),
    ("runtime", 5, Some("transport::client"), "Runtime"),
    ("gateway", 6, None, ""),
    ("agents", 7, None, ""),
    ("cli", 8, None, ""),
];
const CAPABILITY: u8 = 4;

/// Backends that are a variant of a sibling and stand on it.
const VARIANTS: &[(&str, &str)] = &[("transport::client::sse", "transport::client::http")];

/// Crates whose types stay out of public signatures.
const HIDDEN: &[&str] = &[
    "age",
    "axum",
    "bollard",
    "cedar_policy",
    "hyper",
    "kube",
    "ndarray",
    "reqwest",
    "ring",
    "rmcp",
    "rusqlite",
    "rustls",
    "sigstore_verify",
    "toml_edit",
];

const MAX_LINES: usize = 800;

#[test]
fn rooms_import_only_what_is_below_them() {
    let mut wrong = Vec::new();
    for source in sources() {
        let Some((room, level, only, _)) = ROOMS.iter().find(|(name, ..)| *name == source.room()) else {
            wrong.push(format!("{}: `{}` is not among the rooms of tests/tidy", source.name, source.room()));
            continue;
        };
        for (line, path) in source.paths() {
            let Some((target, below, ..)) = ROOMS.iter().find(|(name, ..)| is_in(&path, name)) else { continue };
            let allowed = below < level && (*below != CAPABILITY || only.is_none_or(|only| is_in(&path, only)));
            if target != room && !allowed {
                wrong.push(format!("{}:{line}: `{room}` may not import `{path}`", source.name));
            }
        }
    }
    report(&wrong);
}

#[test]
fn backends_do_not_import_their_siblings() {
    let sources = sources();
    let is_backend = |source: &&Source| {
        let role = ROOMS.iter().find(|(room, ..)| *room == source.room()).map_or("", |(.., role)| role);
        let is_seam = source.is_mod && source.folder.contains("::") && !role.is_empty();
        is_seam && source.code.contains(&format!("\nimpl {role} for "))
    };
    let backends: BTreeSet<&str> = sources.iter().filter(is_backend).map(|source| source.folder.as_str()).collect();
    let backend_of = |path: &str| backends.iter().find(|backend| is_in(path, backend)).copied();
    let mut wrong = Vec::new();
    for source in &sources {
        let Some(own) = backend_of(&source.folder) else { continue };
        for (line, path) in source.paths() {
            if let Some(other) = backend_of(&path)
                && other != own
                && is_in(other, source.room())
                && !VARIANTS.contains(&(own, other))
            {
                wrong.push(format!("{}:{line}: backend `{own}` may not import its sibling `{other}`", source.name));
            }
        }
    }
    report(&wrong);
}

#[test]
fn public_signatures_are_free_of_third_party_types() {
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| source.room() != "cli") {
        // A module of ours may have the name of the crate that it wraps.
        let crates: Vec<_> = HIDDEN.iter().filter(|name| !source.code.contains(&format!("mod {name};"))).collect();
        let imports = source.code.split(';').filter_map(|text| text.rsplit("use ").next());
        let foreign: BTreeSet<&str> = imports
            .filter(|text| crates.iter().any(|name| is_in(text, name)))
            .flat_map(|text| text.split(['{', ',', '}']))
            .filter_map(|item| item.rsplit(|c| !is_word(c)).find(|word| !word.is_empty()))
            .filter(|word| word.starts_with(char::is_uppercase))
            .collect();
        for (at, _) in source.code.match_indices("pub ") {
            let item = &source.code[at + "pub ".len()..];
            let is_field = item.trim_start_matches(is_word).starts_with(':');
            let signature = item.split(if is_field { ",\n" } else { "{" }).next().unwrap_or(item);
            let signature = signature.split([';', '=', '}']).next().unwrap_or(signature);
            let named = |name: &&&&str| {
                let path = format!("{name}::");
                signature.match_indices(&path).any(|(at, _)| !signature[..at].ends_with(is_word))
            };
            let leak = signature.split(|c| !is_word(c)).find(|word| foreign.contains(word));
            if let Some(leak) = leak.or(crates.iter().find(named).map(|name| **name)) {
                wrong.push(format!("{}:{}: `{leak}` is in a public signature", source.name, source.line(at)));
            }
        }
    }
    report(&wrong);
}

#[test]
fn files_are_small_and_finished() {
    let marks = [concat!("TO", "DO"), concat!("FIX", "ME"), concat!("X", "XX")];
    let mut wrong = Vec::new();
    for folder in ["mcp-gateway-core", "mcp-gateway-py", "mcp-gateway-node", "examples", "benches"] {
        for file in files(&root().join(folder), &["rs", "py", "js", "mjs"]) {
            let (name, text) = (short(&file), fs::read_to_string(&file).unwrap());
            let lines = text.lines().count();
            if lines > MAX_LINES {
                wrong.push(format!("{name}: {lines} lines; a file has one purpose and at most {MAX_LINES}"));
            }
            let unfinished = |line: &str| line.split(|c| !is_word(c)).any(|word| marks.contains(&word));
            let found = text.lines().enumerate().filter(|(_, line)| unfinished(line));
            wrong.extend(found.map(|(at, line)| format!("{name}:{}: `{}` is not finished", at + 1, line.trim())));
        }
    }
    report(&wrong);
}

#[test]
fn every_feature_and_every_room_is_documented() {
    let read = |path: &str| fs::read_to_string(&root().join(path)).unwrap();
    let manifest = read("mcp-gateway-core/Cargo.toml");
    let declared: BTreeSet<&str> = manifest
        .lines()
        .skip_while(|line| *line != "[features]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter_map(|line| line.split_once(" = ").map(|(name, _)| name))
        .filter(|name| !name.starts_with(['_', ' ', '#']))
        .collect();
    let (features, architecture) = (read("docs/features.md"), read("docs/architecture.md"));
    let documented: BTreeSet<&str> = column(&features, 0).collect();
    let rooms: BTreeSet<&str> = column(&architecture, 1).collect();

    let mut wrong = Vec::new();
    wrong.extend(declared.difference(&documented).map(|name| format!("docs/features.md has no row for `{name}`")));
    wrong
        .extend(documented.difference(&declared).map(|name| format!("docs/features.md: there is no feature `{name}`")));
    let missing = ROOMS.iter().filter(|(room, ..)| !rooms.contains(room));
    wrong.extend(missing.map(|(room, ..)| format!("docs/architecture.md has no row for `{room}`")));
    report(&wrong);
}

#[test]
fn bindings_have_the_same_files_named_after_rooms() {
    let names = |folder: &str| -> BTreeSet<String> {
        let inside =
            files(&root().join(folder), &["rs"]).into_iter().map(|file| short(&file)[folder.len()..].to_owned());
        inside
            .map(|file| file.split(['/', '.']).next().unwrap_or_default().to_owned())
            .filter(|name| name != "lib")
            .collect()
    };
    let (python, node) = (names("mcp-gateway-py/src/"), names("mcp-gateway-node/src/"));
    let strange = |name: &&String| !ROOMS.iter().any(|(room, ..)| room == name);
    let mut wrong = Vec::new();
    wrong.extend(python.symmetric_difference(&node).map(|name| format!("only one of the bindings has `{name}`")));
    wrong.extend(python.union(&node).filter(strange).map(|name| format!("bindings: the core has no room `{name}`")));
    report(&wrong);
}

/// Whether a path begins with all of another.
fn is_in(path: &str, outer: &str) -> bool {
    path.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// The names in backticks in one column of a document's tables.
fn column(text: &str, column: usize) -> impl Iterator<Item = &str> {
    text.lines()
        .filter_map(move |line| line.strip_prefix('|')?.split('|').nth(column))
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
}

fn report(wrong: &[String]) {
    assert!(wrong.is_empty(), "\n{}\n(the rules: docs/architecture.md)\n", wrong.join("\n"));
}
