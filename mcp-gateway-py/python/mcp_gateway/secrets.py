"""Who holds secrets: the seam that an object of the host can take, and what the stores of a home hold."""

import json
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike, fspath
from typing import Any, Protocol

from mcp_gateway._native import home_secrets

__all__ = [
    "SecretBroker",
    "SecretKey",
    "SecretStatus",
    "SecretUsed",
    "list_secrets",
    "remove_secret",
    "rotate_secrets",
    "set_secret",
]


@dataclass(frozen=True)
class SecretKey:
    """The key of a secret: a name, for everyone, for a profile, for a server, or for one server of a profile."""

    name: str
    """The secret's name: the catalog's name for it or its environment variable."""
    profile: str | None = None
    """The profile that it is for."""
    server: str | None = None
    """The server that it is for."""

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> "SecretKey":
        """Reads the gateway's form."""
        return cls(raw["name"], raw.get("profile"), raw.get("server"))

    def __str__(self) -> str:
        """Returns `name`, `profile//name`, `/server/name` or `profile/server/name`."""
        if self.profile is None and self.server is None:
            return self.name
        return f"{self.profile or ''}/{self.server or ''}/{self.name}"


class SecretBroker(Protocol):
    """Holds secrets, as a plain class with plain or async methods.

    A server's secret is asked for under each key that it may be kept under, the most specific first. The methods
    `set(key, value)`, `delete(key)` and `list()` are optional; without them the broker can only be read.
    """

    def get(self, key: SecretKey, /) -> str | Awaitable[str | None] | None:
        """Returns the value of exactly this key, or `None`."""


class MappingBroker:
    """A broker over a mapping from keys in text form to values."""

    def __init__(self, values: Mapping[str, str]) -> None:
        """Holds these values; the mapping is asked each time, so it may change."""
        self._values = values

    def get(self, key: SecretKey) -> str | None:
        """Returns the value of a key."""
        return self._values.get(str(key))

    def list(self) -> Iterable[str]:
        """Returns the keys."""
        return list(self._values)


@dataclass(frozen=True)
class SecretUsed:
    """When a secret was last given to a server, and to which."""

    time: str
    """When, RFC 3339."""
    profile: str
    """In which profile."""
    server: str | None = None
    """To which server."""


@dataclass(frozen=True)
class SecretStatus:
    """A secret that a store holds; its name, never its value."""

    key: SecretKey
    """Its key."""
    store: str
    """The store that holds it."""
    hidden: bool = False
    """Whether a store that is asked earlier holds the same key, so that this one is given to nobody."""
    expires: str | None = None
    """Until when it is good, RFC 3339."""
    expired: bool = False
    """Whether that is over."""
    last_use: SecretUsed | None = None
    """When a server was last given it, as far as the audit trails of the home tell."""

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> "SecretStatus":
        """Reads the gateway's form."""
        used = raw.get("lastUse")
        return cls(
            SecretKey.read(raw),
            raw["store"],
            raw.get("hidden", False),
            raw.get("expires"),
            raw.get("expired", False),
            None if used is None else SecretUsed(used["time"], used["profile"], used.get("server")),
        )


def _run(command: str, home: str | PathLike[str] | None, **fields: Any) -> Any:
    given = {name: value for name, value in fields.items() if value is not None}
    if home is not None:
        given["home"] = fspath(home)
    return json.loads(home_secrets(json.dumps({"command": command, **given})))


def list_secrets(*, home: str | PathLike[str] | None = None, stores: Sequence[str] = ()) -> list[SecretStatus]:
    """Returns what the named stores and the home's own hold: names, until when, and who was last given each.

    Without `home` it is the folder that `MCP_GATEWAY_HOME` names, or `~/.mcp-gateway`.
    """
    return [SecretStatus.read(raw) for raw in _run("list", home, stores=list(stores))]


def set_secret(
    key: SecretKey | str,
    value: str,
    *,
    expires: str | None = None,
    home: str | PathLike[str] | None = None,
    stores: Sequence[str] = (),
) -> None:
    """Keeps a secret in the first of the stores that can be written to; the home's own is the last.

    `expires` says how long it is good, such as `90d`, or until when, such as `2027-01-31`. Audit trails record it.
    """
    _run("set", home, stores=list(stores), key=str(key), value=value, expires=expires)


def remove_secret(key: SecretKey | str, *, home: str | PathLike[str] | None = None, stores: Sequence[str] = ()) -> None:
    """Forgets a secret; one that no store names is a `NotFoundError`. Audit trails record it."""
    _run("remove", home, stores=list(stores), key=str(key))


def rotate_secrets(*, passphrase: str | None = None, home: str | PathLike[str] | None = None) -> str:
    """Encrypts the home's own store anew, to a new key or with a new passphrase, and returns the store's name."""
    return str(_run("rotate", home, passphrase=passphrase)["store"])
