"""A client of the host: what Python has of its own about answering servers."""

import asyncio
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from conftest import PROFILE, given

from mcp_gateway import (
    Bounds,
    ClientContext,
    Elicitation,
    ElicitationAnswer,
    Gateway,
    GatewayBuilder,
    Root,
    Sampling,
    blocking,
)
from mcp_gateway.client import accept, cancel, decline
from mcp_gateway.exceptions import InvalidInputError
from mcp_gateway.options import OpenArguments


class Person:
    """Answers as it is told, and remembers who asked."""

    def __init__(self, answer: ElicitationAnswer | bool | None = None) -> None:
        self.answer = answer
        self.asked: list[ClientContext] = []

    async def elicit(self, context: ClientContext, request: Elicitation) -> ElicitationAnswer | bool | None:
        self.asked.append(context)
        assert request.fields == {"name": {"type": "string"}}
        assert (request.mode, request.url, request.schema["required"]) == ("form", None, ["name"])
        return self.answer


class Model:
    """Writes nothing but how much it may write."""

    def sample(self, context: ClientContext, request: Sampling) -> dict[str, Any]:
        assert (request.system_prompt, request.tools) == (None, [])
        text = f"{request.max_tokens} for {context.principal}"
        return {"model": "mine", "content": {"type": "text", "text": text}}


class Places:
    """Has one place of this machine."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def roots(self, _: ClientContext) -> Iterable[Root]:
        return (Root.of(self.path, name="here") for _ in range(1))


def test_a_client_knows_who_asks(options: OpenArguments) -> None:
    person = Person(accept({"name": "Ada"}))

    async def main() -> None:
        async with Gateway.open(PROFILE, **given(options, client=person)) as gateway, gateway.session("ada") as ada:
            assert (await ada.call_tool("ask")).text == "accept Ada"
            assert person.asked == [ClientContext(ada.id, "ada", "cases")]

    asyncio.run(main())


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (accept(name="Bob"), "accept Bob"),
        (decline(), "decline"),
        (cancel(), "cancel"),
        (True, "accept"),
        (None, "cancel"),
    ],
)
def test_a_blocking_gateway_awaits_the_answer(
    answer: ElicitationAnswer | bool | None, told: str, options: OpenArguments
) -> None:
    builder = GatewayBuilder().with_profile(PROFILE).with_home(str(options["home"])).with_audit("memory")
    builder = builder.with_catalogs(*(options["catalogs"] or ())).with_client_timeout(10)
    with builder.with_client(Person(answer)).open_blocking() as gateway:
        assert gateway.call_tool("ask").text == told
        gateway.roots_changed()


def test_a_client_answers_what_it_has_methods_for(options: OpenArguments, tmp_path: Path) -> None:
    with blocking.Gateway.open(PROFILE, **given(options, client=Model(), principal="bob")) as gateway:
        assert gateway.call_tool("write").text == "mine: 100 for bob"
        assert gateway.call_tool("ask").is_error
    place = tmp_path / "a b"
    with blocking.Gateway.open(PROFILE, **given(options, client=Places(place))) as gateway:
        assert gateway.call_tool("where").text == place.as_uri()
        assert "%20" in place.as_uri()


def test_what_is_no_client_is_refused(options: OpenArguments) -> None:
    nobody: Any = object()
    with pytest.raises(InvalidInputError, match="none of the methods `elicit`, `sample`, `roots`"):
        blocking.Gateway.open(PROFILE, **given(options, client=nobody))


def test_a_question_ends_with_its_call(options: OpenArguments) -> None:
    async def main() -> None:
        asked, ended = asyncio.Event(), asyncio.Event()

        class Ponders:
            async def elicit(self, context: ClientContext, request: Elicitation) -> None:
                asked.set()
                try:
                    await asyncio.sleep(3600)
                finally:
                    ended.set()

        async with Gateway.open(PROFILE, **given(options, client=Ponders())) as gateway:
            call = asyncio.ensure_future(gateway.call_tool("ask"))
            await asyncio.wait_for(asked.wait(), 20)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            await asyncio.wait_for(ended.wait(), 20)

    asyncio.run(main())


def test_a_list_is_whole_and_a_request_is_one_page(options: OpenArguments) -> None:
    with blocking.Gateway.open(PROFILE, **given(options, bounds=Bounds(page_size=2))) as gateway:
        names = [tool.name for tool in gateway.list_tools()]
        page = gateway.request("tools/list")
        assert [tool["name"] for tool in page["tools"]] == names[:2]
        assert len(names) > 10
        more = gateway.request("tools/list", {"cursor": page["nextCursor"]})
        assert [tool["name"] for tool in more["tools"]] == names[2:4]
