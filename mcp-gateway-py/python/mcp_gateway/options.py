"""What a gateway is opened with."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any, Literal, TypedDict, cast

from mcp_gateway._wire import camel, dumps, plain
from mcp_gateway.approval import Approver
from mcp_gateway.audit import AuditStore
from mcp_gateway.catalog import Catalog
from mcp_gateway.client import Client
from mcp_gateway.policy import Policy
from mcp_gateway.profile import Isolation, ProfileSpec
from mcp_gateway.secrets import SecretBroker

__all__ = ["Bounds", "DefaultSettings", "DockerOptions", "OpenArguments", "RuntimeName"]

RuntimeName = Literal["docker", "process", "remote"]

ProfileLike = str | ProfileSpec | Mapping[str, Any] | None
"""The name of a profile of the home, a profile in code, or one in the form of a profile's file."""


@dataclass(frozen=True)
class DockerOptions:
    """Which container engine is meant; what is not said, Docker's own settings say."""

    host: str | None = None
    """Its address, such as `unix:///run/user/1000/docker.sock`."""
    context: str | None = None
    """The name of a context of Docker's client."""
    config: str | None = None
    """The folder of Docker's client configuration."""


@dataclass(frozen=True)
class DefaultSettings:
    """What counts where neither profile nor catalog says it."""

    isolation: Isolation | None = None
    """How sessions share servers; `session` by default."""
    idle: str | None = None
    """How long a server may be idle, such as `5m`, the default; `never` keeps it."""
    memory: str | None = None
    """Memory of each server; `2g` by default."""
    cpus: float | None = None
    """Cores of each server; 1 by default."""
    network: Literal["none", "open"] | None = None
    """`none` cuts every server off; `open` opens those whose profile says nothing."""


@dataclass(frozen=True)
class Bounds:
    """Bounds and times of a gateway."""

    start_concurrency: int | None = None
    """How many servers may be starting at once; 4 by default."""
    list_wait_seconds: float | None = None
    """How long a list waits for servers that were never seen; 20 s by default."""
    prepare_timeout_seconds: float | None = None
    """How long a pull or an installation may take; 600 s by default."""
    pool_size: int | None = None
    """How many started servers wait for calls, per server that is fresh for each call; 2 by default."""
    max_sessions: int | None = None
    """How many sessions may be open; 1,000 by default."""
    max_in_flight: int | None = None
    """How many requests may be under way; 1,024 by default."""
    question_timeout_seconds: float | None = None
    """How long any client may take to answer what a server asks; 600 s by default."""
    page_size: int | None = None
    """How many items one page of a list has; 1,000 by default."""


