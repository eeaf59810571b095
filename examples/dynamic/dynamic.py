"""An agent that begins with nothing: it finds a server, adds it with the operator's consent, and calls it.

    make demo-dynamic
    python examples/dynamic/dynamic.py [GATEWAY]     GATEWAY is the program, `mcp-gateway` on the path without it

The client is the official Python SDK 2.x, the servers run in containers. First over standard input and output, by a
client that shows no forms and hears of no changes; then over HTTP, by one that does both. The operator is at another
terminal.
"""

import asyncio
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import ElicitRequestParams, ElicitResult, ToolListChangedNotification

SHOWN = (
    "would",
    "publisher",
    "licence",
    "catalog",
    "would run",
    "secrets",
    "network",
    "mounts",
    "added before",
    "servers",
    "rules",
)
QUESTION = "what time is it in Tokyo"
TIME = 120

SERVERS: dict[str, Any] = {
    "time": {
        "type": "server",
        "title": "Time",
        "description": "Tells the time in any city or time zone, and converts it",
        "image": "mcp-gateway-test/time:1",
        "metadata": {"category": "utilities", "license": "MIT", "owner": "modelcontextprotocol"},
    },
    "memory": {
        "type": "server",
        "title": "Memory",
        "description": "Keeps a knowledge graph between conversations",
        "image": "mcp-gateway-test/memory:1",
        "metadata": {"category": "knowledge"},
    },
    "git": {
        "type": "server",
        "title": "Git",
        "description": "Reads and searches repositories",
        "image": "mcp-gateway-test/git:1",
        "metadata": {"category": "development"},
    },
    "clock": {
        "type": "server",
        "title": "Clock",
        "description": "What time it is, in Tokyo and everywhere else",
        "image": "mcp-gateway-test/time:1",
        "metadata": {"category": "utilities", "owner": "somebody"},
    },
}
# What the organisation lets exist, of all that its catalogs have.
SCOPE = {"deny": [{"publisher": "somebody", "reason": "not one of our publishers"}]}


def say(title: str, text: str = "") -> None:
    """Prints a heading, or a line below it."""
    print(f"\n== {title}" if not text else f"   {title}: {text}")


def expect(holds: bool, what: object) -> None:
    """Ends the demonstration where something is not as it was promised."""
    if not holds:
        raise SystemExit(f"this was not expected: {what}")


class Home:
    """A folder with the state of a gateway, and its command line."""

    def __init__(self, program: str, folder: Path) -> None:
        """Writes a catalog, a profile without servers, and one where the person at the client may confirm."""
        self.program = program
        self.env = {**os.environ, "MCP_GATEWAY_HOME": str(folder)}
        catalog = folder / "catalog.yaml"
        catalog.write_text(json.dumps({"version": 3, "name": "org", "registry": SERVERS}))
        self.run("catalog", "add", "org", str(catalog))
        (folder / "scope.yaml").write_text(json.dumps(SCOPE))
        (folder / "profiles").mkdir(exist_ok=True)
        dynamic = {"enabled": True, "save": "ask", "profiles": ["mine"]}
        profile: dict[str, Any] = {"servers": {}, "dynamic": dynamic, "policy": {"preset": "default"}}
        (folder / "profiles/empty.yaml").write_text(json.dumps({**profile, "name": "empty"}))
        profile["policy"]["rules"] = [{"id": "at-the-client", "kind": "server/add", "effect": "soft_confirm"}]
        (folder / "profiles/desk.yaml").write_text(json.dumps({**profile, "name": "desk"}))

    def run(self, *words: str, fails: bool = False) -> str:
        """Runs a command, which must succeed or, where that is expected, fail; gives what it printed."""
        command = [self.program, *words]
        done = subprocess.run(command, check=False, env=self.env, capture_output=True, text=True, timeout=TIME)
        expect((done.returncode != 0) == fails, f"{' '.join(words)}: {done.stderr}")
        return done.stdout

    async def operator(self, verdict: str, reason: str) -> None:
        """Stands for the operator, who looks at what waits and answers it."""
        for _ in range(200):
            waiting = json.loads(await asyncio.to_thread(self.run, "approvals", "ls", "--format", "json"))
            if waiting:
                shown = [line for line in waiting[0]["text"].splitlines() if line.split(":")[0] in SHOWN]
                for line in shown:
                    say("the operator sees", line)
                await asyncio.to_thread(
                    self.run, "approvals", verdict, waiting[0]["id"], "--reason", reason, "--as", "ann"
                )
                return
            await asyncio.sleep(0.1)
        raise SystemExit("nothing waits for the operator")

    def containers(self) -> int:
        """How many servers run."""
        return len(json.loads(self.run("ps", "--format", "json")))


