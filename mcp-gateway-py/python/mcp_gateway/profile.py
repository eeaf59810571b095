"""A profile in code: which servers, with which configuration, policy and limits; the fields of a profile's file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from mcp_gateway.policy import Effect, RuleKind

__all__ = [
    "ApprovalSpec",
    "AuditSpec",
    "DynamicSpec",
    "Isolation",
    "LimitsSpec",
    "OAuthSpec",
    "PolicyRuleSpec",
    "PolicySpec",
    "ProfileSpec",
    "QuotaSpec",
    "RedactionMode",
    "RedactionSpec",
    "RotateSpec",
    "ScopeRule",
    "ScopeSpec",
    "SecretDelivery",
    "ServerSpec",
    "Signer",
    "VerifyMode",
    "VerifySpec",
    "WebhookSpec",
]

Isolation = Literal["call", "session", "shared"]
"""A fresh server for each call, one for each session, or one for all sessions."""

RedactionMode = Literal["block", "redact", "warn", "off"]
"""What happens where something is found: refused or withheld, cut out, let through and recorded, not looked for."""

SecretDelivery = Literal["env", "file", "header"]
"""A secret is in its environment variable, or in a file in memory whose path is in `NAME_FILE`."""

VerifyMode = Literal["required", "if-present", "off"]
"""An image that is not signed is refused, or runs if it has no signature at all, or nobody looks."""


@dataclass(frozen=True)
class LimitsSpec:
    """What a server may use; what is not said keeps its value."""

    memory: str | None = None
    """Memory, such as `512m`."""
    cpus: float | None = None
    """Cores, such as `0.5`."""
    pids: int | None = None
    """Processes and threads."""
    call_timeout: str | None = None
    """How long one call may take, such as `90s`."""
    start_timeout: str | None = None
    """How long a start may take, such as `2m`."""
    max_message: str | None = None
    """The largest message from the server, such as `16m`."""


@dataclass(frozen=True)
class OAuthSpec:
    """How a remote server's tokens are got; what is not said is found out from the server."""

    issuer: str | None = None
    """The authorization server that is trusted with this server."""
    client_id: str | None = None
    """A client that is registered there already."""
    client_secret: str | None = None
    """The key that its secret is kept under, never the secret; needs `issuer`."""
    client_metadata_url: str | None = None
    """Where the client's metadata document is published, for authorization servers that take one."""
    redirect_uri: str | None = None
    """Where the browser is sent back to."""
    scopes: Sequence[str] = ()
    """The scopes to ask for, instead of those that the server names."""
    grant: Literal["authorizationCode", "clientCredentials"] | None = None
    """Whom the token is for: a person, who agrees in a browser, or the client itself."""


@dataclass(frozen=True)
class RedactionSpec:
    """What happens to what looks like a provider's token, and to secrets in arguments.

    The values of a server's own secrets are cut out of whatever it sends, whatever is written here.
    """

    arguments: RedactionMode | None = None
    """What a client sends to a server: `block` where nothing is written."""
    results: RedactionMode | None = None
    """What a server sends towards a client: `redact` where nothing is written."""
    except_: Sequence[str] = field(default=(), metadata={"wire": "except"})
    """The kinds of tokens that are let through, such as `jwt`."""


@dataclass(frozen=True)
class ServerSpec:
    """One server of a profile."""

    tools: Sequence[str] = ()
    """Its tools by name globs; none means all. A glob that begins with `!` takes tools out."""
    config: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Values for its catalog entry's configuration."""
    secrets: Mapping[str, str] = field(default_factory=dict[str, str])
    """Secrets that are kept under another name: environment variable to key. Names, never values."""
    delivery: SecretDelivery | Mapping[str, SecretDelivery] | None = None
    """How it is given its secrets, all of them or by name, where that differs from its catalog entry."""
    secret_hosts: Mapping[str, Sequence[str]] = field(default_factory=dict[str, Sequence[str]])
    """The hosts, `host:port`, that secrets with `delivery` `header` are for, by the secrets' names."""
    limits: LimitsSpec | None = None
    """What it may use of the machine."""
    network: Literal["none", "open"] | Sequence[str] | None = None
    """What it may reach, `host:port`, where that differs from its catalog entry."""
    isolation: Isolation | None = None
    """How sessions share it."""
    idle: str | None = None
    """How long it may be idle before it is stopped, such as `5m`; `never` keeps it."""
    writable: Sequence[str] = ()
    """Host paths that its volumes may write to; every other bind is read-only."""
    runtime: Literal["docker", "process", "remote"] | None = None
    """What runs it, where more than one could."""
    allow_private: bool | None = None
    """Whether a remote server may be at a private address or without TLS."""
    oauth: OAuthSpec | None = None
    """How its tokens are got, where that is not to be found out from the server."""
    redaction: RedactionSpec | None = None
    """What happens to secrets in what flows, where that differs from the profile's word."""
    verify: VerifyMode | None = None
    """What happens when its image is not signed, whatever profile and catalog say."""


