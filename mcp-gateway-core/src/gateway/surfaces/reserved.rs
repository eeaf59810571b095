//! The names of the gateway's own tools.

use unicode_security::skeleton;

use crate::protocol::{GATEWAY, GATEWAY_TOOLS};

/// The gateway's tool that a name is, or looks like.
///
/// Case, separators, the gateway's name before it and characters that look alike (Unicode TS 39) make no difference.
pub(crate) fn looks_reserved(name: &str) -> Option<&'static str> {
    // No name of the gateway's is anywhere near as long.
    if name.len() > 128 {
        return None;
    }
    let folded = fold(name);
    let bare = folded.strip_prefix(GATEWAY).unwrap_or(&folded);
    GATEWAY_TOOLS.into_iter().find(|reserved| fold(reserved) == bare)
}

fn fold(name: &str) -> String {
    let seen: String = skeleton(name).flat_map(char::to_lowercase).collect();
    // Once more: an upper-case letter may look like one thing, and its lower-case form like another.
    skeleton(&seen).filter(|c| c.is_alphanumeric()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn look_alikes_are_found_and_others_are_not() {
        for name in [
            "mcp-find",
            "mcp_find",
            "MCP-Find",
            "mcpFind",
            "mcp\u{2010}find",
            "m\u{441}p-find",
            "mcp.f\u{456}nd",
            "gateway.mcp-find",
        ] {
            assert_eq!(looks_reserved(name), Some("mcp-find"), "{name}");
        }
        for name in ["find", "mcp-finder", "mcp", "add", "list-mcp", "mcp-find-2"] {
            assert_eq!(looks_reserved(name), None, "{name}");
        }
    }
}
