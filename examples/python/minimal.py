"""The least that a host needs: a profile, a catalog file, one call.

    python examples/python/minimal.py

The server runs in a container where an engine answers, or else as a sandboxed process. The home is temporary, so that
nothing is left behind; an agent leaves `home` out, and a package is then installed only once.
"""

import asyncio
import tempfile
from pathlib import Path

from mcp_gateway import Gateway

CATALOG = Path(__file__).parents[1] / "catalog.yaml"
PROFILE = {"name": "demo", "servers": {"time": {}}}


async def main(home: str) -> None:
    """Lists the tools, and calls one by its canonical name."""
    async with Gateway.open(PROFILE, home=home, catalogs=[CATALOG]) as gateway:
        for tool in await gateway.list_tools():
            print(f"{tool.name}: {tool.description}")
        result = await gateway.call_tool("time.get_current_time", {"timezone": "Asia/Tokyo"})
        print(result.text)
        if result.is_error:
            raise SystemExit("the tool failed")


with tempfile.TemporaryDirectory() as home:
    asyncio.run(main(home))
