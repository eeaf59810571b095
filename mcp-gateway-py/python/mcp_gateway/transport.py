"""The gateway as a transport of the official Python SDK (package `mcp`, 1.x and 2.x), in the same process."""

from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import TYPE_CHECKING

from mcp_gateway.adapters._require import required

if TYPE_CHECKING:
    from mcp_gateway._sdk_streams import ReadStream, WriteStream
    from mcp_gateway.gateway import Connection

__all__ = ["Transport"]


class Transport:
    """One client's connection to a gateway, as the clients of the official SDK take it.

    Entering it connects, leaving it closes; after that it can be entered again. The SDK is imported on entering.

    ```python
    async with mcp.Client(gateway.transport()) as client:  # SDK 2.x
        print(await client.list_tools())

    async with gateway.transport() as (read, write), mcp.ClientSession(read, write) as session:  # SDK 1.x and 2.x
        await session.initialize()
        print(await session.list_tools())
    ```
    """

    def __init__(self, connect: "Callable[[], Awaitable[Connection]]") -> None:
        """Makes a transport over the connection that `connect` opens; `gateway.transport()` is the short way."""
        self._connect = connect
        self._connection: Connection | None = None
        self._entered = False

    async def __aenter__(self) -> "tuple[ReadStream, WriteStream]":
        """Connects, and returns the streams that a client's session reads from and writes to."""
        with required("mcp"):
            from mcp_gateway._sdk_streams import ReadStream, WriteStream

        if self._entered:
            raise RuntimeError("this transport is in use: please make another one with `gateway.transport()`")
        self._entered = True
        try:
            self._connection = await self._connect()
        except BaseException:
            self._entered = False
            raise
        return ReadStream(self._connection), WriteStream(self._connection)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes the connection, also when the client's task was cancelled."""
        from mcp_gateway._sdk_streams import close

        connection, self._connection, self._entered = self._connection, None, False
        if connection is not None:
            await close(connection)
