"""What may happen with a request: the seam that an object of the host can take."""

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from mcp_gateway.model import CallContext

__all__ = ["CaseOutcome", "Decision", "Effect", "Explanation", "Policy", "PolicyCase", "Request", "RuleKind"]

Effect = Literal["allow", "soft_confirm", "hard_confirm", "deny"]
"""It goes through, the person at the client confirms it, an operator confirms it, or it is refused."""

RuleKind = Literal[
    "tools/call",
    "prompts/get",
    "resources/read",
    "resources/subscribe",
    "resources/unsubscribe",
    "completion/complete",
    "tools/list",
    "prompts/list",
    "resources/list",
    "resources/templates/list",
    "server/add",
    "server/remove",
    "config/set",
    "profile/create",
]
"""A kind of request that rules tell apart."""


@dataclass(frozen=True)
class Decision:
    """An effect with the rule that decided and why."""

    effect: Effect
    """What may happen."""
    rule: str = ""
    """The rule that decided."""
    reason: str = ""
    """Why, for the person whom it stops."""

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> "Decision":
        """Reads the gateway's form."""
        return cls(raw["effect"], raw.get("rule", ""), raw.get("reason", ""))


@dataclass(frozen=True)
class Request:
    """One request of a client."""

    method: str
    """The MCP method, such as `tools/call`."""
    server: str | None = None
    """The server that it is for; none for a list, and for a name that nobody offers."""
    name: str | None = None
    """The tool's or prompt's own name at that server, or the resource's URI."""
    subject: str | None = None
    """The name or URI that the client wrote."""
    arguments: Mapping[str, Any] | None = None
    """The arguments of a tool call or prompt."""
    params: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """All parameters."""

    @property
    def target(self) -> str | None:
        """The canonical name `server.name`, which rules are written for."""
        return None if self.server is None else f"{self.server}.{self.name}"

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> "Request":
        """Reads the gateway's form."""
        return cls(
            raw["method"], raw.get("server"), raw.get("name"), raw.get("subject"), raw.get("arguments"), raw["params"]
        )


@dataclass(frozen=True)
class Explanation:
    """What would be decided about a request, and what was looked at."""

    decision: Decision
    """What would be decided."""
    target: str | None = None
    """The canonical name of what it is about."""
    approved: bool | None = None
    """Whether its definition is approved, where one is known."""
    steps: Sequence[Mapping[str, Any]] = ()
    """The rules that were looked at: `rule`, `effect` and, where one does not cover the request, `unmet`."""

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> "Explanation":
        """Reads the gateway's form."""
        return cls(Decision.read(raw["decision"]), raw.get("target"), raw.get("approved"), raw.get("steps", ()))


@dataclass(frozen=True)
class PolicyCase:
    """A request, and what is expected of policy."""

    ask: Mapping[str, Any]
    """`name`, and as far as it matters `kind`, `arguments`, `principal`, `roles`, `annotations`, `approved`, `time`."""
    expect: Effect
    """What may happen with it."""
    rule: str | None = None
    """The rule that has to decide, where that matters."""

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> "PolicyCase":
        """Reads the gateway's form."""
        return cls(raw["ask"], raw["expect"], raw.get("rule"))


@dataclass(frozen=True)
class CaseOutcome:
    """How a case came out."""

    case: PolicyCase
    """The case."""
    decision: Decision
    """What would be decided."""
    passed: bool
    """Whether that is what was expected."""

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> "CaseOutcome":
        """Reads the gateway's form."""
        return cls(PolicyCase.read(raw["case"]), Decision.read(raw["decision"]), raw["passed"])


class Policy(Protocol):
    """Decides on requests, as a plain class with a plain or async method, instead of the profile's rules.

    What raises, takes too long or answers anything else denies.
    """

    def decide(self, context: CallContext, request: Request, /) -> Decision | Effect | Awaitable[Decision | Effect]:
        """Returns what may happen; the same request in the same context gets the same decision."""
        ...
