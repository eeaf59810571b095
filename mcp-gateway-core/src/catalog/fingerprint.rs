//! What tells two entries of a server apart.

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::model::ServerEntry;

/// Keys that only describe a server: a new star count or wording does not change what runs.
const DESCRIPTIVE: [&str; 8] =
    ["title", "description", "icon", "readme", "upstream", "metadata", "approved", "catalog"];

/// The SHA-256, in hex, of what an entry says about how its server runs; two that run alike have the same.
///
/// # Behavior
/// - Taken over JSON with sorted keys, so that the order in which keys are written does not matter.
/// - Title, description, icon, readme, upstream and metadata are left out, and who approved it and which catalog it came from.
pub fn fingerprint(entry: &ServerEntry) -> String {
    let mut value = serde_json::to_value(entry).unwrap_or_default();
    if let Some(fields) = value.as_object_mut() {
        for key in DESCRIPTIVE {
            fields.remove(key);
        }
    }
    let mut text = String::new();
    write_canonical(&value, &mut text);
    hex::encode(Sha256::digest(text))
}

/// Sorts by key itself: whether JSON objects keep their order is decided elsewhere in the build.
fn write_canonical(value: &Value, text: &mut String) {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(key, _)| *key);
            text.push('{');
            for (key, value) in fields {
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push(':');
                write_canonical(value, text);
                text.push(',');
            }
            text.push('}');
        }
        Value::Array(items) => {
            text.push('[');
            for item in items {
                write_canonical(item, text);
                text.push(',');
            }
            text.push(']');
        }
        scalar => text.push_str(&scalar.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{RemoteEntry, RemoteTransport, ServerKind, ServerName};

    #[test]
    fn what_runs_counts_and_how_it_is_described_does_not() {
        let name = ServerName::new("a").unwrap();
        let mut entry = ServerEntry::new(name, ServerKind::Remote);
        let mut remote = RemoteEntry::new("https://a.example/mcp", RemoteTransport::Sse);
        remote.headers.insert("A".to_owned(), "1".to_owned());
        remote.headers.insert("B".to_owned(), "2".to_owned());
        entry.remote = Some(remote.clone());
        let first = fingerprint(&entry);
        assert_eq!(first.len(), 64);

        remote.headers.reverse();
        entry.remote = Some(remote);
        entry.title = Some("Another title".to_owned());
        entry.source = Some("elsewhere".to_owned());
        assert_eq!(fingerprint(&entry), first);
        entry.command.push("--verbose".to_owned());
        assert_ne!(fingerprint(&entry), first);
    }
}
