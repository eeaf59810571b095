"""The server of the cases that run in every language: a little of each feature, with nothing but the standard library."""

import itertools
import json
import os
import queue
import sys
import threading

ODD = "notes.read/first line"


def tool(name, **properties):
    schema = {"type": "object", "properties": {key: {"type": kind} for key, kind in properties.items()}}
    return {"name": name, "description": f"The tool {name}", "inputSchema": schema}


TOOLS = [
    tool("echo", text="string"),
    tool("add", a="number", b="number"),
    tool("fail"),
    tool(ODD, text="string"),
    tool("sleep", seconds="number"),
    tool("cancelled"),
    tool("steps", count="integer"),
    tool("say", level="string", text="string"),
    tool("grow"),
    tool("large", bytes="integer"),
    tool("secret"),
    tool("leak"),
    tool("crash"),
    tool("touch"),
    tool("shape"),
    tool("birth"),
    tool("ask", url="string"),
    tool("write"),
    tool("where"),
    tool("moved"),
]
PROMPT = {"name": "greet", "arguments": [{"name": "who", "required": True}]}
RESOURCE = {"uri": "note://first", "name": "first", "mimeType": "text/plain"}
TEMPLATE = {"uriTemplate": "note://{name}", "name": "note"}

FORM = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}

# The tools that ask the client for something, and wait for the answer.
ASKING = {"ask", "write", "where"}

# Which of several this is: in a sandbox all have the same process id.
BIRTH = os.urandom(8).hex()

writing = threading.Lock()
running = {}
cancelled = []
questions = itertools.count()
answers = {}
moved = []


def send(message):
    with writing:
        print(json.dumps({"jsonrpc": "2.0", **message}), flush=True)


def notify(method, **params):
    send({"method": method, "params": params})


def ask(method, **params):
    """Asks the client and returns its result; none for an error."""
    answered = queue.Queue(1)
    identity = f"q{next(questions)}"
    answers[identity] = answered
    send({"id": identity, "method": method, "params": params})
    return answered.get().get("result")


def text(value):
    return {"content": [{"type": "text", "text": str(value)}]}


def call(identity, params):
    name, arguments = params["name"], params.get("arguments") or {}
    if name == "echo":
        return text(arguments["text"])
    if name == ODD:
        return text(arguments.get("text", ""))
    if name == "add":
        return text(arguments["a"] + arguments["b"])
    if name == "fail":
        return {**text("it did not work"), "isError": True}
    if name == "sleep":
        ended = running.setdefault(identity, threading.Event())
        notify("notifications/message", level="debug", data="asleep")
        return None if ended.wait(arguments.get("seconds", 60)) else text("awake")
    if name == "cancelled":
        return text(len(cancelled))
    if name == "steps":
        token = (params.get("_meta") or {}).get("progressToken")
        for step in range(1, arguments["count"] + 1):
            if token is not None:
                notify("notifications/progress", progressToken=token, progress=step, total=arguments["count"])
        return text(arguments["count"])
    if name == "say":
        notify("notifications/message", level=arguments["level"], logger="cases", data=arguments["text"])
        return text("said")
    if name == "grow":
        TOOLS.append(tool("grown"))
        notify("notifications/tools/list_changed")
        return text("grown")
    if name == "large":
        return text("x" * arguments["bytes"])
    if name == "secret":
        return text(len(os.environ.get("CASES_TOKEN", "")))
    if name == "leak":
        return text(os.environ.get("CASES_TOKEN", "nothing"))
    if name == "crash":
        os._exit(3)
    if name == "touch":
        notify("notifications/resources/updated", uri=RESOURCE["uri"])
        return text("touched")
    if name == "shape":
        return {"content": [], "structuredContent": {"sides": 3}}
    if name == "birth":
        return text(BIRTH)
    if name == "moved":
        return text(len(moved))
    if name == "ask" and "url" in arguments:
        asked = ask("elicitation/create", mode="url", message="Sign in?", url=arguments["url"], elicitationId="1")
        return text(asked["action"]) if asked else no_answer()
    if name == "ask":
        asked = ask("elicitation/create", message="Who are you?", requestedSchema=FORM)
        return text(" ".join([asked["action"], *(asked.get("content") or {}).values()])) if asked else no_answer()
    if name == "write":
        messages = [{"role": "user", "content": {"type": "text", "text": "Tell me a story."}}]
        written = ask("sampling/createMessage", messages=messages, maxTokens=100)
        return text(f"{written['model']}: {written['content']['text']}") if written else no_answer()
    if name == "where":
        listed = ask("roots/list")
        return text(" ".join(root["uri"] for root in listed["roots"])) if listed else no_answer()
    raise LookupError(name)


def no_answer():
    return {**text("no answer"), "isError": True}


def answer(identity, method, params):
    if method == "initialize":
        capabilities = {
            "tools": {"listChanged": True},
            "prompts": {},
            "resources": {"subscribe": True},
            "completions": {},
            "logging": {},
        }
        info = {"name": "cases", "version": "1"}
        return {"protocolVersion": params["protocolVersion"], "capabilities": capabilities, "serverInfo": info}
    if method == "tools/list":
        return {"tools": TOOLS}
    if method == "tools/call":
        return call(identity, params)
    if method == "prompts/list":
        return {"prompts": [PROMPT]}
    if method == "prompts/get":
        who = params["arguments"]["who"]
        return {"messages": [{"role": "user", "content": {"type": "text", "text": f"Greet {who}."}}]}
    if method == "resources/list":
        return {"resources": [RESOURCE]}
    if method == "resources/templates/list":
        return {"resourceTemplates": [TEMPLATE]}
    if method == "resources/read":
        return {"contents": [{"uri": params["uri"], "text": f"the note {params['uri']}"}]}
    if method == "completion/complete":
        return {"completion": {"values": [params["argument"]["value"] + "da"]}}
    if method in ("ping", "resources/subscribe", "resources/unsubscribe", "logging/setLevel"):
        return {}
    raise LookupError(method)


def handle(identity, method, params):
    try:
        result = answer(identity, method, params)
    except Exception as error:
        send({"id": identity, "error": {"code": -32602, "message": repr(error), "data": {"seen": method}}})
        return
    running.pop(identity, None)
    if result is not None:
        send({"id": identity, "result": result})


for line in sys.stdin:
    message = json.loads(line)
    if message.get("method") == "notifications/cancelled":
        cancelled.append(message["params"]["requestId"])
        running.setdefault(cancelled[-1], threading.Event()).set()
    elif message.get("method") == "notifications/roots/list_changed":
        moved.append(message)
    elif message.get("id") in answers and "method" not in message:
        answers.pop(message["id"]).put(message)
    elif "id" in message and "method" in message:
        work = (message["id"], message["method"], message.get("params") or {})
        if work[2].get("name") in {"sleep", *ASKING}:
            threading.Thread(target=handle, args=work, daemon=True).start()
        else:
            # Not all in threads: a sandbox lets nobody have a thousand.
            handle(*work)
