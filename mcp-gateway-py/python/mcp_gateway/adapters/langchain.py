"""A gateway's tools for LangChain and LangGraph (package `langchain-core`).

```python
import asyncio

from langchain.agents import create_agent

from mcp_gateway import Gateway
from mcp_gateway.adapters import langchain


async def main() -> None:
    profile = {"name": "demo", "servers": {"time": {}}}
    async with Gateway.open(profile, catalogs=["catalog.yaml"]) as gateway:
        agent = create_agent("openai:gpt-5", tools=await langchain.tools(gateway))
        answer = await agent.ainvoke({"messages": [("user", "What time is it in Tokyo?")]})
        print(answer["messages"][-1].text)


asyncio.run(main())
```
"""

from collections.abc import Mapping
from typing import Any, NoReturn

from mcp_gateway.adapters._present import PresentedTool, present
from mcp_gateway.adapters._require import required
from mcp_gateway.adapters._results import error_text, text_of, told_to_model
from mcp_gateway.gateway import Session, ToolSet
from mcp_gateway.model import ToolResult

with required("langchain-core"):
    from langchain_core.tools import BaseTool, ToolException
    from pydantic import Field, SkipValidation

__all__ = ["GatewayTool", "tools"]

_MEDIA = ("image", "audio")


async def tools(gateway: Session) -> list[BaseTool]:
    """Returns the gateway's tools, for a model's `bind_tools`, a `ToolNode` or an agent.

    A message's `artifact` is the whole result as MCP has it, `structuredContent` and `_meta` too. A tool that failed,
    and a call that was denied, is told to the model; set `tool.handle_tool_error = False` to have a `ToolException`
    raised instead.
    """
    toolset, presented = await present(gateway)
    return [GatewayTool(toolset, tool) for tool in presented]


class GatewayTool(BaseTool):
    """One of the gateway's tools; it is awaited, with `ainvoke`.

    It is no `StructuredTool`, which could not pass arguments that are called `config` or `run_manager`.
    """

    toolset: SkipValidation[ToolSet] = Field(exclude=True, repr=False)
    """What the tool is called through."""

    def __init__(self, toolset: ToolSet, presented: PresentedTool) -> None:
        """Makes a tool that is called through `toolset`; `tools` makes all of them."""
        super().__init__(
            toolset=toolset,
            name=presented.name,
            description=presented.description,
            args_schema=presented.parameters,
            metadata={"annotations": presented.definition.annotations, "_meta": presented.definition.meta},
            response_format="content_and_artifact",
            handle_tool_error=True,
        )

    async def _arun(self, /, *_: object, **arguments: object) -> tuple[str | list[dict[str, Any]], dict[str, Any]]:
        with told_to_model(ToolException):
            result = await self.toolset.call(self.name, arguments)
        if result.is_error:
            raise ToolException(error_text(self.name, result))
        # Not the `ToolResult` itself: LangGraph's checkpoints store plain data only.
        return _content(result), result.raw

    def _run(self, *_: object, **arguments: object) -> NoReturn:
        raise NotImplementedError(f"`{self.name}` can only be awaited: please use `ainvoke` instead of `invoke`")


def _content(result: ToolResult) -> str | list[dict[str, Any]]:
    """Returns text, which every model takes, or LangChain's content blocks where there is more than text."""
    if any(block["type"] in _MEDIA for block in result.content):
        return [_block(block) for block in result.content]
    return "\n".join(map(text_of, result.content)) or result.text


def _block(block: Mapping[str, Any]) -> dict[str, Any]:
    if block["type"] in _MEDIA:
        return {"type": block["type"], "base64": block["data"], "mime_type": block["mimeType"]}
    return {"type": "text", "text": text_of(block)}
