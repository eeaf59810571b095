"""The gateway for programs without an event loop: the same names, the same behaviour, no `await`.

Each method waits in the calling thread without holding the interpreter, so that other threads go on. Ctrl-C ends the
wait and cancels the call at the server. A gateway may be used by several threads at once.
"""

import contextlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from os import PathLike, fspath
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

from mcp_gateway import _host, _lifetime, _native, _wire
from mcp_gateway._tools import ToolSetBase
from mcp_gateway._wait import ThreadWaiter
from mcp_gateway.approval import Grant, PendingApproval, Scope
from mcp_gateway.audit import AuditRecord, ExportFormat, Outcome
from mcp_gateway.exceptions import ClosedError, GatewayError
from mcp_gateway.gateway import Arguments, Dialect, LogLevel
from mcp_gateway.model import (
    Event,
    Inspection,
    Matches,
    OAuthBegun,
    OAuthStatus,
    Progress,
    Prompt,
    PromptResult,
    Resource,
    ResourceTemplate,
    ServerStatus,
    ServerSurface,
    SurfaceDiff,
    Tool,
    ToolResult,
)
from mcp_gateway.options import OpenArguments, ProfileLike, principal_of, split
from mcp_gateway.policy import CaseOutcome, Explanation, PolicyCase, RuleKind
from mcp_gateway.profile import ServerSpec

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

__all__ = ["Events", "Gateway", "Session", "ToolSet"]


