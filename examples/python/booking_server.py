"""An MCP server that asks its client before it answers, with nothing but the standard library.

`answer_servers.py` has a gateway run it. It wants a form filled in, a text written, and to know where it may work. It
ends with its input.
"""

import itertools
import json
import sys
from typing import Any

questions = itertools.count(1)


def tool(name: str, description: str) -> dict[str, Any]:
    """Returns the definition of a tool without arguments."""
    return {"name": name, "description": description, "inputSchema": {"type": "object"}}


TOOLS = [
    tool("book", "Books a table; asks when and for how many"),
    tool("invite", "Invites the guests; has the text written"),
    tool("save", "Keeps the booking; asks where"),
]
FORM = {
    "type": "object",
    "properties": {
        "day": {"type": "string", "title": "Day", "enum": ["friday", "saturday"]},
        "guests": {"type": "integer", "title": "Guests", "minimum": 1, "maximum": 8, "default": 2},
    },
    "required": ["day"],
}


def send(message: dict[str, Any]) -> None:
    """Sends one message."""
    print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)


def ask(method: str, **params: Any) -> dict[str, Any]:
    """Asks the client, and returns its result; a client that does not answer is a `LookupError`."""
    identity = f"question-{next(questions)}"
    send({"id": identity, "method": method, "params": params})
    # One thing after the other: what comes meanwhile is not for this small server.
    for line in sys.stdin:
        message = json.loads(line)
        if message.get("id") == identity:
            if "error" in message:
                raise LookupError(message["error"]["message"])
            result: dict[str, Any] = message["result"]
            return result
    sys.exit()


def call(name: str) -> str:
    """Carries a tool out and returns what it says."""
    if name == "book":
        answer = ask("elicitation/create", message="When will you come?", requestedSchema=FORM)
        if answer["action"] != "accept":
            return "nothing was booked"
        return f"a table for {answer['content']['guests']} on {answer['content']['day']}"
    if name == "invite":
        wish = {"role": "user", "content": {"type": "text", "text": "Invite my friends to dinner."}}
        answer = ask("sampling/createMessage", messages=[wish], maxTokens=100)
        return f"{answer['model']} wrote: {answer['content']['text']}"
    if name == "save":
        return "kept in " + ", ".join(root["uri"] for root in ask("roots/list")["roots"])
    raise LookupError(f"there is no tool {name}")


def answer(method: str, params: dict[str, Any]) -> dict[str, Any]:
    """Returns the result of a request."""
    if method == "initialize":
        info = {"name": "booking", "version": "1"}
        return {"protocolVersion": params["protocolVersion"], "capabilities": {"tools": {}}, "serverInfo": info}
    if method == "tools/list":
        return {"tools": TOOLS}
    if method == "tools/call":
        return {"content": [{"type": "text", "text": call(params["name"])}]}
    if method == "ping":
        return {}
    raise LookupError(f"there is no method {method}")


for line in sys.stdin:
    request = json.loads(line)
    # Notifications have no id, and want no answer.
    if "id" not in request or "method" not in request:
        continue
    try:
        send({"id": request["id"], "result": answer(request["method"], request.get("params") or {})})
    except LookupError as error:
        send({"id": request["id"], "error": {"code": -32602, "message": str(error)}})
