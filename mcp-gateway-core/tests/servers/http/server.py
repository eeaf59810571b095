"""A server on the official Python SDK, 1.x or 2.x, over HTTP: `server.py streamable-http|sse [port]`.

Prints the port that it listens on.
"""

import asyncio
import os
import socket
import sys

import uvicorn
from mcp.types import ToolAnnotations

try:  # 2.x
    from mcp.server import MCPServer as Server
    from mcp.server.mcpserver import Context
except ImportError:  # 1.x
    from mcp.server.fastmcp import Context
    from mcp.server.fastmcp import FastMCP as Server

server = Server("python-http")


@server.tool(annotations=ToolAnnotations(title="Add"))
def add(a: int, b: int) -> int:
    """Adds two numbers."""
    return a + b


@server.tool()
async def wait(seconds: float, ctx: Context) -> str:
    """Waits, telling how far it is."""
    await ctx.report_progress(1, 2)
    await asyncio.sleep(seconds)
    return "done"


@server.tool()
def large(size: int) -> str:
    """Answers with a text of that size."""
    return "x" * size


@server.tool()
def exit() -> str:
    """Ends the server in the middle of the call."""
    os._exit(3)


transport = sys.argv[1]
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(sys.argv[2]) if len(sys.argv) > 2 else 0))
listener.listen()
app = server.sse_app() if transport == "sse" else server.streamable_http_app()
print(listener.getsockname()[1], flush=True)
uvicorn.Server(uvicorn.Config(app, log_level="error")).run(sockets=[listener])
