//! What the gateway says about itself: its own capabilities, and the words of its servers.

use serde_json::{Map, Value, json};

use super::Introduction;
use super::view::Part;

/// The most characters of one server's instructions, and of all of them.
const MAX_ONE: usize = 4_000;
const MAX_ALL: usize = 32_000;

/// Joins what the servers say.
pub(crate) fn of(parts: &[Part<'_>]) -> Introduction {
    let mut capabilities = json!({
        "tools": {"listChanged": true},
        "prompts": {"listChanged": true},
        "resources": {"listChanged": true, "subscribe": true},
        "logging": {},
        "completions": {},
    });
    let mut extensions = Map::new();
    for part in parts {
        for (name, settings) in part.surface.capabilities["extensions"].as_object().into_iter().flatten() {
            // Of two servers with other settings, the first counts: there is one answer for all of them.
            extensions.entry(name).or_insert_with(|| settings.clone());
        }
    }
    if !extensions.is_empty() {
        capabilities["extensions"] = Value::Object(extensions);
    }
    if parts.iter().any(|part| part.surface.capabilities["tasks"]["requests"]["tools"]["call"].is_object()) {
        capabilities["tasks"] = json!({"list": {}, "cancel": {}, "requests": {"tools": {"call": {}}}});
    }
    Introduction { capabilities, instructions: instructions(parts) }
}

/// The instructions of all servers, each under its name: a model has to know who tells it what.
fn instructions(parts: &[Part<'_>]) -> Option<String> {
    let mut text = String::new();
    for part in parts {
        let own = part.surface.instructions.as_deref().map(str::trim).filter(|own| !own.is_empty());
        let Some(own) = own else { continue };
        let mut own: String = own.chars().take(MAX_ONE).collect();
        if own.len() >= MAX_ONE {
            own.push('…');
        }
        if text.len() + own.len() > MAX_ALL {
            break;
        }
        if text.is_empty() {
            text.push_str("This gateway joins several servers. What each of them says about its own tools:");
        }
        text.push_str(&format!("\n\n## Server `{}`\n\n{own}", part.server));
    }
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ServerName, Surface};

    #[test]
    fn every_server_speaks_under_its_name() {
        let (one, two) = (ServerName::new("one").unwrap(), ServerName::new("two").unwrap());
        let surface = |text: &str, extension: &str| Surface {
            instructions: Some(text.to_owned()),
            capabilities: json!({"extensions": {extension: {}}}),
            ..Surface::default()
        };
        let (first, second) = (surface(" Be kind. ", "a/b"), surface(&"x".repeat(5_000), "c/d"));
        let part = |server, surface| Part { server, surface, prefix: None, offers: &|_| true, held: Vec::new() };
        let introduction = of(&[part(&one, &first), part(&two, &second)]);
        let text = introduction.instructions.unwrap();
        assert!(text.contains("## Server `one`\n\nBe kind.\n\n## Server `two`\n\nxxx") && text.ends_with("x…"));
        assert_eq!(introduction.capabilities["extensions"], json!({"a/b": {}, "c/d": {}}));
        assert_eq!(of(&[]).instructions, None);
    }
}
