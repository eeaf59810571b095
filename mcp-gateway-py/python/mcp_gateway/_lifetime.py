"""Gateways that nobody has closed: their servers are stopped when they are forgotten, and before the process ends."""

import atexit
import os
import threading
import warnings
import weakref
from collections.abc import Callable

from mcp_gateway import _native

_open: "weakref.WeakSet[_native.Gateway]" = weakref.WeakSet()


def keep(
    owner: object, native: _native.Gateway, cleanup: Callable[[], None]
) -> "weakref.finalize[[_native.Gateway, Callable[[], None]], object]":
    """Has a gateway closed and then cleaned up after, once its owner is forgotten.

    The result is detached when the owner closes it itself.
    """
    _open.add(native)
    finalizer = weakref.finalize(owner, _forgotten, native, cleanup)
    # At exit all are closed together, below.
    finalizer.atexit = False
    return finalizer


def closed(native: _native.Gateway) -> None:
    """Says that a gateway was closed."""
    _open.discard(native)


def _forgotten(native: _native.Gateway, cleanup: Callable[[], None]) -> None:
    if native.is_forked:
        return
    # In a thread, because what is forgotten may be forgotten in the middle of an event loop.
    thread = threading.Thread(target=_end, args=(native, cleanup), name="mcp-gateway-close")
    try:
        thread.start()
    except RuntimeError:
        _end(native, cleanup)
    # Last, because whoever makes errors of warnings wants the servers stopped all the same.
    warnings.warn(f"gateway of profile `{native.profile}` was not closed", ResourceWarning, stacklevel=2)


def _end(native: _native.Gateway, cleanup: Callable[[], None] | None = None) -> None:
    try:
        native.close(None)
        native.end()
    finally:
        closed(native)
        if cleanup is not None:
            cleanup()


@atexit.register
def _at_exit() -> None:
    threads = [threading.Thread(target=_end, args=(native,)) for native in list(_open) if not native.is_forked]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    except RuntimeError:
        # No more threads are made when the interpreter ends, so one after the other.
        for native in list(_open):
            _end(native)


# What a parent has opened is the parent's to close.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_open.clear)
