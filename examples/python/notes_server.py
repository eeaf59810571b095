"""An MCP server with nothing but the standard library; `host_objects.py` has a gateway run it.

It keeps notes in memory and wants a token, of which it says no more than the length. It ends with its input.
"""

import json
import os
import sys
from typing import Any

notes: list[str] = []


def tool(name: str, description: str, **properties: str) -> dict[str, Any]:
    """Returns the definition of a tool whose arguments are all required."""
    schema = {
        "type": "object",
        "properties": {name: {"type": kind} for name, kind in properties.items()},
        "required": list(properties),
    }
    return {"name": name, "description": description, "inputSchema": schema}


TOOLS = [
    tool("sign_in", "Says how long the token is"),
    tool("add", "Adds a note", text="string"),
    tool("list", "Shows the notes"),
    tool("clear", "Throws all notes away"),
]


def call(name: str, arguments: dict[str, Any]) -> str:
    """Carries a tool out and returns what it says."""
    if name == "sign_in":
        return f"signed in with a token of {len(os.environ['NOTES_TOKEN'])} characters"
    if name == "add":
        notes.append(arguments["text"])
        return f"note {len(notes)} is kept"
    if name == "list":
        return "\n".join(notes) or "there are no notes"
    if name == "clear":
        notes.clear()
        return "all notes are gone"
    raise LookupError(f"there is no tool {name}")


def answer(method: str, params: dict[str, Any]) -> dict[str, Any]:
    """Returns the result of a request."""
    if method == "initialize":
        info = {"name": "notes", "version": "1"}
        return {"protocolVersion": params["protocolVersion"], "capabilities": {"tools": {}}, "serverInfo": info}
    if method == "tools/list":
        return {"tools": TOOLS}
    if method == "tools/call":
        return {"content": [{"type": "text", "text": call(params["name"], params.get("arguments") or {})}]}
    if method == "ping":
        return {}
    raise LookupError(f"there is no method {method}")


for line in sys.stdin:
    message = json.loads(line)
    # Notifications have no id, and want no answer.
    if "id" not in message or "method" not in message:
        continue
    reply: dict[str, Any] = {"jsonrpc": "2.0", "id": message["id"]}
    try:
        reply["result"] = answer(message["method"], message.get("params") or {})
    except LookupError as error:
        reply["error"] = {"code": -32602, "message": str(error)}
    print(json.dumps(reply), flush=True)
