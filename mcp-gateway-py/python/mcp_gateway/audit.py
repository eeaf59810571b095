"""What happened: records, and the seam for a store of the host."""

import json
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

__all__ = ["AuditQuery", "AuditRecord", "AuditStore", "Outcome"]

Outcome = Literal["ok", "tool_error", "server_error", "denied", "limited", "failed", "cancelled"]


@dataclass(frozen=True)
class AuditRecord:
    """One thing that happened, in its place in the chain.

    The hash is SHA-256 over the number (8 bytes, big-endian), the previous hash and the text. A store keeps the four
    fields as they are.
    """

    sequence: int
    """Its number, from 1."""
    previous: str
    """The hash of the record before."""
    hash: str
    """Its own hash."""
    text: str
    """The event as the JSON text that was hashed."""

    @property
    def event(self) -> dict[str, Any]:
        """The event: `time`, `principal`, `action`, `server`, `name`, `decision`, `outcome` and more."""
        event: dict[str, Any] = json.loads(self.text)
        return event

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> "AuditRecord":
        """Reads the gateway's form for stores."""
        return cls(raw["sequence"], raw["previous"], raw["hash"], raw["text"])


@dataclass(frozen=True)
class AuditQuery:
    """Which records are wanted; every condition that is set must hold."""

    since: int | None = None
    """Not before this time, in milliseconds since the Unix epoch."""
    server: str | None = None
    """Of this server."""
    name: str | None = None
    """Of this tool, prompt or resource."""
    principal: str | None = None
    """By this principal."""
    outcome: Outcome | None = None
    """With this outcome."""
    after: int | None = None
    """After this sequence number."""
    before: int | None = None
    """Before this sequence number."""
    limit: int | None = None
    """The newest so many; 100,000 at the most."""


class AuditStore(Protocol):
    """Keeps records, as a plain class with plain or async methods.

    Numbers and hashes are the gateway's. The answer to a request whose record `append` does not keep is
    withheld, and nothing more is carried out until records are kept again.
    """

    def append(self, record: AuditRecord, /) -> Awaitable[None] | None:
        """Keeps a record, and returns once it is kept; after a failure the same one may come again, by its number."""

    def query(self, query: AuditQuery, /) -> Iterable[AuditRecord] | Awaitable[Iterable[AuditRecord]]:
        """Returns records, oldest first. Conditions but `limit` and `before` may be ignored: the gateway filters."""
        ...
