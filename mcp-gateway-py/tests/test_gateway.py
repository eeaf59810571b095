"""What is Python's own about a gateway: loops, threads, objects of the host, the end of things."""

import asyncio
import gc
import json
import multiprocessing
import os
import subprocess
import sys
import textwrap
import threading
import time
import warnings
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from conftest import PROFILE, catalog, given

from mcp_gateway import (
    Answer,
    AuditQuery,
    AuditRecord,
    Bounds,
    CallContext,
    Decision,
    Gateway,
    GatewayBuilder,
    GatewayError,
    PendingApproval,
    PolicyRuleSpec,
    PolicySpec,
    ProfileSpec,
    Progress,
    Question,
    Request,
    SecretKey,
    ServerSpec,
    blocking,
)
from mcp_gateway.audit import export_file, render_report, report_file, verify_file
from mcp_gateway.exceptions import (
    ClosedError,
    DeniedError,
    InvalidConfigError,
    InvalidInputError,
    TimedOutError,
    UnsupportedError,
)
from mcp_gateway.options import OpenArguments
from mcp_gateway.policy import Effect


def test_a_thousand_calls_at_once_get_their_own_answers(options: OpenArguments) -> None:
    async def main() -> None:
        async with Gateway.open(PROFILE, **options) as gateway:
            results = await asyncio.gather(*(gateway.call_tool("echo", {"text": str(n)}) for n in range(1000)))
            assert [result.text for result in results] == [str(n) for n in range(1000)]

    asyncio.run(main())


def test_a_profile_in_code_is_typed(options: OpenArguments) -> None:
    rule = PolicyRuleSpec("cases.add", "deny", reason="sums are done by people")
    spec = ProfileSpec("typed", {"cases": ServerSpec(tools=["echo", "add"])}, policy=PolicySpec("allow", rules=[rule]))

    async def main() -> None:
        async with Gateway.open(spec, **options) as gateway:
            assert gateway.profile == "typed"
            assert [tool.name for tool in await gateway.list_tools()] == ["echo", "add"]
            with pytest.raises(DeniedError, match="sums are done by people"):
                await gateway.call_tool("add", {"a": 1, "b": 1})

    asyncio.run(main())


def test_a_server_spec_says_what_its_mapping_says(options: OpenArguments) -> None:
    entry = {**catalog()["registry"]["cases"], "allowHosts": ["a.example:443"]}
    arguments = given(options, catalogs=[{"registry": {"cases": entry}}])
    forms: list[tuple[ServerSpec, dict[str, Any], list[str]]] = [
        (ServerSpec(), {}, ["a.example:443"]),
        (ServerSpec(network=[]), {"network": []}, []),
        (ServerSpec(network=["b.example:1"]), {"network": ["b.example:1"]}, ["b.example:1"]),
    ]
    for spec, mapping, hosts in forms:
        profiles: list[Any] = [ProfileSpec("spec", {"cases": spec}), {"name": "spec", "servers": {"cases": mapping}}]
        for profile in profiles:
            with blocking.Gateway.open(profile, **arguments) as gateway:
                assert gateway.inspect("cases").raw["network"] == {"listed": hosts}


def test_the_builder_says_the_same_as_the_arguments(options: OpenArguments) -> None:
    builder = GatewayBuilder().with_profile(PROFILE).with_home(str(options["home"])).with_catalogs(catalog())
    with builder.with_audit("memory").with_worker_threads(1).open_blocking() as gateway:
        assert gateway.call_tool("echo", {"text": "built"}).text == "built"


def test_arguments_may_be_json_and_results_may_stay_it(options: OpenArguments) -> None:
    with blocking.Gateway.open(PROFILE, **options) as gateway:
        raw = gateway.call_tool_raw("echo", b'{"text": "raw"}')
        assert json.loads(raw)["content"][0]["text"] == "raw"
        assert gateway.call_tool("echo", '{"text": "text"}').text == "text"


