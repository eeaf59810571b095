"""A person's answer to a request: the seam that an object of the host can take."""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from mcp_gateway.model import CallContext
from mcp_gateway.policy import Decision

__all__ = ["Answer", "Approver", "Question"]


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
    """What policy decided, and why it asks."""

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> "Question":
        """Reads the gateway's form."""
        return cls(raw["server"], raw["name"], raw.get("arguments"), Decision.read(raw["decision"]))


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
