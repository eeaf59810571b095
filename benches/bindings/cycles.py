"""Opens and closes gateways over and over, and shows that nothing of them is left in the process.

    python cycles.py AWKWARD_SERVER_BINARY [CYCLES]

Run it by `.ci/bench-bindings`; see `docs/benchmarks.md`. It fails when there are more threads or open files at the end
than at the first look, or more memory than the bound allows. The most open files are those in the middle of things,
before what is forgotten is collected.
"""

import asyncio
import gc
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from mcp_gateway import Gateway

LOOKS = (100, 1_000, 5_000, 10_000)
CALLED_EVERY = 100
"""Every so many cycles the gateway has a server, which is called."""
MORE_MEMORY = 10 * 1024
"""KiB by which the process may grow from the second look to the end."""
SETTLE = 5.0
"""Seconds that threads, which nobody waits for, get to end."""


async def main(server: str, cycles: int) -> None:
    """Goes through the cycles and looks at the process in between."""
    catalog = {"registry": {"awkward": {"title": "Awkward", "type": "server", "process": {"command": server}}}}
    looks: list[dict[str, int]] = []
    most = 0
    print("| cycles | resident memory KB | open files | threads | most open files |\n|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory(prefix="mcp-gateway-cycles-") as home:
        for cycle in range(1, cycles + 1):
            await once({"home": home, "catalogs": [catalog]}, with_call=cycle % CALLED_EVERY == 0)
            most = max(most, count("fd"))
            if cycle in LOOKS or cycle == cycles:
                looks.append(look(looks[0]["threads"] if looks else 0))
                row = [cycle, *looks[-1].values(), most]
                print(f"| {' | '.join(f'{figure:,}' for figure in row)} |", flush=True)
    first, last = looks[0], looks[-1]
    settled = looks[1] if len(looks) > 1 else first
    grown = [figure for figure in ("files", "threads") if last[figure] > first[figure]]
    if last["memory"] > settled["memory"] + MORE_MEMORY:
        grown.append("memory")
    if grown:
        sys.exit(f"cycles: there is more of this at the end: {', '.join(grown)}")


async def once(options: dict[str, Any], *, with_call: bool) -> None:
    """Opens and closes a gateway, perhaps with a call in between."""
    servers: dict[str, Any] = {"awkward": {}} if with_call else {}
    profile: dict[str, Any] = {"name": "cycles", "servers": servers, "policy": {"default": "allow"}}
    async with Gateway.open(profile, **options) as gateway:
        if with_call:
            result = await gateway.call_tool("echo", {"text": "hello"})
            assert result.text == "hello", result


def look(threads: int) -> dict[str, int]:
    """Returns what the process has now; waits for threads to end while there are more than so many."""
    gc.collect()
    until = time.monotonic() + SETTLE
    while time.monotonic() < until and (not threads or count("task") > threads):
        time.sleep(0.1)
    [resident] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS:")]
    return {"memory": int(resident.split()[1]), "files": count("fd"), "threads": count("task")}


def count(kind: str) -> int:
    """Returns how many threads or open files this process has."""
    return len(os.listdir(f"/proc/self/{kind}"))


if len(sys.argv) not in (2, 3):
    sys.exit("usage: cycles.py AWKWARD_SERVER_BINARY [CYCLES] (or simply: .ci/bench-bindings)")
asyncio.run(main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) == 3 else LOOKS[-1]))