def test_what_cannot_be_opened_says_why(tmp_path: Path) -> None:
    wrong: list[tuple[Any, dict[str, Any], type[Exception], str]] = [
        ("nobody", {}, LookupError, "nobody"),
        ({"name": "x", "servers": {"a": {"limits": {"memory": "much"}}}}, {}, ValueError, "much"),
        ({"name": "x", "server": {}}, {}, InvalidInputError, "options of the gateway"),
        (PROFILE, {"catalogs": [tmp_path / "missing.yaml"]}, Exception, "missing.yaml"),
        (PROFILE, {"catalogs": [{"registry": {"cases": {"type": "nonsense"}}}]}, InvalidConfigError, "inline.json"),
        (PROFILE, {"policy": object()}, InvalidInputError, "no method `decide`"),
        (PROFILE, {"policy": lambda context, request: "deny"}, InvalidInputError, "no method `decide`"),
        (PROFILE, {"policy": Guests}, TypeError, "not the class `Guests`"),
        (PROFILE, {"secrets": ["env:TOKEN"]}, InvalidInputError, "no method `get`"),
        (PROFILE, {"worker_threads": 0}, InvalidInputError, "worker threads"),
    ]
    for profile, arguments, error, words in wrong:
        with pytest.raises(error, match=words):
            blocking.Gateway.open(profile, **given({"home": tmp_path, "audit": "memory"}, **arguments))


def test_two_gateways_do_not_see_each_other(options: OpenArguments) -> None:
    with blocking.Gateway.open(PROFILE, **options) as one, blocking.Gateway.open(PROFILE, **options) as two:
        one.remove_server("cases")
        assert [server.name for server in two.servers()] == ["cases"]
        assert two.call_tool("echo", {"text": "x"}).text == "x"
        assert [record.event["action"] for record in one.audit()] == ["server/remove"]
        assert len(two.audit()) > 0


def test_a_trail_is_verified_reported_on_and_exported(options: OpenArguments, tmp_path: Path) -> None:
    trail, lines = tmp_path / "trail.sqlite", tmp_path / "all.jsonl"
    arguments: Any = {**options, "audit": trail}
    with blocking.Gateway.open(PROFILE, **arguments) as gateway:
        gateway.call_tool("echo", {"text": "kept"})
        found = gateway.verify_audit()
        head = gateway.audit_head()
        assert found["intact"]
        assert head == f"{found['head']['sequence']}:{found['head']['hash']}"
        assert gateway.audit_report()["servers"]["cases"]["tools"]["echo"]["count"] == 1
        assert gateway.render_audit_report().startswith("<!doctype html>")
        assert gateway.export_audit(lines) == found["records"]
        assert {record.event["action"] for record in gateway.audit(action="server/start")} == {"server/start"}
    assert verify_file(trail, noted=head)["checkpoints"] == 1
    assert "cases" in report_file(trail)["servers"]
    assert "echo" in render_report(trail, "csv")
    assert export_file(trail, tmp_path / "all.otlp", "otlp") > found["records"]
    assert verify_file(lines)["intact"]
    lines.write_text(lines.read_text().replace("echo", "ecco"))
    assert {fault["kind"] for fault in verify_file(lines)["faults"]} == {"edited"}
    with pytest.raises(LookupError, match="missing"):
        verify_file(tmp_path / "missing.sqlite")
    with pytest.raises(InvalidInputError):
        verify_file(trail, noted="yesterday")


class Guests:
    """A policy of the host."""

    def decide(self, context: CallContext, request: Request) -> Decision | Effect:
        guest = context.principal == "guest" and request.target == "cases.add"
        return Decision("deny", "guests", "guests do not add") if guest else "allow"


def test_sessions_have_servers_and_principals_of_their_own(options: OpenArguments) -> None:
    async def main() -> None:
        async with (
            Gateway.open(PROFILE, **given(options, policy=Guests())) as gateway,
            gateway.session("guest") as guest,
            gateway.session("ada") as ada,
        ):
            births = [(await session.call_tool("birth")).text for session in (gateway, guest, ada)]
            assert len(set(births)) == 3
            assert (await ada.call_tool("add", {"a": 1, "b": 2})).text == "3"
            with pytest.raises(DeniedError, match="guests do not add"):
                await guest.call_tool("add", {"a": 1, "b": 2})
            assert {record.event["principal"] for record in await gateway.audit(name="add")} == {"ada", "guest"}
            await guest.close()
            with pytest.raises(ClosedError):
                await guest.call_tool("birth")

    asyncio.run(main())


class Trail:
    """An audit store of the host."""

    def __init__(self) -> None:
        self.records: list[AuditRecord] = []

    async def append(self, record: AuditRecord) -> None:
        self.records.append(record)

    def query(self, query: AuditQuery) -> Iterable[AuditRecord]:
        return self.records[-query.limit :] if query.limit else self.records


