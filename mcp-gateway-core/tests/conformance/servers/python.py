"""The offer, served by the Python SDK 2.x in both eras: `python.py stdio|http`.

With `OFFER_SCHEME` resources have that scheme, so that several of these servers can stand beside each other.
"""

from __future__ import annotations

import json
import os
import re
import socket
import sys
import threading
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import anyio
import mcp_types as types
import tasks
import uvicorn
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import NotificationOptions, Server
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.server.session import ServerSession
from mcp.server.stdio import stdio_server
from mcp.server.streamable_http import EventCallback, EventMessage, EventStore
from mcp.server.subscriptions import (
    InMemorySubscriptionBus,
    ListenHandler,
    PromptsListChanged,
    ResourceUpdated,
    ToolsListChanged,
)
from mcp.shared.exceptions import MCPError
from mcp.shared.message import ServerMessageMetadata

Context = ServerRequestContext[Any, Any]
Json = dict[str, Any]
Done = Callable[[str], Json]

SCHEME = os.environ.get("OFFER_SCHEME", "test")
OFFER: Json = json.loads((Path(__file__).parent / "offer.json").read_text().replace("test://", f"{SCHEME}://"))
MODERN = "2026-07-28"
KIND = {"elicitation/create": "elicitation", "sampling/createMessage": "sampling", "roots/list": "roots"}

bus = InMemorySubscriptionBus()
extra = {"tools": False, "prompts": False}
cancelled: list[str] = []
sessions: dict[int, ServerSession] = {}
watching: dict[str, set[int]] = {}


# What results of the stateless era must have; the SDK takes it out for the session era.
COMPLETE: Json = {"resultType": "complete"}
LISTED: Json = COMPLETE | {"ttlMs": 0, "cacheScope": "private"}


def text(words: str) -> Json:
    return COMPLETE | {"content": [{"type": "text", "text": words}]}


def message(words: str) -> Json:
    return COMPLETE | {"messages": [{"role": "user", "content": {"type": "text", "text": words}}]}


def fill(value: Any, args: Mapping[str, Any] | None) -> Any:
    """A copy of `value` with `{name}` in its texts replaced by the argument of that name."""
    if isinstance(value, str):
        return re.sub(r"\{(\w+)\}", lambda found: str((args or {}).get(found[1], found[0])), value)
    if isinstance(value, list):
        return [fill(part, args) for part in value]
    if isinstance(value, dict):
        return {key: fill(part, args) for key, part in value.items()}
    return value


def tools() -> list[Json]:
    return [*OFFER["tools"], *tasks.TOOLS, *([OFFER["extraTool"]] if extra["tools"] else [])]


def prompts() -> list[Json]:
    return [*OFFER["prompts"], *([OFFER["extraPrompt"]] if extra["prompts"] else [])]


def know(ctx: Context) -> None:
    """Remembers a session, to tell it of changes. In the stateless era the bus does that."""
    if ctx.protocol_version != MODERN:
        sessions[id(ctx.session)] = ctx.session


async def send(ctx: Context, request: Json) -> Json:
    """Sends one question of the session era and waits for the answer."""
    kinds: dict[str, tuple[Any, Any]] = {
        "elicitation/create": (types.ElicitRequest, types.ElicitResult),
        "sampling/createMessage": (types.CreateMessageRequest, types.CreateMessageResult),
        "roots/list": (types.ListRootsRequest, types.ListRootsResult),
    }
    request_type, result_type = kinds[request["method"]]
    result = await ctx.session.send_request(
        request_type.model_validate(request),
        result_type,
        metadata=ServerMessageMetadata(related_request_id=ctx.request_id),
    )
    answer: Json = result.model_dump(by_alias=True, mode="json", exclude_none=True)
    return answer


async def ask(
    ctx: Context,
    spec: Json,
    args: Mapping[str, Any] | None,
    given: Mapping[str, Any] | None,
    state: str | None,
    done: Done,
) -> Json:
    """Asks round after round; `done` makes the result of the answers."""
    declared = ctx.session.client_capabilities
    able: Json = declared.model_dump(by_alias=True, exclude_none=True) if declared else {}
    kept: Json = json.loads(state) if state else {"round": 0, "answers": {}}

    def questions() -> Json:
        asked: Json = fill(spec["rounds"][kept["round"]], args)
        if spec.get("fit"):
            return {key: question for key, question in asked.items() if KIND[question["method"]] in able}
        return asked

    wanted = questions()
    while True:
        missing: Json = {
            KIND[question["method"]]: {} for question in wanted.values() if KIND[question["method"]] not in able
        }
        if missing:
            raise MCPError(
                types.MISSING_REQUIRED_CLIENT_CAPABILITY, "the client cannot answer", {"requiredCapabilities": missing}
            )
        if ctx.protocol_version != MODERN:
            given = {key: await send(ctx, question) for key, question in wanted.items()}
        if not given or any(key not in given for key in wanted):
            break
        kept["answers"] |= {key: given[key] for key in wanted}
        kept["round"] += 1
        if kept["round"] == len(spec["rounds"]):
            return done(f"{spec['says']} {json.dumps(kept['answers'])}")
        given = None
        wanted = questions()
    result: Json = {"resultType": "input_required", "inputRequests": wanted}
    return result | ({"requestState": json.dumps(kept)} if spec.get("state") else {})


