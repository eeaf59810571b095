//! `mcp-exec`: a call of any tool, which becomes that call before anything is decided.

use serde_json::{Value, json};

use super::answer;
use crate::error::{Error, ErrorKind, Result};
use crate::gateway::hub::Hub;
use crate::model::CallContext;
use crate::protocol::{RawJson, Request, RequestKind, Response};

pub(super) const NAME: &str = "mcp-exec";

pub(super) fn definition() -> Value {
    json!({
        "title": "Call a tool",
        "description": "Calls a tool of a server of this session by its name `server.tool`, whether it is listed or not, and \
            gives that tool's own result. Policy, records, limits, progress and cancellation are those of a direct call.",
        "inputSchema": {
            "properties": {
                "tool": {"type": "string", "minLength": 1, "description": "The tool, as `server.tool`"},
                "arguments": {"type": "object", "description": "Its arguments, by its own input schema"},
            },
            "required": ["tool"],
        },
    })
}

/// What is to be called.
#[derive(Debug)]
struct Wanted {
    tool: String,
    arguments: Option<RawJson>,
}

impl Hub {
    /// Makes of a call of `mcp-exec` the call that it stands for; says whether it was one. One that cannot be read stays
    /// what it is, and is answered with what is wrong.
    pub(crate) async fn unwrap_exec(&self, ctx: &CallContext, request: &mut Request) -> bool {
        if self.dynamic.is_none() || request.kind != RequestKind::CallTool {
            return false;
        }
        let Some(name) = request.subject() else { return false };
        let view = self.view_of(ctx.session.as_ref()).await;
        let is_exec = |name: &str| {
            view.find(RequestKind::CallTool, name).is_some_and(|target| target.is_own() && target.name == NAME)
        };
        if !is_exec(&name) {
            return false;
        }
        let Ok(wanted) = read(request.arguments()) else { return false };
        if is_exec(&wanted.tool) {
            return false;
        }
        request.params.set_text("name", &wanted.tool);
        match wanted.arguments {
            Some(arguments) => request.params.set("arguments", arguments),
            None => drop(request.params.remove("arguments")),
        }
        true
    }
}

/// Why a call of `mcp-exec` is none of a tool.
pub(super) fn wrong(arguments: &RawJson) -> Error {
    read(Some(arguments)).err().unwrap_or_else(|| {
        Error::new(ErrorKind::InvalidInput, "`mcp-exec` does not call itself").with_hint("name the tool that is meant")
    })
}

/// The answer to a call of a tool that nobody offers.
///
/// # Errors
/// `Internal` when it has no JSON form.
pub(crate) fn unknown(error: &Error) -> Result<Response> {
    let error =
        error.clone().with_hint("find the tool with `mcp-find`; where its server is not added, `mcp-add` adds it");
    answer::failed(&error, Value::Null).map(Response::new)
}

fn read(arguments: Option<&RawJson>) -> Result<Wanted> {
    let wrong = |why: String| {
        Error::new(ErrorKind::InvalidInput, format!("arguments of `{NAME}` cannot be used: {why}"))
            .with_hint("write `{\"tool\": \"server.tool\", \"arguments\": {…}}`")
    };
    let arguments = arguments.ok_or_else(|| wrong("there are none".to_owned()))?;
    let members = arguments.object().map_err(|error| wrong(error.to_string()))?;
    if let Some((unknown, _)) = members.iter().find(|(member, _)| !["tool", "arguments"].contains(member)) {
        return Err(wrong(format!("there is no `{unknown}`")));
    }
    let tool = members.text("tool").ok_or_else(|| wrong("`tool` is no text".to_owned()))?;
    let inner = members.get("arguments").filter(|inner| inner.get() != "null").cloned();
    if inner.as_ref().is_some_and(|inner| inner.object().is_err()) {
        return Err(wrong("`arguments` is no object".to_owned()));
    }
    Ok(Wanted { tool, arguments: inner })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_names_a_tool_and_an_object_is_taken_apart() {
        let read = |text: &str| read(Some(&RawJson::parse(text).unwrap()));
        let wanted = read(r#"{"tool": "a.b", "arguments": {"id": 12345678901234567890123, "x": 1.0}}"#).unwrap();
        assert_eq!(wanted.tool, "a.b");
        assert_eq!(
            wanted.arguments.unwrap().get(),
            r#"{"id": 12345678901234567890123, "x": 1.0}"#,
            "as it was written"
        );
        assert!(read(r#"{"tool": "a.b", "arguments": null}"#).unwrap().arguments.is_none());
        for bad in ["{}", "[]", r#"{"tool": 1}"#, r#"{"tool": "a", "arguments": []}"#, r#"{"tool": "a", "args": {}}"#] {
            assert_eq!(read(bad).unwrap_err().kind(), ErrorKind::InvalidInput, "{bad}");
        }
        assert!(read(r#"{"tool": "a", "tool": "b"}"#).is_err());
    }
}
