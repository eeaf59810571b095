"""Drives a gateway by the official Python SDK, 2.x or 1.x: `client.py stdio COMMAND...` or `client.py http|sse URL TOKEN`.

Does what an agent's host does and prints what came of it as one line of JSON.
"""

import asyncio
import json
import os
import sys
from contextlib import asynccontextmanager

from mcp import StdioServerParameters
from mcp.client.sse import sse_client
from mcp.client.stdio import stdio_client

try:  # 2.x
    from mcp import Client
    from mcp.client.streamable_http import streamable_http_client
    from mcp.shared._httpx_utils import create_mcp_http_client
    from mcp_types import PromptReference
except ImportError:  # 1.x
    Client = None
    from mcp import ClientSession
    from mcp.client.streamable_http import streamablehttp_client
    from mcp.types import PromptReference


@asynccontextmanager
async def connected(kind, target):
    """A client that has shaken hands, and the revision of the protocol that it agreed on."""
    if kind == "stdio":
        transport = stdio_client(StdioServerParameters(command=target[0], args=target[1:], env=dict(os.environ)))
    else:
        url, token = target
        headers = {"Authorization": f"Bearer {token}"}
        if kind == "sse":
            transport = sse_client(url, headers=headers)
        elif Client:
            transport = streamable_http_client(url, http_client=create_mcp_http_client(headers=headers))
        else:
            transport = streamablehttp_client(url, headers=headers)
    if Client:
        async with Client(transport) as client:
            yield client, client.protocol_version
    else:
        async with transport as streams, ClientSession(streams[0], streams[1]) as session:
            yield session, (await session.initialize()).protocolVersion


async def main(kind, target):
    async with connected(kind, target) as (client, protocol):
        tools = [tool.name for tool in (await client.list_tools()).tools]
        prompts = [prompt.name for prompt in (await client.list_prompts()).prompts]
        resources = [str(resource.uri) for resource in (await client.list_resources()).resources]

        progress = []

        async def heard(done, total, message):
            progress.append([done, total])

        await client.call_tool(
            "trigger-long-running-operation", {"duration": 0.6, "steps": 3}, progress_callback=heard
        )
        now = await client.call_tool("get_current_time", {"timezone": "UTC"})
        prompt = await client.get_prompt("args-prompt", {"city": "Oslo"})
        resource = await client.read_resource(resources[0])
        completion = await client.complete(
            PromptReference(type="ref/prompt", name="completable-prompt"), {"name": "department", "value": "S"}
        )
        echoes = await asyncio.gather(*(client.call_tool("echo", {"message": str(n)}) for n in range(30)))
        print(
            json.dumps(
                {
                    "protocol": protocol,
                    "tools": tools,
                    "prompts": prompts,
                    "progress": progress,
                    "time": now.content[0].text,
                    "prompt": prompt.messages[0].content.text,
                    "resource": resource.contents[0].text,
                    "completion": completion.completion.values,
                    "echoes": [echo.content[0].text for echo in echoes],
                }
            )
        )


asyncio.run(main(sys.argv[1], sys.argv[2:]))
