"""Adds a server that lacks a secret, by the official Python SDK, 2.x or 1.x, and types the secret on the page that it is
sent to: `typist.py SECRET stdio COMMAND...`; prints what came of it as one line of JSON.
"""

import asyncio
import json
import os
import sys
import urllib.parse
import urllib.request
from contextlib import asynccontextmanager

from mcp import StdioServerParameters
from mcp.client.stdio import stdio_client

try:  # 2.x
    import mcp_types as types
    from mcp import Client
except ImportError:  # 1.x
    Client = None
    from mcp import ClientSession, types

ASKED = []
TYPING = []


def fill(url, secret):
    """Reads the page and sends its form, as a person with a browser does."""
    with urllib.request.urlopen(url, timeout=20) as page:
        ASKED.append(page.status)
    form = urllib.parse.urlencode({"secret-0": secret}).encode()
    origin = "/".join(url.split("/")[:3])
    with urllib.request.urlopen(urllib.request.Request(url, form, {"Origin": origin}), timeout=20) as sent:
        ASKED.append(sent.status)


def person(secret):
    async def ask(context, params):
        sent = params.model_dump(by_alias=True, exclude_none=True)
        ASKED.append({"mode": sent["mode"], "hasId": "elicitationId" in sent})
        # Most clients answer as soon as the person has agreed to open the page.
        TYPING.append(asyncio.create_task(asyncio.to_thread(fill, params.url, secret)))
        return types.ElicitResult(action="accept")

    return ask


@asynccontextmanager
async def connected(secret, target):
    transport = stdio_client(StdioServerParameters(command=target[0], args=target[1:], env=dict(os.environ)))
    if Client:
        async with Client(transport, elicitation_callback=person(secret)) as client:
            yield client
    else:
        async with transport as streams, ClientSession(*streams, elicitation_callback=person(secret)) as session:
            await session.initialize()
            yield session


async def main(secret, _, *target):
    async with connected(secret, target) as client:
        added = await client.call_tool("mcp-add", {"server": "child"})
        echo = await client.call_tool("mcp-exec", {"tool": "child.echo", "arguments": {"text": "hello"}})
        await asyncio.gather(*TYPING)
        data = getattr(added, "structured_content", None) or getattr(added, "structuredContent", None)
        print(json.dumps({"asked": ASKED, "status": data.get("status", str(data)), "echo": echo.content[0].text}))


asyncio.run(asyncio.wait_for(main(*sys.argv[1:]), 50))
