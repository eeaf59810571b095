"""A server whose only tool opens a connection: `get_page` with a host and a port. Nothing but the standard library."""

import json
import socket
import sys
from typing import Any

TOOL = {
    "name": "get_page",
    "description": "Says whether a host can be reached",
    "inputSchema": {
        "type": "object",
        "properties": {"host": {"type": "string"}, "port": {"type": "integer"}},
    },
}


def get_page(host: str, port: int) -> tuple[str, bool]:
    """Opens a connection; gives what came of it, and whether it failed."""
    try:
        with socket.create_connection((host, port), timeout=10):
            return f"reached {host}:{port}", False
    except OSError as error:
        return f"cannot reach {host}:{port}: {error}", True


def answer(method: str, params: dict[str, Any]) -> dict[str, Any]:
    """Answers a request."""
    if method == "initialize":
        info = {"name": "web", "version": "1"}
        return {
            "protocolVersion": params["protocolVersion"],
            "capabilities": {"tools": {}},
            "serverInfo": info,
        }
    if method == "tools/list":
        return {"tools": [TOOL]}
    if method == "tools/call":
        text, failed = get_page(**params["arguments"])
        return {"content": [{"type": "text", "text": text}], "isError": failed}
    return {}


for line in sys.stdin:
    message = json.loads(line)
    if "id" in message and "method" in message:
        result = answer(message["method"], message.get("params") or {})
        print(
            json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}),
            flush=True,
        )
