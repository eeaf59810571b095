"""The gateway for asyncio: one value that is one profile, one secret scope, one server set, one policy, one trail."""

import asyncio
import contextlib
import json
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator, Iterable, Mapping, Sequence
from os import PathLike, fspath
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Literal, NoReturn, TypeVar, cast

from mcp_gateway import _host, _lifetime, _native, _wire
from mcp_gateway._tools import ToolSetBase
from mcp_gateway._wait import LoopWaiter, take
from mcp_gateway.approval import Grant, PendingApproval, Scope
from mcp_gateway.audit import AuditRecord, ExportFormat, Outcome
from mcp_gateway.exceptions import ClosedError, GatewayError
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
from mcp_gateway.transport import Transport

if TYPE_CHECKING:
    from typing_extensions import Self, Unpack

__all__ = ["Connection", "Dialect", "Events", "Gateway", "LogLevel", "Opening", "Session", "ToolSet"]

Arguments = Mapping[str, Any] | str | bytes | None
"""Arguments of a tool: a mapping, or JSON text, which is passed on without being read here."""

Dialect = Literal["openai-chat", "openai-responses", "anthropic", "gemini"]
"""The shape of tools that a model API takes."""

LogLevel = Literal["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"]


class Session:
    """One client's session: what it asks goes through policy, approval and audit.

    Servers that are kept per session are this session's own. Names of tools are those that `list_tools` shows, or
    canonical names `server.tool`. Every method raises a `GatewayError`: `DeniedError`, `NotFoundError`,
    `MissingSecretError`, `StartFailedError`, `ServerExitedError`, `TimedOutError`, `ClosedError`, and `ProtocolError`
    for an error that a server answered. Cancelling the task that awaits a call cancels it at the server.
    """

    def __init__(self, native: _native.Session, gateway: "Gateway | None", waiter: LoopWaiter) -> None:
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

    async def list_tools(self) -> list[Tool]:
        """Returns every tool that the profile offers; servers that were never seen are started once for it."""
        return [Tool(raw) for raw in await self._list("tools/list", "tools")]

    async def call_tool(
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
        return ToolResult(await self._request("tools/call", params, text, timeout, on_progress))

    async def call_tool_raw(
        self,
        name: str,
        arguments: Arguments = None,
        *,
        timeout: float | None = None,
        meta: Mapping[str, Any] | None = None,
    ) -> bytes:
        """Calls a tool and returns the JSON of its result, as the server sent it and without reading it."""
        params, text = _wire.call_params(name, meta), _wire.arguments_text(arguments)
        result: bytes = await self._waiter.run(self._session.request, "tools/call", params, text, timeout, None)
        return result

    async def list_prompts(self) -> list[Prompt]:
        """Returns every prompt."""
        return [Prompt(raw) for raw in await self._list("prompts/list", "prompts")]

    async def get_prompt(self, name: str, arguments: Mapping[str, str] | None = None) -> PromptResult:
        """Fills a prompt in."""
        return PromptResult(
            await self._request("prompts/get", _wire.call_params(name), _wire.arguments_text(arguments))
        )

    async def list_resources(self) -> list[Resource]:
        """Returns every resource."""
        return [Resource(raw) for raw in await self._list("resources/list", "resources")]

    async def list_resource_templates(self) -> list[ResourceTemplate]:
        """Returns every template of resources."""
        return [ResourceTemplate(raw) for raw in await self._list("resources/templates/list", "resourceTemplates")]

    async def read_resource(self, uri: str) -> list[dict[str, Any]]:
        """Returns the contents of a resource, each with `uri`, perhaps `mimeType`, and `text` or `blob`."""
        contents: list[dict[str, Any]] = (await self.request("resources/read", {"uri": uri}))["contents"]
        return contents

    async def subscribe(self, uri: str) -> None:
        """Asks for an event `resource_updated` whenever a resource is another one."""
        await self.request("resources/subscribe", {"uri": uri})

    async def unsubscribe(self, uri: str) -> None:
        """Asks for no more events of a resource."""
        await self.request("resources/unsubscribe", {"uri": uri})

    async def complete(self, reference: Mapping[str, str], argument: str, value: str) -> list[str]:
        """Returns how a value may go on, for an argument of a prompt or resource template."""
        params = {"ref": dict(reference), "argument": {"name": argument, "value": value}}
        values: list[str] = (await self.request("completion/complete", params))["completion"]["values"]
        return values

    async def set_log_level(self, level: LogLevel) -> None:
        """Asks this session's servers for log messages from this level on; they are events of type `log`."""
        await self.request("logging/setLevel", {"level": level})

    async def roots_changed(self) -> None:
        """Tells this session's servers that your client's roots are others now; they may then ask for them again."""
        await self._waiter.run(self._session.roots_changed)

    async def request(
        self, method: str, params: Mapping[str, Any] | None = None, *, timeout: float | None = None
    ) -> Any:
        """Carries out any MCP request that the gateway serves, and returns its result: of a list, one page."""
        return await self._request(method, _wire.dumps(params or {}), None, timeout)

    async def present_tools(self, dialect: Dialect) -> "ToolSet":
        """Returns the tools in the shape of a model API, with valid names and schemas."""
        return ToolSet(await self._waiter.run(self._session.present_tools, dialect), self)

    async def close(self) -> None:
        """Ends the session and gives its servers back. May be called twice."""
        # With its gateway the session has ended already.
        with contextlib.suppress(ClosedError):
            await self._waiter.run(self._session.close)

    async def __aenter__(self) -> "Self":
        """Returns the session."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes it, also in a task that was cancelled."""
        await _shielded(self.close())

    async def _list(self, method: str, member: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = json.loads(await self._waiter.run(self._session.list, method))[member]
        return items

    async def _request(
        self,
        method: str,
        params: str,
        arguments: str | None = None,
        timeout: float | None = None,
        on_progress: Callable[[Progress], object] | None = None,
    ) -> Any:
        told = None if on_progress is None else _teller(on_progress)
        return json.loads(await self._waiter.run(self._session.request, method, params, arguments, timeout, told))


class Gateway(Session):
    """An open gateway; what is asked of it directly belongs to a session of its own.

    ```python
    async with Gateway.open("dev-tools") as gateway:
        for tool in await gateway.list_tools():
            print(tool.name)
        print((await gateway.call_tool("time.get_current_time", {"timezone": "Asia/Tokyo"})).text)
    ```

    It has threads of its own and shares nothing with another gateway. It can be used from several event loops. A
    process that was forked after it was opened gets an `UnsupportedError` and must open its own.
    """

    def __init__(self, native: _native.Gateway, session: _native.Session, waiter: LoopWaiter) -> None:
        """Wraps the native half; `Gateway.open` makes one."""
        super().__init__(session, None, waiter)
        self._native = native
        self._finalizer = _lifetime.keep(self, native, waiter.close)

    @classmethod
    def open(cls, profile: ProfileLike = None, **options: "Unpack[OpenArguments]") -> "Opening[Gateway]":
        """Opens a gateway: `async with Gateway.open(…) as gateway`, or `gateway = await Gateway.open(…)`.

        The profile is the name of one that the home has, a `ProfileSpec`, or a mapping in the form of a profile's file.
        No server is started, and the profile's file is never changed.
        """
        text, objects = split(profile, options)
        return Opening(lambda: _open(text, objects, *principal_of(options)), "Gateway.open(…)")

    @property
    def profile(self) -> str:
        """The profile's name."""
        return self._native.profile

    @property
    def warnings(self) -> Sequence[str]:
        """What is odd about the catalogs: entries that were left out."""
        return self._native.warnings

    def session(self, principal: str = "local", *, roles: Sequence[str] = ()) -> "Opening[Session]":
        """Opens another session, with servers of its own: `async with gateway.session(…)`, or await it.

        The roles are what policies may tell principals apart by, beside the name.
        """

        async def opened() -> Session:
            return Session(await self._waiter.run(self._native.session, principal, list(roles)), self, self._waiter)

        return Opening(opened, "gateway.session(…)")

    async def servers(self) -> list[ServerStatus]:
        """Returns the servers of the profile and how they are."""
        return [ServerStatus(raw) for raw in await self._command("servers")]

    async def find(
        self, query: str, limit: int = 10, *, category: str | None = None, source: str | None = None
    ) -> Matches:
        """Returns the servers of the catalogs, and their tools, that fit a query best."""
        return Matches(await self._command("find", query=query, limit=limit, category=category, source=source))

    async def inspect(self, server: str) -> Inspection:
        """Returns what a server would get if it were started now."""
        return Inspection(await self._command("inspect", server=server))

    async def surface_of(self, server: str) -> ServerSurface:
        """Returns what a server offers, to be looked at before it is approved; one that was never seen is started."""
        return ServerSurface(await self._command("surface_of", server=server))

    async def diff(self, server: str) -> SurfaceDiff:
        """Returns what a server offers that is not what was accepted of it, and what of it is held back."""
        return SurfaceDiff(await self._command("surface_diff", server=server))

    async def approve_server(
        self, server: str, *, by: str = "local", items: Sequence[str] = (), diff: str | None = None
    ) -> ServerSurface:
        """Approves what a server offers now: what was held back is offered, and its annotations are believed.

        It is void for what changes. With `items` only these are approved; with the `id` of a `diff` only if what is
        held back is still the same.
        """
        command = await self._command("approve_server", server=server, by=by, items=list(items), diff=diff)
        return ServerSurface(command)

    async def revoke_server(self, server: str, *, by: str = "local") -> bool:
        """Takes the approval of a server back; returns whether there was one."""
        return bool(await self._command("revoke_server", server=server, by=by))

    async def policy_explain(
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
        return Explanation.read(await self._command("policy_explain", question=question))

    async def policy_test(self, cases: Iterable[PolicyCase | Mapping[str, Any]]) -> list[CaseOutcome]:
        """Returns how cases come out, each beside what is expected."""
        raw = await self._command("policy_test", cases=[_wire.plain(case) for case in cases])
        return [CaseOutcome.read(outcome) for outcome in raw]

    async def policy_dry_run(self, *, since: int | None = None, limit: int | None = None) -> dict[str, Any]:
        """Returns which recorded decisions would be others now: `records`, `same`, `changes`, `uncertain`.

        Roles are not recorded, and arguments only where the profile says so: `uncertain` counts what depends on them.
        """
        query = _wire.audit_query(since, None, None, None, None, None, None, None, limit)
        run: dict[str, Any] = await self._command("policy_dry_run", query=query)
        return run

    async def policy_check(self) -> list[dict[str, Any]]:
        """Returns what is odd about the profile's rules: `index`, `key`, `message`, `hint`."""
        faults: list[dict[str, Any]] = await self._command("policy_check")
        return faults

    async def instances(self) -> list[dict[str, Any]]:
        """Returns what runs for the gateways of this home: containers, processes and connections."""
        instances: list[dict[str, Any]] = await self._command("instances")
        return instances

    async def stats(self) -> list[dict[str, Any]]:
        """Returns the same with how busy each is (`cpuPercent`, of one core), which takes a second to find out."""
        stats: list[dict[str, Any]] = await self._command("stats")
        return stats

    async def add_server(self, server: str, settings: ServerSpec | Mapping[str, Any] | None = None) -> None:
        """Puts a server of the catalogs into this gateway's profile; clients see it at once."""
        await self._command("add_server", server=server, settings=_wire.plain(settings or {}))

    async def remove_server(self, server: str) -> None:
        """Takes a server out of this gateway's profile and stops it."""
        await self._command("remove_server", server=server)

    async def audit(
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
        return [AuditRecord.read(raw) for raw in await self._command("audit", query=query)]

    async def verify_audit(self, *, key: str | None = None, noted: str | None = None) -> dict[str, Any]:
        """Checks the audit trail: `intact`, `records`, `head`, `signedUpTo`, `keys`, `faults` and more.

        `noted` is a head that was noted elsewhere, as `number:hash`: the trail must hold it still.
        """
        given = {"key": key, "noted": noted}
        found: dict[str, Any] = await self._command(
            "audit_verify", **{name: text for name, text in given.items() if text is not None}
        )
        return found

    async def audit_head(self) -> str | None:
        """Returns the newest record as `number:hash`, to be noted where nobody can change it."""
        head: dict[str, Any] | None = await self._command("audit_head")
        return None if head is None else f"{head['sequence']}:{head['hash']}"

    async def audit_report(self, *, since: int | None = None) -> dict[str, Any]:
        """Reports on servers, tools, people, approvals and denials; `since` is in milliseconds of the Unix epoch."""
        report: dict[str, Any] = await self._command("audit_report", since=since)
        return report

    async def render_audit_report(self, form: Literal["html", "csv"] = "html", *, since: int | None = None) -> str:
        """Returns the report as one page that needs nothing else and can be printed, or as a table."""
        return str(await self._command("audit_report", format=form, since=since))

    async def export_audit(
        self, to: str | PathLike[str], form: ExportFormat = "jsonl", *, since: int | None = None
    ) -> int:
        """Writes the audit trail into a file, and returns how many records were written."""
        written: dict[str, int] = await self._command("audit_export", to=fspath(to), format=form, since=since)
        return written["records"]

    async def approvals(self) -> list[PendingApproval]:
        """Returns what waits for an operator's answer, in any gateway of the home."""
        return [PendingApproval.read(raw) for raw in await self._command("approvals")]

    async def approve(
        self, approval: str, *, by: str, reason: str = "", scope: Scope = "once", ttl_seconds: int | None = None
    ) -> None:
        """Lets the request that waits under this id go on; `by` is the operator, and a hard one needs a reason.

        For operators: what an agent can call must not call it.
        """
        verdict = _wire.verdict(True, by, reason, scope, ttl_seconds)
        await self._command("answer_approval", id=approval, verdict=verdict)

    async def reject(self, approval: str, *, by: str, reason: str = "") -> None:
        """Refuses the request that waits under this id; the reason is shown to who asked."""
        await self._command("answer_approval", id=approval, verdict=_wire.verdict(False, by, reason, "once", None))

    async def grants(self) -> list[Grant]:
        """Returns the approvals that hold for more than one request."""
        return [Grant.read(raw) for raw in await self._command("grants")]

    async def revoke(self, grant: str) -> None:
        """Ends an approval that holds for more than one request."""
        await self._command("revoke_grant", id=grant)

    async def metrics(self) -> str:
        """Returns the counters in Prometheus's text form."""
        return str(await self._command("metrics"))

    async def oauth_status(self) -> list[OAuthStatus]:
        """Returns how the remote servers are authorized that need it; never a token."""
        return [OAuthStatus(raw) for raw in await self._command("oauth_status")]

    async def oauth_begin(
        self, server: str, *, redirect_uri: str | None = None, scopes: Sequence[str] = ()
    ) -> OAuthBegun:
        """Begins to authorize a remote server: open the returned `url` in a browser, then call `oauth_finish`.

        Without `redirect_uri` the browser ends at an address of this machine where nobody listens: take it from there.
        """
        request: dict[str, Any] = {"scopes": list(scopes)}
        if redirect_uri is not None:
            request["redirectUri"] = redirect_uri
        return OAuthBegun(await self._command("oauth_begin", server=server, request=request))

    async def oauth_finish(self, server: str, answer: str) -> OAuthStatus:
        """Finishes an authorization with the whole address that the browser was sent back to, or the code in it."""
        return OAuthStatus(await self._command("oauth_finish", server=server, answer=answer))

    async def oauth_revoke(self, server: str) -> str | None:
        """Ends an authorization; returns why the authorization server did not take the tokens back, if it did not."""
        answer: dict[str, str | None] = await self._command("oauth_revoke", server=server)
        return answer["warning"]

    def events(self) -> "Events":
        """Listens to what happens from now on: `async for event in gateway.events()`."""
        return Events(self._native.events(), self._waiter)

    def listen(self, listener: Callable[[Event], object], *types: str) -> Callable[[], None]:
        """Has a function called with each event, or with those of some types; returns what ends it.

        It is called in the running loop. A listener that raises is reported to the loop's exception handler, and goes
        on to hear events.
        """
        task = asyncio.get_running_loop().create_task(_tell(self.events(), listener, types))

        def end() -> None:
            task.cancel()

        return end

    def transport(self, principal: str = "local", *, roles: Sequence[str] = ()) -> Transport:
        """Returns what the client of the official SDK (`mcp`, 1.x and 2.x) takes as a transport, in this process."""
        return Transport(lambda: self.connect(principal, roles=roles))

    async def connect(self, principal: str = "local", *, roles: Sequence[str] = ()) -> "Connection":
        """Connects a client of this process that speaks MCP in JSON messages."""
        return Connection(await self._waiter.run(self._native.connect, principal, list(roles)), self._waiter)

    async def close(self) -> None:
        """Stops every server and ends the gateway. May be called twice; each call returns when it has ended."""
        # Another call that was faster has ended the gateway.
        with contextlib.suppress(ClosedError):
            await self._waiter.run(self._native.close)
        # Only now: a close that was cancelled leaves the servers to be stopped all the same.
        self._finalizer.detach()
        self._native.end()
        self._waiter.close()
        _lifetime.closed(self._native)

    async def _command(self, command: str, **fields: Any) -> Any:
        text = _wire.dumps({"command": command, **fields})
        return json.loads(await self._waiter.run(self._native.command, text))


_Opened = TypeVar("_Opened", bound=Session)


class Opening(Generic[_Opened]):
    """A gateway or session that is being opened: await it, or enter it with `async with`, which also closes it."""

    def __init__(self, opening: Callable[[], Coroutine[Any, Any, _Opened]], what: str) -> None:
        """Keeps what is to be opened."""
        self._opening: Callable[[], Coroutine[Any, Any, _Opened]] | None = opening
        self._what = what
        self._opened: _Opened | None = None

    def __await__(self) -> Generator[Any, Any, _Opened]:
        """Opens it."""
        return self._open().__await__()

    async def __aenter__(self) -> _Opened:
        """Opens it."""
        self._opened = await self._open()
        return self._opened

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Closes it, also in a task that was cancelled."""
        if self._opened is not None:
            await _shielded(self._opened.close())

    def __getattr__(self, name: str) -> NoReturn:
        """Says what is missing."""
        raise AttributeError(f"{self._what} is not open yet: please await it, or enter it with `async with`")

    def __del__(self) -> None:
        """Says so when it was never opened."""
        if self.__dict__.get("_opening") is not None:
            warnings.warn(f"{self._what} was never awaited", RuntimeWarning, stacklevel=2)

    def _open(self) -> Coroutine[Any, Any, _Opened]:
        opening, self._opening = self._opening, None
        if opening is None:
            raise RuntimeError(f"{self._what} was opened already: please call it again for another one")
        return opening()


async def _open(text: str, objects: Mapping[str, object], principal: str, roles: list[str]) -> Gateway:
    loop = asyncio.get_running_loop()
    waiter = LoopWaiter()
    try:
        native: _native.Gateway = await waiter.run(_native.Gateway.open, text, _host.parts(objects, lambda: loop))
        return Gateway(native, await waiter.run(native.session, principal, roles), waiter)
    except BaseException:
        waiter.close()
        raise


class Events:
    """What happens in a gateway, as an async iterator; it ends when the gateway is closed, or by `close`.

    At most 1,024 events wait; of a listener that is slower the oldest are dropped, and an event `missed` says so.
    """

    def __init__(self, native: _native.Events, waiter: LoopWaiter) -> None:
        """Wraps the native half; `gateway.events()` makes one."""
        self._native = native
        self._waiter = waiter

    def __aiter__(self) -> AsyncIterator[Event]:
        """Returns itself."""
        return self

    async def __anext__(self) -> Event:
        """Waits for the next event."""
        text = await take(self._native, self._waiter)
        if text is None:
            raise StopAsyncIteration
        return Event(json.loads(text))

    def close(self) -> None:
        """Ends the iteration."""
        self._native.close()

    async def __aenter__(self) -> "Self":
        """Returns itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends the iteration."""
        self.close()


class Connection:
    """One client's connection: messages of MCP as JSON text, both ways."""

    def __init__(self, native: _native.Connection, waiter: LoopWaiter) -> None:
        """Wraps the native half; `gateway.connect()` makes one."""
        self._native = native
        self._waiter = waiter

    def send(self, message: str | bytes) -> None:
        """Hands a message over without waiting; raises `ClosedError`, `OverloadedError` or `TooLargeError`."""
        self._native.send(message.encode() if isinstance(message, str) else message)

    async def receive(self) -> str | None:
        """Waits for the gateway's next message; `None` once the connection is closed.

        A receive that is cancelled loses no message.
        """
        message = await take(self._native, self._waiter)
        return None if message is None else message.decode()

    async def close(self) -> None:
        """Ends the connection and its session. May be called twice."""
        self._native.close()

    async def __aenter__(self) -> "Self":
        """Returns itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends the connection."""
        await self.close()


class ToolSet(ToolSetBase):
    """Tools in the shape of one model API, and the way back: `tools` goes to the model, `execute` takes its calls."""

    def __init__(self, native: _native.ToolSet, session: Session) -> None:
        """Wraps the native half; `gateway.present_tools()` makes one."""
        super().__init__(native)
        self._session = session

    async def call(
        self, api_name: str, arguments: Arguments = None, *, meta: Mapping[str, Any] | None = None
    ) -> ToolResult:
        """Calls a tool by the name and with the arguments that the API knows."""
        call = self._named(api_name, arguments)
        return await self._session.call_tool(call["name"], call["arguments"], meta=meta)

    async def execute(self, tool_call: Any) -> dict[str, Any]:
        """Carries out a tool call of the API, a mapping or an object of its SDK; returns what goes back to the model.

        A tool that failed, and a call that policy denies or that names nothing, is told to the model. What fails in the
        gateway or in a server raises.
        """
        try:
            call = self.read_call(tool_call)
            result = await self._session.call_tool(call["name"], call["arguments"])
        except GatewayError as error:
            if error.fault != "client":
                raise
            return self.refusal(tool_call, str(error))
        return self.answer(call, result.raw)


# A loop holds its tasks weakly.
_telling: "set[asyncio.Future[Any]]" = set()


def _teller(listener: Callable[[Progress], object]) -> Callable[[bytes], None]:
    """Returns what tells progress; a listener may be async."""

    def tell(text: bytes) -> None:
        result = listener(Progress(json.loads(text)))
        if isinstance(result, Awaitable):
            task = asyncio.ensure_future(cast("Awaitable[object]", result))
            _telling.add(task)
            task.add_done_callback(_told)

    return tell


def _told(task: "asyncio.Future[Any]") -> None:
    _telling.discard(task)
    error = None if task.cancelled() else task.exception()
    # What means to end the program has reached the loop by itself.
    if isinstance(error, Exception):
        _native.report(error)


async def _tell(events: Events, listener: Callable[[Event], object], types: tuple[str, ...]) -> None:
    async for event in events:
        if types and event.type not in types:
            continue
        try:
            result = listener(event)
            if isinstance(result, Awaitable):
                await result
        except Exception as error:
            context = {"message": "a listener of a gateway failed", "exception": error}
            asyncio.get_running_loop().call_exception_handler(context)


async def _shielded(closing: Awaitable[None]) -> None:
    """Awaits to the end, and only then lets a cancellation through."""
    task = asyncio.ensure_future(closing)
    cancelled = None
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError as error:
            if task.cancelled():
                raise
            cancelled = error
    task.result()
    if cancelled is not None:
        raise cancelled
