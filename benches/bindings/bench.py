"""The Python part of the benchmark of the bindings: one call by the ways that a Python program has.

    python bench.py GATEWAY_BINARY AWKWARD_SERVER_BINARY

Run it by `.ci/bench-bindings`; see `docs/benchmarks.md`. Each line of its input asks for a round of calls and is
answered by a line once the round is over; the end of the input is answered by one line of JSON per figure.
"""

import asyncio
import contextlib
import inspect
import itertools
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import mcp
from agents.mcp import MCPServerStdio, MCPServerStdioParams
from mcp.client.stdio import stdio_client

from mcp_gateway import Gateway, blocking
from mcp_gateway.adapters import langchain, openai_agents


class Call(NamedTuple):
    """A call, how much it gives, and how often it is made in a round; the same in `embed.rs` and `bench.mjs`."""

    tool: str
    arguments: dict[str, Any]
    size: int
    repeat: int


CALLS = (Call("echo", {"text": "0123456789abcdef"}, 16, 100), Call("big", {"bytes": 1_000_000}, 1_000_000, 20))

WARM = 500
"""Calls before those of a round."""

Way = Callable[[str, dict[str, Any]], Any]
"""Makes a call by the tool's name and its arguments; most ways are awaited."""


async def main(program: str, server: str) -> None:
    """Opens the ways and makes rounds of calls by each of them."""
    async with contextlib.AsyncExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="mcp-gateway-bench-")))
        ways = await open_ways(stack, program, server, home)
        figures: list[tuple[str, Call, list[list[int]]]] = [(name, call, []) for call in CALLS for name in ways]
        for line in sys.stdin:
            # The others had their turns meanwhile: caches and the processor's clock are warmed first.
            await measure(next(iter(ways.values())), CALLS[0], WARM)
            for name, call, rounds in figures:
                # Half as many before them, unmeasured.
                await measure(ways[name], call, call.repeat // 2)
                rounds.append(await measure(ways[name], call, call.repeat))
            print(line, end="", flush=True)
    for name, call, rounds in figures:
        times = list(itertools.chain(*rounds))
        figure = {"language": "Python", "way": name, "bytes": call.size}
        figure |= {"p50_us": micros(times, 50), "p99_us": micros(times, 99)}
        print(json.dumps({**figure, "rounds_p50_us": [micros(times, 50) for times in rounds]}))


async def open_ways(stack: contextlib.AsyncExitStack, program: str, server: str, home: Path) -> dict[str, Way]:
    """Opens gateways of one home in this process and in child processes, with the same profile and catalog."""
    profile = {"name": "bench", "servers": {"awkward": {}}, "policy": {"default": "allow"}}
    catalog = {"registry": {"awkward": {"title": "Awkward", "type": "server", "process": {"command": server}}}}
    gateway = await stack.enter_async_context(
        Gateway.open(profile, home=home, catalogs=[catalog], runtimes=["process"])
    )
    waiting = stack.enter_context(blocking.Gateway.open(profile, home=home, catalogs=[catalog], runtimes=["process"]))
    child = child_of(program, home, catalog)
    inside = await stack.enter_async_context(mcp.Client(gateway.transport()))
    outside = await stack.enter_async_context(mcp.Client(stdio_client(mcp.StdioServerParameters(**child))))
    agents = openai_agents.server(gateway)
    agents_child = await stack.enter_async_context(MCPServerStdio(child, client_session_timeout_seconds=30))
    await agents.list_tools()
    tools = {tool.name: tool for tool in await langchain.tools(gateway)}
    return {
        "`await gateway.call_tool`": gateway.call_tool,
        "`await gateway.call_tool_raw`": gateway.call_tool_raw,
        "`gateway.call_tool` of `mcp_gateway.blocking`": waiting.call_tool,
        "LangChain's `tool.ainvoke`": lambda tool, given: tools[tool].ainvoke(given),
        "official SDK, `gateway.transport()`": inside.call_tool,
        "official SDK, child process": outside.call_tool,
        "OpenAI Agents SDK, adapter": agents.call_tool,
        "OpenAI Agents SDK, child process": agents_child.call_tool,
    }


def child_of(program: str, home: Path, catalog: dict[str, Any]) -> MCPServerStdioParams:
    """Puts the profile into the home's files, and returns how to start a gateway that serves it."""
    file = home / "catalog.yaml"
    # JSON is YAML too.
    file.write_text(json.dumps({"version": 3, "name": "bench", "displayName": "Bench", **catalog}))
    env = {"MCP_GATEWAY_HOME": str(home)}
    create = ["profile", "create", "bench", "--servers", "awkward", "--catalog", str(file)]
    for arguments in (create, ["policy", "default", "allow", "--profile", "bench"]):
        subprocess.run([program, *arguments], env=env, check=True, stdout=sys.stderr)
    run = ["gateway", "run", "--profile", "bench", "--catalog", str(file)]
    return {"command": program, "args": run, "env": env}


def micros(times: list[int], percent: int) -> float:
    """Returns the time that so many percent of the calls did not exceed."""
    return sorted(times)[len(times) * percent // 100] / 1_000


async def measure(way: Way, call: Call, count: int) -> list[int]:
    """Makes so many calls one after the other and returns how many nanoseconds each of them took."""
    answer = way(call.tool, call.arguments)
    is_awaited = inspect.isawaitable(answer)
    shown = str(await answer if is_awaited else answer)
    # An answer that says an error is short.
    assert len(shown) >= call.size, shown
    times = []
    for _ in range(count):
        begun = time.perf_counter_ns()
        if is_awaited:
            await way(call.tool, call.arguments)
        else:
            way(call.tool, call.arguments)
        times.append(time.perf_counter_ns() - begun)
    return times


if len(sys.argv) != 3:
    sys.exit("usage: bench.py GATEWAY_BINARY AWKWARD_SERVER_BINARY (or simply: .ci/bench-bindings)")
asyncio.run(main(*sys.argv[1:]))