class Vault:
    """A broker of the host that can be written to."""

    def __init__(self) -> None:
        self.values = {"cases/cases/CASES_TOKEN": "from-the-vault"}
        self.asked: list[str] = []

    async def get(self, key: SecretKey) -> str | None:
        self.asked.append(str(key))
        return self.values.get(str(key))


class Shelf:
    """A catalog of the host."""

    def list(self) -> Mapping[str, Mapping[str, Any]]:
        entries: Mapping[str, Mapping[str, Any]] = catalog()["registry"]
        return {"mine": entries["cases"]}


class Operator:
    """An approver of the host."""

    def __init__(self) -> None:
        self.questions: list[Question] = []

    async def approve(self, context: CallContext, question: Question) -> Answer:
        self.questions.append(question)
        return Answer(question.arguments == {"text": "please"}, by="ann", reason="asked nicely")


ASKED = ["approval/ask", "approval/answer", "tools/call"]


@pytest.mark.parametrize("is_blocking", [False, True])
def test_objects_of_the_host_take_every_part(is_blocking: bool, tmp_path: Path) -> None:
    trail, vault, operator = Trail(), Vault(), Operator()
    rule = {"match": "mine.echo", "effect": "hard_confirm", "reason": "it is loud"}
    profile = {"name": "cases", "servers": {"mine": {}}, "policy": {"default": "allow", "rules": [rule]}}
    arguments: Any = {"home": tmp_path, "catalog": Shelf(), "secrets": vault, "audit": trail, "approver": operator}
    if is_blocking:
        with blocking.Gateway.open(profile, **arguments) as gateway:
            assert gateway.call_tool("echo", {"text": "please"}).text == "please"
            with pytest.raises(DeniedError):
                gateway.call_tool("echo", {"text": "now"})
            assert [record.event["action"] for record in gateway.audit(name="echo")] == ASKED * 2
    else:

        async def main() -> None:
            async with Gateway.open(profile, **arguments) as gateway:
                assert (await gateway.call_tool("echo", {"text": "please"})).text == "please"
                with pytest.raises(DeniedError):
                    await gateway.call_tool("echo", {"text": "now"})
                assert [record.event["action"] for record in await gateway.audit(name="echo")] == ASKED * 2

        asyncio.run(main())
    assert [(question.server, question.name, question.decision.reason) for question in operator.questions] == [
        ("mine", "echo", "it is loud")
    ] * 2
    assert vault.asked[0] == "cases/mine/CASES_TOKEN"
    assert [record.sequence for record in trail.records] == list(range(1, len(trail.records) + 1))
    assert all(later.previous == earlier.hash for earlier, later in zip(trail.records, trail.records[1:], strict=False))
    calls = (record.event for record in trail.records if record.event["action"] == "tools/call")
    granted = next(event for event in calls if event.get("name") == "echo")
    assert granted["decision"]["reason"] == "ann: asked nicely"


def test_an_operator_answers_what_waits(options: OpenArguments) -> None:
    rule = {"match": "cases.echo", "effect": "hard_confirm"}
    profile = {**PROFILE, "policy": {"default": "allow", "rules": [rule]}}

    async def main() -> None:
        async with Gateway.open(profile, **options) as gateway:

            async def waits() -> PendingApproval:
                while True:
                    if pending := await gateway.approvals():
                        return pending[0]
                    await asyncio.sleep(0)

            call = asyncio.create_task(gateway.call_tool("echo", {"text": "x"}))
            pending = await waits()
            assert (pending.effect, pending.question.arguments) == ("hard_confirm", {"text": "x"})
            with pytest.raises(InvalidInputError):
                await gateway.approve(pending.id, by="ann")
            await gateway.approve(pending.id, by="ann", reason="ticket 7", scope="arguments", ttl_seconds=60)
            assert (await call).text == "x"
            assert (await gateway.call_tool("echo", {"text": "x"})).text == "x"
            grant = (await gateway.grants())[0]
            assert (grant.by, grant.scope) == ("ann", "arguments")
            await gateway.revoke(grant.id)
            call = asyncio.create_task(gateway.call_tool("echo", {"text": "x"}))
            await gateway.reject((await waits()).id, by="ann", reason="enough")
            with pytest.raises(DeniedError):
                await call

    asyncio.run(main())