@dataclass(frozen=True)
class PolicyRuleSpec:
    """One rule: what it covers, by all that is said, and what may happen with it.

    Of globs, one or several, one has to match, and none that begins with `!`.
    """

    pattern: str | Sequence[str] | None = field(metadata={"wire": "match"})
    """Globs over the canonical name `server.tool`."""
    effect: Effect
    """What may happen."""
    reason: str | None = None
    """Why, for the person whom it stops."""
    id: str | None = None
    """Its name, which decisions and records show."""
    server: str | Sequence[str] | None = None
    """Globs over the server's name."""
    tool: str | Sequence[str] | None = None
    """Globs over the tool's or prompt's own name, or the resource's URI."""
    kind: RuleKind | Sequence[RuleKind] | None = None
    """Kinds of request; none means all that are for a server."""
    annotations: Mapping[str, Any] | None = None
    """What the tool's annotations say, such as `{"destructiveHint": True}`; they tighten, unless they are approved."""
    approved: bool | None = None
    """Whether an operator has approved the definition."""
    arguments: Mapping[str, Mapping[str, Any]] | None = None
    """What must hold for argument values, by JSON pointer: `{"/path": {"glob": "/srv/*"}}`."""
    principal: str | Sequence[str] | None = None
    """Globs over the principal's name."""
    role: str | Sequence[str] | None = None
    """Globs over the principal's roles."""
    profile: str | Sequence[str] | None = None
    """Globs over the profile's name."""
    time: Mapping[str, Any] | None = None
    """When it counts: `from`, `until`, `days`, `zone`."""


@dataclass(frozen=True)
class PolicySpec:
    """What may happen with requests; the first rule that matches decides."""

    default: Effect | None = None
    """What may happen with a request that no rule matches; without `preset`, no others come after these rules."""
    rules: Sequence[PolicyRuleSpec] = ()
    """Rules in order."""
    preset: Literal["default"] | None = None
    """Rules that come with the gateway, after these; they are there too where neither this nor `default` is given."""
    cedar: Sequence[str] = ()
    """Files with Cedar policies; they decide too, and the stricter of both decisions counts."""


@dataclass(frozen=True)
class RotateSpec:
    """When older records are moved into a closed file."""

    size: str | None = None
    """Once they take up so much room, such as `64m`."""
    age: str | None = None
    """Once the oldest is so old, such as `30d`."""


@dataclass(frozen=True)
class AuditSpec:
    """What the audit trail holds, and how it is kept."""

    arguments: bool = False
    """Whether argument values are recorded; never secrets."""
    seal: str | None = None
    """To whom arguments and results are sealed: a recipient of age, `age1…`."""
    durability: Literal["normal", "full"] | None = None
    """What a record survives: a crash of the gateway, or also a loss of power."""
    on_overload: Literal["block", "spill"] | None = None
    """What happens with records that cannot be written now: the call waits, or they join the trail later."""
    checkpoint_every: int | None = None
    """After how many records a checkpoint is signed."""
    rotate: RotateSpec | None = None
    """When older records are moved into a closed file."""
    retain: str | None = None
    """How long closed files are kept, such as `365d`."""


@dataclass(frozen=True)
class WebhookSpec:
    """A program elsewhere that is asked by a signed POST."""

    url: str
    """Its address."""
    secret: str
    """The key of the secret that both sign with; never its value."""
    allow_private: bool = False
    """Whether the address may be private, or without TLS."""


@dataclass(frozen=True)
class ApprovalSpec:
    """How people are asked about what policy lets through with a confirmation only."""

    pending: Literal["wait", "return"] | None = None
    """What a call does while an operator has not answered: it waits, or ends and says how it is approved."""
    wait: str | None = None
    """How long a call waits for an operator, such as `2m`, which is the default."""
    good_for: str | None = None
    """With `return`, how long a question and its answer are good, such as `10m`, which is the default."""
    remember: str | None = None
    """How long a yes for more than one request holds at most, such as `8h`, which is the default."""
    trusted_clients: Sequence[str] = ()
    """Principals whose clients show hard confirmations to a person who may give them."""
    webhook: WebhookSpec | None = None
    """A program elsewhere that is asked in the place of the queue."""


