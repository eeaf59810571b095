"""A gateway put together step by step, as in the other languages."""

from collections.abc import Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any

from mcp_gateway import blocking
from mcp_gateway.approval import Approver
from mcp_gateway.audit import AuditStore
from mcp_gateway.catalog import Catalog
from mcp_gateway.client import Client
from mcp_gateway.gateway import Gateway, Opening
from mcp_gateway.options import Bounds, DefaultSettings, DockerOptions, OpenArguments, ProfileLike, RuntimeName
from mcp_gateway.policy import Policy
from mcp_gateway.secrets import SecretBroker

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["GatewayBuilder"]


class GatewayBuilder:
    """Puts a gateway together; each `with_` returns the builder, and `open` or `open_blocking` ends it.

    ```python
    builder = GatewayBuilder().with_profile({"name": "demo", "servers": {"time": {}}}).with_catalogs("catalog.yaml")
    async with builder.with_policy(MyPolicy()).open() as gateway:
        ...
    ```

    It is the same as the keyword arguments of `Gateway.open`, where each is explained.
    """

    def __init__(self) -> None:
        """Makes a builder of the home's profile `default`."""
        self._profile: ProfileLike = None
        self._options: OpenArguments = {}

    def with_profile(self, profile: ProfileLike) -> "Self":
        """Names the profile, or gives one in code."""
        self._profile = profile
        return self

    def with_home(self, home: str | PathLike[str]) -> "Self":
        """Names the folder that holds the state."""
        self._options["home"] = home
        return self

    def with_catalogs(self, *catalogs: str | PathLike[str] | Mapping[str, Any]) -> "Self":
        """Adds catalogs; the last one wins."""
        self._options["catalogs"] = [*(self._options.get("catalogs") or ()), *catalogs]
        return self

    def with_catalog(self, catalog: Catalog) -> "Self":
        """Gives an object that describes servers."""
        self._options["catalog"] = catalog
        return self

    def with_servers(self, *servers: str) -> "Self":
        """Chooses exactly these servers."""
        self._options["servers"] = [*(self._options.get("servers") or ()), *servers]
        return self

    def with_tools(self, *tools: str) -> "Self":
        """Chooses only these tools, by `server:tool` globs."""
        self._options["tools"] = [*(self._options.get("tools") or ()), *tools]
        return self

    def with_secrets(self, secrets: SecretBroker | Mapping[str, str]) -> "Self":
        """Gives an object that holds the secrets, or a mapping of them."""
        self._options["secrets"] = secrets
        return self

    def with_secret_stores(self, *stores: str) -> "Self":
        """Adds stores such as `env:GITHUB_TOKEN` or `file:.env`."""
        self._options["secret_stores"] = [*(self._options.get("secret_stores") or ()), *stores]
        return self

    def with_policy(self, policy: Policy) -> "Self":
        """Gives an object that decides."""
        self._options["policy"] = policy
        return self

    def with_approver(self, approver: Approver) -> "Self":
        """Gives an object that asks a person."""
        self._options["approver"] = approver
        return self

    def with_client(self, client: Client) -> "Self":
        """Gives an object that answers what servers ask in the course of a call."""
        self._options["client"] = client
        return self

    def with_audit(self, audit: AuditStore | str | PathLike[str]) -> "Self":
        """Gives an object that keeps records, an SQLite file, or `memory`."""
        self._options["audit"] = audit
        return self

    def with_runtimes(self, *runtimes: RuntimeName) -> "Self":
        """Chooses what may start servers."""
        self._options["runtimes"] = [*(self._options.get("runtimes") or ()), *runtimes]
        return self

    def with_require_isolation(self, required: bool = True) -> "Self":
        """Refuses processes that this machine cannot isolate fully."""
        self._options["require_isolation"] = required
        return self

    def with_dynamic(self, allowed: bool = True) -> "Self":
        """Lets agents find, add and call servers by themselves."""
        self._options["dynamic"] = allowed
        return self

    def with_lean(self, lean: bool = True) -> "Self":
        """Lists the gateway's own tools alone, by which agents find every other one."""
        self._options["lean"] = lean
        return self

    def with_secret_page(self, allowed: bool = True) -> "Self":
        """Lets the person at the client type secrets that an added server lacks, on a page of this machine."""
        self._options["secret_page"] = allowed
        return self

    def with_embedder(self, folder: str | PathLike[str]) -> "Self":
        """Finds servers and tools by meaning too, with the model of a folder."""
        self._options["embedder"] = folder
        return self

    def with_docker(self, docker: DockerOptions) -> "Self":
        """Names the container engine."""
        self._options["docker"] = docker
        return self

    def with_defaults(self, defaults: DefaultSettings) -> "Self":
        """Sets what counts where neither profile nor catalog says it."""
        self._options["defaults"] = defaults
        return self

    def with_bounds(self, bounds: Bounds) -> "Self":
        """Sets bounds and times."""
        self._options["bounds"] = bounds
        return self

    def with_host_timeout(self, seconds: float) -> "Self":
        """Sets how long an object of yours may take to answer."""
        self._options["host_timeout_seconds"] = seconds
        return self

    def with_approval_timeout(self, seconds: float) -> "Self":
        """Sets how long an approver of yours may take."""
        self._options["approval_timeout_seconds"] = seconds
        return self

    def with_client_timeout(self, seconds: float) -> "Self":
        """Sets how long a client of yours may take."""
        self._options["client_timeout_seconds"] = seconds
        return self

    def with_worker_threads(self, threads: int) -> "Self":
        """Sets how many threads the gateway has."""
        self._options["worker_threads"] = threads
        return self

    def with_principal(self, principal: str, *, roles: Sequence[str] = ()) -> "Self":
        """Says whose requests those of the gateway's own methods are, and which roles policies know them by."""
        self._options["principal"] = principal
        self._options["roles"] = roles
        return self

    def open(self) -> Opening[Gateway]:
        """Opens the gateway for asyncio."""
        return Gateway.open(self._profile, **self._options)

    def open_blocking(self) -> blocking.Gateway:
        """Opens the gateway for a program without an event loop."""
        return blocking.Gateway.open(self._profile, **self._options)