def test_a_mapping_is_a_broker(options: OpenArguments) -> None:
    with blocking.Gateway.open(PROFILE, **given(options, secrets={"CASES_TOKEN": "12345"})) as gateway:
        assert gateway.call_tool("secret").text == "5"


def test_a_host_that_hangs_does_not_stall_the_gateway(options: OpenArguments) -> None:
    release = threading.Event()

    class Slow:
        def decide(self, context: CallContext, request: Request) -> Effect:
            if request.name == "add":
                release.wait(30)
            return "allow"

    async def main() -> None:
        slow = given(options, policy=Slow(), host_timeout_seconds=0.3, worker_threads=1)
        async with Gateway.open(PROFILE, **slow) as gateway:
            await gateway.call_tool("cases.echo", {"text": "warm"})
            # More than there are threads for such objects: all are denied, and others go on.
            hung = [asyncio.ensure_future(gateway.call_tool("cases.add", {"a": 1, "b": 1})) for _ in range(40)]
            outcomes = await asyncio.gather(*hung, return_exceptions=True)
            assert all(isinstance(outcome, DeniedError) for outcome in outcomes)
            assert [server.state for server in await gateway.servers()] == ["running"]

    try:
        asyncio.run(main())
    finally:
        release.set()


def test_one_gateway_serves_several_loops_and_threads(options: OpenArguments) -> None:
    gateway = asyncio.run(_open(options))

    async def call(text: str) -> str:
        return (await gateway.call_tool("echo", {"text": text})).text

    with ThreadPoolExecutor(4) as pool:
        texts = [f"{n}" for n in range(16)]
        assert list(pool.map(lambda text: asyncio.run(call(text)), texts)) == texts
    asyncio.run(gateway.close())

    with blocking.Gateway.open(PROFILE, **options) as shared, ThreadPoolExecutor(8) as pool:
        texts = [f"{n}" for n in range(200)]
        answers = pool.map(lambda text: shared.call_tool("echo", {"text": text}).text, texts)
        assert list(answers) == texts


async def _open(options: OpenArguments) -> Gateway:
    return await Gateway.open(PROFILE, **options)


def test_a_closed_gateway_says_so_and_closes_twice(options: OpenArguments) -> None:
    async def main() -> None:
        gateway = await Gateway.open(PROFILE, **options)
        events = gateway.events()
        await gateway.close()
        await gateway.close()
        with pytest.raises(ClosedError):
            await gateway.list_tools()
        assert all(event.type for event in [event async for event in events])

    asyncio.run(main())


def test_whoever_waits_hears_of_the_close(options: OpenArguments) -> None:
    async def main() -> None:
        async with Gateway.open(PROFILE, **options) as gateway:
            heard: list[str] = []

            async def listen() -> None:
                async for event in gateway.events():
                    heard.append(event.type)

            connection = await gateway.connect()
            listening = asyncio.ensure_future(listen())
            receiving = asyncio.ensure_future(connection.receive())
            hanging = asyncio.ensure_future(gateway.call_tool("sleep", {"seconds": 60}))
            while "server_started" not in heard:
                await asyncio.sleep(0.01)
            await gateway.close()
            await asyncio.wait_for(listening, 10)
            while await asyncio.wait_for(receiving, 10) is not None:
                receiving = asyncio.ensure_future(connection.receive())
            assert "server_stopped" in heard
            with pytest.raises(ClosedError):
                await asyncio.wait_for(hanging, 10)

    asyncio.run(main())

    with blocking.Gateway.open(PROFILE, **options) as gateway, ThreadPoolExecutor(1) as pool:
        iterated = pool.submit(lambda: [event.type for event in gateway.events()])
        gateway.call_tool("echo", {"text": "x"})
        gateway.close()
        iterated.result(timeout=10)


def test_a_trail_of_the_host_goes_on_with_the_next_gateway(options: OpenArguments) -> None:
    trail = Trail()
    for count in (1, 2):
        with blocking.Gateway.open(PROFILE, **given(options, audit=trail)) as gateway:
            gateway.call_tool("echo", {"text": "x"})
            assert len(gateway.audit(name="echo")) == count
    assert [record.sequence for record in trail.records] == list(range(1, len(trail.records) + 1))


