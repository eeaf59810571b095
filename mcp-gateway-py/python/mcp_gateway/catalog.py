"""Where servers are described: the seam that an object of the host can take."""

from collections.abc import Awaitable, Mapping
from typing import Any, Protocol

__all__ = ["Catalog"]


class Catalog(Protocol):
    """Describes servers, as a plain class with plain or async methods, before every other catalog.

    Entries have the form of a catalog file, such as `{"title": "Time", "type": "server", "image": "mcp/time"}`. The
    method `get(server)`, which returns one entry or `None`, is optional.
    """

    def list(self) -> Mapping[str, Mapping[str, Any]] | Awaitable[Mapping[str, Mapping[str, Any]]]:
        """Returns every entry by its name."""
        ...
