"""A gateway as a transport of FastMCP's client (package `fastmcp` or `fastmcp-slim[client]`).

```python
import asyncio

from fastmcp import Client

from mcp_gateway import Gateway
from mcp_gateway.adapters import fastmcp


async def main() -> None:
    profile = {"name": "demo", "servers": {"time": {}}}
    async with Gateway.open(profile, catalogs=["catalog.yaml"]) as gateway:
        async with Client(fastmcp.transport(gateway)) as client:
            print(await client.list_tools())


asyncio.run(main())
```
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from mcp_gateway.adapters._require import required
from mcp_gateway.gateway import Gateway

with required("fastmcp"):
    from fastmcp.client.transports import ClientTransport
    from mcp import ClientSession

__all__ = ["GatewayTransport", "transport"]


def transport(gateway: Gateway, principal: str = "local") -> "GatewayTransport":
    """Returns a transport for FastMCP's `Client`, for its proxies, and for the `MCPToolset` of Pydantic AI."""
    return GatewayTransport(gateway, principal)


class GatewayTransport(ClientTransport):
    """Connects to a gateway in the same process; each session is a connection of its own."""

    def __init__(self, gateway: Gateway, principal: str) -> None:
        """Makes a transport to a gateway that is open."""
        self._gateway = gateway
        self._principal = principal

    @asynccontextmanager
    async def connect_session(
        self, *, transport_options: object = None, **session_kwargs: object
    ) -> AsyncGenerator[ClientSession, None]:
        """Connects, and yields a session that FastMCP's client then initializes."""
        # FastMCP 3 has no such options, 4 says the session's class in them.
        session_class: Any = getattr(transport_options, "session_class", ClientSession)
        async with (
            self._gateway.transport(self._principal) as (read, write),
            session_class(read, write, **session_kwargs) as session,
        ):
            yield session
