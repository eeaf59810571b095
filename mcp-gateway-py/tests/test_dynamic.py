"""Agents that find, add and call servers by themselves."""

import asyncio
import json
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from conftest import CASES, PROFILE, catalog, given

from mcp_gateway import (
    Answer,
    CallContext,
    ClientContext,
    DynamicSpec,
    Elicitation,
    Gateway,
    GatewayBuilder,
    PolicySpec,
    ProfileSpec,
    Question,
    blocking,
)
from mcp_gateway.exceptions import InvalidInputError, NotFoundError
from mcp_gateway.options import OpenArguments


def test_agents_add_servers_to_sessions_of_their_own(options: OpenArguments) -> None:
    class Operator:
        """Agrees to everything, and keeps what it was told."""

        def __init__(self) -> None:
            self.facts: dict[str, str] = {}

        def approve(self, _context: CallContext, question: Question) -> Answer:
            self.facts = {fact["what"]: fact["value"] for fact in question.facts}
            return Answer(True, "ann", "ticket 7")

    async def main() -> None:
        operator = Operator()
        opened: Any = {**options, "approver": operator}
        spec = ProfileSpec("empty", dynamic=DynamicSpec(True), policy=PolicySpec(preset="default"))
        async with (
            Gateway.open(spec, **opened) as gateway,
            gateway.session("ada") as ada,
            gateway.session("ben") as ben,
        ):
            found = (await ada.call_tool("mcp-find", {"query": "a little of each feature"})).structured_content
            assert found["servers"][0]["server"] == "cases"
            added = (await ada.call_tool("mcp-add", {"server": "cases"})).structured_content
            assert "cases.echo" in [tool["tool"] for tool in added["tools"]]
            assert operator.facts["would"].startswith("add server `cases`")
            call = {"tool": "cases.echo", "arguments": {"text": "found"}}
            assert (await ada.call_tool("mcp-exec", call)).text == "found"
            assert (await ben.call_tool("mcp-exec", call)).is_error
            assert "echo" not in [tool.name for tool in await ben.list_tools()]

    asyncio.run(main())


def test_agents_add_the_servers_of_another_profile_and_write_down_what_they_have(options: OpenArguments) -> None:
    profiles = Path(str(options["home"])) / "profiles"
    profiles.mkdir(parents=True)
    team = {"name": "team", "tools": ["cases:echo"], "servers": {"cases": {}}}
    (profiles / "team.yaml").write_text(json.dumps(team))
    dynamic = DynamicSpec(True, save="always", profiles=["team"])
    spec = ProfileSpec("empty", dynamic=dynamic, policy=PolicySpec(default="allow"))
    with blocking.Gateway.open(spec, **options) as gateway:
        listed = gateway.call_tool("mcp-list").structured_content
        assert listed["profiles"] == [{"profile": "team", "servers": ["cases"]}]
        activated = gateway.call_tool("mcp-activate-profile", {"profile": "team"}).structured_content
        (server,) = activated["servers"]
        assert (server["status"], [tool["tool"] for tool in server["tools"]]) == ("added", ["cases.echo"])
        assert gateway.call_tool("echo", {"text": "activated"}).text == "activated"
        created = gateway.call_tool("mcp-create-profile", {"profile": "mine"}).structured_content
        assert created["servers"] == ["cases"]
        assert gateway.call_tool("mcp-create-profile", {"profile": "team"}).is_error
    with blocking.Gateway.open("mine", **options) as gateway:
        assert "echo" in [tool.name for tool in gateway.list_tools()]


def test_a_lean_list_has_the_gateway_s_own_tools(options: OpenArguments) -> None:
    builder = GatewayBuilder().with_profile(PROFILE).with_home(str(options["home"])).with_catalogs(catalog())
    with builder.with_audit("memory").with_lean().open_blocking() as gateway:
        assert {tool.name[:4] for tool in gateway.list_tools()} == {"mcp-"}
        assert gateway.call_tool("mcp-exec", {"tool": "cases.echo", "arguments": {"text": "lean"}}).text == "lean"
        assert gateway.call_tool("echo", {"text": "direct"}).text == "direct"


def test_a_model_of_meaning_that_is_not_there_is_named(options: OpenArguments, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"model\.safetensors") as raised:
        blocking.Gateway.open({"name": "found"}, **given(options, embedder=tmp_path / "model"))
    assert str(tmp_path / "model") in str(raised.value)
    builder = GatewayBuilder().with_profile({"name": "found"}).with_home(str(options["home"])).with_audit("memory")
    with pytest.raises(NotFoundError):
        builder.with_embedder(tmp_path / "model").open_blocking()


