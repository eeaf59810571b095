"""How coroutines and threads wait for the gateway's own threads."""

import asyncio
import weakref
from collections.abc import Callable
from typing import Any

from mcp_gateway._native import Mailbox
from mcp_gateway.exceptions import ClosedError


class LoopWaiter:
    """Waits in coroutines, of any event loop; each loop has a mailbox of its own."""

    def __init__(self) -> None:
        """Makes a waiter that no loop has used yet."""
        self._mailboxes: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Mailbox] = weakref.WeakKeyDictionary()
        self._last: tuple[asyncio.AbstractEventLoop, Mailbox] | None = None
        self._waiting: set[asyncio.Future[Any]] = set()

    async def run(self, start: Callable[..., Any], *arguments: Any) -> Any:
        """Starts work and awaits it; a task that is cancelled cancels the work, at the server too."""
        loop = asyncio.get_running_loop()
        last = self._last
        mailbox = last[1] if last is not None and last[0] is loop else self._mailbox(loop)
        future = loop.create_future()
        cancel = start((future, mailbox), *arguments)
        self._waiting.add(future)
        try:
            return await future
        except asyncio.CancelledError:
            cancel()
            raise
        finally:
            self._waiting.discard(future)

    def close(self) -> None:
        """Has every loop stop listening, and whoever still waits hear that there is nothing to wait for."""
        self._last = None
        for future in list(self._waiting):
            loop = future.get_loop()
            if not loop.is_closed():
                _in_loop(loop, _end, future)
        for loop, mailbox in list(self._mailboxes.items()):
            mailbox.close()
            if not loop.is_closed():
                _in_loop(loop, loop.remove_reader, mailbox.fileno())
        self._mailboxes.clear()

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


def _watched(loop: asyncio.AbstractEventLoop) -> Mailbox:
    mailbox = Mailbox()
    try:
        loop.add_reader(mailbox.fileno(), mailbox.drain)
    except (NotImplementedError, ValueError):
        # A loop of Windows cannot watch the socket, and is called instead.
        def wake() -> None:
            loop.call_soon_threadsafe(called.drain)

        called = Mailbox(wake)
        return called
    return mailbox


def _end(future: "asyncio.Future[Any]") -> None:
    if not future.done():
        future.set_exception(ClosedError("the gateway is closed"))


def _in_loop(loop: asyncio.AbstractEventLoop, call: Callable[..., object], *arguments: object) -> None:
    """Calls at once in the loop's own thread, and has the loop call otherwise."""
    try:
        running = asyncio.get_running_loop()
    except RuntimeError:
        running = None
    if running is loop or not loop.is_running():
        call(*arguments)
    else:
        loop.call_soon_threadsafe(call, *arguments)