def test_what_a_model_gets_wrong_is_told_to_the_model(options: OpenArguments) -> None:
    with blocking.Gateway.open(PROFILE, **options) as gateway:
        tools = gateway.present_tools("anthropic")
        calls: list[tuple[dict[str, Any], str]] = [
            ({"name": "ecoh", "input": {}}, "ecoh"),
            ({"name": "echo", "input": "{"}, "JSON"),
            ({"input": {}}, "no name"),
        ]
        for call, words in calls:
            answer = tools.execute({"type": "tool_use", "id": "1", **call})
            assert (answer["tool_use_id"], answer["is_error"]) == ("1", True)
            assert words in answer["content"][0]["text"]
        with pytest.raises(InvalidInputError):
            tools.call("echo", "{")


def test_arguments_cannot_add_to_the_request(options: OpenArguments) -> None:
    with blocking.Gateway.open(PROFILE, **options) as gateway:
        for text in ('{"text":"a"},"_meta":{"x":1}', "[1]", '"x"', "{", '{"text":"a","text":"b"}'):
            with pytest.raises(InvalidInputError):
                gateway.call_tool("echo", text)


def test_what_was_meant_is_understood_or_said(options: OpenArguments) -> None:
    home = options["home"]
    with blocking.Gateway.open(PROFILE, **given(options, catalogs=catalog())) as gateway:
        assert gateway.call_tool("echo", {"text": "one alone is a list of one"}).text
    with pytest.raises(TypeError, match="did you mean 'host_timeout_seconds'"):
        blocking.Gateway.open(PROFILE, **given(options, host_timeout_second=1))
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"host_timeout_seconds": -3}, "-3"),
        ({"bounds": Bounds(list_wait_seconds=-1)}, "-1"),
    ]
    for more, words in wrong:
        with pytest.raises(InvalidInputError, match=words):
            blocking.Gateway.open(PROFILE, **given(options, policy=Guests(), **more))
    with pytest.raises(InvalidInputError, match="unknown field `server`"):
        blocking.Gateway.open({"name": "x", "server": {}}, home=home)
    with blocking.Gateway.open(PROFILE, **given(options, servers=[])) as gateway:
        assert gateway.servers() == []
    with blocking.Gateway.open(PROFILE, **given(options, tools=[])) as gateway:
        assert gateway.list_tools() == []
        with pytest.raises(InvalidInputError):
            gateway.session(" ")


def test_a_policy_that_denies_a_list_denies_it(options: OpenArguments) -> None:
    class Nothing:
        def decide(self, context: CallContext, request: Request) -> Effect:
            return "deny"

    gateway = blocking.Gateway.open(PROFILE, **given(options, policy=Nothing()))
    with gateway, pytest.raises(DeniedError, match="tools/list"):
        gateway.list_tools()


def test_a_timeout_bounds_the_host_s_own_code_too(options: OpenArguments) -> None:
    class Slow:
        async def decide(self, context: CallContext, request: Request) -> Effect:
            await asyncio.sleep(60)
            return "allow"

    async def main() -> None:
        async with Gateway.open(PROFILE, **given(options, policy=Slow())) as gateway:
            with pytest.raises(TimedOutError):
                await gateway.call_tool("cases.echo", {"text": "x"}, timeout=0.2)

    asyncio.run(main())


def test_the_text_of_a_host_s_exception_stays_with_the_host(
    options: OpenArguments, caplog: pytest.LogCaptureFixture
) -> None:
    class Leaky:
        def get(self, key: SecretKey) -> str:
            raise RuntimeError("token is hunter2-hunter2")

    with blocking.Gateway.open(PROFILE, **given(options, secrets=Leaky())) as gateway:
        with pytest.raises(GatewayError) as caught:
            gateway.call_tool("cases.echo", {"text": "x"})
        seen = [*map(repr, gateway.servers()), *map(repr, gateway.audit())]
        error: BaseException | None = caught.value
        while error is not None:
            seen.append(repr(error))
            error = error.__cause__
        assert not [text for text in seen if "hunter2" in text]
    assert any("hunter2" in str(record.exc_info) for record in caplog.records if record.name == "mcp_gateway")


