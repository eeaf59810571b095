"""FastMCP's client, connected to a gateway in this process."""

import asyncio
from contextlib import AbstractAsyncContextManager

import pytest

from mcp_gateway import Gateway

pytest.importorskip("fastmcp")

from fastmcp import Client
from fastmcp.exceptions import ToolError

from mcp_gateway.adapters import fastmcp


def test_the_client_calls_tools(gateway: AbstractAsyncContextManager[Gateway]) -> None:
    async def main() -> None:
        async with gateway as opened:
            client = Client(fastmcp.transport(opened))
            # Twice: each connection of the client is one of the gateway.
            for _ in range(2):
                async with client:
                    assert {"echo", "add", "fail"} < {tool.name for tool in await client.list_tools()}
                    echoed = await client.call_tool("echo", {"text": "hello"})
                    assert [block.model_dump()["text"] for block in echoed.content] == ["hello"]

    asyncio.run(main())


def test_a_failed_tool_is_the_clients_error(gateway: AbstractAsyncContextManager[Gateway]) -> None:
    async def main() -> None:
        async with gateway as opened, Client(fastmcp.transport(opened)) as client:
            with pytest.raises(ToolError):
                await client.call_tool("fail", {})

    asyncio.run(main())
