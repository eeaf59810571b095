"""Who holds secrets: the seam that an object of the host can take."""

from collections.abc import Awaitable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

__all__ = ["SecretBroker", "SecretKey"]


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
