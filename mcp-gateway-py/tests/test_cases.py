"""The cases that run in every language; see mcp-gateway-core/tests/cases."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from conftest import CASES

from mcp_gateway import (
    ClientContext,
    Elicitation,
    Event,
    Gateway,
    GatewayError,
    Progress,
    Root,
    Sampling,
    ToolResult,
)
from mcp_gateway.client import accept
from mcp_gateway.options import OpenArguments

PATIENCE = 20.0

CASE_LIST: list[dict[str, Any]] = json.loads((CASES / "cases.json").read_text())


class Host:
    """An object of the host in any role, whose every method behaves in one way."""

    def __init__(self, behaviour: str, is_async: bool) -> None:
        self.behaviour = behaviour
        self.is_async = is_async

    def _act(self, filled: Any) -> Any:
        match self.behaviour:
            case "fill":
                return filled
            case "allow" | "deny":
                return self.behaviour
            case "grant" | "refuse":
                return self.behaviour == "grant"
            case "token":
                return "token-of-the-host-4711"
            case "nonsense":
                return {"maybe": [1, 2]}
            case "raise":
                raise RuntimeError("the host does not want to")
        raise AssertionError(self.behaviour)

    def _answer(self, filled: Any = None) -> Any:
        return self._later(filled) if self.is_async else self._now(filled)

    async def _later(self, filled: Any) -> Any:
        await asyncio.sleep(3600 if self.behaviour == "hang" else 0)
        return self._act(filled)

    def _now(self, filled: Any) -> Any:
        if self.behaviour == "hang":
            # Longer than the gateway waits, and no longer than the test runner would.
            time.sleep(2)
            return None
        return self._act(filled)

    def decide(self, *_: object) -> Any:
        return self._answer()

    def approve(self, *_: object) -> Any:
        return self._answer()

    def get(self, *_: object) -> Any:
        return self._answer()

    def elicit(self, context: ClientContext, request: Elicitation) -> Any:
        assert request.message == ("Sign in?" if request.mode == "url" else "Who are you?")
        return self._answer(accept(name=context.server) if "name" in request.fields else accept())

    def sample(self, _: ClientContext, request: Sampling) -> Any:
        assert request.messages[0]["content"]["text"] == "Tell me a story."
        return self._answer("Once upon a time.")

    def roots(self, _: ClientContext) -> Any:
        return self._answer([Root.of("/work"), "file:///play"])


@pytest.mark.parametrize("case", CASE_LIST, ids=[case["name"] for case in CASE_LIST])
@pytest.mark.parametrize("is_async", [True, False], ids=["async host", "plain host"])
def test_case(case: dict[str, Any], is_async: bool, options: OpenArguments) -> None:
    hosts: dict[str, str] = case.get("hosts", {})
    if not is_async and not hosts:
        # Only objects of the host differ.
        return
    profile = {
        "name": "cases",
        "servers": {"cases": {}},
        # Where a case says nothing, it is about something else.
        "policy": {"default": "allow", **case.get("policy", {})},
        "approval": case.get("approval", {}),
        "surfaces": case.get("surfaces", {}),
        "quotas": case.get("quotas", []),
        "redaction": case.get("redaction", {}),
    }
    objects = {role: Host(behaviour, is_async) for role, behaviour in hosts.items()}
    arguments: Any = {**options, **objects, **case.get("options", {})}
    asyncio.run(run(profile, arguments, case["steps"]))


async def run(profile: dict[str, Any], arguments: OpenArguments, steps: list[dict[str, Any]]) -> None:
    async with Gateway.open(profile, **arguments) as gateway:
        seen: list[Event] = []
        gateway.listen(seen.append)
        for step in steps:
            await asyncio.wait_for(carry_out(gateway, step, seen), PATIENCE)


async def carry_out(gateway: Gateway, step: dict[str, Any], seen: list[Event]) -> None:
    arguments = step.get("arguments", {})
    match next(iter(step)):
        case "call":
            check(step, await outcome(gateway.call_tool(step["call"], arguments, timeout=step.get("timeout"))))
        case "cancel":
            call = asyncio.ensure_future(gateway.call_tool(step["cancel"], arguments))
            await until(lambda: is_logged(seen, "asleep"))
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
        case "until":

            async def holds() -> bool:
                return bool((await gateway.call_tool(step["until"], arguments)).text == step["text"])

            await until(holds)
        case "progress":
            heard: list[Progress] = []
            await gateway.call_tool(step["progress"], arguments, on_progress=heard.append)
            await until(lambda: [progress.progress for progress in heard] == step["steps"])
        case "tools":

            async def listed() -> bool:
                names = {tool.name for tool in await gateway.list_tools()}
                return set(step["includes"]) <= names and not set(step.get("excludes", ())) & names

            await until(listed)
        case "prompt":
            prompt = await gateway.get_prompt(step["prompt"], arguments)
            assert prompt.messages[0]["content"]["text"] == step["text"]
        case "resource":
            check(step, await outcome(read(gateway, step["resource"])))
        case "complete":
            reference = {"type": "ref/prompt", "name": step["complete"]}
            assert await gateway.complete(reference, step["argument"], step["value"]) == [step["text"]]
        case "subscribe":
            await gateway.subscribe(step["subscribe"])
        case "event":
            wanted = [step["event"], step.get("server"), step.get("data")]
            await until(lambda: any(told(event, step) == wanted for event in seen))
        case "unheard":
            assert not is_logged(seen, step["unheard"])
        case "log_level":
            await gateway.set_log_level(step["log_level"])
        case "roots_changed":
            await gateway.roots_changed()
        case "add":
            check(step, await outcome(gateway.add_server(step["add"])))
        case "remove":
            check(step, await outcome(gateway.remove_server(step["remove"])))
        case "servers":
            assert [server.name for server in await gateway.servers()] == step["names"]
        case "stats":
            running = next(running for running in await gateway.stats() if running["server"] == step["stats"])
            assert running["lastPrincipal"] == step["by"]
            assert {"cpuPercent", "memoryBytes", "lastUsed"} <= running.keys()
        case "find":
            assert [match.name for match in await gateway.find(step["find"])] == step["names"]
        case "audit":
            # A call that was cancelled is recorded once its end is known.
            async def recorded() -> bool:
                records = await gateway.audit(name=step["audit"])
                return bool([record.event["outcome"] for record in records] == step["outcomes"])

            await until(recorded)
        case "present":
            assert (await gateway.present_tools("openai-chat")).api_name_of("notes.read/first line") == step["name"]
        case other:
            raise AssertionError(f"no such step: {other}")


async def read(gateway: Gateway, uri: str) -> ToolResult:
    return ToolResult({"content": [{"type": "text", **(await gateway.read_resource(uri))[0]}]})


async def outcome(work: Awaitable[Any]) -> Any:
    try:
        return await work
    except GatewayError as error:
        return error


def check(step: dict[str, Any], result: Any) -> None:
    error = result.kind if isinstance(result, GatewayError) else None
    assert error == step.get("error"), result
    if error is None and result is not None:
        assert result.is_error is step.get("is_error", False)
        assert "text" not in step or result.text == step["text"]
        assert "length" not in step or len(result.text) == step["length"]
        assert "structured" not in step or result.structured_content == step["structured"]
        assert "excludes_text" not in step or step["excludes_text"] not in json.dumps(result.raw)


def told(event: Event, step: dict[str, Any]) -> list[Any]:
    """Returns of an event what the step is about."""
    server = event.server if "server" in step else None
    return [event.type, server, event.params.get("data") if "data" in step else None]


def is_logged(seen: list[Event], text: str) -> bool:
    return any(event.type == "log" and event.params["data"] == text for event in seen)


async def until(condition: Callable[[], bool | Awaitable[bool]]) -> None:
    """Waits for a condition; the bound on it is the step's."""
    while True:
        holds = condition()
        if await holds if isinstance(holds, Awaitable) else holds:
            return
        await asyncio.sleep(0.005)
