"""Clients of the official SDK, of either generation, connected to a gateway in this process."""

import asyncio
import importlib.metadata
import json
import sys
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from mcp_gateway import Gateway, GatewayError
from mcp_gateway.exceptions import ClosedError, TooLargeError
from mcp_gateway.transport import Transport

pytest.importorskip("mcp")

import anyio
import mcp
import mcp.types
from mcp.shared.message import SessionMessage

# Where the generations differ, a test reaches for names that the other one does not have.
sdk: Any = mcp
types: Any = mcp.types
SDK_2 = int(importlib.metadata.version("mcp").split(".")[0]) >= 2


def request(number: int, method: str, params: dict[str, Any] | None = None) -> SessionMessage:
    message = types.JSONRPCRequest(jsonrpc="2.0", id=number, method=method, **({"params": params} if params else {}))
    return SessionMessage(message if SDK_2 else types.JSONRPCMessage(message))


def received(item: SessionMessage | Exception) -> Any:
    assert isinstance(item, SessionMessage), item
    message: Any = item.message
    return message if SDK_2 else message.root


INITIALIZE = request(
    0,
    "initialize",
    {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}},
)


class _ScriptedConnection:
    """Says what it was given, and remembers what was done with it."""

    def __init__(self, *texts: str, failure: GatewayError | None = None) -> None:
        self.texts = list(texts)
        self.failure = failure
        self.sent: list[str | bytes] = []
        self.closed = 0

    def send(self, message: str | bytes) -> None:
        if self.failure:
            raise self.failure
        self.sent.append(message)

    async def receive(self) -> str | None:
        return self.texts.pop(0) if self.texts else None

    async def close(self) -> None:
        await asyncio.sleep(0)
        self.closed += 1


def over(connection: _ScriptedConnection) -> Transport:
    async def connect() -> Any:
        return connection

    return Transport(connect)


def test_a_session_of_either_generation_calls_tools(gateway: AbstractAsyncContextManager[Gateway]) -> None:
    async def main() -> None:
        async with (
            gateway as opened,
            opened.transport() as (read, write),
            sdk.ClientSession(read, write) as session,
        ):
            await session.initialize()
            listed = (await session.list_tools()).tools
            assert {"echo", "add", "fail"} < {tool.name for tool in listed}
            echoed = await session.call_tool("echo", {"text": "hällo"})
            assert [block.text for block in echoed.content] == ["hällo"]
            failed = (await session.call_tool("fail", {})).model_dump(by_alias=True)
            assert failed["isError"]

    asyncio.run(main())


@pytest.mark.skipif(not SDK_2, reason="SDK 1.x has no such client")
@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_the_client_calls_tools(gateway: AbstractAsyncContextManager[Gateway], mode: str) -> None:
    async def main() -> None:
        async with gateway as opened:
            transport = opened.transport()
            # Twice: a transport that was left can be entered again.
            for _ in range(2):
                async with sdk.Client(transport, mode=mode) as client:
                    echoed = await client.call_tool("echo", {"text": "hello"})
                    assert [block.text for block in echoed.content] == ["hello"]

    asyncio.run(main())


def test_calls_of_one_session_run_at_the_same_time(gateway: AbstractAsyncContextManager[Gateway]) -> None:
    async def main() -> None:
        async with (
            gateway as opened,
            opened.transport() as (read, write),
            sdk.ClientSession(read, write) as session,
        ):
            await session.initialize()
            calls = [session.call_tool("echo", {"text": str(number)}) for number in range(50)]
            answers = await asyncio.gather(*calls)
            assert [answer.content[0].text for answer in answers] == [str(number) for number in range(50)]

    asyncio.run(main())


def test_a_cancelled_read_loses_no_message(gateway: AbstractAsyncContextManager[Gateway]) -> None:
    async def main() -> None:
        async with gateway as opened, opened.transport() as (read, write):
            await write.send(INITIALIZE)
            assert received(await read.receive()).id == 0
            missing = set(range(1, 101))
            for number in missing:
                await write.send(request(number, "ping"))
            with anyio.fail_after(20):
                while missing:
                    # Cancelled before, while and just after a message arrives.
                    with anyio.move_on_after(0.0001):
                        missing.remove(received(await read.receive()).id)

    asyncio.run(main())


def test_what_cannot_be_read_arrives_as_an_exception() -> None:
    async def main() -> None:
        texts = ["{", '{"jsonrpc": "2.0"}', '{"jsonrpc": "2.0", "id": 7, "result": {}}']
        async with over(_ScriptedConnection(*texts)) as (read, _):
            items = [item async for item in read]
        assert [isinstance(item, ValueError) for item in items] == [True, True, False]
        assert received(items[2]).id == 7

    asyncio.run(main())


def test_messages_are_written_without_what_is_not_set() -> None:
    async def main() -> None:
        connection = _ScriptedConnection()
        async with over(connection) as (_, write):
            await write.send(request(1, "ping"))
        assert [json.loads(text) for text in connection.sent] == [{"jsonrpc": "2.0", "id": 1, "method": "ping"}]

    asyncio.run(main())


def test_a_closed_connection_is_a_closed_stream() -> None:
    async def main() -> None:
        async with over(_ScriptedConnection(failure=ClosedError("the connection is closed"))) as (read, write):
            with pytest.raises(anyio.EndOfStream):
                await read.receive()
            with pytest.raises(anyio.ClosedResourceError):
                await write.send(INITIALIZE)
            for stream in (read, write):
                await stream.aclose()
            with pytest.raises(anyio.ClosedResourceError):
                await read.receive()

    asyncio.run(main())


def test_other_failures_reach_the_caller() -> None:
    async def main() -> None:
        async with over(_ScriptedConnection(failure=TooLargeError("the message is too large"))) as (_, write):
            with pytest.raises(TooLargeError):
                await write.send(INITIALIZE)

    asyncio.run(main())


def test_leaving_closes_also_when_the_task_is_cancelled() -> None:
    async def main() -> None:
        connection = _ScriptedConnection()
        with anyio.move_on_after(0.01):
            async with over(connection):
                await anyio.sleep_forever()
        assert connection.closed == 1

    asyncio.run(main())


def test_one_transport_is_one_connection_at_a_time() -> None:
    async def main() -> None:
        transport = over(_ScriptedConnection())
        async with transport:
            with pytest.raises(RuntimeError, match=r"gateway\.transport\(\)"):
                await transport.__aenter__()
        async with transport:
            pass

    asyncio.run(main())


def test_a_failed_connect_can_be_tried_again() -> None:
    async def main() -> None:
        async def connect() -> Any:
            raise ClosedError("the gateway is closed")

        transport = Transport(connect)
        for _ in range(2):
            with pytest.raises(ClosedError):
                await transport.__aenter__()

    asyncio.run(main())


def test_says_how_to_install_the_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        monkeypatch.delitem(sys.modules, "mcp_gateway._sdk_streams", raising=False)
        monkeypatch.setitem(sys.modules, "mcp.shared.message", None)
        with pytest.raises(ImportError, match="pip install --upgrade mcp"):
            await over(_ScriptedConnection()).__aenter__()

    asyncio.run(main())