@dataclass(frozen=True)
class DynamicSpec:
    """Whether agents may find, add and call servers by themselves, and what becomes of what they have added."""

    enabled: bool = False
    """Whether the gateway offers its own tools."""
    save: Literal["never", "ask", "always"] | None = None
    """Whether a change may be kept in the profile; `never` where nothing is written."""
    lean: bool | None = None
    """Whether lists of tools show the gateway's own alone."""
    secret_page: bool | None = None
    """Whether the person at the client may type secrets that an added server lacks, on a page of this machine."""
    tools: Sequence[str] = ()
    """Which of its own tools the gateway offers; none means all of them."""
    profiles: Sequence[str] = ()
    """Globs over the names of other profiles that agents see, and whose servers they may add."""


@dataclass(frozen=True)
class QuotaSpec:
    """A bound on calls, prompts, reads, subscriptions and completions, for each server and principal that it names."""

    server: str | None = None
    """A glob over the names of servers."""
    principal: str | None = None
    """A glob over the names of principals."""
    rate: str | None = None
    """How many requests in how much time, such as `60/1m`."""
    concurrency: int | None = None
    """How many requests may be under way at once."""
    daily: int | None = None
    """How many requests there may be in one day of UTC."""
    max_result: str | None = None
    """The largest result, such as `256k`."""


@dataclass(frozen=True)
class Signer:
    """Who signs images: a key, or an identity and who vouches for it."""

    key: str | None = None
    """A public key, PEM."""
    log: bool | None = None
    """Whether signatures by the key must be in a transparency log."""
    identity: str | None = None
    """Who the certificate names; `*` stands for any characters."""
    issuer: str | None = None
    """Who vouches for the identity."""
    repository: str | None = None
    """The repository that holds the signatures, where that is not the image's own."""
    source: str | None = None
    """The source that signed provenance must name."""
    builder: str | None = None
    """The builder that signed provenance must name; `*` stands for any characters."""


@dataclass(frozen=True)
class ScopeRule:
    """Some servers, by what their catalog entry says; every condition that is given must hold. Globs may be several."""

    server: str | Sequence[str] | None = None
    """The server's name."""
    publisher: str | Sequence[str] | None = None
    """The publisher, which is `owner` among the entry's metadata."""
    category: str | Sequence[str] | None = None
    """The category."""
    license: str | Sequence[str] | None = None
    """The licence."""
    source: str | Sequence[str] | None = None
    """The catalog that it comes from, as it is registered."""
    verification: Literal["signer", "verified", "unsigned"] | None = None
    """Whether the entry says who signs, is run only where that is verified, or does not say it."""
    approved: bool | None = None
    """Whether the entry carries an approval that is of what it says now."""
    reason: str | None = None
    """Why, for the operator who asks."""


@dataclass(frozen=True)
class ScopeSpec:
    """Which of the servers that catalogs describe exist."""

    allow: Sequence[ScopeRule] | None = None
    """Rules of which one must cover a server; none at all lets nothing in."""
    deny: Sequence[ScopeRule] = ()
    """Rules that shut out what they cover."""


@dataclass(frozen=True)
class VerifySpec:
    """Which images must be signed, and by whom; it counts before what catalogs say."""

    mode: VerifyMode | None = None
    """What happens with images that are not signed."""
    signers: Mapping[str, Signer | Literal["docker"]] = field(default_factory=dict[str, Signer | Literal["docker"]])
    """Who signs, by globs over repositories; `docker` is Docker's own key, for `mcp/*`."""
    trust_root: str | None = None
    """The file of the certificates and logs that keyless signatures are checked against."""


@dataclass(frozen=True)
class ProfileSpec:
    """A profile."""

    name: str
    """Its name."""
    servers: Mapping[str, ServerSpec | Mapping[str, Any]] = field(
        default_factory=dict[str, ServerSpec | Mapping[str, Any]]
    )
    """Its servers, in the order in which they get their tools' bare names."""
    description: str | None = None
    """What it is for."""
    catalogs: Sequence[str] = ()
    """Catalogs that it takes its servers from, in order."""
    tools: Sequence[str] = ()
    """Tools by `server:tool` globs; none means all."""
    limits: LimitsSpec | None = None
    """Limits of every server, before its own."""
    isolation: Isolation | None = None
    """How sessions share servers."""
    policy: PolicySpec | None = None
    """What may happen with requests."""
    approval: ApprovalSpec | None = None
    """How people are asked about what it lets through with a confirmation only."""
    audit: AuditSpec | None = None
    """What the audit trail holds."""
    dynamic: DynamicSpec | None = None
    """Whether agents may find, add and call servers by themselves."""
    quotas: Sequence[QuotaSpec] = ()
    """How much may flow; every one that fits holds."""
    redaction: RedactionSpec | None = None
    """What happens to secrets in what flows; a server may differ."""
    verify: VerifySpec | None = None
    """Which images must be signed, and by whom."""
    scope: ScopeSpec | None = None
    """Which of the servers that catalogs describe exist; it narrows what the home's `scope.yaml` lets in."""