def test_what_is_not_opened_says_so(options: OpenArguments) -> None:
    opening: Any = Gateway.open(PROFILE, **options)
    with pytest.raises(AttributeError, match="please await it"):
        opening.list_tools()
    held = [opening]
    del opening
    with pytest.warns(RuntimeWarning, match="was never awaited"):
        held.clear()

    async def main() -> None:
        opening = Gateway.open(PROFILE, **options)
        async with opening as gateway, gateway.session("guest") as guest, gateway.events() as events:
            assert guest.principal == "guest"
            assert events is not None
        with pytest.raises(RuntimeError, match="opened already"):
            await opening

    asyncio.run(main())


def test_progress_may_be_heard_by_a_coroutine(options: OpenArguments) -> None:
    async def main() -> None:
        heard: list[float] = []

        async def listen(progress: Progress) -> None:
            await asyncio.sleep(0)
            heard.append(progress.progress)

        async with Gateway.open(PROFILE, **options) as gateway:
            await gateway.call_tool("steps", {"count": 2}, on_progress=listen)
            while len(heard) < 2:
                await asyncio.sleep(0.01)

    asyncio.run(main())


def test_a_cancelled_task_still_closes_its_gateway(options: OpenArguments) -> None:
    async def main() -> None:
        started = asyncio.Event()

        async def work() -> None:
            async with Gateway.open(PROFILE, **options) as gateway:
                await gateway.call_tool("echo", {"text": "x"})
                started.set()
                await gateway.call_tool("sleep", {"seconds": 60})

        task = asyncio.ensure_future(work())
        await started.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert_no_server(options)


def test_a_gateway_that_is_forgotten_stops_its_servers(options: OpenArguments) -> None:
    gateway = blocking.Gateway.open(PROFILE, **options)
    gateway.call_tool("echo", {"text": "x"})
    assert gateway.instances()
    held = [gateway]
    del gateway
    with pytest.warns(ResourceWarning, match="was not closed"):
        held.clear()
    gc.collect()
    for thread in threading.enumerate():
        if thread.name == "mcp-gateway-close":
            thread.join()
    assert_no_server(options)


def test_a_session_that_is_forgotten_gives_its_servers_back(options: OpenArguments) -> None:
    with blocking.Gateway.open(PROFILE, **options) as gateway:
        events = gateway.events()
        gateway.session().call_tool("echo", {"text": "x"})
        gc.collect()
        assert any(event.type == "server_stopped" for event in events)


def test_a_trace_goes_on_in_the_record(options: OpenArguments) -> None:
    parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    with blocking.Gateway.open(PROFILE, **options) as gateway:
        gateway.call_tool("echo", {"text": "x"}, meta={"traceparent": parent})
        assert [record.event["traceparent"] for record in gateway.audit(name="echo")] == [parent]


def run_script(script: str, options: OpenArguments, **arguments: Any) -> "subprocess.CompletedProcess[str]":
    prelude = f"""
        import asyncio, os, signal, sys
        from mcp_gateway import Gateway, blocking
        # What is started in the background of a shell would ignore it.
        signal.signal(signal.SIGINT, signal.default_int_handler)
        PROFILE = {PROFILE!r}
        OPTIONS = dict(home={str(options["home"])!r}, catalogs={list(options["catalogs"] or ())!r}, audit="memory")
    """
    text = textwrap.dedent(prelude) + textwrap.dedent(script)
    return subprocess.run(
        [sys.executable, "-c", text], capture_output=True, text=True, timeout=60, check=False, **arguments
    )


