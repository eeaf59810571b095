"""What servers ask in the course of a call: the seam that an object of the host can take."""

from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

__all__ = [
    "Client",
    "ClientContext",
    "Elicitation",
    "ElicitationAnswer",
    "ElicitingClient",
    "Root",
    "RootsClient",
    "Sampling",
    "SamplingClient",
    "accept",
    "cancel",
    "decline",
]


@dataclass(frozen=True)
class ClientContext:
    """Who asks, and in whose call."""

    session: str
    """The session in whose call it is asked."""
    principal: str
    """Whose session it is."""
    server: str | None = None
    """The server that asks; show its name to a person."""

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> "ClientContext":
        """Reads the gateway's form."""
        return cls(raw["session"], raw["principal"], raw.get("server"))


@dataclass(frozen=True)
class Elicitation:
    """What a server wants to know of a person, or have them do at an address."""

    raw: dict[str, Any]
    """The parameters of `elicitation/create`, as they came."""

    @property
    def message(self) -> str:
        """What the person is told; it is the server's text and no promise of the gateway."""
        return str(self.raw.get("message", ""))

    @property
    def mode(self) -> Literal["form", "url"]:
        """Whether a form is to be filled in, or an address to be visited."""
        return "url" if self.raw.get("mode") == "url" else "form"

    @property
    def schema(self) -> dict[str, Any]:
        """The form: a JSON Schema of an object whose properties are texts, numbers, booleans and choices."""
        return dict(self.raw.get("requestedSchema") or {})

    @property
    def fields(self) -> dict[str, dict[str, Any]]:
        """The fields of the form, each with its schema."""
        return dict(self.schema.get("properties") or {})

    @property
    def url(self) -> str | None:
        """The address to visit; never open it without the person's consent."""
        return self.raw.get("url")


@dataclass(frozen=True)
class ElicitationAnswer:
    """A person's answer; `accept`, `decline` and `cancel` make one."""

    action: Literal["accept", "decline", "cancel"]
    """Filled in and sent, refused, or left open."""
    content: Mapping[str, Any] | None = None
    """What was filled in, by field."""


def accept(content: Mapping[str, Any] | None = None, /, **fields: Any) -> ElicitationAnswer:
    """Returns the answer of a person who has filled the form in, or agreed to visit the address."""
    return ElicitationAnswer("accept", {**(content or {}), **fields})


def decline() -> ElicitationAnswer:
    """Returns the answer of a person who says no."""
    return ElicitationAnswer("decline")


def cancel() -> ElicitationAnswer:
    """Returns the answer of a person who has said neither yes nor no."""
    return ElicitationAnswer("cancel")


@dataclass(frozen=True)
class Sampling:
    """What a server wants a model of yours to write."""

    raw: dict[str, Any]
    """The parameters of `sampling/createMessage`, as they came."""

    @property
    def messages(self) -> list[dict[str, Any]]:
        """The conversation, each message with `role` and `content`."""
        return list(self.raw.get("messages") or [])

    @property
    def system_prompt(self) -> str | None:
        """What the server wants the model told."""
        return self.raw.get("systemPrompt")

    @property
    def max_tokens(self) -> int | None:
        """The longest answer that is wanted."""
        return self.raw.get("maxTokens")

    @property
    def tools(self) -> list[dict[str, Any]]:
        """The tools that the model may ask the server for."""
        return list(self.raw.get("tools") or [])


@dataclass(frozen=True)
class Root:
    """A place that servers may work in."""

    uri: str
    """Its address, such as `file:///home/ada/project`."""
    name: str | None = None
    """Its name for people."""

    @classmethod
    def of(cls, path: str | PathLike[str], name: str | None = None) -> "Root":
        """Returns a file or folder of this machine."""
        return cls(Path(path).absolute().as_uri(), name)


_Elicited: TypeAlias = ElicitationAnswer | Mapping[str, Any] | bool | None
_Sampled: TypeAlias = str | Mapping[str, Any]
_Roots: TypeAlias = Iterable[Root | str | Mapping[str, Any]]


class ElicitingClient(Protocol):
    """Asks a person what a server wants to know."""

    def elicit(self, context: ClientContext, request: Elicitation, /) -> _Elicited | Awaitable[_Elicited]:
        """Returns the person's answer: `True` accepts without content, `False` declines, `None` leaves it open."""
        ...


class SamplingClient(Protocol):
    """Has a model write what a server wants written."""

    def sample(self, context: ClientContext, request: Sampling, /) -> _Sampled | Awaitable[_Sampled]:
        """Returns the text, or the result of `sampling/createMessage`: `content`, and perhaps `model`, `stopReason`."""
        ...


class RootsClient(Protocol):
    """Says where servers may work."""

    def roots(self, context: ClientContext, /) -> _Roots | Awaitable[_Roots]:
        """Returns the places."""
        ...


Client: TypeAlias = ElicitingClient | SamplingClient | RootsClient
"""A plain class with any of the methods `elicit`, `sample` and `roots`, each plain or async.

Servers are told that the client can do what there is a method for. What raises, takes too long or answers anything else
is an error that the server gets instead of an answer.
"""
