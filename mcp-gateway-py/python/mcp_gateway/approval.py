"""A person's answer to a request: the seam that an object of the host can take."""

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from mcp_gateway.model import CallContext
from mcp_gateway.policy import Decision

__all__ = ["Answer", "Approver", "Grant", "PendingApproval", "Question", "Scope"]

Scope = Literal["once", "session", "arguments"]
"""For what a yes holds: one request, a tool in a session, a tool with these arguments."""


@dataclass(frozen=True)
class Question:
    """What a person is asked."""

    server: str
    """The server that the request is for."""
    name: str
    """The tool, prompt or resource."""
    arguments: Mapping[str, Any] | None
    """Its arguments, in full."""
    decision: Decision
    """What policy decided, and why it asks: `soft_confirm` is for any person at the agent, `hard_confirm` for an
    operator, who gives a reason."""
    kind: str = "tools/call"
    """The MCP method."""
    arguments_hash: str = ""
    """The SHA-256 of the arguments in their canonical form."""
    principal: str = ""
    """Who asks."""
    roles: Sequence[str] = ()
    """The roles of who asks."""
    session: str | None = None
    """The session that the request belongs to."""
    profile: str | None = None
    """The profile."""
    identity: str | None = None
    """What runs behind the server's name, as far as it is known."""
    definition: str | None = None
    """The SHA-256 of the target's definition, as far as it is known."""
    definition_approved: bool = False
    """Whether an operator has approved exactly this definition."""
    facts: Sequence[Mapping[str, str]] = field(default_factory=tuple[Mapping[str, str], ...])
    """What would come of it, each `what` with its `value`: of a server that would be added, what runs."""
    previous: Sequence[Mapping[str, Any]] = field(default_factory=tuple[Mapping[str, Any], ...])
    """What was answered before to the same principal about the same target, the newest first."""

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> "Question":
        """Reads the gateway's form."""
        return cls(
            raw["server"],
            raw["name"],
            raw.get("arguments"),
            Decision.read(raw["decision"]),
            raw.get("kind", "tools/call"),
            raw.get("argumentsHash", ""),
            raw.get("principal", ""),
            raw.get("roles", ()),
            raw.get("session"),
            raw.get("profile"),
            raw.get("identity"),
            raw.get("definition"),
            raw.get("definitionApproved", False),
            raw.get("facts", ()),
            raw.get("previous", ()),
        )


@dataclass(frozen=True)
class PendingApproval:
    """What waits for an operator's answer."""

    id: str
    """Under which it is answered."""
    effect: str
    """How firmly is asked: `soft_confirm` or `hard_confirm`."""
    asked: int
    """When it was asked, in milliseconds since the Unix epoch."""
    expires: int
    """When its time is up."""
    question: Question
    """What is asked."""
    text: str
    """The question for a person to read, with every hidden character written out."""

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> "PendingApproval":
        """Reads the gateway's form."""
        question = Question.read(raw["question"])
        return cls(raw["id"], raw["effect"], raw["asked"], raw["expires"], question, raw["text"])


@dataclass(frozen=True)
class Grant:
    """An approval that holds for more than one request."""

    id: str
    """Under which it is revoked."""
    scope: Scope
    """For what it holds."""
    principal: str
    """To whom it was given."""
    server: str
    """The server."""
    name: str
    """The tool, prompt or resource."""
    effect: str
    """How firmly was asked."""
    by: str
    """Who gave it."""
    reason: str
    """Why."""
    given: int
    """When it was given, in milliseconds since the Unix epoch."""
    expires: int
    """When it ends."""
    session: str | None = None
    """The session that it holds for."""
    arguments_hash: str | None = None
    """The SHA-256 of the arguments that it holds for."""

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> "Grant":
        """Reads the gateway's form."""
        named = {key: raw[key] for key in ("id", "scope", "principal", "server", "name", "effect", "by", "reason")}
        times = {key: raw[key] for key in ("given", "expires")}
        return cls(**named, **times, session=raw.get("session"), arguments_hash=raw.get("argumentsHash"))


@dataclass(frozen=True)
class Answer:
    """A person's answer."""

    granted: bool
    """Whether the request may go on."""
    by: str = ""
    """Who answered; the approver's class where it is not said."""
    reason: str = ""
    """Why."""


class Approver(Protocol):
    """Asks a person, as a plain class with a plain or async method.

    Only an explicit yes grants; what raises, takes too long or answers anything else denies.
    """

    def approve(self, context: CallContext, question: Question, /) -> Answer | bool | Awaitable[Answer | bool]:
        """Returns the person's answer."""
        ...
