"""The two streams of a connection, as the official SDK reads from and writes to them.

They stand directly on the connection, without a task or a queue between. `Transport` imports this module once it is
entered, because it needs the SDK.
"""

import functools
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any

import anyio
import mcp.types
from mcp.shared.message import SessionMessage

from mcp_gateway.exceptions import ClosedError

if TYPE_CHECKING:
    from typing_extensions import Self

    from mcp_gateway.gateway import Connection

__all__ = ["ReadStream", "WriteStream", "close"]

_CLOSE_SECONDS = 5.0

# Where the generations of the SDK differ: how a message is read from JSON text, and what it omits when written.
_types: Any = mcp.types
_read: Callable[[str], Any]
_omitted: dict[str, Any]
if hasattr(_types, "jsonrpc_message_adapter"):
    _read = functools.partial(_types.jsonrpc_message_adapter.validate_json, by_name=False)
    _omitted = {"exclude_unset": True}
else:
    _read = _types.JSONRPCMessage.model_validate_json
    _omitted = {"exclude_none": True}


async def close(connection: "Connection") -> None:
    """Closes a connection even in a cancelled task, which would otherwise leave at the first await."""
    with anyio.move_on_after(_CLOSE_SECONDS, shield=True):
        await connection.close()


class _Stream:
    """One direction. Closing it leaves the other open: a client still answers after it stopped listening."""

    def __init__(self, connection: "Connection") -> None:
        self._connection = connection
        self._closed = False

    async def aclose(self) -> None:
        self._closed = True

    async def __aenter__(self) -> "Self":
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc_val: BaseException | None, exc_tb: TracebackType | None
    ) -> None:
        await self.aclose()

    def _require_open(self) -> None:
        if self._closed:
            raise anyio.ClosedResourceError


class ReadStream(_Stream):
    """What the gateway says: message after message, and an exception in the place of one that cannot be read."""

    async def receive(self) -> SessionMessage | Exception:
        """Waits for the next message; ends the stream when the connection is closed."""
        self._require_open()
        text = await self._connection.receive()
        if text is None:
            raise anyio.EndOfStream
        try:
            return SessionMessage(_read(text))
        except ValueError as error:
            return error

    def __aiter__(self) -> "Self":
        return self

    async def __anext__(self) -> SessionMessage | Exception:
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None


class WriteStream(_Stream):
    """What the client says."""

    async def send(self, item: SessionMessage, /) -> None:
        """Hands a message over without waiting."""
        self._require_open()
        try:
            self._connection.send(item.message.model_dump_json(by_alias=True, **_omitted))
        except ClosedError as error:
            # The one failure that the SDK knows; any other, as of a message that is too large, reaches the caller.
            raise anyio.ClosedResourceError from error
