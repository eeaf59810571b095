"""An official client of either generation, over the transport that the arguments name."""

import asyncio
import sys
from contextlib import asynccontextmanager

from mcp import ClientSession, StdioServerParameters
from mcp.client.sse import sse_client
from mcp.client.stdio import stdio_client

try:
    from mcp.client.streamable_http import streamable_http_client  # 1.2x and 2.x
except ImportError:
    streamable_http_client = None


@asynccontextmanager
async def connect(kind, where, token):
    headers = {"Authorization": f"Bearer {token}"}
    if kind == "stdio":
        async with stdio_client(StdioServerParameters(command=where, args=["--serve-stdio"])) as streams:
            yield streams[:2]
    elif kind == "sse":
        async with sse_client(where, headers=headers) as streams:
            yield streams[:2]
    else:
        async with open_http(where, headers) as streams:
            yield streams[:2]


@asynccontextmanager
async def open_http(where, headers):
    try:
        import httpx2 as client_library
    except ImportError:
        import httpx as client_library
    async with client_library.AsyncClient(headers=headers, timeout=30) as client:
        async with streamable_http_client(where, http_client=client) as streams:
            yield streams


async def use(kind, where, token, number):
    async with connect(kind, where, token) as (read, write), ClientSession(read, write) as session:
        hello = await session.initialize()
        if kind == "leave":
            await session.call_tool("wait", {})
        version = getattr(hello, "protocolVersion", None) or hello.protocol_version
        names = sorted(tool.name for tool in (await session.list_tools()).tools)
        assert names == ["ask", "echo", "large", "progress", "wait"], names
        seen = []

        async def progress(value, total, _message):
            seen.append((value, total))

        result = await session.call_tool("progress", {"amount": 3}, progress_callback=progress)
        assert result.content[0].text == "done", result
        assert [value for value, _ in seen] == [1, 2, 3], seen
        texts = [f"{number}-{call}" for call in range(10)]
        results = await asyncio.gather(*(session.call_tool("echo", {"text": text}) for text in texts))
        assert [result.content[0].text for result in results] == texts
        result = await session.call_tool("ask", {})
        assert "client says -32" in result.content[0].text, result
        return version


async def fall_back(kind, where, token):
    """A client of both eras asks for the newest one first and must end up in a session."""
    from mcp import Client

    if kind == "auto-stdio":
        transport = StdioServerParameters(command=where, args=["--serve-stdio"])
    else:
        transport = open_http(where, {"Authorization": f"Bearer {token}"})
    async with Client(transport) as client:
        assert len((await client.list_tools()).tools) == 5
        result = await client.call_tool("echo", {"text": "hello"})
        assert result.content[0].text == "hello", result


async def main():
    kind, where, token, clients = sys.argv[1:]
    if kind.startswith("auto-"):
        return await fall_back(kind, where, token)
    versions = await asyncio.gather(*(use(kind, where, token, number) for number in range(int(clients))))
    print(f"{len(versions)} x {versions[0]}")


asyncio.run(asyncio.wait_for(main(), 50))
