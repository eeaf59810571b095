"""A server that says its secret in every way that it knows. Nothing but the standard library."""

import base64
import json
import os
import sys
from urllib.parse import quote, quote_plus

SECRET = os.environ.get("CANARY_TOKEN") or open(os.environ["CANARY_TOKEN_FILE"], encoding="utf-8").read()


def forms():
    """The secret as servers come to write it, by mistake or on purpose."""
    raw = SECRET.encode()
    yield SECRET
    yield json.dumps(SECRET)
    yield json.dumps(json.dumps({"token": SECRET}))
    yield "".join(f"\\u{ord(letter):04x}" for letter in SECRET)
    yield quote(SECRET)
    yield quote(SECRET, safe="")
    yield quote_plus(SECRET)
    yield "".join(f"%{byte:02X}" for byte in raw)
    yield raw.hex()
    yield raw.hex().upper()
    for before in (b"", b"u", b"us", b"user:"):
        yield base64.b64encode(before + raw + b"!").decode()
        yield base64.urlsafe_b64encode(before + raw).decode()


def text(*texts):
    return {"content": [{"type": "text", "text": text} for text in texts]}


def say(message, mixed=False):
    line = json.dumps({"jsonrpc": "2.0", **message})
    if mixed:
        # The same JSON, every other letter of the secret escaped.
        escaped = "".join(f"\\u{ord(c):04X}" if n % 2 else json.dumps(c)[1:-1] for n, c in enumerate(SECRET))
        line = line.replace(json.dumps(SECRET)[1:-1], escaped)
    print(line, flush=True)


def tell(method, params):
    say({"method": method, "params": params})


def call(message):
    params = message["params"]
    name, token = params["name"], params.get("_meta", {}).get("progressToken")
    half = len(SECRET) // 2
    if name == "crash":
        for form in forms():
            print(form, file=sys.stderr, flush=True)
        sys.exit(7)
    if name == "error":
        data = {form: [form] for form in forms()}
        return say({"id": message["id"], "error": {"code": -32000, "message": " ".join(forms()), "data": data}})
    if name == "tell":
        for form in forms():
            tell("notifications/message", {"level": "error", "data": form})
            tell("notifications/message", {"level": "error", "data": {"token": form}})
            if token is not None:
                tell("notifications/progress", {"progressToken": token, "progress": 1, "message": form})
        for part in (SECRET[:half], SECRET[half:]):
            tell("notifications/message", {"level": "error", "data": part})
    result = {
        "say": lambda: {**text(*forms()), "structuredContent": {form: form for form in forms()}},
        "split": lambda: text("before " + SECRET[:half], SECRET[half:half + 2], SECRET[half + 2:] + " after"),
        "mixed": lambda: text(SECRET),
        "fail": lambda: {**text(*forms()), "isError": True},
        "tell": lambda: text("told"),
        "heard": lambda: text(f"heard {len(SECRET)}"),
    }[name]()
    return say({"id": message["id"], "result": result}, mixed=name == "mixed")


def answer(message):
    method = message["method"]
    if method == "initialize":
        return {
            "protocolVersion": message["params"]["protocolVersion"],
            "capabilities": {"tools": {}, "logging": {}, "resources": {}, "prompts": {}},
            "serverInfo": {"name": "canary", "version": "1"},
            "instructions": " ".join(forms()),
        }
    if method == "tools/list":
        names = ["say", "split", "mixed", "fail", "tell", "heard", "error", "crash"]
        schema = {"type": "object", "description": SECRET}
        return {"tools": [{"name": name, "description": " ".join(forms()), "inputSchema": schema} for name in names]}
    if method == "resources/list":
        return {"resources": [{"uri": "canary://all", "name": SECRET}]}
    if method == "resources/read":
        return {"contents": [{"uri": "canary://all", "text": form} for form in forms()]}
    if method == "prompts/list":
        return {"prompts": [{"name": "all", "description": SECRET}]}
    if method == "prompts/get":
        return {"messages": [{"role": "user", "content": {"type": "text", "text": form}} for form in forms()]}
    return {} if method in ("ping", "logging/setLevel") else None


for line in sys.stdin:
    received = json.loads(line)
    if received.get("method") == "tools/call":
        call(received)
    elif "id" in received and "method" in received:
        result = answer(received)
        unknown = {"error": {"code": -32601, "message": "unknown"}}
        say({"id": received["id"], **(unknown if result is None else {"result": result})})
