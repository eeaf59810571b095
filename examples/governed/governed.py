"""A session with real servers in containers, governed: what passes, what asks, what needs an operator, what is refused.

    make demo-governed
    python examples/governed/governed.py [GATEWAY] [SIGNATURES]

GATEWAY is the program, `mcp-gateway` on the path without it. SIGNATURES is the folder where `make signatures` has put a
registry and cosign; without it, everything but the signed images is shown. The client is the official Python SDK 2.x,
and the server with the knowledge graph is one that others wrote.
"""

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

from mcp import Client, MCPError, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp_types import ElicitRequestParams, ElicitResult

HERE = Path(__file__).parent
MEMORY = "mcp-gateway-test/memory:1"
BASE = "mcp-gateway-test/base:1"
TOKEN = "canary-2f9a41c7d0e8"
TIME = 120


def say(title: str, text: str = "") -> None:
    """Prints a heading, or a line below it."""
    print(f"\n== {title}" if not text else f"   {title}: {text}")


class Home:
    """A folder with the state of a gateway, and its command line."""

    def __init__(self, program: str, folder: Path) -> None:
        """Knows the program and the folder."""
        self.program, self.folder = program, folder
        self.env = {**os.environ, "MCP_GATEWAY_HOME": str(folder)}

    def run(self, *words: str, stdin: str | None = None, fails: bool = False) -> str:
        """Runs a command, which must succeed or, where that is expected, fail; gives what it printed."""
        done = subprocess.run(
            [self.program, *words],
            check=False,
            env=self.env,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=TIME,
        )
        if (done.returncode != 0) != fails:
            raise SystemExit(f"{' '.join(words)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout + (done.stderr if fails else "")

    def json(self, *words: str) -> Any:
        """Gives what a command says as JSON."""
        return json.loads(self.run(*words, "--format", "json"))


class Registry:
    """A registry of this machine with a signed image, and the same image tampered with."""

    def __init__(self, tools: Path, folder: Path) -> None:
        """Starts an empty one."""
        self.cosign, self.folder = (tools / "bin/cosign2").resolve(), folder
        folder.mkdir()
        config = folder / "config.yml"
        config.write_text(
            f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {folder}/store}}}}\nhttp: {{addr: 127.0.0.1:0}}\n"
        )
        self.process = subprocess.Popen(
            [tools / "bin/docker-registry", "serve", config],
            env={**os.environ, "OTEL_TRACES_EXPORTER": "none"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr
        for line in self.process.stderr:
            if found := re.search(r"listening on ([\d.:]+)", line):
                self.address = found[1]
                break
        else:
            raise SystemExit("the registry did not start")
        # It is read to its end, so that the registry never waits for a reader.
        threading.Thread(target=self.process.stderr.read, daemon=True).start()

    def fill(self) -> str:
        """Pushes and signs; gives the signer's public key."""
        script = f"""
            "$COSIGN" generate-key-pair 2>/dev/null
            docker tag {MEMORY} "$REGISTRY/memory:1"
            docker push -q "$REGISTRY/memory:1" >/dev/null
            printf 'FROM {MEMORY}\\nLABEL tampered=yes\\n' | docker build -q -t "$REGISTRY/memory:2" - >/dev/null
            docker push -q "$REGISTRY/memory:2" >/dev/null
            names='{{{{range .RepoDigests}}}}{{{{println .}}}}{{{{end}}}}'
            digest=$(docker inspect --format "$names" "$REGISTRY/memory:1" | grep "^$REGISTRY/")
            "$COSIGN" sign --key cosign.key --tlog-upload=false --allow-insecure-registry --yes "$digest" 2>/dev/null
        """
        env = {
            **os.environ,
            "REGISTRY": self.address,
            "COSIGN": str(self.cosign),
            "COSIGN_PASSWORD": "",
        }
        subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.folder,
            env=env,
            check=True,
            timeout=TIME,
        )
        return (self.folder / "cosign.pub").read_text()

    def close(self) -> None:
        """Ends the registry, and takes its names from the images."""
        self.process.terminate()
        self.process.wait(TIME)
        for tag in ("1", "2"):
            subprocess.run(
                ["docker", "rmi", "-f", f"{self.address}/memory:{tag}"],
                check=False,
                capture_output=True,
            )


def prepare(home: Home, registry: Registry | None, data: Path) -> None:
    """Writes the catalog and the profile, and keeps the secret."""
    data.mkdir()
    data.chmod(0o777)  # Its user in the container is nobody of this machine.
    note = {
        "type": "entity",
        "name": "deploy",
        "entityType": "note",
        "observations": [f"the token is {TOKEN}"],
    }
    (data / "memory.json").write_text(json.dumps(note) + "\n")
    (data / "memory.json").chmod(0o666)
    memory = {
        "type": "server",
        "image": f"{registry.address}/memory:1" if registry else MEMORY,
        "env": [{"name": "MEMORY_FILE_PATH", "value": "/data/memory.json"}],
        "secrets": [{"name": "memory.token", "env": "MEMORY_TOKEN"}],
        "volumes": [f"{data}:/data"],
    }
    servers = {"memory": memory}
    profile: dict[str, Any] = {
        "name": "default",
        "servers": {"memory": {"writable": [str(data)]}, "web": {"verify": "off"}},
        "policy": {"preset": "default"},
        "approval": {"wait": "4s"},
    }
    servers["web"] = {
        "type": "server",
        "image": BASE,
        "command": ["python3", "/web_server.py"],
        "volumes": [f"{HERE / 'web_server.py'}:/web_server.py"],
        "allowHosts": ["api.example.com:443"],
    }
    catalog: dict[str, Any] = {"version": 3, "name": "governed", "registry": servers}
    if registry:
        catalog["signer"] = {"key": registry.fill()}
        servers["tampered"] = {
            "type": "server",
            "image": f"{registry.address}/memory:2",
        }
        profile["servers"]["tampered"] = {}
    path = home.folder / "catalog.yaml"
    path.write_text(json.dumps(catalog))
    home.run("catalog", "add", "governed", str(path))
    (home.folder / "profiles").mkdir(exist_ok=True)
    (home.folder / "profiles/default.yaml").write_text(json.dumps(profile))
    home.run("secret", "set", "memory.token", stdin=TOKEN)


async def person(context: Any, params: ElicitRequestParams) -> ElicitResult:
    """Stands for the person at the client, who reads what is asked."""
    say("the person is asked", params.message.split("\n")[0])
    return ElicitResult(
        action="accept",
        content={"decision": "approve", "reason": "it is what I asked for"},
    )


async def outcome(call: Awaitable[Any]) -> str:
    """What a call gives: its text, or the error's."""
    try:
        result = await call
    except MCPError as error:
        return f"refused: {error}"
    return " ".join(getattr(block, "text", block.type) for block in result.content)


def expect(text: str, *words: str) -> str:
    """Gives a text that has these words in it."""
    if missing := [word for word in words if word not in text]:
        raise SystemExit(f"{missing} is not in: {text}")
    return text


async def operator(home: Home) -> None:
    """Stands for the operator, at another terminal: looks at what waits, and lets it go on with a reason."""
    for _ in range(100):
        waiting = await asyncio.to_thread(home.json, "approvals", "ls")
        if waiting:
            for line in waiting[0]["text"].splitlines()[:6]:
                say("the operator sees", line)
            reason = ["--reason", "ticket 7", "--as", "ann"]
            await asyncio.to_thread(home.run, "approvals", "approve", waiting[0]["id"], *reason)
            return
        await asyncio.sleep(0.1)
    raise SystemExit("nothing waits for the operator")


async def session(home: Home, registry: Registry | None) -> None:
    """Speaks to the gateway as an agent does."""
    transport = stdio_client(StdioServerParameters(command=home.program, args=["gateway", "run"], env=home.env))
    async with Client(transport, elicitation_callback=person) as client:
        listed = await client.list_tools()

        say("reading passes, and the secret in what was read does not")
        graph = expect(await outcome(client.call_tool("read_graph", {})), "the token is ***")
        if TOKEN in graph:
            raise SystemExit("the secret came through")
        say("read_graph", graph.replace("\n", " ")[:160])

        say("creating asks the person at the client")
        entity = {
            "name": "Ada",
            "entityType": "person",
            "observations": ["writes programs"],
        }
        text = await outcome(client.call_tool("create_entities", {"entities": [entity]}))
        say("create_entities", expect(text, "Ada").replace("\n", " ")[:100])

        say("deleting needs an operator; nobody answers")
        gone = {"entityNames": ["Ada"]}
        text = await outcome(client.call_tool("delete_entities", gone))
        say(
            "delete_entities",
            expect(text, "refused", "confirmation that was not given"),
        )

        say("deleting again; an operator answers, with a reason")
        text, _ = await asyncio.gather(outcome(client.call_tool("delete_entities", gone)), operator(home))
        say("delete_entities", expect(text, "deleted"))

        say("a host that is not listed is out of reach")
        text = await outcome(client.call_tool("get_page", {"host": "evil.example.com", "port": 443}))
        say("get_page", expect(text, "cannot reach"))

        if registry:
            say("a tampered image does not start")
            unavailable = (listed.meta or {}).get("mcp-gateway/unavailable", [])
            reasons = [server["reason"] for server in unavailable if server["server"] == "tampered"]
            say("tampered", expect(" ".join(reasons), "not signed"))


def afterwards(home: Home) -> None:
    """What remains: the report, and a trail that shows every change."""
    say("the report has all of it")
    report = home.json("audit", "report", "--since", "1d")
    for key in ("approvals", "denials", "egressDenials"):
        entries = report[key]["entries"]
        say(key, f"{len(entries)}, such as {json.dumps(entries[0])[:150]}")
    page = home.folder / "report.html"
    home.run("audit", "report", "--since", "1d", "--output", str(page))
    expect(page.read_text(), "delete_entities", "ticket 7", "evil.example.com")
    say("as a page that can be printed", f"{page.stat().st_size:,} bytes")

    say("the trail is what was written, and one flipped byte is found")
    say("audit verify", home.run("audit", "verify").strip().split("\n")[0])
    trail, copy = home.folder / "audit/default.sqlite", home.folder / "copy.sqlite"
    for end in ("", "-wal", ".head"):
        if Path(f"{trail}{end}").exists():
            shutil.copy(f"{trail}{end}", f"{copy}{end}")
    content = bytearray(copy.read_bytes())
    # Inside of a record's text: what stands without quotes is an index, which only finds records.
    content[content.index(b'"delete_entities"') + 1] ^= 1
    copy.write_bytes(content)
    found = home.run("audit", "verify", str(copy), fails=True)
    fault = next(line for line in expect(found, "edited").splitlines() if "edited" in line)
    say("audit verify of the copy", fault)


def main(program: str = "mcp-gateway", signatures: str = "") -> None:
    """Shows all of it, in a home of its own."""
    program = str(Path(shutil.which(program) or program).resolve())
    has_registry = signatures and (Path(signatures) / "bin/cosign2").exists()
    if not has_registry:
        print("skipped: the signed images; `make signatures` installs what they take")
    with tempfile.TemporaryDirectory() as folder:
        home = Home(program, Path(folder) / "home")
        home.folder.mkdir(mode=0o700)
        registry = Registry(Path(signatures), Path(folder) / "registry") if has_registry else None
        try:
            prepare(home, registry, Path(folder) / "data")
            asyncio.run(session(home, registry))
            afterwards(home)
        finally:
            if registry:
                registry.close()
    print("\nall of it was as promised")


main(*sys.argv[1:])
