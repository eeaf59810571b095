"""A server that asks hosts with a token, as an SDK does. Nothing but the standard library."""

import json
import os
import sys
import urllib.error
import urllib.request

TOOLS = [{"name": name, "inputSchema": {"type": "object"}, "annotations": {"readOnlyHint": True}} for name in ("get_page", "read_token")]


def get_page(url):
    """What a host answers, or why it does not."""
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {os.environ['CALLER_TOKEN']}"})
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.read().decode()
    except urllib.error.HTTPError as error:
        return f"{error}: {error.read().decode()}"
    except urllib.error.URLError as error:
        return f"{type(error).__name__}: {error}"


for line in sys.stdin:
    message = json.loads(line)
    match message.get("method"):
        case "initialize":
            result = {
                "protocolVersion": message["params"]["protocolVersion"],
                "capabilities": {"tools": {}},
                "serverInfo": {"name": "caller", "version": "1"},
            }
        case "tools/list":
            result = {"tools": TOOLS}
        case "tools/call":
            params = message["params"]
            called = params["name"] == "get_page"
            text = get_page(params["arguments"]["url"]) if called else os.environ["CALLER_TOKEN"]
            result = {"content": [{"type": "text", "text": text}]}
        case _:
            result = {}
    if "id" in message:
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)
