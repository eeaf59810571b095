"""An agent of the OpenAI Agents SDK with a gateway as its MCP server and a scripted model."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from types import SimpleNamespace
from typing import Any, cast

import pytest

from mcp_gateway import Gateway
from mcp_gateway.exceptions import DeniedError, GatewayError, ServerExitedError
from mcp_gateway.gateway import ToolSet

pytest.importorskip("agents")

from agents import Agent, Model, ModelResponse, RunConfig, Runner, Usage
from openai.types.responses import ResponseFunctionToolCall, ResponseOutputMessage, ResponseOutputText

from mcp_gateway.adapters import openai_agents


class _ScriptedModel(Model):
    """Calls one tool, then ends; keeps what it was given."""

    def __init__(self, name: str, arguments: dict[str, Any]) -> None:
        self.call = ResponseFunctionToolCall(
            type="function_call", call_id="1", name=name, arguments=json.dumps(arguments)
        )
        self.offered: set[str] = set()
        self.output: object = None

    async def get_response(self, *_: object, **request: object) -> ModelResponse:
        self.offered = {tool.name for tool in cast(list[Any], request["tools"])}
        items = cast(list[Any], request["input"])
        outputs = [item["output"] for item in items if item.get("type") == "function_call_output"]
        if not outputs:
            return ModelResponse(output=[self.call], usage=Usage(), response_id=None)
        [self.output] = outputs
        text = ResponseOutputText(type="output_text", text="done", annotations=[])
        message = ResponseOutputMessage(id="1", type="message", role="assistant", status="completed", content=[text])
        return ModelResponse(output=[message], usage=Usage(), response_id=None)

    def stream_response(self, *_: object, **__: object) -> AsyncIterator[Any]:
        raise NotImplementedError


def failing(error: GatewayError) -> ToolSet:
    """Stands for a `ToolSet` whose calls fail."""

    async def call(*_: object, **__: object) -> None:
        raise error

    return cast(ToolSet, SimpleNamespace(call=call))


async def run(gateway: Gateway, name: str, **arguments: object) -> _ScriptedModel:
    model = _ScriptedModel(name, arguments)
    agent = Agent(name="test", model=model, mcp_servers=[openai_agents.server(gateway)])
    done = await Runner.run(agent, "please", run_config=RunConfig(tracing_disabled=True))
    assert done.final_output == "done"
    return model


def test_an_agent_calls_tools(gateway: AbstractAsyncContextManager[Gateway]) -> None:
    async def main() -> None:
        async with gateway as opened:
            model = await run(opened, "echo", text="hello")
            assert "hello" in str(model.output)
            assert "5" in str((await run(opened, "add", a=2, b=3)).output)
            assert (await run(opened, "fail")).output

    asyncio.run(main())


def test_the_model_gets_names_that_its_api_accepts(gateway: AbstractAsyncContextManager[Gateway]) -> None:
    async def main() -> None:
        async with gateway as opened:
            model = await run(opened, "echo", text="hello")
            assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name) for name in model.offered)
            [mapped] = model.offered - {tool.name for tool in await opened.list_tools()}
            assert "hello" in str((await run(opened, mapped, text="hello")).output)

    asyncio.run(main())


def test_a_tool_can_be_called_before_tools_were_listed(gateway: AbstractAsyncContextManager[Gateway]) -> None:
    async def main() -> None:
        async with gateway as opened:
            server = openai_agents.server(opened)
            await server.connect()
            called = await server.call_tool("echo", {"text": "hello"})
            assert called.model_dump()["content"][0]["text"] == "hello"
            await server.cleanup()

    asyncio.run(main())


def test_a_denied_call_is_told_to_the_model_and_a_broken_server_is_raised(
    gateway: AbstractAsyncContextManager[Gateway],
) -> None:
    async def main() -> None:
        async with gateway as opened:
            server = openai_agents.server(opened)
            server._toolset = failing(DeniedError("denied by policy", fault="client"))
            told = (await server.call_tool("echo", {})).model_dump(by_alias=True)
            assert (told["isError"], told["content"][0]["text"]) == (True, "denied by policy")
            server._toolset = failing(ServerExitedError("it exited", fault="server"))
            with pytest.raises(ServerExitedError):
                await server.call_tool("echo", {})

    asyncio.run(main())


def test_prompts_and_resources_are_there_too(gateway: AbstractAsyncContextManager[Gateway]) -> None:
    async def main() -> None:
        async with gateway as opened:
            server = openai_agents.server(opened)
            prompts = (await server.list_prompts()).prompts
            assert [prompt.name for prompt in prompts] == [prompt.name for prompt in await opened.list_prompts()]
            resources = (await server.list_resources()).resources
            assert len(resources) == len(await opened.list_resources())

    asyncio.run(main())
