"""An agent of Pydantic AI with a gateway as its toolset and a scripted model."""

import asyncio
import re
from contextlib import AbstractAsyncContextManager
from types import SimpleNamespace
from typing import Any, cast

import pytest

from mcp_gateway import Gateway
from mcp_gateway.exceptions import DeniedError, GatewayError, ServerExitedError
from mcp_gateway.gateway import ToolSet

pytest.importorskip("pydantic_ai")

from pydantic_ai import Agent, BinaryContent, ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.exceptions import ToolFailed
from pydantic_ai.models.function import AgentInfo, FunctionModel

from mcp_gateway.adapters import pydantic_ai


async def run(gateway: Gateway, name: str, **arguments: object) -> tuple[list[Any], set[str]]:
    """Lets a model call one tool; returns what it was told then, and the tools that it was offered."""
    told: list[Any] = []
    offered: set[str] = set()

    def model(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        offered.update(tool.name for tool in info.function_tools)
        if len(messages) == 1:
            return ModelResponse([ToolCallPart(name, arguments)])
        told.extend(messages[-1].parts)
        return ModelResponse([TextPart("done")])

    agent = Agent(FunctionModel(model), toolsets=[pydantic_ai.toolset(gateway)])
    assert (await agent.run("please")).output == "done"
    return told, offered


def test_an_agent_calls_tools(gateway: AbstractAsyncContextManager[Gateway]) -> None:
    async def main() -> None:
        async with gateway as opened:
            [echoed], _ = await run(opened, "echo", text="hello")
            assert echoed.part_kind == "tool-return"
            assert "hello" in str(echoed.content)
            [added], _ = await run(opened, "add", a=2, b=3)
            assert "5" in str(added.content)
            [failed], _ = await run(opened, "fail")
            assert (failed.part_kind, failed.outcome) == ("tool-return", "retried")
            assert failed.content

    asyncio.run(main())


def test_the_model_gets_names_that_its_api_accepts(gateway: AbstractAsyncContextManager[Gateway]) -> None:
    async def main() -> None:
        async with gateway as opened:
            _, offered = await run(opened, "echo", text="hello")
            assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name) for name in offered)
            [mapped] = offered - {tool.name for tool in await opened.list_tools()}
            [echoed], _ = await run(opened, mapped, text="hello")
            assert "hello" in str(echoed.content)

    asyncio.run(main())


def toolset_over(outcome: GatewayError | dict[str, Any]) -> pydantic_ai.GatewayToolset:
    """Stands above a `ToolSet` that answers or fails as it is told to."""

    async def call(*_: object) -> object:
        if isinstance(outcome, GatewayError):
            raise outcome
        return SimpleNamespace(is_error=False, text="", **{"content": [], "structured_content": None, **outcome})

    toolset = pydantic_ai.GatewayToolset(cast(Gateway, None))
    toolset._toolset = cast(ToolSet, SimpleNamespace(call=call))
    return toolset


def called(outcome: GatewayError | dict[str, Any]) -> object:
    unused = cast(Any, None)
    return asyncio.run(toolset_over(outcome).call_tool("tool", {}, unused, unused))


def test_a_denied_call_is_told_to_the_model_and_a_broken_server_is_raised() -> None:
    with pytest.raises(ToolFailed, match="denied by policy"):
        called(DeniedError("denied by policy", fault="client"))
    with pytest.raises(ServerExitedError):
        called(ServerExitedError("it exited", fault="server"))


def test_media_become_binary_content() -> None:
    text = {"type": "text", "text": "see"}
    image = {"type": "image", "data": "aGk=", "mimeType": "image/png"}
    file = {"type": "resource", "resource": {"uri": "file:///a", "blob": "aGk=", "mimeType": "application/pdf"}}
    link = {"type": "resource_link", "uri": "file:///b", "name": "b"}
    assert called({"content": [text, image, file, link]}) == [
        "see",
        BinaryContent(b"hi", media_type="image/png"),
        BinaryContent(b"hi", media_type="application/pdf"),
        '{"type": "resource_link", "uri": "file:///b", "name": "b"}',
    ]


def test_structured_content_is_preferred_to_its_repetition_as_text() -> None:
    text = {"type": "text", "text": '{"sum": 5}'}
    image = {"type": "image", "data": "aGk=", "mimeType": "image/png"}
    assert called({"content": [text], "structured_content": {"sum": 5}}) == {"sum": 5}
    assert called({"content": [image], "structured_content": {"sum": 5}}) == BinaryContent(
        b"hi", media_type="image/png"
    )