async def call(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """Calls a tool of the gateway's own, which must go well; gives its data."""
    result = await client.call_tool(tool, arguments)
    expect(not result.is_error, result.content)
    return dict(result.structured_content or {})


async def find_and_call(client: Client) -> None:
    """What follows once the server is there."""
    result = await client.call_tool(
        "mcp-exec", {"tool": "time.get_current_time", "arguments": {"timezone": "Asia/Tokyo"}}
    )
    text = " ".join(getattr(block, "text", block.type) for block in result.content)
    expect("Asia/Tokyo" in text, text)
    say("mcp-exec time.get_current_time", " ".join(text.split()))


async def without_forms(home: Home) -> None:
    """A client that can be asked nothing, over standard input and output: the operator is asked."""
    params = StdioServerParameters(command=home.program, args=["gateway", "run", "--profile", "empty"], env=home.env)
    async with Client(stdio_client(params)) as client:
        tools = [tool.name for tool in (await client.list_tools()).tools]
        say("an agent begins with the gateway's own tools alone", ", ".join(tools))

        say("it finds")
        found = await call(client, "mcp-find", query=QUESTION)
        best = found["servers"][0]
        expect(best["server"] == "time" and not best["added"], found)
        say(f"mcp-find {QUESTION!r}", f"{best['server']}, {best['description']}")
        say("how to go on", best["next"])

        say("an operator refuses: nothing is started")
        try:
            await asyncio.gather(client.call_tool("mcp-add", {"server": "time"}), home.operator("reject", "not today"))
            raise SystemExit("it was added")
        except MCPError as error:
            say("mcp-add", str(error))
        expect(home.containers() == 0, "a container runs")

        say("an operator approves")
        added, _ = await asyncio.gather(call(client, "mcp-add", server="time"), home.operator("approve", "ticket 7"))
        say("mcp-add", ", ".join(tool["tool"] for tool in added["tools"]))
        await find_and_call(client)

        say("what it has composed is written down as a profile, once an operator has agreed")
        created, _ = await asyncio.gather(
            call(client, "mcp-create-profile", profile="mine"), home.operator("approve", "ticket 8")
        )
        say("mcp-create-profile", f"{created['profile']}: {', '.join(created['servers'])}")

        say("what the organisation does not let exist is neither found, added nor called, and not spoken of")
        found = await call(client, "mcp-find", query=QUESTION, limit=20)
        expect("clock" not in json.dumps(found), found)
        for tool, arguments in (
            ("mcp-add", {"server": "clock"}),
            ("mcp-exec", {"tool": "clock.get_current_time", "arguments": {"timezone": "Asia/Tokyo"}}),
        ):
            result = await client.call_tool(tool, arguments)
            expect(bool(result.is_error), result)
            text = " ".join(getattr(block, "text", "") for block in result.content)
            say(f"{tool} clock", text.replace("\n", "; "))
        checked = await asyncio.to_thread(home.run, "scope", "check", "clock", "--profile", "empty", fails=True)
        say("the operator is told why", " ".join(checked.split()))


@asynccontextmanager
async def over_http(home: Home, token: str) -> AsyncIterator[str]:
    """Runs a gateway over HTTP; gives its address."""
    process = await asyncio.create_subprocess_exec(
        *[home.program, "gateway", "run", "--profile", "desk", "--transport", "streaming", "--port", "0"],
        env={**home.env, "MCP_GATEWAY_AUTH_TOKEN": token},
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


async def person(context: Any, params: ElicitRequestParams) -> ElicitResult:
    """Stands for the person at the client, who reads what is asked."""
    would = next(line for line in params.message.splitlines() if line.startswith("would:"))
    say("the person at the client is asked", would)
    return ElicitResult(action="accept", content={"decision": "approve", "reason": "it is what I asked for"})


async def with_forms(home: Home) -> None:
    """Two clients over HTTP, of which one shows forms and hears of changes: what it adds is its own."""
    token = secrets.token_urlsafe(32)
    changed = asyncio.Event()

    async def heard(message: Any) -> None:
        if isinstance(message, ToolListChangedNotification):
            changed.set()

    async with (
        over_http(home, token) as url,
        httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=TIME) as http,
        Client(
            streamable_http_client(url, http_client=http),
            mode="legacy",
            elicitation_callback=person,
            message_handler=heard,
        ) as client,
        Client(streamable_http_client(url, http_client=http), mode="legacy") as other,
    ):
        say("over HTTP, another agent takes all servers of that profile, and the person at the client confirms each")
        listed = await call(client, "mcp-list")
        say("mcp-list", json.dumps(listed["profiles"]))
        added = await call(client, "mcp-activate-profile", profile="mine")
        await asyncio.wait_for(changed.wait(), TIME)
        tools = [tool["tool"] for server in added["servers"] for tool in server["tools"]]
        say("mcp-activate-profile, and the client hears that its tools have changed", ", ".join(tools))
        await find_and_call(client)
        names = [tool.name for tool in (await other.list_tools()).tools]
        expect("get_current_time" not in names, names)
        result = await other.call_tool("mcp-exec", {"tool": "time.get_current_time", "arguments": {}})
        expect(bool(result.is_error), result)
        say("another session does not see it", " ".join(getattr(block, "text", "") for block in result.content)[:90])


def main(program: str = "mcp-gateway") -> None:
    """Shows all of it, in a home of its own."""
    program = str(Path(shutil.which(program) or program).resolve())
    with tempfile.TemporaryDirectory() as folder:
        home = Home(program, Path(folder))
        asyncio.run(without_forms(home))
        asyncio.run(with_forms(home))
        expect(home.containers() == 0, "a container stayed")
        say("the trail has all of it")
        for action in ("server/add", "approval/answer"):
            for profile in ("empty", "desk"):
                lines = home.run("audit", "query", "--profile", profile, "--action", action).strip().splitlines()
                say(f"{action} in {profile}", f"{len(lines) - 1} records")
    print("\nall of it was as promised")


main(*sys.argv[1:])