async def log(ctx: Context, line: str) -> None:
    await ctx.session.send_log_message("info", line, related_request_id=ctx.request_id)


async def logging(ctx: Context, args: Json) -> Json:
    for line in ("Tool execution started", "Tool processing data", "Tool execution completed"):
        await log(ctx, line)
        await anyio.sleep(0.05)
    return text("logged")


async def progress(ctx: Context, args: Json) -> Json:
    for done in (0, 50, 100):
        await ctx.session.report_progress(done, 100)
        await anyio.sleep(0.05)
    return text("done")


async def reconnection(ctx: Context, args: Json) -> Json:
    if ctx.close_sse_stream:
        await ctx.close_sse_stream()
    await anyio.sleep(0.1)
    return text("reconnected")


async def tell(notify: Callable[[ServerSession], Awaitable[None]], only: set[int] | None = None) -> None:
    for key, session in list(sessions.items()):
        if only is None or key in only:
            try:
                await notify(session)
            except (anyio.ClosedResourceError, anyio.BrokenResourceError):
                del sessions[key]


async def tool_change(ctx: Context, args: Json) -> Json:
    extra["tools"] = not extra["tools"]
    await bus.publish(ToolsListChanged())
    await tell(ServerSession.send_tool_list_changed)
    return text("changed")


async def prompt_change(ctx: Context, args: Json) -> Json:
    extra["prompts"] = not extra["prompts"]
    await bus.publish(PromptsListChanged())
    await tell(ServerSession.send_prompt_list_changed)
    return text("changed")


async def touch(ctx: Context, args: Json) -> Json:
    await bus.publish(ResourceUpdated(args["uri"]))
    await tell(lambda session: session.send_resource_updated(args["uri"]), watching.get(args["uri"], set()))
    return text("touched")


async def wait(ctx: Context, args: Json) -> Json:
    await ctx.session.report_progress(1, 2, args["label"])
    try:
        await anyio.sleep(args["seconds"])
    except anyio.get_cancelled_exc_class():
        cancelled.append(args["label"])
        raise
    return text(f"waited: {args['label']}")


async def labels(ctx: Context, args: Json) -> Json:
    return text(json.dumps(cancelled))


SPECIAL: dict[str, Callable[[Context, Json], Awaitable[Json]]] = {
    "test_tool_with_logging": logging,
    "test_logging_tool": logging,
    "test_tool_with_progress": progress,
    "test_reconnection": reconnection,
    "test_trigger_tool_change": tool_change,
    "test_trigger_prompt_change": prompt_change,
    "touch": touch,
    "wait": wait,
    "cancelled": labels,
}


async def call_tool(ctx: Context, params: types.CallToolRequestParams) -> Any:
    know(ctx)
    args = params.arguments or {}
    if all(tool["name"] != params.name for tool in tools()):
        raise MCPError(types.INVALID_PARAMS, f"no tool {params.name}")
    if params.name in SPECIAL:
        return await SPECIAL[params.name](ctx, args)
    if params.name == "test_tool_with_task":
        tasks.require(ctx)
        return await ask(ctx, tasks.ASKS, args, dump(params.input_responses), params.request_state, tasks.greeting)
    if any(tool["name"] == params.name for tool in tasks.TOOLS):
        return await tasks.call(ctx, params.name, args)
    if params.name == "chat":
        await ctx.session.report_progress(2 if params.input_responses else 1, 2, args["label"])
        await log(ctx, args["label"])
        await anyio.sleep(0.02)
    if spec := OFFER["asks"].get(params.name):
        return await ask(ctx, spec, args, dump(params.input_responses), params.request_state, text)
    return COMPLETE | OFFER["results"][params.name]


