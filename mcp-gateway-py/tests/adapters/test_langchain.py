"""Tools for LangChain, executed by LangGraph's own node."""

import asyncio
import re
from contextlib import AbstractAsyncContextManager
from types import SimpleNamespace
from typing import Any, cast

import pytest

from mcp_gateway import Gateway
from mcp_gateway.exceptions import DeniedError, ServerExitedError
from mcp_gateway.gateway import ToolSet
from mcp_gateway.model import Tool

pytest.importorskip("langgraph")

from langchain_core.messages import AIMessage, ToolCall, ToolMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, ToolException
from langchain_core.utils.function_calling import convert_to_openai_tool
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode

from mcp_gateway.adapters import langchain
from mcp_gateway.adapters._present import PresentedTool


async def answers(tools: list[BaseTool], *calls: tuple[str, dict[str, Any]]) -> list[ToolMessage]:
    """Executes tool calls of a model as an agent does."""
    graph = StateGraph(MessagesState)
    graph.add_node("tools", ToolNode(tools))
    graph.add_edge(START, "tools")
    graph.add_edge("tools", END)
    tool_calls = [
        ToolCall(type="tool_call", name=name, args=args, id=str(number)) for number, (name, args) in enumerate(calls)
    ]
    asked = AIMessage("", tool_calls=tool_calls)
    # Read back from a checkpoint, so that what it cannot store is found here.
    agent = graph.compile(checkpointer=InMemorySaver())
    config: RunnableConfig = {"configurable": {"thread_id": "1"}}
    await agent.ainvoke({"messages": [asked]}, config)
    state = await agent.aget_state(config)
    return [message for message in state.values["messages"] if isinstance(message, ToolMessage)]


class _RecordingSet:
    """Stands for a `ToolSet`: remembers the arguments, then answers or fails."""

    def __init__(self, outcome: Exception | dict[str, Any]) -> None:
        self.outcome = outcome
        self.arguments: dict[str, Any] = {}

    async def call(self, api_name: str, arguments: dict[str, Any]) -> object:
        self.arguments = arguments
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return SimpleNamespace(is_error=False, structured_content=None, text="", raw=self.outcome, **self.outcome)


def tool_over(tools: _RecordingSet) -> langchain.GatewayTool:
    definition = cast(Tool, SimpleNamespace(annotations={}, meta={}))
    return langchain.GatewayTool(cast(ToolSet, tools), PresentedTool("tool", "", {"type": "object"}, definition))


def test_a_node_calls_tools_and_keeps_their_results(gateway: AbstractAsyncContextManager[Gateway]) -> None:
    async def main() -> None:
        async with gateway as opened:
            tools = await langchain.tools(opened)
            echoed, added = await answers(tools, ("echo", {"text": "hello"}), ("add", {"a": 2, "b": 3}))
            assert (echoed.content, echoed.status, echoed.name) == ("hello", "success", "echo")
            assert echoed.artifact == (await opened.call_tool("echo", {"text": "hello"})).raw
            assert "5" in added.content

    asyncio.run(main())


def test_the_model_gets_names_and_schemas_that_its_api_accepts(gateway: AbstractAsyncContextManager[Gateway]) -> None:
    async def main() -> None:
        async with gateway as opened:
            tools = await langchain.tools(opened)
            presented = [tool["function"] for tool in (await opened.present_tools("openai-chat")).tools]
            converted = [convert_to_openai_tool(tool)["function"] for tool in tools]
            assert [tool["name"] for tool in converted] == [tool["name"] for tool in presented]
            assert [tool.args_schema for tool in tools] == [tool["parameters"] for tool in presented]
            assert all(re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", tool.name) for tool in tools)
            [mapped] = [tool for tool in tools if tool.name not in {tool.name for tool in await opened.list_tools()}]
            [answer] = await answers(tools, (mapped.name, {"text": "hello"}))
            assert (answer.content, answer.status) == ("hello", "success")

    asyncio.run(main())


def test_a_failed_tool_is_told_to_the_model_or_raised(gateway: AbstractAsyncContextManager[Gateway]) -> None:
    async def main() -> None:
        async with gateway as opened:
            tools = await langchain.tools(opened)
            [failed] = await answers(tools, ("fail", {}))
            assert failed.status == "error"
            assert failed.content
            [tool] = [tool for tool in tools if tool.name == "fail"]
            tool.handle_tool_error = False
            with pytest.raises(ToolException):
                await tool.ainvoke({})

    asyncio.run(main())


def test_a_denied_call_is_told_to_the_model_and_a_broken_server_is_raised() -> None:
    async def main() -> None:
        denied = DeniedError("`tool` is denied by policy", fault="client")
        [answer] = await answers([tool_over(_RecordingSet(denied))], ("tool", {}))
        assert (answer.content, answer.status) == (str(denied), "error")
        with pytest.raises(ServerExitedError):
            await answers([tool_over(_RecordingSet(ServerExitedError("it exited", fault="server")))], ("tool", {}))

    asyncio.run(main())


def test_arguments_may_have_any_name() -> None:
    async def main() -> None:
        tools = _RecordingSet({"content": [{"type": "text", "text": "ok"}]})
        arguments = {"config": 1, "run_manager": 2, "self": 3, "args": 4, "callbacks": 5}
        await answers([tool_over(tools)], ("tool", arguments))
        assert tools.arguments == arguments

    asyncio.run(main())


def test_media_become_content_blocks() -> None:
    async def main() -> None:
        image = {"type": "image", "data": "aGk=", "mimeType": "image/png"}
        file = {"type": "resource", "resource": {"uri": "file:///a", "text": "inside"}}
        [answer] = await answers([tool_over(_RecordingSet({"content": [image, file]}))], ("tool", {}))
        assert answer.content == [
            {"type": "image", "base64": "aGk=", "mime_type": "image/png"},
            {"type": "text", "text": "inside"},
        ]

    asyncio.run(main())


def test_a_tool_cannot_be_invoked_without_waiting() -> None:
    with pytest.raises(NotImplementedError, match="ainvoke"):
        tool_over(_RecordingSet({"content": []})).invoke({})
