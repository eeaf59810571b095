"""What the gateway raises: one base class, and one subclass for each kind of failure.

Catch `GatewayError` for all of them, a subclass for one kind, or the built-in exception that some also are
(`ValueError`, `LookupError`, `PermissionError`, `TimeoutError`). What caused a failure is its `__cause__`.
"""

import sys
from collections.abc import Mapping, Sequence
from typing import Literal


class GatewayError(Exception):
    """A failure, ready to be shown to a person and to be decided on by a program."""

    kind: str = "internal"
    """What kind of failure it is, in the words that the audit trail and the other languages use too."""
    operation: str | None
    """The operation that failed, as `Type::method`, if it is known."""
    context: Mapping[str, str]
    """Named facts, such as the server or the file concerned; never a secret's value."""
    hints: Sequence[str]
    """Next steps for the person who reads the error; from Python 3.11 on a traceback shows them."""
    fault: Literal["client", "gateway", "server"]
    """Whose fault it is: the caller's, the gateway's and its machine's, or the MCP server's."""
    retryable: bool
    """Whether the same request may succeed later."""

    def __init__(
        self,
        message: str,
        *,
        operation: str | None = None,
        context: Mapping[str, str] | None = None,
        hints: Sequence[str] = (),
        fault: Literal["client", "gateway", "server"] = "gateway",
        retryable: bool = False,
    ) -> None:
        """Makes an error; its class says the kind."""
        # Not super(): where OSError is the next base, it would read more into the argument than a message.
        Exception.__init__(self, message)
        self.operation = operation
        self.context = dict(context or {})
        self.hints = tuple(hints)
        self.fault = fault
        self.retryable = retryable
        if sys.version_info >= (3, 11):
            for hint in self.hints:
                self.add_note(f"hint: {hint}")


class InvalidInputError(GatewayError, ValueError):
    """An argument or request that cannot be right."""

    kind = "invalid_input"


class InvalidConfigError(GatewayError, ValueError):
    """A catalog, profile or other file that is broken; the context names file and line."""

    kind = "invalid_config"


class NotFoundError(GatewayError, LookupError):
    """A named server, tool, profile, file or image that does not exist."""

    kind = "not_found"


class AlreadyExistsError(GatewayError):
    """A name that is taken."""

    kind = "already_exists"


class ConflictError(GatewayError):
    """A file or state that another writer changed meanwhile."""

    kind = "conflict"


class MissingSecretError(GatewayError, LookupError):
    """A secret that the server declares and no store holds."""

    kind = "missing_secret"


class DeniedError(GatewayError, PermissionError):
    """Policy, an approver or an allow-list said no."""

    kind = "denied"


class UnauthorizedError(GatewayError, PermissionError):
    """The caller did not prove who it is."""

    kind = "unauthorized"


class UnsupportedError(GatewayError):
    """Something that this peer, kernel or build cannot do."""

    kind = "unsupported"


class RuntimeUnavailableError(GatewayError):
    """The container engine, or what else starts servers, does not answer."""

    kind = "runtime_unavailable"


class StartFailedError(GatewayError):
    """A server that did not come up."""

    kind = "start_failed"


class ServerExitedError(GatewayError):
    """A server that went away while a request was under way."""

    kind = "server_exited"


class ProtocolError(GatewayError):
    """A peer that broke the protocol."""

    kind = "protocol"


class TooLargeError(GatewayError):
    """A message over the size limit."""

    kind = "too_large"


class OverloadedError(GatewayError):
    """A bound (queue, rate, number of sessions) that is reached."""

    kind = "overloaded"


class TimedOutError(GatewayError, TimeoutError):
    """A deadline that passed."""

    kind = "timeout"


class CancelledError(GatewayError):
    """A request that its caller cancelled."""

    kind = "cancelled"


class ClosedError(GatewayError):
    """A connection that is closed or a gateway that is shutting down."""

    kind = "closed"


class NetworkError(GatewayError):
    """A network address that could not be reached or must not be."""

    kind = "network"


class IoError(GatewayError):
    """A file or pipe that could not be read or written."""

    kind = "io"


class InternalError(GatewayError):
    """A mistake in the gateway itself."""

    kind = "internal"


_BY_KIND: Mapping[str, type[GatewayError]] = {error.kind: error for error in GatewayError.__subclasses__()}


def class_for(kind: str) -> type[GatewayError]:
    """Returns the class of a kind; the native module raises through it."""
    return _BY_KIND[kind]