async def get_prompt(ctx: Context, params: types.GetPromptRequestParams) -> Any:
    if spec := OFFER["asks"].get(params.name):
        return await ask(ctx, spec, params.arguments, dump(params.input_responses), params.request_state, message)
    if all(prompt["name"] != params.name for prompt in prompts()):
        raise MCPError(types.INVALID_PARAMS, f"no prompt {params.name}")
    return COMPLETE | {"messages": fill(OFFER["messages"][params.name], params.arguments)}


def dump(responses: Mapping[str, Any] | None) -> Json | None:
    if responses is None:
        return None
    return {key: answer.model_dump(by_alias=True, mode="json", exclude_none=True) for key, answer in responses.items()}


async def read_resource(ctx: Context, params: types.ReadResourceRequestParams) -> Any:
    uri = str(params.uri)
    if known := OFFER["contents"].get(uri):
        return LISTED | {"contents": [{"uri": uri, **known}]}
    if found := re.fullmatch(rf"{SCHEME}://template/(.+)/data", uri):
        data = {"id": found[1], "templateTest": True, "data": f"Data for ID: {found[1]}"}
        return LISTED | {"contents": [{"uri": uri, "mimeType": "application/json", "text": json.dumps(data)}]}
    raise MCPError(types.INVALID_PARAMS, "Resource not found", {"uri": uri})


async def complete(ctx: Context, params: types.CompleteRequestParams) -> Any:
    values = [word for word in OFFER["completions"] if word.startswith(params.argument.value)]
    return COMPLETE | {"completion": {"values": values, "total": len(values), "hasMore": False}}


async def subscribe(ctx: Context, params: types.SubscribeRequestParams) -> Any:
    know(ctx)
    watching.setdefault(str(params.uri), set()).add(id(ctx.session))
    return {}


async def unsubscribe(ctx: Context, params: types.UnsubscribeRequestParams) -> Any:
    watching.get(str(params.uri), set()).discard(id(ctx.session))
    return {}


def listing(key: str, items: Callable[[], list[Json]]) -> Callable[[Context, Any], Awaitable[Any]]:
    async def listed(ctx: Context, params: Any) -> Any:
        know(ctx)
        return LISTED | {key: items()}

    return listed


async def set_level(ctx: Context, params: types.SetLevelRequestParams) -> Any:
    return {}


class Events(EventStore):
    """The events of a stream, for clients that come back for the rest of it."""

    def __init__(self) -> None:
        self.all: list[tuple[str, Any]] = []

    async def store_event(self, stream_id: str, message: Any) -> str:
        self.all.append((stream_id, message))
        return str(len(self.all))

    async def replay_events_after(self, last_event_id: str, send_callback: EventCallback) -> str | None:
        stream = self.all[int(last_event_id) - 1][0]
        for number, (other, event) in enumerate(self.all[int(last_event_id) :], int(last_event_id) + 1):
            if other == stream and event is not None:
                await send_callback(EventMessage(event, str(number)))
        return stream


def create() -> Server[Any]:
    schemas = {tool["name"]: tool["inputSchema"] for tool in [*tools(), OFFER["extraTool"]]}
    server: Server[Any] = Server(
        "offer-python",
        version="1.0.0",
        get_tool_input_schema=schemas.get,
        on_list_tools=listing("tools", tools),
        on_call_tool=call_tool,
        on_list_prompts=listing("prompts", prompts),
        on_get_prompt=get_prompt,
        on_list_resources=listing("resources", lambda: OFFER["resources"]),
        on_list_resource_templates=listing("resourceTemplates", lambda: OFFER["templates"]),
        on_read_resource=read_resource,
        on_completion=complete,
        on_subscribe_resource=subscribe,
        on_unsubscribe_resource=unsubscribe,
        on_subscriptions_listen=ListenHandler(bus),
        on_set_logging_level=set_level,
    )
    tasks.add_to(server)
    server.middleware.append(RequestStateBoundary(RequestStateSecurity.ephemeral(), default_audience="offer-python"))
    return server


async def over_stdio() -> None:
    server = create()
    changes = NotificationOptions(prompts_changed=True, resources_changed=True, tools_changed=True)
    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options(changes))


def over_http() -> None:
    app = create().streamable_http_app(event_store=Events(), retry_interval=100)
    listener = socket.create_server(("127.0.0.1", int(os.environ.get("PORT", "0"))))
    print(f"http://127.0.0.1:{listener.getsockname()[1]}/mcp", flush=True)
    # Ends with standard input.
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    uvicorn.Server(uvicorn.Config(app, log_level="warning")).run(sockets=[listener])


if __name__ == "__main__":
    if sys.argv[1] == "http":
        over_http()
    else:
        anyio.run(over_stdio)
