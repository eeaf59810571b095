"""Plain data that the gateway gives: tools and their results, prompts, resources, servers, events."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from mcp_gateway._native import ImageReference

__all__ = [
    "CallContext",
    "Event",
    "ImageReference",
    "Inspection",
    "Match",
    "Matches",
    "OAuthBegun",
    "OAuthStatus",
    "Progress",
    "Prompt",
    "PromptResult",
    "Resource",
    "ResourceTemplate",
    "ServerStatus",
    "Tool",
    "ToolMatch",
    "ToolResult",
]


@dataclass(frozen=True)
class _Raw:
    """What came, as it came, with names for what is usual."""

    raw: dict[str, Any]
    """Everything, fields that have no name here too."""


class _Described(_Raw):
    """What has a name, and perhaps a title and a description for people."""

    @property
    def name(self) -> str:
        """The name."""
        return str(self.raw["name"])

    @property
    def title(self) -> str | None:
        """The title for people."""
        return self.raw.get("title")

    @property
    def description(self) -> str | None:
        """What it is for."""
        return self.raw.get("description")

    @property
    def meta(self) -> dict[str, Any]:
        """The `_meta` of its server."""
        return dict(self.raw.get("_meta") or {})


class Tool(_Described):
    """A tool, as its server defines it, under the name by which the gateway offers it."""

    @property
    def input_schema(self) -> dict[str, Any]:
        """The JSON Schema of its arguments."""
        return dict(self.raw.get("inputSchema") or {})

    @property
    def output_schema(self) -> dict[str, Any] | None:
        """The JSON Schema of its structured content."""
        return self.raw.get("outputSchema")

    @property
    def annotations(self) -> dict[str, Any]:
        """Hints of its server, such as `readOnlyHint`; they are claims and no promises."""
        return dict(self.raw.get("annotations") or {})


class Prompt(_Described):
    """A prompt, as its server defines it."""

    @property
    def arguments(self) -> list[dict[str, Any]]:
        """Its arguments, each with `name` and perhaps `description` and `required`."""
        return list(self.raw.get("arguments") or [])


class Resource(_Described):
    """A resource, as its server defines it."""

    @property
    def uri(self) -> str:
        """Its URI."""
        return str(self.raw["uri"])

    @property
    def mime_type(self) -> str | None:
        """Its type."""
        return self.raw.get("mimeType")


class ResourceTemplate(_Described):
    """A template of resources, as its server defines it."""

    @property
    def uri_template(self) -> str:
        """The template of their URIs (RFC 6570)."""
        return str(self.raw["uriTemplate"])


class ToolResult(_Raw):
    """What a tool answered. A tool that failed says so in `is_error`; it raises nothing."""

    @property
    def content(self) -> list[dict[str, Any]]:
        """Its content blocks, each with a `type`: `text`, `image`, `audio`, `resource`, `resource_link`."""
        return list(self.raw.get("content") or [])

    @property
    def structured_content(self) -> Any:
        """Its structured content, of the form of the tool's output schema."""
        return self.raw.get("structuredContent")

    @property
    def is_error(self) -> bool:
        """Whether the tool failed."""
        return self.raw.get("isError") is True

    @property
    def meta(self) -> dict[str, Any]:
        """The `_meta` of its server."""
        return dict(self.raw.get("_meta") or {})

    @property
    def text(self) -> str:
        """Its text blocks, one below the other; where there is none, the JSON of its structured content."""
        texts = [str(block.get("text", "")) for block in self.content if block.get("type") == "text"]
        if texts or self.structured_content is None:
            return "\n".join(texts)
        return json.dumps(self.structured_content, ensure_ascii=False)


class PromptResult(_Raw):
    """A prompt that was filled in."""

    @property
    def messages(self) -> list[dict[str, Any]]:
        """Its messages, each with `role` and `content`."""
        return list(self.raw.get("messages") or [])

    @property
    def description(self) -> str | None:
        """What it is for."""
        return self.raw.get("description")


class Progress(_Raw):
    """How far a call is."""

    @property
    def progress(self) -> float:
        """How much is done; it only grows."""
        return float(self.raw["progress"])

    @property
    def total(self) -> float | None:
        """How much there is, where that is known."""
        return self.raw.get("total")

    @property
    def message(self) -> str | None:
        """What is done now."""
        return self.raw.get("message")


