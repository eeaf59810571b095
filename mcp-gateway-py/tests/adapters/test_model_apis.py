"""Tools for the models' APIs themselves, called with the objects of their SDKs."""

import asyncio
import json
from contextlib import AbstractAsyncContextManager

import pytest

from mcp_gateway import Gateway
from mcp_gateway.adapters import anthropic, gemini, openai


def test_openai_responses(gateway: AbstractAsyncContextManager[Gateway]) -> None:
    pytest.importorskip("openai")
    from openai.types.responses import ResponseFunctionToolCall

    async def main() -> None:
        async with gateway as opened:
            tools = await openai.tools(opened)
            assert all(tool["type"] == "function" for tool in tools.tools)
            call = ResponseFunctionToolCall(
                type="function_call", call_id="call_1", name="echo", arguments=json.dumps({"text": "hello"})
            )
            for form in (call, call.model_dump(mode="json")):
                answer = await tools.execute(form)
                assert (answer["type"], answer["call_id"]) == ("function_call_output", "call_1")
                assert "hello" in json.dumps(answer["output"])

    asyncio.run(main())


def test_openai_chat(gateway: AbstractAsyncContextManager[Gateway]) -> None:
    pytest.importorskip("openai")
    from openai.types.chat import ChatCompletionMessageFunctionToolCall as ToolCall
    from openai.types.chat.chat_completion_message_function_tool_call import Function

    async def main() -> None:
        async with gateway as opened:
            tools = await openai.tools(opened, api="chat")
            function = Function(name="echo", arguments=json.dumps({"text": "hello"}))
            call = ToolCall(type="function", id="call_1", function=function)
            for form in (call, call.model_dump(mode="json")):
                answer = await tools.execute(form)
                assert (answer["role"], answer["tool_call_id"]) == ("tool", "call_1")
                assert "hello" in json.dumps(answer["content"])

    asyncio.run(main())


def test_anthropic(gateway: AbstractAsyncContextManager[Gateway]) -> None:
    pytest.importorskip("anthropic")
    from anthropic.types import ToolUseBlock

    async def main() -> None:
        async with gateway as opened:
            tools = await anthropic.tools(opened)
            assert all(tool["input_schema"]["type"] == "object" for tool in tools.tools)
            call = ToolUseBlock(type="tool_use", id="toolu_1", name="echo", input={"text": "hello"})
            for form in (call, call.model_dump(mode="json")):
                answer = await tools.execute(form)
                assert (answer["type"], answer["tool_use_id"]) == ("tool_result", "toolu_1")
                assert "hello" in json.dumps(answer["content"])
            failed = await tools.execute(ToolUseBlock(type="tool_use", id="toolu_2", name="fail", input={}))
            assert failed["is_error"]

    asyncio.run(main())


def test_gemini(gateway: AbstractAsyncContextManager[Gateway]) -> None:
    pytest.importorskip("google.genai")
    from google.genai import types

    async def main() -> None:
        async with gateway as opened:
            tools = await gemini.tools(opened)
            # The SDK itself checks the form.
            types.GenerateContentConfig.model_validate({"tools": [{"function_declarations": tools.tools}]})
            call = types.FunctionCall(name="echo", args={"text": "hello"})
            for form in (call, call.model_dump(mode="json", exclude_none=True)):
                answer = types.Part.model_validate(await tools.execute(form))
                assert answer.function_response is not None
                assert answer.function_response.name == "echo"
                assert "hello" in json.dumps(answer.function_response.response)

    asyncio.run(main())


def test_a_mapped_name_is_called_at_its_tool(gateway: AbstractAsyncContextManager[Gateway]) -> None:
    async def main() -> None:
        async with gateway as opened:
            tools = await anthropic.tools(opened)
            names = {tool.name for tool in await opened.list_tools()}
            [mapped] = [tool["name"] for tool in tools.tools if tool["name"] not in names]
            answer = await tools.execute(
                {"type": "tool_use", "id": "toolu_1", "name": mapped, "input": {"text": "hello"}}
            )
            assert "hello" in json.dumps(answer["content"])

    asyncio.run(main())
