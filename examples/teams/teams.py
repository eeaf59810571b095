"""A catalog and a profile that one person pushes into a registry and another one pulls: same digest, no secret.

    make demo-teams
    python examples/teams/teams.py [GATEWAY] [SIGNATURES]

GATEWAY is the program, `mcp-gateway` on the path without it. SIGNATURES is the folder where `make signatures` has put a
registry. The server, a knowledge graph that others wrote, runs in a container.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

MEMORY = "mcp-gateway-test/memory:1"
SECRET = "canary-71c04d9e"
TIME = 120


def say(title: str, text: str = "") -> None:
    """Prints a heading, or lines below it."""
    if not text:
        print(f"\n== {title}")
    for line in text.strip().splitlines():
        print(f"   {title}: {line}")


class Home:
    """A folder with the state of a gateway, and its command line."""

    def __init__(self, program: str, folder: Path) -> None:
        """Knows the program and makes the folder, with a user's home folder in it."""
        self.program, self.user = program, folder / "user"
        (self.user / ".cursor").mkdir(parents=True)
        home = {"MCP_GATEWAY_HOME": str(folder / "state"), "HOME": str(self.user)}
        docker = os.environ.get("DOCKER_CONFIG", str(Path.home() / ".docker"))
        self.env = {**os.environ, **home, "DOCKER_CONFIG": docker}

    def run(self, *words: str, stdin: str | None = None, fails: bool = False, **env: str) -> str:
        """Runs a command, which must succeed or, where that is expected, fail; gives what it printed."""
        done = subprocess.run(
            [self.program, *words],
            check=False,
            env={**self.env, **env},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=TIME,
        )
        if (done.returncode != 0) != fails:
            raise SystemExit(f"{' '.join(words)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout + (done.stderr if fails or not done.stdout else "")

    def json(self, *words: str, **env: str) -> Any:
        """Gives what a command says as JSON."""
        return json.loads(self.run(*words, "--format", "json", **env))


class Registry:
    """A registry of this machine."""

    def __init__(self, tools: Path, folder: Path) -> None:
        """Starts an empty one."""
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
        """Pushes the image of the server; gives its name there."""
        image = f"{self.address}/memory:1"
        for words in (["tag", MEMORY, image], ["push", "-q", image]):
            subprocess.run(["docker", *words], check=True, capture_output=True, timeout=TIME)
        return image

    def close(self) -> None:
        """Ends the registry, and takes its name from the image."""
        self.process.terminate()
        self.process.wait(TIME)
        subprocess.run(["docker", "rmi", "-f", f"{self.address}/memory:1"], check=False, capture_output=True)


def show(program: str, folder: Path, registry: Registry) -> None:
    """Puts a profile together in one home, and takes it over in another."""
    ann, bob = Home(program, folder / "ann"), Home(program, folder / "bob")
    catalog = folder / "catalog.yaml"
    secret = {"name": "memory.token", "env": "MEMORY_TOKEN", "description": "opens the graph"}
    memory = {"type": "server", "title": "Memory", "image": registry.fill(), "secrets": [secret]}
    catalog.write_text(json.dumps({"registry": {"memory": memory}}))

    say("Ann puts a profile together")
    ann.run("catalog", "add", "team", str(catalog))
    ann.run("profile", "create", "graph", "--servers", "memory", "--preset", "default")
    ann.run("profile", "secret", "set", "memory", "--key", "MEMORY_TOKEN", "--profile", "graph", stdin=SECRET)
    tools = ann.json("tools", "ls", "--profile", "graph")
    say("tools of the container", ", ".join(tool["name"] for tool in tools))

    say("she pushes the catalog, and the profile")
    shared = f"{registry.address}/team/catalog:1"
    say("artifact", ann.run("catalog", "push", "team", shared))
    pushed = ann.json("profile", "push", "graph", f"{registry.address}/team/graph:1")
    say("artifact", pushed["reference"])
    ann.run("profile", "export", "graph", str(folder / "graph.json"))
    assert SECRET not in (folder / "graph.json").read_text(), "a secret left its home"

    say("Bob pulls both")
    say("catalog", bob.run("catalog", "add", "team", f"oci://{shared}"))
    pulled = bob.json("profile", "pull", pushed["reference"])
    say("pinned", "\n".join(f"{one['server']} {one['pin']} {one['digest']}" for one in pulled["servers"]))
    say("what he sets himself", "\n".join(one["command"] for one in pulled["secrets"] if not one["set"]))
    nowhere = {"DOCKER_HOST": f"unix://{folder}/no-engine.sock"}
    same = bob.json("tools", "ls", "--profile", "graph", **nowhere)
    assert [tool["definition"] for tool in same] == [tool["definition"] for tool in tools], "another surface"
    say("the same tools, before anything was started", str(len(same)))
    say("differences", bob.run("profile", "diff", "graph", pushed["reference"]))
    read = ("tools", "call", "read_graph", "--profile", "graph")
    failed = bob.run(*read, fails=True)
    say("a call without his secret", next(line for line in failed.splitlines() if line.startswith("error: ")))
    bob.run("profile", "secret", "set", "memory", "--key", "MEMORY_TOKEN", "--profile", "graph", stdin="his-own")
    say("with it, in a container of the pinned digest", " ".join(bob.run(*read).split())[:80])

    say("a bundle that was changed on the way is refused")
    changed = (folder / "graph.json").read_text().replace('"preset": "default"', '"default": "allow"')
    (folder / "changed.json").write_text(changed)
    say("refused", bob.run("profile", "import", str(folder / "changed.json"), "--replace", fails=True))

    say("his client gets it, and gives it back")
    file = bob.user / ".cursor/mcp.json"
    file.write_text('{\n  // his own\n  "mcpServers": {},\n}\n')
    before = file.read_bytes()
    bob.run("client", "connect", "cursor", "--profile", "graph")
    print("\n".join(f"     {line}" for line in file.read_text().splitlines()))
    bob.run("client", "disconnect", "cursor")
    assert file.read_bytes() == before, "the file is not what it was"
    say("after `client disconnect`", "the file is what it was, to the byte")
    bob.run("prune")


def main() -> None:
    """Shows it with a registry that lives as long as this."""
    program = sys.argv[1] if len(sys.argv) > 1 else shutil.which("mcp-gateway") or "mcp-gateway"
    tools = Path(sys.argv[2] if len(sys.argv) > 2 else "target/test-signatures")
    if not (tools / "bin/docker-registry").exists():
        raise SystemExit(f"there is no registry in {tools}; `make signatures` puts one there")
    with tempfile.TemporaryDirectory() as name:
        registry = Registry(tools, Path(name) / "registry")
        try:
            show(str(Path(program).absolute()) if os.sep in program else program, Path(name), registry)
        finally:
            registry.close()


if __name__ == "__main__":
    main()
