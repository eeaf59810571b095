"""A client of the official Python SDK, connected to a gateway in the same process: no socket, no subprocess between.

    pip install mcp
    python examples/python/sdk_client.py [CATALOG]

It works with the SDK's generations 1.x and 2.x, and so does everything that takes its sessions. The server runs in a
container where an engine answers, or else as a sandboxed process. The home is temporary, so that nothing stays.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

from mcp import ClientSession

from mcp_gateway import Bounds, Gateway

CATALOG = Path(__file__).parents[1] / "catalog.yaml"
PROFILE = {"name": "demo", "servers": {"time": {}}}
# A list waits 20 s for servers that were never seen; an installation may take longer.
BOUNDS = Bounds(list_wait_seconds=240)


async def main(home: str, catalog: str) -> None:
    """Connects, lists the tools, and calls one."""
    async with (
        Gateway.open(PROFILE, home=home, catalogs=[catalog], bounds=BOUNDS) as gateway,
        gateway.transport() as (read, write),
        ClientSession(read, write) as session,
    ):
        await session.initialize()
        tools = (await session.list_tools()).tools
        for tool in tools:
            print(f"{tool.name}: {tool.description}")

        [name] = [tool.name for tool in tools if tool.name.endswith("get_current_time")]
        result = await session.call_tool(name, {"timezone": "Asia/Tokyo"})
        for block in result.content:
            print(block.model_dump_json(by_alias=True, exclude_none=True))


with tempfile.TemporaryDirectory() as home:
    asyncio.run(main(home, sys.argv[1] if len(sys.argv) > 1 else str(CATALOG)))
