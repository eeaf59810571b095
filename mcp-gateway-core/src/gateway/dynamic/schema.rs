//! The definitions of the gateway's own tools.

use serde_json::{Value, json};

use super::{activate, add, config_set, create, exec, find, list, remove};

/// The definition of a tool, as clients list it.
pub(super) fn definition(tool: &str) -> Value {
    let mut definition = match tool {
        find::NAME => find::definition(),
        add::NAME => add::definition(),
        remove::NAME => remove::definition(),
        config_set::NAME => config_set::definition(),
        exec::NAME => exec::definition(),
        create::NAME => create::definition(),
        activate::NAME => activate::definition(),
        _ => list::definition(),
    };
    definition["name"] = tool.into();
    definition["inputSchema"]["type"] = "object".into();
    definition["inputSchema"]["additionalProperties"] = false.into();
    definition
}

/// A name of a server, as an input.
pub(super) fn server(what: &str) -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": 128, "description": what})
}

/// The profile that a change is to be kept in, as an input.
pub(super) fn profile() -> Value {
    json!({
        "type": "string",
        "description": "Keep the change in this profile, for later sessions and other clients; only the gateway's own \
            profile, and only where its operator allows that. Without it, the change ends with this session.",
    })
}

/// A profile's name, as an input.
pub(super) fn named_profile(what: &str) -> Value {
    json!({"type": "string", "minLength": 1, "maxLength": 128, "description": what})
}

/// What every answer may hold.
pub(super) fn output(mut properties: Value) -> Value {
    properties["next"] = json!({"type": "string", "description": "How to go on"});
    properties["error"] = json!({
        "type": "object",
        "properties": {
            "kind": {"type": "string"},
            "message": {"type": "string"},
            "hints": {"type": "array", "items": {"type": "string"}},
        },
    });
    json!({"type": "object", "properties": properties})
}

/// Several of what has these properties.
pub(super) fn list_of(properties: Value) -> Value {
    json!({"type": "array", "items": {"type": "object", "properties": properties}})
}

/// Tools with their schemas, as an output.
pub(super) fn tools() -> Value {
    json!({
        "type": "array",
        "description": "Tools, each with its name for `mcp-exec`, its description and its input schema",
        "items": {
            "type": "object",
            "properties": {
                "tool": {"type": "string", "description": "Its name for `mcp-exec`: `server.tool`"},
                "name": {"type": "string", "description": "The name under which it is listed"},
                "description": {"type": "string"},
                "inputSchema": {"type": "object"},
            },
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::GATEWAY_TOOLS;

    #[test]
    fn every_tool_says_exactly_what_it_takes_and_gives() {
        for tool in GATEWAY_TOOLS {
            let definition = definition(tool);
            assert_eq!(definition["name"], tool);
            assert_eq!(definition["inputSchema"]["additionalProperties"], false, "{tool}");
            assert!(definition["description"].as_str().unwrap().len() > 40, "{tool}");
            let properties = definition["inputSchema"]["properties"].as_object().unwrap();
            let required = definition["inputSchema"]["required"].as_array().cloned().unwrap_or_default();
            assert!(required.iter().all(|name| properties.contains_key(name.as_str().unwrap())), "{tool}");
            // What a called tool gives is its own.
            assert_eq!(definition.get("outputSchema").is_none(), tool == "mcp-exec", "{tool}");
        }
    }
}