class ServerStatus(_Raw):
    """One server of the profile and how it is."""

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.raw["name"])

    @property
    def state(self) -> Literal["recorded", "unknown", "running", "failed", "refused"]:
        """Known but not running, never seen, running, failed at its last start, or not possible to start."""
        state: Literal["recorded", "unknown", "running", "failed", "refused"] = self.raw["state"]
        return state

    @property
    def reason(self) -> str | None:
        """Why, for a server that is refused, has failed, or of which something is held back."""
        return self.raw.get("reason")

    @property
    def held(self) -> int:
        """How many of its definitions are held back until an operator accepts them."""
        return int(self.raw.get("held", 0))

    @property
    def verification(self) -> dict[str, Any] | None:
        """What was found out about its image: `level` (`none`, `pinned` or `signed`), `detail`, `signer` and more."""
        return self.raw.get("verification")

    @property
    def running(self) -> int:
        """How many of it run."""
        return int(self.raw["running"])

    @property
    def tools(self) -> int | None:
        """How many tools it offers, where that is known."""
        return self.raw.get("tools")


class OAuthStatus(_Raw):
    """How a remote server is authorized; never a token."""

    @property
    def server(self) -> str:
        """The server."""
        return str(self.raw["server"])

    @property
    def state(self) -> Literal["needed", "authorized", "more_scopes", "expired", "unattended"]:
        """Whether a person has to authorize it, or again, or nobody has to."""
        state: Literal["needed", "authorized", "more_scopes", "expired", "unattended"] = self.raw["state"]
        return state

    @property
    def issuer(self) -> str | None:
        """Who gave the token."""
        return self.raw.get("issuer")

    @property
    def scopes(self) -> list[str]:
        """What the token allows."""
        return list(self.raw["scopes"])

    @property
    def expires(self) -> str | None:
        """When the token ends, in RFC 3339; it is renewed by then where that is possible."""
        return self.raw.get("expires")


class OAuthBegun(_Raw):
    """An authorization that waits for a person."""

    @property
    def url(self) -> str:
        """The address to open in a browser."""
        return str(self.raw["url"])

    @property
    def state(self) -> str:
        """What the browser has to bring back."""
        return str(self.raw["state"])

    @property
    def redirect_uri(self) -> str:
        """Where the browser is sent back to."""
        return str(self.raw["redirectUri"])

    @property
    def issuer(self) -> str:
        """Who asks the person."""
        return str(self.raw["issuer"])

    @property
    def scopes(self) -> list[str]:
        """What the person is asked for."""
        return list(self.raw["scopes"])

    @property
    def until(self) -> str:
        """How long the answer is waited for, in RFC 3339."""
        return str(self.raw["until"])


class ToolMatch(_Raw):
    """A tool that fits a query."""

    @property
    def name(self) -> str:
        """Its name, as its server or the catalog has it."""
        return str(self.raw["name"])

    @property
    def score(self) -> float:
        """How well it fits; comparable within one search only, and also between servers."""
        return float(self.raw["score"])

    @property
    def description(self) -> str | None:
        """What it does."""
        return self.raw.get("description")


class Match(_Raw):
    """A server of the catalog that fits a query."""

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.entry["name"])

    @property
    def entry(self) -> dict[str, Any]:
        """Its catalog entry."""
        return dict(self.raw["entry"])

    @property
    def score(self) -> float:
        """How well it fits; comparable within one search only."""
        return float(self.raw["score"])

    @property
    def tools(self) -> list[ToolMatch]:
        """Its tools that the query is about, the best first."""
        return [ToolMatch(raw) for raw in self.raw["tools"]]


class Matches(list[Match]):
    """What a search found, the best first."""

    def __init__(self, raw: dict[str, Any]) -> None:
        """Takes what the gateway answered."""
        super().__init__(Match(match) for match in raw["matches"])
        self.categories: list[str] = raw["categories"]
        """Where nothing fits: the categories that are nearest, or else those with the most servers."""


