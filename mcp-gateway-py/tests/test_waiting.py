"""How coroutines and threads wait for a gateway, several at once, and what remains of that when it ends."""

import asyncio
import gc
import json
import os
import select
import signal
import sys
import threading
import time
import warnings
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from conftest import PROFILE, given

from mcp_gateway import AuditQuery, AuditRecord, Gateway, Progress, blocking
from mcp_gateway._wait import LoopWaiter
from mcp_gateway.exceptions import ClosedError, InvalidInputError
from mcp_gateway.options import OpenArguments

PATIENCE = 20.0


def ping(number: int) -> str:
    """Returns a request that is answered at once."""
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": "ping"})


async def until(condition: Callable[[], bool]) -> None:
    """Waits until something holds."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


def test_several_receive_from_one_connection_until_it_ends(options: OpenArguments) -> None:
    async def main() -> None:
        async with Gateway.open(PROFILE, **options) as gateway:
            connection = await gateway.connect()
            received: list[int] = []

            async def receive() -> None:
                while (text := await connection.receive()) is not None:
                    received.append(json.loads(text)["id"])

            receivers = [asyncio.ensure_future(receive()) for _ in range(5)]
            for number in range(100):
                connection.send(ping(number))
                await asyncio.sleep(0)
            await until(lambda: len(received) == 100)
            assert sorted(received) == list(range(100))
            assert not any(receiver.done() for receiver in receivers)
            await connection.close()
            await asyncio.wait_for(asyncio.gather(*receivers), PATIENCE)

    asyncio.run(main())


@pytest.mark.skipif(sys.platform == "win32", reason="a loop of Windows watches no socket")
def test_what_a_cancelled_receiver_was_given_goes_to_another(options: OpenArguments) -> None:
    async def main() -> None:
        async with Gateway.open(PROFILE, **given(options, worker_threads=1)) as gateway:
            connection = await gateway.connect()
            first, second = (asyncio.ensure_future(connection.receive()) for _ in range(2))
            await asyncio.sleep(0)
            connection.send(ping(1))
            # The loop is held up until the first has been told, and cannot hear it before it is cancelled.
            mailbox = gateway._waiter._mailbox(asyncio.get_running_loop())
            assert select.select([mailbox.fileno()], [], [], PATIENCE)[0]
            first.cancel()
            text = await asyncio.wait_for(second, PATIENCE)
            assert text is not None
            assert json.loads(text)["id"] == 1

    asyncio.run(main())


def test_several_threads_hear_events_until_the_end(options: OpenArguments) -> None:
    with blocking.Gateway.open(PROFILE, **options) as gateway, ThreadPoolExecutor(3) as pool:
        events = gateway.events()
        heard = [pool.submit(lambda: [event.type for event in events]) for _ in range(3)]
        gateway.call_tool("echo", {"text": "x"})
        assert not any(hearing.done() for hearing in heard)
        gateway.close()
        types = [kind for hearing in heard for kind in hearing.result(timeout=PATIENCE)]
        assert types.count("server_started") == types.count("server_stopped") == 1


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Has SIGINT raise, which a process in the background of a shell ignores."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("kind", ["asyncio", "blocking"])
def test_an_interrupt_during_progress_ends_the_call(kind: str, options: OpenArguments) -> None:
    def interrupt(_: Progress) -> None:
        signal.raise_signal(signal.SIGINT)

    def leave(_: Progress) -> None:
        raise SystemExit(3)

    if kind == "blocking":
        with blocking.Gateway.open(PROFILE, **options) as gateway:
            for listener, error in ((interrupt, KeyboardInterrupt), (leave, SystemExit)):
                with pytest.raises(error):
                    gateway.call_tool("steps", {"count": 3}, on_progress=listener)
            assert gateway.call_tool("echo", {"text": "still here"}).text == "still here"
    else:

        async def main() -> None:
            async with Gateway.open(PROFILE, **options) as gateway:
                await gateway.call_tool("steps", {"count": 3}, on_progress=leave)

        with pytest.raises(SystemExit):
            asyncio.run(main())


@pytest.mark.parametrize("is_async", [False, True])
def test_what_progress_raises_is_reported_and_the_call_goes_on(
    is_async: bool, options: OpenArguments, monkeypatch: pytest.MonkeyPatch
) -> None:
    reported: list[str] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda raised: reported.append(str(raised.exc_value)))

    def fail(_: Progress) -> None:
        raise ValueError("not heard")

    async def fail_later(_: Progress) -> None:
        raise ValueError("not heard")

    async def main() -> None:
        async with Gateway.open(PROFILE, **options) as gateway:
            result = await gateway.call_tool("steps", {"count": 2}, on_progress=fail_later if is_async else fail)
            assert result.text == "2"
            await until(lambda: len(reported) == 2)

    asyncio.run(main())
    if not is_async:
        with blocking.Gateway.open(PROFILE, **options) as gateway:
            assert gateway.call_tool("steps", {"count": 2}, on_progress=fail).text == "2"
    assert reported == ["not heard"] * (2 if is_async else 4)


def test_no_principal_is_the_default(options: OpenArguments) -> None:
    async def main() -> None:
        async with Gateway.open(PROFILE, **given(options, principal=None)) as gateway:
            assert gateway.principal == "local"

    asyncio.run(main())
    with blocking.Gateway.open(PROFILE, **given(options, principal=None)) as gateway:
        assert gateway.principal == "local"


def test_a_session_may_be_closed_after_its_gateway(options: OpenArguments) -> None:
    async def main() -> None:
        async with Gateway.open(PROFILE, **options) as gateway:
            session = await gateway.session("ada")
        await session.close()

    asyncio.run(main())
    with blocking.Gateway.open(PROFILE, **options) as gateway:
        session = gateway.session("ada")
    session.close()


def running(options: OpenArguments) -> list[dict[str, Any]]:
    """Returns what runs in this home."""
    with blocking.Gateway.open({"name": "empty"}, home=options["home"], audit="memory") as gateway:
        return gateway.instances()


def test_every_close_waits_until_the_servers_have_stopped(options: OpenArguments) -> None:
    async def main() -> None:
        gateway = await Gateway.open(PROFILE, **options)
        await gateway.call_tool("echo", {"text": "x"})
        first = asyncio.ensure_future(gateway.close())
        await asyncio.sleep(0)
        await gateway.close()
        assert running(options) == []
        await first

    asyncio.run(main())

    gateway = blocking.Gateway.open(PROFILE, **options)
    gateway.call_tool("echo", {"text": "x"})

    def close(_: int) -> list[dict[str, Any]]:
        gateway.close()
        return running(options)

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(close, range(3))) == [[]] * 3


def test_a_gateway_may_be_closed_in_a_loop_while_another_one_calls(options: OpenArguments) -> None:
    gateway = asyncio.run(_open(options))
    called = threading.Event()

    async def call() -> None:
        while True:
            await gateway.servers()
            called.set()

    with ThreadPoolExecutor(2) as pool:
        calling = [pool.submit(lambda: asyncio.run(call())) for _ in range(2)]
        assert called.wait(PATIENCE)
        asyncio.run(gateway.close())
        for ended in calling:
            assert isinstance(ended.exception(timeout=PATIENCE), ClosedError)


async def _open(options: OpenArguments) -> Gateway:
    return await Gateway.open(PROFILE, **options)


def test_a_waiter_that_is_closed_starts_nothing() -> None:
    async def main() -> None:
        waiter, started = LoopWaiter(), list[object]()

        def start(waiting: object) -> Callable[[], None]:
            started.append(waiting)
            return lambda: None

        hanging = asyncio.ensure_future(waiter.run(start))
        await asyncio.sleep(0)
        waiter.close()
        waiter.close()
        with pytest.raises(ClosedError):
            await hanging
        with pytest.raises(ClosedError):
            await waiter.run(start)
        assert len(started) == 1

    asyncio.run(main())


def test_a_loop_that_watches_no_socket_is_called_and_not_kept(options: OpenArguments) -> None:
    class Blind(asyncio.SelectorEventLoop):
        def add_reader(self, *_: Any) -> None:  # type: ignore[override]
            raise NotImplementedError

        def remove_reader(self, *_: Any) -> bool:
            raise NotImplementedError

    async def main() -> None:
        async with Gateway.open(PROFILE, **options) as gateway:
            assert (await gateway.call_tool("echo", {"text": "x"})).text == "x"

    loop = Blind()
    loop.run_until_complete(main())
    loop.close()
    held = weakref.ref(loop)
    del loop
    gc.collect()
    assert held() is None


def open_files() -> int:
    """Counts the open files of this process."""
    if not Path("/proc/self/fd").exists():
        pytest.skip("open files are counted in /proc")
    return len(os.listdir("/proc/self/fd"))


def test_what_is_not_opened_or_forgotten_leaves_no_files(options: OpenArguments) -> None:
    async def fail() -> None:
        with pytest.raises(InvalidInputError):
            await Gateway.open(PROFILE, **given(options, principal=" "))

    async def forget() -> None:
        await Gateway.open(PROFILE, **options)
        gc.collect()

    async def main() -> None:
        for leave in (fail, forget):
            await leave()
            before = open_files()
            for _ in range(20):
                await leave()
            deadline = time.monotonic() + PATIENCE
            # Threads that are still ending hold a few; what each one left behind would be far more.
            while open_files() > before + 10 and time.monotonic() < deadline:
                gc.collect()
                await asyncio.sleep(0.01)
            assert open_files() <= before + 10

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        asyncio.run(main())


class Trail:
    """An audit store of the host, which is asked at the opening."""

    async def append(self, record: AuditRecord) -> None:
        """Forgets it."""

    async def query(self, query: AuditQuery) -> list[AuditRecord]:
        return []


def test_what_is_not_opened_or_forgotten_leaves_no_loop(options: OpenArguments) -> None:
    def loops() -> list[threading.Thread]:
        return [thread for thread in threading.enumerate() if thread.name == "mcp-gateway-host"]

    with_trail = given(options, audit=Trail())
    with pytest.raises(InvalidInputError):
        blocking.Gateway.open(PROFILE, **given(with_trail, principal=" "))
    asyncio.run(until(lambda: not loops()))

    gateway = blocking.Gateway.open(PROFILE, **with_trail)
    gateway.list_tools()
    assert len(loops()) == 1
    held = [gateway]
    del gateway
    with pytest.warns(ResourceWarning, match="was not closed"):
        held.clear()
    asyncio.run(until(lambda: not loops()))