class Session:
    """One client's session; see `mcp_gateway.Session`."""

    def __init__(self, native: _native.Session, gateway: "Gateway | None", waiter: ThreadWaiter) -> None:
        """Wraps the native half; `gateway.session()` opens one."""
        self._session = native
        self._gateway = gateway
        self._waiter = waiter

    @property
    def id(self) -> str:
        """Its id, which events and records carry."""
        return self._session.id

    @property
    def principal(self) -> str:
        """Whose it is, as policy and records see it."""
        return self._session.principal

    def list_tools(self) -> list[Tool]:
        """Returns every tool that the profile offers; servers that were never seen are started once for it."""
        return [Tool(raw) for raw in self._list("tools/list", "tools")]

    def call_tool(
        self,
        name: str,
        arguments: Arguments = None,
        *,
        timeout: float | None = None,
        on_progress: Callable[[Progress], object] | None = None,
        meta: Mapping[str, Any] | None = None,
    ) -> ToolResult:
        """Calls a tool, at most `timeout` seconds long; a tool that failed says so in `is_error`."""
        params, text = _wire.call_params(name, meta), _wire.arguments_text(arguments)
        return ToolResult(self._request("tools/call", params, text, timeout, on_progress))

    def call_tool_raw(
        self,
        name: str,
        arguments: Arguments = None,
        *,
        timeout: float | None = None,
        meta: Mapping[str, Any] | None = None,
    ) -> bytes:
        """Calls a tool and returns the JSON of its result, as the server sent it and without reading it."""
        params, text = _wire.call_params(name, meta), _wire.arguments_text(arguments)
        result: bytes = self._waiter.run(self._session.request, "tools/call", params, text, timeout, None)
        return result

    def list_prompts(self) -> list[Prompt]:
        """Returns every prompt."""
        return [Prompt(raw) for raw in self._list("prompts/list", "prompts")]

    def get_prompt(self, name: str, arguments: Mapping[str, str] | None = None) -> PromptResult:
        """Fills a prompt in."""
        return PromptResult(self._request("prompts/get", _wire.call_params(name), _wire.arguments_text(arguments)))

    def list_resources(self) -> list[Resource]:
        """Returns every resource."""
        return [Resource(raw) for raw in self._list("resources/list", "resources")]

    def list_resource_templates(self) -> list[ResourceTemplate]:
        """Returns every template of resources."""
        return [ResourceTemplate(raw) for raw in self._list("resources/templates/list", "resourceTemplates")]

    def read_resource(self, uri: str) -> list[dict[str, Any]]:
        """Returns the contents of a resource, each with `uri`, perhaps `mimeType`, and `text` or `blob`."""
        contents: list[dict[str, Any]] = self.request("resources/read", {"uri": uri})["contents"]
        return contents

    def subscribe(self, uri: str) -> None:
        """Asks for an event `resource_updated` whenever a resource is another one."""
        self.request("resources/subscribe", {"uri": uri})

    def unsubscribe(self, uri: str) -> None:
        """Asks for no more events of a resource."""
        self.request("resources/unsubscribe", {"uri": uri})

    def complete(self, reference: Mapping[str, str], argument: str, value: str) -> list[str]:
        """Returns how a value may go on, for an argument of a prompt or resource template."""
        params = {"ref": dict(reference), "argument": {"name": argument, "value": value}}
        values: list[str] = self.request("completion/complete", params)["completion"]["values"]
        return values

    def set_log_level(self, level: LogLevel) -> None:
        """Asks this session's servers for log messages from this level on; they are events of type `log`."""
        self.request("logging/setLevel", {"level": level})

    def roots_changed(self) -> None:
        """Tells this session's servers that your client's roots are others now; they may then ask for them again."""
        self._waiter.run(self._session.roots_changed)

    def request(self, method: str, params: Mapping[str, Any] | None = None, *, timeout: float | None = None) -> Any:
        """Carries out any MCP request that the gateway serves, and returns its result: of a list, one page."""
        return self._request(method, _wire.dumps(params or {}), None, timeout)

    def present_tools(self, dialect: Dialect) -> "ToolSet":
        """Returns the tools in the shape of a model API, with valid names and schemas."""
        return ToolSet(self._waiter.run(self._session.present_tools, dialect), self)

    def close(self) -> None:
        """Ends the session and gives its servers back. May be called twice."""
        # With its gateway the session has ended already.
        with contextlib.suppress(ClosedError):
            self._waiter.run(self._session.close)

    def __enter__(self) -> "Self":
        """Returns the session."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes it."""
        self.close()

    def _list(self, method: str, member: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = json.loads(self._waiter.run(self._session.list, method))[member]
        return items

    def _request(
        self,
        method: str,
        params: str,
        arguments: str | None = None,
        timeout: float | None = None,
        on_progress: Callable[[Progress], object] | None = None,
    ) -> Any:
        told: Callable[[bytes], object] | None = (
            None if on_progress is None else lambda text: on_progress(Progress(json.loads(text)))
        )
        return json.loads(self._waiter.run(self._session.request, method, params, arguments, timeout, told))


class Gateway(Session):
    """An open gateway; see `mcp_gateway.Gateway`.

    ```python
    from mcp_gateway.blocking import Gateway

    with Gateway.open("dev-tools") as gateway:
        print(gateway.call_tool("time.get_current_time", {"timezone": "Asia/Tokyo"}).text)
    ```

    Async methods of objects of yours run in an event loop of the gateway's own.
    """

    def __init__(
        self, native: _native.Gateway, session: _native.Session, waiter: ThreadWaiter, loop: _host.BackgroundLoop
    ) -> None:
        """Wraps the native half; `Gateway.open` makes one."""
        super().__init__(session, None, waiter)
        self._native = native
        self._loop = loop
        self._finalizer = _lifetime.keep(self, native, loop.close)

    @classmethod
    def open(cls, profile: ProfileLike = None, **options: "Unpack[OpenArguments]") -> "Gateway":
        """Opens a gateway; see `mcp_gateway.Gateway.open`."""
        text, objects = split(profile, options)
        waiter, loop = ThreadWaiter(), _host.BackgroundLoop()
        try:
            native: _native.Gateway = waiter.run(_native.Gateway.open, text, _host.parts(objects, loop))
            return cls(native, waiter.run(native.session, *principal_of(options)), waiter, loop)
        except BaseException:
            loop.close()
            raise

    @property
    def profile(self) -> str:
        """The profile's name."""
        return self._native.profile

    @property
    def warnings(self) -> Sequence[str]:
        """What is odd about the catalogs: entries that were left out."""
        return self._native.warnings

    def session(self, principal: str = "local", *, roles: Sequence[str] = ()) -> Session:
        """Opens another session, with servers of its own; policies may tell principals apart by their roles."""
        return Session(self._waiter.run(self._native.session, principal, list(roles)), self, self._waiter)

    def servers(self) -> list[ServerStatus]:
        """Returns the servers of the profile and how they are."""
        return [ServerStatus(raw) for raw in self._command("servers")]

    def find(self, query: str, limit: int = 10, *, category: str | None = None, source: str | None = None) -> Matches:
        """Returns the servers of the catalogs, and their tools, that fit a query best."""
        return Matches(self._command("find", query=query, limit=limit, category=category, source=source))

    def inspect(self, server: str) -> Inspection:
        """Returns what a server would get if it were started now."""
        return Inspection(self._command("inspect", server=server))

    def surface_of(self, server: str) -> ServerSurface:
        """Returns what a server offers, to be looked at before it is approved; one that was never seen is started."""
        return ServerSurface(self._command("surface_of", server=server))

    def diff(self, server: str) -> SurfaceDiff:
        """Returns what a server offers that is not what was accepted of it, and what of it is held back."""
        return SurfaceDiff(self._command("surface_diff", server=server))

    def approve_server(
        self, server: str, *, by: str = "local", items: Sequence[str] = (), diff: str | None = None
    ) -> ServerSurface:
        """Approves what a server offers now: what was held back is offered, and its annotations are believed.

        It is void for what changes. With `items` only these are approved; with the `id` of a `diff` only if what is
        held back is still the same.
        """
        command = self._command("approve_server", server=server, by=by, items=list(items), diff=diff)
        return ServerSurface(command)

    def revoke_server(self, server: str, *, by: str = "local") -> bool:
        """Takes the approval of a server back; returns whether there was one."""
        return bool(self._command("revoke_server", server=server, by=by))

    def policy_explain(
        self,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        kind: RuleKind = "tools/call",
        principal: str = "local",
        roles: Sequence[str] = (),
        annotations: Mapping[str, Any] | None = None,
        approved: bool | None = None,
        time: str | None = None,
    ) -> Explanation:
        """Returns what would be decided about a request, and why; nothing is carried out, recorded or started."""
        question = _wire.policy_question(name, arguments, kind, principal, roles, annotations, approved, time)
        return Explanation.read(self._command("policy_explain", question=question))

    def policy_test(self, cases: Iterable[PolicyCase | Mapping[str, Any]]) -> list[CaseOutcome]:
        """Returns how cases come out, each beside what is expected."""
        raw = self._command("policy_test", cases=[_wire.plain(case) for case in cases])
        return [CaseOutcome.read(outcome) for outcome in raw]

    def policy_dry_run(self, *, since: int | None = None, limit: int | None = None) -> dict[str, Any]:
        """Returns which recorded decisions would be others now: `records`, `same`, `changes`, `uncertain`.

        Roles are not recorded, and arguments only where the profile says so: `uncertain` counts what depends on them.
        """
        query = _wire.audit_query(since, None, None, None, None, None, None, None, limit)
        run: dict[str, Any] = self._command("policy_dry_run", query=query)
        return run

    def policy_check(self) -> list[dict[str, Any]]:
        """Returns what is odd about the profile's rules: `index`, `key`, `message`, `hint`."""
        faults: list[dict[str, Any]] = self._command("policy_check")
        return faults

    def instances(self) -> list[dict[str, Any]]:
        """Returns what runs for the gateways of this home: containers, processes and connections."""
        instances: list[dict[str, Any]] = self._command("instances")
        return instances

    def stats(self) -> list[dict[str, Any]]:
        """Returns the same with how busy each is (`cpuPercent`, of one core), which takes a second to find out."""
        stats: list[dict[str, Any]] = self._command("stats")
        return stats

    def add_server(self, server: str, settings: ServerSpec | Mapping[str, Any] | None = None) -> None:
        """Puts a server of the catalogs into this gateway's profile; clients see it at once."""
        self._command("add_server", server=server, settings=_wire.plain(settings or {}))

    def remove_server(self, server: str) -> None:
        """Takes a server out of this gateway's profile and stops it."""
        self._command("remove_server", server=server)

    def audit(
        self,
        *,
        since: int | None = None,
        server: str | None = None,
        name: str | None = None,
        principal: str | None = None,
        action: str | None = None,
        outcome: Outcome | None = None,
        after: int | None = None,
        before: int | None = None,
        limit: int | None = None,
    ) -> list[AuditRecord]:
        """Returns records, oldest first; `since` is in milliseconds of the Unix epoch, `limit` asks for the newest."""
        query = _wire.audit_query(since, server, name, principal, action, outcome, after, before, limit)
        return [AuditRecord.read(raw) for raw in self._command("audit", query=query)]

    def verify_audit(self, *, key: str | None = None, noted: str | None = None) -> dict[str, Any]:
        """Checks the audit trail: `intact`, `records`, `head`, `signedUpTo`, `keys`, `faults` and more.

        `noted` is a head that was noted elsewhere, as `number:hash`: the trail must hold it still.
        """
        given = {"key": key, "noted": noted}
        found: dict[str, Any] = self._command(
            "audit_verify", **{name: text for name, text in given.items() if text is not None}
        )
        return found

    def audit_head(self) -> str | None:
        """Returns the newest record as `number:hash`, to be noted where nobody can change it."""
        head: dict[str, Any] | None = self._command("audit_head")
        return None if head is None else f"{head['sequence']}:{head['hash']}"

    def audit_report(self, *, since: int | None = None) -> dict[str, Any]:
        """Reports on servers, tools, people, approvals and denials; `since` is in milliseconds of the Unix epoch."""
        report: dict[str, Any] = self._command("audit_report", since=since)
        return report

    def render_audit_report(self, form: Literal["html", "csv"] = "html", *, since: int | None = None) -> str:
        """Returns the report as one page that needs nothing else and can be printed, or as a table."""
        return str(self._command("audit_report", format=form, since=since))

    def export_audit(self, to: str | PathLike[str], form: ExportFormat = "jsonl", *, since: int | None = None) -> int:
        """Writes the audit trail into a file, and returns how many records were written."""
        written: dict[str, int] = self._command("audit_export", to=fspath(to), format=form, since=since)
        return written["records"]

    def approvals(self) -> list[PendingApproval]:
        """Returns what waits for an operator's answer, in any gateway of the home."""
        return [PendingApproval.read(raw) for raw in self._command("approvals")]

    def approve(
        self, approval: str, *, by: str, reason: str = "", scope: Scope = "once", ttl_seconds: int | None = None
    ) -> None:
        """Lets the request that waits under this id go on; `by` is the operator, and a hard one needs a reason.

        For operators: what an agent can call must not call it.
        """
        verdict = _wire.verdict(True, by, reason, scope, ttl_seconds)
        self._command("answer_approval", id=approval, verdict=verdict)

    def reject(self, approval: str, *, by: str, reason: str = "") -> None:
        """Refuses the request that waits under this id; the reason is shown to who asked."""
        self._command("answer_approval", id=approval, verdict=_wire.verdict(False, by, reason, "once", None))

    def grants(self) -> list[Grant]:
        """Returns the approvals that hold for more than one request."""
        return [Grant.read(raw) for raw in self._command("grants")]

    def revoke(self, grant: str) -> None:
        """Ends an approval that holds for more than one request."""
        self._command("revoke_grant", id=grant)

    def metrics(self) -> str:
        """Returns the counters in Prometheus's text form."""
        return str(self._command("metrics"))

    def oauth_status(self) -> list[OAuthStatus]:
        """Returns how the remote servers are authorized that need it; never a token."""
        return [OAuthStatus(raw) for raw in self._command("oauth_status")]

    def oauth_begin(self, server: str, *, redirect_uri: str | None = None, scopes: Sequence[str] = ()) -> OAuthBegun:
        """Begins to authorize a remote server: open the returned `url` in a browser, then call `oauth_finish`.

        Without `redirect_uri` the browser ends at an address of this machine where nobody listens: take it from there.
        """
        request: dict[str, Any] = {"scopes": list(scopes)}
        if redirect_uri is not None:
            request["redirectUri"] = redirect_uri
        return OAuthBegun(self._command("oauth_begin", server=server, request=request))

    def oauth_finish(self, server: str, answer: str) -> OAuthStatus:
        """Finishes an authorization with the whole address that the browser was sent back to, or the code in it."""
        return OAuthStatus(self._command("oauth_finish", server=server, answer=answer))

    def oauth_revoke(self, server: str) -> str | None:
        """Ends an authorization; returns why the authorization server did not take the tokens back, if it did not."""
        answer: dict[str, str | None] = self._command("oauth_revoke", server=server)
        return answer["warning"]

    def events(self) -> "Events":
        """Listens to what happens from now on: `for event in gateway.events()`, in a thread that may wait."""
        return Events(self._native.events(), self._waiter)

    def close(self) -> None:
        """Stops every server and ends the gateway. May be called twice; each call returns when it has ended."""
        # Another call that was faster has ended the gateway.
        with contextlib.suppress(ClosedError):
            self._waiter.run(self._native.close)
        # Only now: a close that was interrupted leaves the servers to be stopped all the same.
        self._finalizer.detach()
        self._native.end()
        self._loop.close()
        _lifetime.closed(self._native)

    def _command(self, command: str, **fields: Any) -> Any:
        text = _wire.dumps({"command": command, **fields})
        return json.loads(self._waiter.run(self._native.command, text))


class Events:
    """What happens in a gateway, as an iterator; see `mcp_gateway.Events`."""

    def __init__(self, native: _native.Events, waiter: ThreadWaiter) -> None:
        """Wraps the native half; `gateway.events()` makes one."""
        self._native = native
        self._waiter = waiter

    def __iter__(self) -> Iterator[Event]:
        """Returns itself."""
        return self

    def __next__(self) -> Event:
        """Waits for the next event."""
        text = self._take()
        if text is None:
            raise StopIteration
        return Event(json.loads(text))

    def close(self) -> None:
        """Ends the iteration, from another thread too."""
        self._native.close()

    def _take(self) -> bytes | None:
        while (text := self._native.take()) is None:
            try:
                is_open = self._waiter.run(self._native.wait)
            except ClosedError:
                is_open = False
            # As long as more may come, another thread may have been faster.
            if not is_open:
                return self._native.take()
        return text


class ToolSet(ToolSetBase):
    """Tools in the shape of one model API, and the way back; see `mcp_gateway.ToolSet`."""

    def __init__(self, native: _native.ToolSet, session: Session) -> None:
        """Wraps the native half; `gateway.present_tools()` makes one."""
        super().__init__(native)
        self._session = session

    def call(self, api_name: str, arguments: Arguments = None, *, meta: Mapping[str, Any] | None = None) -> ToolResult:
        """Calls a tool by the name and with the arguments that the API knows."""
        call = self._named(api_name, arguments)
        return self._session.call_tool(call["name"], call["arguments"], meta=meta)

    def execute(self, tool_call: Any) -> dict[str, Any]:
        """Carries out one tool call of the API and returns what goes back to the model; see `mcp_gateway.ToolSet`."""
        try:
            call = self.read_call(tool_call)
            result = self._session.call_tool(call["name"], call["arguments"])
        except GatewayError as error:
            if error.fault != "client":
                raise
            return self.refusal(tool_call, str(error))
        return self.answer(call, result.raw)
