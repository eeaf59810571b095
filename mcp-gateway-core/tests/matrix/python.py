"""One client of the matrix, by the official Python SDK, 2.x or 1.x.

`python.py SERVERS stdio COMMAND...` or `python.py SERVERS http URL`.

Prints one line of JSON for each feature of each server: `{server, feature, outcome}`, where the outcome is `ok`,
`skip: …` or what went wrong.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import anyio
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client
from pydantic import AnyUrl

try:  # 2.x
    import mcp_types as types
    from mcp import Client
    from mcp.client.streamable_http import streamable_http_client

    NEW = True
except ImportError:  # 1.x
    from mcp import types  # type: ignore[no-redef]
    from mcp.client.streamable_http import streamablehttp_client  # type: ignore[attr-defined]

    NEW = False

SECONDS = 10
LOG_LEVEL = "io.modelcontextprotocol/logLevel"
KIND, TARGET = sys.argv[2], sys.argv[3:]

Json = dict[str, Any]


class UnableError(Exception):
    """What the SDK cannot do."""


def check(holds: object, what: str) -> None:
    if not holds:
        raise AssertionError(what)


def snake(name: str) -> str:
    """A field's name as this SDK has it."""
    return re.sub(r"([A-Z])", lambda found: "_" + found[1].lower(), name) if NEW else name


class Peer:
    """A client that keeps what it is told, and answers questions with the label that they carry."""

    def __init__(self) -> None:
        self.logs: list[Any] = []
        self.asked: list[str] = []
        self.updated: list[str] = []
        self.changes = 0
        self.told = anyio.Event()
        self.modern = False
        self.client: Any = None

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Peer]:
        if KIND == "stdio":
            transport: Any = stdio_client(
                StdioServerParameters(command=TARGET[0], args=TARGET[1:], env=dict(os.environ)),
                errlog=open(os.devnull, "w"),  # noqa: SIM115
            )
        elif NEW:
            transport = streamable_http_client(TARGET[0])
        else:
            transport = streamablehttp_client(TARGET[0])
        handlers: Json = {
            "elicitation_callback": self.ask,
            "sampling_callback": self.sample,
            "list_roots_callback": self.roots,
            "logging_callback": self.log,
            "message_handler": self.message,
        }
        if NEW:
            async with Client(transport, log_level="info", **handlers) as self.client:
                self.modern = self.client.protocol_version == "2026-07-28"
                if not self.modern:
                    await self.client.set_logging_level("info")
                yield self
        else:
            async with transport as streams, ClientSession(streams[0], streams[1], **handlers) as self.client:
                await self.client.initialize()
                await self.client.set_logging_level("info")
                yield self

    def tell(self) -> None:
        self.told.set()
        self.told = anyio.Event()

    async def ask(self, context: Any, params: Any) -> Any:
        self.asked.append(params.message)
        schema = getattr(params, snake("requestedSchema"))
        return types.ElicitResult(action="accept", content=dict.fromkeys(schema["properties"], params.message))

    async def sample(self, context: Any, params: Any) -> Any:
        content = params.messages[0].content
        first = content[0] if isinstance(content, list) else content
        return types.CreateMessageResult(
            role="assistant", model="none", content=types.TextContent(type="text", text=f"model says {first.text}")
        )

    async def roots(self, context: Any) -> Any:
        return types.ListRootsResult(roots=[])

    async def log(self, params: Any) -> None:
        self.logs.append(params.data)
        self.tell()

    async def message(self, message: Any) -> None:
        notification = getattr(message, "root", message)
        method = getattr(notification, "method", "")
        if method == "notifications/resources/updated":
            self.updated.append(str(notification.params.uri))
        elif method == "notifications/tools/list_changed":
            self.changes += 1
        self.tell()

    async def until(self, holds: Callable[[], bool], what: str) -> None:
        """Waits until `holds` says so, looking again whenever something was told."""
        with within(what):
            while not holds():
                await self.told.wait()

    async def call(self, name: str, arguments: Json | None = None, progress: Any = None) -> Any:
        # Loops that call a tool until it says something must let other tasks run.
        await anyio.lowlevel.checkpoint()
        with within(name):
            return await self.client.call_tool(name, arguments or {}, progress_callback=progress)