class OpenArguments(TypedDict, total=False):
    """The keyword arguments of `Gateway.open`; everything has a default, which `None` means too."""

    home: str | PathLike[str] | None
    """The folder that holds the state; `$MCP_GATEWAY_HOME` or `~/.mcp-gateway` where it is not named."""
    catalogs: Sequence[str | PathLike[str] | Mapping[str, Any]] | None
    """Registered catalogs by name, files or folders by path, catalogs as mappings; the last one wins."""
    catalog: Catalog | None
    """Servers that an object of yours describes, before those of every other catalog."""
    servers: Sequence[str] | None
    """Exactly these servers, with the profile's settings where it has them."""
    tools: Sequence[str] | None
    """Only these tools, by `server:tool` globs."""
    secrets: SecretBroker | Mapping[str, str] | None
    """An object of yours that holds the secrets, or a mapping; the home's own store is then not asked."""
    secret_stores: Sequence[str] | None
    """Stores such as `env:GITHUB_TOKEN`, `file:.env`, `age:PATH`, `command:PROGRAM`, before the home's own."""
    policy: Policy | None
    """An object of yours that decides, instead of the profile's rules."""
    approver: Approver | None
    """An object of yours that asks a person; without one, whatever needs a confirmation is denied."""
    client: Client | None
    """An object of yours that answers what servers ask in the course of a call; without one, they cannot ask."""
    audit: AuditStore | str | PathLike[str] | None
    """An object of yours that keeps records, an SQLite file, or `memory`; the home's file where it is not said."""
    runtimes: Sequence[RuntimeName] | None
    """What may start servers; all that this machine has by default."""
    require_isolation: bool | None
    """Whether processes are refused that this machine cannot isolate fully."""
    dynamic: bool | None
    """Whether agents may find, add and call servers by themselves; what the profile says where it is not said."""
    lean: bool | None
    """Whether lists show the gateway's own tools alone; `dynamic` goes with it."""
    secret_page: bool | None
    """Whether the person at the client may type secrets that an added server lacks, on a page of this machine; needs
    `dynamic`, or a profile that lets agents add servers."""
    embedder: str | PathLike[str] | None
    """The folder of a model of meaning, which finding servers and tools uses beside words."""
    docker: DockerOptions | None
    """Which engine is meant."""
    defaults: DefaultSettings | None
    """What counts where neither profile nor catalog says it."""
    bounds: Bounds | None
    """Bounds and times."""
    registry: str | PathLike[str] | None
    """`registry.yaml` of Docker's MCP Toolkit, whose servers are enabled."""
    config: str | PathLike[str] | None
    """`config.yaml` of Docker's MCP Toolkit, with configuration values."""
    tools_config: str | PathLike[str] | None
    """`tools.yaml` of Docker's MCP Toolkit, with the tools that are enabled."""
    host_timeout_seconds: float | None
    """How long an object of yours may take to answer; 30 s by default. Then the request is denied."""
    approval_timeout_seconds: float | None
    """How long an approver of yours may take; 300 s by default."""
    client_timeout_seconds: float | None
    """How long a client of yours may take; 600 s by default."""
    worker_threads: int | None
    """The gateway's own threads; 2 by default."""
    principal: str | None
    """Whose requests those of the gateway's own methods are; `local` by default."""
    roles: Sequence[str] | None
    """What policies may tell that principal apart by, beside its name; none by default."""


_OBJECTS = ("catalog", "secrets", "policy", "approver", "client", "audit")
_LISTS = ("catalogs", "servers", "tools", "secret_stores", "runtimes")


def split(profile: ProfileLike, arguments: OpenArguments) -> tuple[str, dict[str, object]]:
    """Returns the options as the gateway reads them, and the objects that are parts of it."""
    _require_known(arguments)
    options: dict[str, Any] = dict(arguments)
    objects = {part: options.pop(part) for part in _OBJECTS if options.get(part) is not None}
    if isinstance(objects.get("audit"), str | PathLike):
        options["audit"] = str(objects.pop("audit"))
    for name in ("principal", "roles"):
        options.pop(name, None)
    for name in _LISTS:
        # One alone is a list of one: a text would otherwise be a list of letters.
        if isinstance(options.get(name), str | PathLike | Mapping):
            options[name] = [options[name]]
    if "secret_stores" in options:
        options["secrets"] = options.pop("secret_stores")
    named = {camel(name): _shown(value) for name, value in options.items() if value is not None}
    if profile is not None:
        named["profile"] = plain(profile)
    return dumps(named), objects


def principal_of(arguments: OpenArguments) -> tuple[str, list[str]]:
    """Returns whose requests those of the gateway itself are, and which roles they have."""
    named = arguments.get("principal")
    return "local" if named is None else named, list(arguments.get("roles") or ())


def _shown(value: Any) -> Any:
    if isinstance(value, PathLike):
        return str(cast("PathLike[str]", value))
    return [_shown(item) for item in cast("list[Any]", value)] if isinstance(value, list | tuple) else plain(value)


def _require_known(arguments: OpenArguments) -> None:
    known = OpenArguments.__annotations__
    for name in arguments:
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            meant = f": did you mean '{close[0]}'?" if close else ""
            raise TypeError(f"Gateway.open() got an unexpected keyword argument '{name}'{meant}")