class Typist:
    """Goes to the page that it is sent to, and types a secret there."""

    def __init__(self, value: str) -> None:
        self.value = value
        self.pages: list[str] = []

    async def elicit(self, context: ClientContext, request: Elicitation) -> bool:
        assert (request.mode, context.server) == ("url", "gateway")
        await asyncio.to_thread(self.type, request.url)
        return True

    def type(self, url: str | None) -> None:
        assert url is not None
        with urllib.request.urlopen(url, timeout=20) as page:
            self.pages.append(page.read().decode())
        origin = "/".join(url.split("/")[:3])
        form = urllib.parse.urlencode({"secret-0": self.value}).encode()
        with urllib.request.urlopen(urllib.request.Request(url, form, {"Origin": origin}), timeout=20) as page:
            self.pages.append(page.read().decode())


def lacking() -> dict[str, Any]:
    """Returns the catalog whose server does not start without its secret."""
    described = catalog()
    described["registry"]["cases"]["secrets"][0]["required"] = True
    return described


def test_a_person_types_what_a_server_lacks(options: OpenArguments) -> None:
    typist = Typist("hunter2 & more")
    spec = ProfileSpec("typed", dynamic=DynamicSpec(True, secret_page=True), policy=PolicySpec(default="allow"))
    with blocking.Gateway.open(spec, **given(options, catalogs=[lacking()], client=typist)) as gateway:
        added = gateway.call_tool("mcp-add", {"server": "cases"})
        assert added.structured_content["status"] == "added", added
        assert gateway.call_tool("cases.secret").text == str(len(typist.value))
        assert "cases.token" in typist.pages[0]
        records = [record.event for record in gateway.audit(action="secret/set")]
        assert [(event["server"], event["name"]) for event in records] == [("cases", "cases.token")]
        assert not any(typist.value in text for text in (str(added), str(gateway.audit()), *typist.pages))


def test_nobody_is_sent_to_a_page_where_the_profile_does_not_say_so(options: OpenArguments) -> None:
    typist = Typist("hunter2")
    spec = {"name": "typed", "policy": {"default": "allow"}}
    opened = given(options, catalogs=[lacking()], client=typist)
    with blocking.Gateway.open(spec, dynamic=True, **opened) as gateway:
        answer = gateway.call_tool("mcp-add", {"server": "cases"})
        assert answer.is_error
        assert "mcp-gateway profile secret set cases" in answer.text
        assert typist.pages == []
    with pytest.raises(InvalidInputError, match="secretPage"):
        blocking.Gateway.open(spec, secret_page=True, **opened)
    builder = GatewayBuilder().with_profile(spec).with_home(str(options["home"])).with_catalogs(lacking())
    with builder.with_audit("memory").with_client(typist).with_dynamic().with_secret_page().open_blocking() as gateway:
        assert gateway.call_tool("mcp-add", {"server": "cases"}).structured_content["status"] == "added"


def test_a_model_of_meaning_finds_what_is_said_in_other_words(options: OpenArguments, tmp_path: Path) -> None:
    model, home = tmp_path / "model", str(options["home"])
    subprocess.run([sys.executable, CASES / "model.py", model], check=True, timeout=60)
    entry = {"type": "server", "image": "mcp-gateway-test/none:1"}
    sky = {"title": "Sky", "description": "The weather of today", **entry}
    band = {"title": "Band", "description": "Plays music", **entry}
    servers: Any = {"registry": {"sky": sky, "band": band}}

    def found(gateway: blocking.Gateway, query: str) -> list[str]:
        return [match.name for match in gateway.find(query)]

    def finds(gateway: blocking.Gateway) -> None:
        deadline = time.monotonic() + 20.0
        # Words answer until the model has read every text.
        while found(gateway, "take an umbrella") != ["sky"]:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert found(gateway, "a trumpet") == ["band"]
        assert found(gateway, "music") == ["band"]
        assert found(gateway, "qzxv") == []

    opened = given(options, catalogs=[servers])
    with blocking.Gateway.open({"name": "found"}, **opened) as gateway:
        assert found(gateway, "take an umbrella") == [], "no word of it is there"
    with blocking.Gateway.open({"name": "found"}, **opened, embedder=model) as gateway:
        finds(gateway)
    builder = GatewayBuilder().with_profile({"name": "found"}).with_home(home).with_audit("memory")
    with builder.with_catalogs(servers).with_embedder(model).open_blocking() as gateway:
        finds(gateway)
