"""A client of the newest era answers what a server of the older one asks, which runs in a container behind the gateway.

    make demo-eras
    python examples/python/eras.py [GATEWAY]      GATEWAY is the program, `mcp-gateway` on the path without it

The client is the official Python SDK 2.x. It speaks 2026-07-28: no handshake, no session, every request stands alone,
and no server can send it a request. The server speaks 2025-11-25: it has a session, and in the middle of a call it
sends `elicitation/create` and waits. The SDK would carry the rounds by itself; here it is done by hand, to show them.
Without a container engine, or without the image that `make images` builds, it says so and ends.
"""

import asyncio
import json
import os
import re
import secrets
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult, ElicitRequest, ElicitResult, InputRequiredResult, InputResponses

CATALOG = Path(__file__).parents[1] / "catalog.yaml"
TOOL = "trigger-elicitation-request"
ANSWER: dict[str, str | int | float | bool | list[str] | None] = {"name": "Ada", "check": True, "integer": 42}
TIME = 120


@asynccontextmanager
async def gateway(program: str, home: str, token: str) -> AsyncIterator[str]:
    """Runs a gateway over HTTP whose only server is in a container; gives its address."""
    env = {**os.environ, "MCP_GATEWAY_HOME": home, "MCP_GATEWAY_AUTH_TOKEN": token}
    # This is about what the server asks, and not about whether the call needs a confirmation.
    allow = await asyncio.create_subprocess_exec(program, "policy", "default", "allow", env=env)
    assert await allow.wait() == 0
    server = ["--catalog", str(CATALOG), "--servers", "everything", "--runtime", "docker"]
    process = await asyncio.create_subprocess_exec(
        *[program, "gateway", "run", "--transport", "streaming", "--port", "0", *server],
        env=env,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr
    try:
        while line := (await asyncio.wait_for(process.stderr.readline(), TIME)).decode():
            if found := re.search(r"listening on (http:\S+)", line):
                yield found[1]
                break
        else:
            raise SystemExit("the gateway did not start")
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


async def recorded_version(home: str) -> str:
    """The version that the server speaks, which the gateway writes down beside what the server offers."""
    for _ in range(100):
        for path in Path(home).rglob("default.lock"):
            if found := json.loads(path.read_text())["servers"].get("everything", {}).get("protocol"):
                return str(found)
        # It is written a moment after it is known.
        await asyncio.sleep(0.1)
    raise SystemExit("the gateway has not recorded what the server speaks")


def answer(asked: InputRequiredResult) -> InputResponses:
    """Stands for the person at the client, who sees which server asks for what."""
    given: InputResponses = {}
    for key, question in (asked.input_requests or {}).items():
        assert isinstance(question, ElicitRequest)
        asking = (question.params.meta or {}).get("mcp-gateway/server")
        print(f"  the server `{asking}` asks under the key `{key}`: {question.params.message}")
        given[key] = ElicitResult(action="accept", content=ANSWER)
        print(f"  the answer: accept {json.dumps(ANSWER)}")
    return given


async def call(client: Client) -> CallToolResult:
    """Calls the tool, in as many requests as it takes."""
    given: InputResponses | None = None
    state: str | None = None
    for number in range(1, 11):
        print(f"\nround {number}: tools/call {TOOL}{' with the answers and the state' if given else ''}")
        result = await client.session.call_tool(
            TOOL, {}, input_responses=given, request_state=state, allow_input_required=True
        )
        if isinstance(result, CallToolResult):
            return result
        state = result.request_state
        print(f"  {result.result_type}, state {state[:24] if state else None}…, {len(state or '')} characters")
        given = answer(result)
    raise SystemExit("the server asks without end")


async def never(context: Any, params: Any) -> ElicitResult:
    """Is there because a client declares by it that it can be asked; the rounds are carried by `call`."""
    raise NotImplementedError


async def main(program: str, home: str) -> None:
    """Connects, and calls a tool that asks."""
    token = secrets.token_urlsafe(32)
    async with (
        gateway(program, home, token) as url,
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=TIME) as http,
        Client(streamable_http_client(url, http_client=http), elicitation_callback=never) as client,
    ):
        listed = await client.list_tools()
        for server in (listed.meta or {}).get("mcp-gateway/unavailable", []):
            print(f"skipped: `{server['server']}` cannot be started here: {server['reason']}")
            return
        print(f"client:  speaks {client.protocol_version}, over HTTP, each request for itself")
        print(f"server:  speaks {await recorded_version(home)}, in a container, in a session")
        result = await call(client)
        print("  complete\n\nresult:")
        text = "\n".join(getattr(block, "text", block.type) for block in result.content)
        print(text)
        if result.is_error or "Name: Ada" not in text:
            raise SystemExit("the answer has not reached the server")


with tempfile.TemporaryDirectory() as home:
    asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "mcp-gateway", home))