class ServerSurface(_Raw):
    """What a server offers, as an operator looks at it before approving it."""

    @property
    def identity(self) -> str:
        """What runs: the image's digest or id, the package with its version, the address."""
        return str(self.raw["identity"])

    @property
    def approved(self) -> bool:
        """Whether every definition is approved."""
        return self.raw["approved"] is True

    @property
    def items(self) -> list[dict[str, Any]]:
        """Its definitions, each with `list`, `name`, `definition` (a hash), `annotations` and `approved`."""
        return list(self.raw["items"])


class SurfaceDiff(_Raw):
    """What a server offers that is not what was accepted of it; hidden characters are written out."""

    @property
    def identity(self) -> str:
        """What runs: the image's digest or id, the package with its version, the address."""
        return str(self.raw["identity"])

    @property
    def id(self) -> str:
        """Names what is held back: an approval that gives it is of exactly that."""
        return str(self.raw["id"])

    @property
    def held(self) -> int:
        """How many items are held back."""
        return int(self.raw["held"])

    @property
    def items(self) -> list[dict[str, Any]]:
        """What stands out, each with `list`, `name`, `change`, `held`, `definition`, `fields` and `flags`."""
        return list(self.raw["items"])


class Inspection(_Raw):
    """What a server would get if it were started now; names of secrets, never values."""

    @property
    def runtime(self) -> str | None:
        """What would start it."""
        return self.raw.get("runtime")

    @property
    def unavailable(self) -> str | None:
        """Why nothing can start it."""
        return self.raw.get("unavailable")

    @property
    def target(self) -> str:
        """The image, package or address."""
        return str(self.raw["target"])

    @property
    def command(self) -> list[str]:
        """Its arguments."""
        return list(self.raw.get("command") or [])

    @property
    def mounts(self) -> list[str]:
        """Volumes and binds with what they may do, such as `/srv/data -> /data (read-only)`."""
        return list(self.raw.get("mounts") or [])

    @property
    def network(self) -> Any:
        """What it may reach."""
        return self.raw.get("network")

    @property
    def limits(self) -> dict[str, Any]:
        """What it may use of the machine."""
        return dict(self.raw.get("limits") or {})

    @property
    def secrets(self) -> list[dict[str, Any]]:
        """Its secrets, each with `name`, `env`, `set`, `required`, `delivery` (`env`, `file`, `header`) and `hosts`."""
        return list(self.raw.get("secrets") or [])

    @property
    def verify(self) -> dict[str, Any] | None:
        """What is asked of its image: `mode` (`required`, `if-present` or `off`) and perhaps its `signer`."""
        return self.raw.get("verify")

    @property
    def verification(self) -> dict[str, Any] | None:
        """What was found out about its image: `level` (`none`, `pinned` or `signed`), `detail`, `signer` and more."""
        return self.raw.get("verification")


class Event(_Raw):
    """Something that happened in a gateway."""

    @property
    def type(self) -> str:
        """`list_changed`, `server_added`, `server_removed`, `preparing`, `server_started`, `server_failed`,
        `server_stopped`, `egress_denied`, `surface_held`, `surface_accepted`, `approval_asked`,
        `approval_answered`, `log`, `resource_updated` or `missed`.
        """  # noqa: D205
        return str(self.raw["type"])

    @property
    def server(self) -> str | None:
        """The server concerned."""
        return self.raw.get("server")

    @property
    def session(self) -> str | None:
        """The session concerned."""
        return self.raw.get("session")

    @property
    def params(self) -> dict[str, Any]:
        """What the server said, for `log` and `resource_updated`."""
        return dict(self.raw.get("params") or {})


@dataclass(frozen=True)
class CallContext:
    """Who asks, in which session, and for how long."""

    principal: str
    """Who asks."""
    session: str | None = None
    """The session that the request belongs to."""
    timeout_seconds: float | None = None
    """How long the caller still waits, where there is a bound."""
    traceparent: str | None = None
    """The W3C trace that it is part of."""
    roles: tuple[str, ...] = ()
    """What the one who asks may be, where whoever let them in says so."""

    @classmethod
    def read(cls, raw: Mapping[str, Any]) -> "CallContext":
        """Reads the gateway's form."""
        known = (raw["principal"], raw.get("session"), raw.get("timeoutSeconds"), raw.get("traceparent"))
        return cls(*known, tuple(raw.get("roles", ())))