class within:  # noqa: N801
    """A deadline that says what was late."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.scope = anyio.move_on_after(SECONDS)

    def __enter__(self) -> None:
        self.scope.__enter__()

    def __exit__(self, *exception: object) -> bool | None:
        ended = self.scope.__exit__(*exception)  # type: ignore[arg-type]
        if self.scope.cancelled_caught:
            raise TimeoutError(f"{self.what}: nothing came in {SECONDS} s")
        return ended


def said(result: Any) -> str:
    text = str(result.content[0].text)
    check(not getattr(result, snake("isError")), text)
    return text


labels = itertools.count(1)


def label() -> str:
    return f"{os.getpid()}-{next(labels)}"


async def listing(peer: Peer, server: str, other: Peer) -> None:
    tools = (await peer.client.list_tools()).tools
    check(any(tool.name == f"{server}__chat" for tool in tools), "the tool is not listed")
    prompts = (await peer.client.list_prompts()).prompts
    check(any(prompt.name == f"{server}__test_simple_prompt" for prompt in prompts), "the prompt is not listed")
    resources = (await peer.client.list_resources()).resources
    check(any(str(one.uri) == f"{server}://static-text" for one in resources), "the resource is not listed")
    templates = getattr(await peer.client.list_resource_templates(), snake("resourceTemplates"))
    uris = [str(getattr(template, snake("uriTemplate"))) for template in templates]
    check(any(uri.startswith(f"{server}://") for uri in uris), "the template is not listed")


async def call(peer: Peer, server: str, other: Peer) -> None:
    check("simple text" in said(await peer.call(f"{server}__test_simple_text")), "the text is another")
    check(len((await peer.call(f"{server}__test_multiple_content_types")).content) == 3, "content is missing")
    check(getattr(await peer.call(f"{server}__test_error_handling"), snake("isError")), "the error is none")


async def progress(peer: Peer, server: str, other: Peer) -> None:
    steps: list[float] = []

    async def heard(done: float, total: float | None, message: str | None) -> None:
        steps.append(done)

    await peer.call(f"{server}__test_tool_with_progress", progress=heard)
    check(steps == [0, 50, 100], f"progress was {steps}")


async def log(peer: Peer, server: str, other: Peer) -> None:
    peer.logs.clear()
    await peer.call(f"{server}__test_tool_with_logging")
    await peer.until(lambda: len(peer.logs) >= 3, "log lines")
    check(peer.logs[0] == "Tool execution started", f"the first line was {peer.logs[0]}")


async def ask(peer: Peer, server: str, other: Peer) -> None:
    mine = label()
    check(mine in said(await peer.call(f"{server}__test_elicitation", {"message": mine})), "the answer is another")


async def sample(peer: Peer, server: str, other: Peer) -> None:
    mine = label()
    answer = said(await peer.call(f"{server}__test_sampling", {"prompt": mine}))
    check(f"model says {mine}" in answer, "the answer is another")


async def cancel(peer: Peer, server: str, other: Peer) -> None:
    if not NEW:
        raise UnableError("the Python SDK 1.x does not tell the server that a call was given up")
    mine = label()
    with anyio.CancelScope() as scope:

        async def heard(done: float, total: float | None, message: str | None) -> None:
            scope.cancel()

        await peer.call(f"{server}__wait", {"label": mine, "seconds": 30}, heard)
    check(scope.cancelled_caught, "the call was answered")
    with within("the cancellation at the server"):
        while mine not in said(await peer.call(f"{server}__cancelled")):
            pass


async def watch(peer: Peer, server: str, other: Peer) -> None:
    uri = f"{server}://watched-resource"

    async def touched() -> None:
        peer.updated.clear()
        await peer.call(f"{server}__touch", {"uri": uri})
        await peer.until(lambda: uri in peer.updated, "the update")

    if peer.modern:
        async with peer.client.listen(resource_subscriptions=[uri]):
            await touched()
    else:
        await peer.client.subscribe_resource(uri if NEW else AnyUrl(uri))
        await touched()
        await peer.client.unsubscribe_resource(uri if NEW else AnyUrl(uri))


async def change(peer: Peer, server: str, other: Peer) -> None:
    async def listed() -> bool:
        fresh: Json = {"cache_mode": "refresh"} if NEW else {}
        return any(tool.name == f"{server}__test_extra_tool" for tool in (await peer.client.list_tools(**fresh)).tools)

    async def changed() -> None:
        # There and back: what a server offers is recorded, and the next process of it begins as this one did.
        for _ in range(2):
            before = await listed()
            peer.changes = 0
            await peer.call(f"{server}__test_trigger_tool_change")
            # A notification may also be of something that was changed before.
            differs = False
            while not differs:
                await peer.until(lambda: peer.changes > 0, "the notification")
                peer.changes = 0
                differs = await listed() != before

    if peer.modern:
        async with peer.client.listen(tools_list_changed=True):
            await changed()
    else:
        await changed()


async def complete(peer: Peer, server: str, other: Peer) -> None:
    ref = types.PromptReference(type="ref/prompt", name=f"{server}__test_prompt_with_arguments")
    values = (await peer.client.complete(ref, {"name": "arg1", "value": "par"})).completion.values
    check(values == ["paris", "park", "party"], f"completed to {values}")


async def prompt(peer: Peer, server: str, other: Peer) -> None:
    result = await peer.client.get_prompt(f"{server}__test_prompt_with_arguments", {"arg1": "a", "arg2": "b"})
    check("arg1='a', arg2='b'" in result.messages[0].content.text, "the text is another")


async def read(peer: Peer, server: str, other: Peer) -> None:
    async def text(uri: str) -> str:
        result = await peer.client.read_resource(uri if NEW else AnyUrl(uri))
        return str(result.contents[0].text)

    check("static text" in await text(f"{server}://static-text"), "the text is another")
    check(json.loads(await text(f"{server}://template/7/data"))["id"] == "7", "the template is not filled")


async def apart(peer: Peer, server: str, other: Peer) -> None:
    wrong: list[str] = []

    async def one_call(one: Peer, tool: str, own: str) -> None:
        async def heard(done: float, total: float | None, message: str | None) -> None:
            if message and re.fullmatch(r"\d+-\d+", message) and message != own:
                wrong.append(f"progress of {message}")

        arguments: Mapping[str, Any] = {"label": own} | ({"seconds": 0.1} if tool == "wait" else {})
        try:
            result = await one.call(f"{server}__{tool}", dict(arguments), heard)
        except Exception:  # whether it works at all is for the other features to say
            return
        strange = [found for found in re.findall(r"\d+-\d+", str(result.content[0].text)) if found != own]
        wrong.extend(f"answer of {found}" for found in strange)

    async def heard_by(one: Peer) -> None:
        mine = [label() for _ in range(5)]
        one.logs.clear()
        one.asked.clear()
        async with anyio.create_task_group() as calls:
            for own in mine:
                for tool in ("wait", "chat"):
                    calls.start_soon(one_call, one, tool, own)
        wrong.extend(f"told of {found}" for found in [*one.logs, *one.asked] if found not in mine)

    async with anyio.create_task_group() as both:
        both.start_soon(heard_by, peer)
        both.start_soon(heard_by, other)
    check(not wrong, ", ".join(wrong))


FEATURES: dict[str, Callable[[Peer, str, Peer], Awaitable[None]]] = {
    "list": listing,
    "call": call,
    "progress": progress,
    "log": log,
    "ask": ask,
    "sample": sample,
    "cancel": cancel,
    "watch": watch,
    "change": change,
    "complete": complete,
    "prompt": prompt,
    "read": read,
    "apart": apart,
}


async def main() -> None:
    async with Peer().connected() as peer, Peer().connected() as other:
        for server in sys.argv[1].split(","):
            for feature, run in FEATURES.items():
                try:
                    await run(peer, server, other)
                    outcome = "ok"
                except UnableError as why:
                    outcome = f"skip: {why}"
                except Exception as error:
                    outcome = str(error) or repr(error)
                print(json.dumps({"server": server, "feature": feature, "outcome": outcome}), flush=True)


if __name__ == "__main__":
    anyio.run(main)
