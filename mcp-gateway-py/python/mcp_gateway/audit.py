"""What happened: records, the seam for a store of the host, and what is done with trails as files."""

import json
from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass
from os import PathLike, fspath
from typing import Any, Literal, Protocol

from mcp_gateway._native import audit_files

__all__ = [
    "AuditQuery",
    "AuditRecord",
    "AuditStore",
    "ExportFormat",
    "Outcome",
    "export_file",
    "render_report",
    "report_file",
    "unseal",
    "verify_file",
]

ExportFormat = Literal["jsonl", "csv", "otlp"]

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
    action: str | None = None
    """With this action, such as `tools/call` or `server/start`."""
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


def _run(command: str, **fields: Any) -> Any:
    given = {name: value for name, value in fields.items() if value is not None}
    return json.loads(audit_files(json.dumps({"command": command, **given})))


def verify_file(file: str | PathLike[str], *, key: str | None = None, noted: str | None = None) -> dict[str, Any]:
    """Checks an audit file or a copy of it, without a gateway, and returns what was found.

    `intact` says whether all is well.

    `key` is the public key whose checkpoints count, as `mcp-gateway audit key` prints it; `noted` a head that was noted
    elsewhere, as `number:hash`. The other fields are `records`, `head`, `signedUpTo`, `keys`, `faults` and more.
    """
    found: dict[str, Any] = _run("verify", file=fspath(file), key=key, noted=noted)
    return found


def report_file(file: str | PathLike[str], *, since: int | None = None, key: str | None = None) -> dict[str, Any]:
    """Reports on an audit file; `since` is in milliseconds of the Unix epoch."""
    made: dict[str, Any] = _run("report", file=fspath(file), since=since, key=key)
    return made


def render_report(
    file: str | PathLike[str],
    form: Literal["html", "csv"] = "html",
    *,
    since: int | None = None,
    key: str | None = None,
) -> str:
    """Returns the report as one page that needs nothing else and can be printed, or as a table."""
    return str(_run("report", file=fspath(file), since=since, key=key, format=form))


def export_file(
    file: str | PathLike[str], to: str | PathLike[str], form: ExportFormat = "jsonl", *, since: int | None = None
) -> int:
    """Writes the records of an audit file into another one, and returns how many."""
    return int(_run("export", file=fspath(file), to=fspath(to), format=form, since=since)["records"])


def unseal(sealed: str, identity: str | PathLike[str]) -> dict[str, Any]:
    """Opens the `sealed` payload of a record with the recipient's key file; returns its `arguments` and `result`."""
    opened: dict[str, Any] = _run("unseal", sealed=sealed, identity=fspath(identity))
    return opened