def assert_no_server(options: OpenArguments) -> None:
    """Waits until no server of this home runs."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with blocking.Gateway.open({"name": "empty"}, home=options["home"], audit="memory") as gateway:
            if not gateway.instances():
                return
        time.sleep(0.05)
    raise AssertionError("a server was left behind")


@pytest.mark.parametrize(
    "end",
    ["pass", "sys.exit(0)", "raise SystemExit", "raise ValueError('on purpose')"],
)
def test_a_process_that_ends_leaves_no_server(end: str, options: OpenArguments) -> None:
    done = run_script(
        f"""
        gateway = blocking.Gateway.open(PROFILE, **OPTIONS)
        print(gateway.call_tool("echo", {{"text": "here"}}).text, flush=True)
        {end}
        """,
        options,
    )
    assert done.stdout == "here\n", done.stderr
    assert "panicked" not in done.stderr
    assert_no_server(options)


def test_a_loop_that_ends_in_the_middle_of_a_call_leaves_no_server(options: OpenArguments) -> None:
    done = run_script(
        """
        async def main():
            gateway = await Gateway.open(PROFILE, **OPTIONS)
            await gateway.call_tool("echo", {"text": "x"})
            asyncio.ensure_future(gateway.call_tool("sleep", {"seconds": 60}))
            await asyncio.sleep(0)
            print("leaving", flush=True)
        asyncio.run(main())
        """,
        options,
    )
    assert (done.stdout, done.returncode) == ("leaving\n", 0), done.stderr
    assert_no_server(options)


@pytest.mark.parametrize("kind", ["asyncio", "blocking"])
def test_ctrl_c_ends_cleanly(kind: str, options: OpenArguments) -> None:
    script = {
        "asyncio": """
        async def main():
            async with Gateway.open(PROFILE, **OPTIONS) as gateway:
                await gateway.call_tool("echo", {"text": "x"})
                asyncio.get_running_loop().call_later(0.2, os.kill, os.getpid(), signal.SIGINT)
                await gateway.call_tool("sleep", {"seconds": 60})
        """,
        "blocking": """
        def main():
            import threading
            with blocking.Gateway.open(PROFILE, **OPTIONS) as gateway:
                gateway.call_tool("echo", {"text": "x"})
                threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
                gateway.call_tool("sleep", {"seconds": 60})
        """,
    }[kind]
    start = "asyncio.run(main())" if kind == "asyncio" else "main()"
    begun = time.monotonic()
    done = run_script(
        script
        + f"""
        try:
            {start}
        except KeyboardInterrupt:
            print("interrupted")
        """,
        options,
    )
    assert done.stdout == "interrupted\n", done.stderr
    assert time.monotonic() - begun < 30
    assert_no_server(options)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_fork_gets_an_error_and_harms_nothing(options: OpenArguments) -> None:
    with blocking.Gateway.open(PROFILE, **options) as gateway, warnings.catch_warnings():
        # Python warns of a fork with threads, which is just what is tried here.
        warnings.simplefilter("ignore", DeprecationWarning)
        gateway.call_tool("echo", {"text": "x"})
        context = multiprocessing.get_context("fork")
        answers: Any = context.Queue()
        child = context.Process(target=_in_fork, args=(gateway, answers))
        child.start()
        assert answers.get(timeout=30) == [UnsupportedError.kind] * 2
        child.join(30)
        assert child.exitcode == 0
        assert gateway.call_tool("echo", {"text": "unharmed"}).text == "unharmed"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_fork_that_forgets_the_gateway_takes_nothing_from_its_parent(options: OpenArguments) -> None:
    done = run_script(
        """
        import gc, warnings
        warnings.simplefilter("ignore")
        gateway = blocking.Gateway.open(PROFILE, **OPTIONS)
        birth = gateway.call_tool("birth").text
        locks = lambda: len(list((__import__("pathlib").Path(OPTIONS["home"]) / "run").glob("*.lock")))
        before = locks()
        if os.fork() == 0:
            gateway = None
            gc.collect()
            os._exit(0)
        os.wait()
        assert locks() == before == 1
        assert gateway.call_tool("birth").text == birth
        gateway.close()
        print("unharmed")
        """,
        options,
    )
    assert done.stdout == "unharmed\n", done.stderr


def _in_fork(gateway: blocking.Gateway, answers: Any) -> None:
    kinds = []
    try:
        gateway.list_tools()
    except UnsupportedError as error:
        kinds.append(error.kind)
    try:
        asyncio.run(Gateway.close(gateway))  # type: ignore[arg-type]
    except UnsupportedError as error:
        kinds.append(error.kind)
    answers.put(kinds)


def test_cycles_of_opening_leak_nothing(options: OpenArguments) -> None:
    async def cycle(count: int) -> None:
        for _ in range(count):
            async with Gateway.open(PROFILE, **options) as gateway:
                await gateway.servers()

    def counts() -> tuple[int, int]:
        return len(os.listdir("/proc/self/fd")), len(os.listdir("/proc/self/task"))

    if not Path("/proc/self/fd").exists():
        pytest.skip("open files and threads are counted in /proc")
    asyncio.run(cycle(20))
    before = counts()
    asyncio.run(cycle(200))
    deadline = time.monotonic() + 20
    # Threads that have ended are gone a moment later.
    while counts() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    after = counts()
    assert after[0] <= before[0]
    assert after[1] <= before[1]
