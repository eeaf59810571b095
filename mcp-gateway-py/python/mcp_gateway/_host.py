"""Objects of the host as parts of a gateway: their methods are called with typed values, and their answers checked."""

import asyncio
import inspect
import json
import logging
import threading
from collections.abc import Callable, Mapping
from typing import Any, cast

from mcp_gateway._native import Answer
from mcp_gateway._wire import dumps, plain
from mcp_gateway.approval import Question
from mcp_gateway.audit import AuditQuery, AuditRecord
from mcp_gateway.client import ClientContext, Elicitation, Sampling
from mcp_gateway.model import CallContext
from mcp_gateway.policy import Request
from mcp_gateway.secrets import MappingBroker, SecretKey

Part = tuple[str, str, list[str], Callable[[str, str, Answer], None]]
"""A part's name, the object's name, its methods, and what calls them."""

Loop = Callable[[], asyncio.AbstractEventLoop]

_log = logging.getLogger("mcp_gateway")


def _query(raw: Mapping[str, Any]) -> AuditQuery:
    return AuditQuery(**raw)


def _as_is(value: Any) -> Any:
    return value


_METHODS: Mapping[str, Mapping[str, tuple[Callable[[Any], Any], ...]]] = {
    "catalog": {"list": (), "get": (_as_is,)},
    "secrets": {"get": (SecretKey.read,), "set": (SecretKey.read, _as_is), "delete": (SecretKey.read,), "list": ()},
    "policy": {"decide": (CallContext.read, Request.read)},
    "approver": {"approve": (CallContext.read, Question.read)},
    "client": {
        "elicit": (ClientContext.read, Elicitation),
        "sample": (ClientContext.read, Sampling),
        "roots": (ClientContext.read,),
    },
    "audit": {"append": (AuditRecord.read,), "query": (_query,)},
}
"""The methods of each part, with what reads their arguments."""


def parts(objects: Mapping[str, object], loop: Loop) -> list[Part]:
    """Returns what the gateway calls; async methods run in the loop."""
    made: list[Part] = []
    for part, given in objects.items():
        held = (
            MappingBroker(cast("Mapping[str, str]", given))
            if part == "secrets" and isinstance(given, Mapping)
            else given
        )
        if isinstance(held, type):
            raise TypeError(f"`{part}` is to be an object, and not the class `{held.__name__}` itself")
        methods = [method for method in _METHODS[part] if callable(getattr(held, method, None))]
        made.append((part, type(held).__name__, methods, _Port(held, _METHODS[part], loop)))
    return made


class _Port:
    """Calls the methods of one object, in a thread that may wait."""

    def __init__(self, held: object, methods: Mapping[str, tuple[Callable[[Any], Any], ...]], loop: Loop) -> None:
        self._held = held
        self._methods = methods
        self._loop = loop

    def __call__(self, method: str, arguments: str, answer: Answer) -> None:
        try:
            self._call(method, arguments, answer)
        except BaseException as error:
            self._failed(method, error, answer)
            if not isinstance(error, Exception):
                raise

    def _call(self, method: str, arguments: str, answer: Answer) -> None:
        readers = self._methods[method]
        values = [read(value) for read, value in zip(readers, json.loads(arguments), strict=True)]
        result = getattr(self._held, method)(*values)
        if not inspect.isawaitable(result):
            answer.send(_text(result))
            return
        loop = self._loop()
        if not loop.is_running():
            if inspect.iscoroutine(result):
                result.close()
            raise RuntimeError("the event loop in which the gateway was opened has ended")
        asyncio.run_coroutine_threadsafe(self._await(method, result, answer), loop)

    async def _await(self, method: str, result: Any, answer: Answer) -> None:
        task = asyncio.ensure_future(result)
        try:
            while not task.done():
                # The gateway stops waiting after its timeout, and what it no longer waits for is cancelled.
                await asyncio.wait([task], timeout=1.0)
                if answer.is_late():
                    task.cancel()
                    return
            answer.send(_text(task.result()))
        except BaseException as error:
            task.cancel()
            self._failed(method, error, answer)
            if not isinstance(error, Exception | asyncio.CancelledError):
                raise

    def _failed(self, method: str, error: BaseException, answer: Answer) -> None:
        # The gateway learns only what kind of exception it was: its text may say more than others may read.
        answer.fail(type(error).__name__)
        _log.error("`%s.%s` of the host failed", type(self._held).__name__, method, exc_info=error)


def _text(result: Any) -> str:
    if not isinstance(result, str | Mapping | list | None):
        if hasattr(result, "__dataclass_fields__"):
            return dumps(plain(result))
        if hasattr(result, "__iter__"):
            result = list(result)
    if isinstance(result, list):
        result = [str(item) if isinstance(item, SecretKey) else plain(item) for item in cast("list[object]", result)]
    return dumps(plain(result))


def _run(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
    finally:
        loop.close()


class BackgroundLoop:
    """An event loop in a thread of its own for async methods of a blocking gateway's objects; made when needed."""

    def __init__(self) -> None:
        """Makes no loop yet."""
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    def __call__(self) -> asyncio.AbstractEventLoop:
        """Returns the loop."""
        with self._lock:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                running = threading.Event()
                self._loop.call_soon(running.set)
                # A daemon, so that a method that hangs does not keep the process.
                threading.Thread(target=_run, args=(self._loop,), name="mcp-gateway-host", daemon=True).start()
                running.wait()
            return self._loop

    def close(self) -> None:
        """Ends the loop."""
        with self._lock:
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._loop.stop)
                self._loop = None
