"""How coroutines and threads wait for the gateway's own threads."""

import asyncio
import contextlib
import threading
import weakref
from collections.abc import Callable
from typing import Any

from mcp_gateway._native import Connection, Events, Mailbox
from mcp_gateway.exceptions import ClosedError


class LoopWaiter:
    """Waits in coroutines, of any event loop; each loop has a mailbox of its own."""

    def __init__(self) -> None:
        """Makes a waiter that no loop has used yet."""
        self._mailboxes: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Mailbox] = weakref.WeakKeyDictionary()
        self._last: tuple[asyncio.AbstractEventLoop, Mailbox] | None = None
        self._waiting: set[asyncio.Future[Any]] = set()
        # Loops of several threads may call and close at the same time.
        self._lock = threading.Lock()
        self._closed = False

    async def run(self, start: Callable[..., Any], *arguments: Any) -> Any:
        """Starts work and awaits it; a task that is cancelled cancels the work, at the server too."""
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        with self._lock:
            if self._closed:
                raise ClosedError("the gateway is closed")
            last = self._last
            mailbox = last[1] if last is not None and last[0] is loop else self._mailbox(loop)
            self._waiting.add(future)
        try:
            cancel = start((future, mailbox), *arguments)
            try:
                return await future
            except asyncio.CancelledError:
                cancel()
                raise
        finally:
            self._waiting.discard(future)

    def close(self) -> None:
        """Has every loop stop listening, and whoever still waits hear that there is nothing to wait for.

        May be called twice, and from any thread.
        """
        with self._lock:
            self._closed = True
            self._last = None
            waiting, mailboxes = list(self._waiting), list(self._mailboxes.items())
            self._mailboxes.clear()
        for future in waiting:
            _in_loop(future.get_loop(), _end, future)
        for loop, mailbox in mailboxes:
            mailbox.close()
            if mailbox.fileno() >= 0:
                _in_loop(loop, loop.remove_reader, mailbox.fileno())

    def _mailbox(self, loop: asyncio.AbstractEventLoop) -> Mailbox:
        mailbox = self._mailboxes.get(loop)
        if mailbox is None:
            mailbox = _watched(loop)
            self._mailboxes[loop] = mailbox
        self._last = (loop, mailbox)
        return mailbox


class ThreadWaiter:
    """Waits in the calling thread, which goes on hearing signals such as Ctrl-C."""

    def run(self, start: Callable[..., Any], *arguments: Any) -> Any:
        """Starts work and waits for it."""
        return start(None, *arguments)

    def close(self) -> None:
        """Does nothing: a thread that waits leaves nothing behind."""


async def take(source: Events | Connection, waiter: LoopWaiter) -> bytes | None:
    """Takes what comes next, or `None` at the end; another consumer may be faster after each wait."""
    while (item := source.take()) is None:
        try:
            is_open = await waiter.run(source.wait)
        except ClosedError:
            is_open = False
        if not is_open:
            return source.take()
    return item


def _watched(loop: asyncio.AbstractEventLoop) -> Mailbox:
    try:
        mailbox = Mailbox()
        loop.add_reader(mailbox.fileno(), mailbox.drain)
    except (NotImplementedError, ValueError):
        # A loop of Windows cannot watch the socket, and is called instead.
        return _called(loop)
    return mailbox


def _called(loop: asyncio.AbstractEventLoop) -> Mailbox:
    # Weakly, because the collector does not see what the mailbox holds.
    held_loop = weakref.ref(loop)

    def wake() -> None:
        loop, mailbox = held_loop(), held_mailbox()
        if loop is not None and mailbox is not None:
            loop.call_soon_threadsafe(mailbox.drain)

    mailbox = Mailbox(wake)
    held_mailbox = weakref.ref(mailbox)
    return mailbox


def _end(future: "asyncio.Future[Any]") -> None:
    if not future.done():
        future.set_exception(ClosedError("the gateway is closed"))


def _in_loop(loop: asyncio.AbstractEventLoop, call: Callable[..., object], *arguments: object) -> None:
    """Calls at once in the loop's own thread, and has the loop call otherwise; a loop that has closed needs no call."""
    try:
        running = asyncio.get_running_loop()
    except RuntimeError:
        running = None
    # A loop of another thread may close at any moment.
    with contextlib.suppress(RuntimeError):
        if running is loop or not loop.is_running():
            call(*arguments)
        else:
            loop.call_soon_threadsafe(call, *arguments)
