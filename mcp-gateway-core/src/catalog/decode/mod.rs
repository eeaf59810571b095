//! From a file's tree to catalog entries.

mod fields;
mod part;
mod server;

use std::sync::Arc;

use crate::catalog::diagnostic::{Diagnostic, Problems, suggestion};
use crate::catalog::tree::{Kind, Node};
use crate::model::{ServerEntry, ServerKind, ServerName};

pub(crate) use fields::Fields;

/// What a file of servers says.
#[derive(Debug, Default)]
pub(crate) struct Decoded {
    pub(crate) name: Option<String>,
    pub(crate) title: Option<String>,
    pub(crate) entries: Vec<Arc<ServerEntry>>,
    /// Globs over names of earlier catalogs.
    pub(crate) hide: Vec<String>,
    /// Entries that could not be read, each with all that is wrong with it.
    pub(crate) refused: Vec<(String, Vec<Diagnostic>)>,
}

/// Reads a catalog or a single server's file. Problems of the file as a whole are reported; those of an entry refuse it.
pub(crate) fn decode(root: &Node, problems: &Problems) -> Decoded {
    let mut decoded = Decoded::default();
    let is_server = root.get("registry").is_none() && server::TELLING.iter().any(|key| root.get(key).is_some());
    if is_server {
        decode_server_file(root, problems, &mut decoded);
    } else {
        decode_catalog(root, problems, &mut decoded);
    }
    decoded
}

fn decode_catalog(root: &Node, problems: &Problems, decoded: &mut Decoded) {
    let Some(mut fields) = Fields::of(root, "", problems) else { return };
    decoded.name = fields.text("name");
    decoded.title = fields.text("displayName");
    decoded.hide = fields.texts("hide");
    check_version(&mut fields);
    // Docker's catalog may carry a policy decision about itself, which is not this gateway's policy.
    fields.value("policy");
    let (signer, verify) = (part::signer(&mut fields), part::verify(&mut fields));
    let registry = root.fields().into_iter().flatten().find(|field| field.key == "registry").map(|field| &field.value);
    fields.node("registry");
    match registry {
        Some(node) => decode_registry(node, problems, decoded),
        None => missing_registry(root, problems),
    }
    // What the catalog says of all its servers counts for those that do not say it themselves.
    for entry in &mut decoded.entries {
        let entry = Arc::make_mut(entry);
        if entry.image.is_some() || entry.kind == ServerKind::Poci {
            entry.verify = entry.verify.or(verify.filter(|_| entry.signer.is_none()));
            entry.signer = entry.signer.take().or_else(|| signer.clone());
        }
    }
    if registry.is_some() {
        fields.rest(&["description", "source"]);
    }
}

fn check_version(fields: &mut Fields<'_>) {
    let Some(node) = fields.node("version") else { return };
    match node.scalar().and_then(|written| written.parse::<u32>().ok()) {
        Some(1..=3) => {}
        Some(version) => {
            let message = format!("catalog version {version} is not known; it is read as version 3");
            fields.problems().warn(node.at, message, None);
        }
        None => fields.wrong("version", node, "a whole number"),
    }
}

fn decode_registry(node: &Node, problems: &Problems, decoded: &mut Decoded) {
    let fields = match &node.kind {
        Kind::Map(fields) => fields.as_slice(),
        Kind::Null => &[],
        _ => {
            problems.error(node.at, format!("`registry` must be a mapping, not {}", node.what()), None);
            return;
        }
    };
    if fields.is_empty() && decoded.hide.is_empty() {
        problems.warn(node.at, "`registry` is empty: the catalog has no servers", None);
    }
    for field in fields {
        // Each entry has its own list of errors, so that it can be refused alone.
        let earlier = problems.take_errors();
        let entry = match ServerName::new(&field.key) {
            Ok(name) => Fields::of(&field.value, format!("registry.{name}"), problems)
                .map(|fields| server::server(fields, name)),
            Err(error) => {
                problems.error(field.at, error.message().to_owned(), None);
                None
            }
        };
        settle(entry, &field.key, problems, decoded);
        problems.restore(earlier);
    }
}

fn decode_server_file(root: &Node, problems: &Problems, decoded: &mut Decoded) {
    let Some(mut fields) = Fields::of(root, "", problems) else { return };
    let place = fields.place("name");
    match fields.required_text("name").map(ServerName::new) {
        Some(Ok(name)) => {
            let label = name.to_string();
            decoded.name = Some(label.clone());
            let entry = server::server(fields, name);
            settle(Some(entry), &label, problems, decoded);
        }
        Some(Err(error)) => problems.error(place, error.message().to_owned(), None),
        None => {}
    }
}

/// Keeps an entry that had no errors and refuses one that had.
fn settle(entry: Option<ServerEntry>, name: &str, problems: &Problems, decoded: &mut Decoded) {
    let errors = problems.take_errors();
    match entry {
        Some(entry) if errors.is_empty() => decoded.entries.push(Arc::new(entry)),
        _ => decoded.refused.push((name.to_owned(), errors)),
    }
}

/// A file without the one key that matters must never read as an empty catalog.
fn missing_registry(root: &Node, problems: &Problems) {
    let keys: Vec<_> = root.fields().into_iter().flatten().collect();
    let elsewhere = ["servers", "server", "mcpServers", "catalog", "registries"];
    let expected = "a catalog has its servers under the top-level key `registry`";
    for field in &keys {
        if suggestion(&field.key, ["registry"]).is_some() || elsewhere.contains(&field.key.as_str()) {
            let message = format!("catalog has no `registry`, but `{}`", field.key);
            problems.error(field.at, message, Some(format!("{expected}: rename `{}`", field.key)));
            return;
        }
    }
    let found: Vec<_> = keys.iter().map(|field| format!("`{}`", field.key)).collect();
    let message = match found.is_empty() {
        true => "catalog has no `registry`: the file has no keys".to_owned(),
        false => format!("catalog has no `registry`; its keys are {}", found.join(", ")),
    };
    problems.error(root.at, message, Some(expected.to_owned()));
}
