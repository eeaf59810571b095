"""Calls what needs a confirmation, by the official Python SDK, 2.x or 1.x, with a person or without.

`confirming.py yes|no|none stdio COMMAND...` or `confirming.py yes|no|none http URL TOKEN`; prints one line of JSON.
"""

import asyncio
import json
import os
import sys
from contextlib import asynccontextmanager

from mcp import StdioServerParameters
from mcp.client.stdio import stdio_client

try:  # 2.x
    import mcp_types as types
    from mcp import Client
    from mcp.client.streamable_http import streamable_http_client
    from mcp.shared._httpx_utils import create_mcp_http_client
except ImportError:  # 1.x
    Client = None
    from mcp import ClientSession, types
    from mcp.client.streamable_http import streamablehttp_client

ASKED = []


def person(says):
    """What shows forms, and answers them; nothing where there is nobody."""

    async def ask(context, params):
        ASKED.append(params.message)
        if says == "yes":
            return types.ElicitResult(action="accept", content={"decision": "approve", "reason": "fine"})
        return types.ElicitResult(action="decline")

    return {} if says == "none" else {"elicitation_callback": ask}


@asynccontextmanager
async def connected(says, kind, target):
    if kind == "stdio":
        transport = stdio_client(StdioServerParameters(command=target[0], args=target[1:], env=dict(os.environ)))
    else:
        headers = {"Authorization": f"Bearer {target[1]}"}
        if Client:
            transport = streamable_http_client(target[0], http_client=create_mcp_http_client(headers=headers))
        else:
            transport = streamablehttp_client(target[0], headers=headers)
    if Client:
        async with Client(transport, **person(says)) as client:
            yield client, client.protocol_version
    else:
        async with transport as streams, ClientSession(streams[0], streams[1], **person(says)) as session:
            yield session, (await session.initialize()).protocolVersion


async def outcome(client, tool):
    """What a call gives: its text, or the error's."""
    try:
        return (await client.call_tool(tool, {"text": "hello"})).content[0].text
    except Exception as error:
        return f"error: {error}"


async def main(says, kind, *target):
    async with connected(says, kind, target) as (client, protocol):
        soft, hard = await outcome(client, "echo"), await outcome(client, "fail")
        print(json.dumps({"protocol": protocol, "soft": soft, "hard": hard, "asked": ASKED}))


asyncio.run(asyncio.wait_for(main(*sys.argv[1:]), 50))
