"""How failures arrive: as exceptions with a kind for programs and a message for people.

    python examples/python/errors.py

It starts no server. The home is temporary, so that nothing is left behind.
"""

import tempfile

from mcp_gateway import GatewayError, ImageReference, blocking
from mcp_gateway.exceptions import InvalidInputError, NotFoundError


def show(error: GatewayError) -> None:
    """Prints what a program decides on, what a person reads, and what led to it."""
    print(f"{error.kind}: {error}")
    print(f"  fault: {error.fault}, retryable: {error.retryable}")
    for hint in error.hints:
        print(f"  hint: {hint}")
    if error.__cause__ is not None:
        print(f"  because: {error.__cause__}")


try:
    ImageReference.parse("mcp/time@sha256:12")
except InvalidInputError as error:
    # `except ValueError` would catch it too.
    show(error)
else:
    raise SystemExit("half a digest was taken for a whole one")

with tempfile.TemporaryDirectory() as home:
    try:
        blocking.Gateway.open({"name": "demo", "servers": {"time": {}}}, home=home)
    except GatewayError as error:
        show(error)
    else:
        raise SystemExit("a server was found without a catalog")

    with blocking.Gateway.open({"name": "demo"}, home=home) as gateway:
        try:
            gateway.call_tool("get_current_time", {"timezone": "Asia/Tokyo"})
        except NotFoundError as error:
            # `except LookupError` would catch it too.
            show(error)
        else:
            raise SystemExit("a tool was found without a server")
