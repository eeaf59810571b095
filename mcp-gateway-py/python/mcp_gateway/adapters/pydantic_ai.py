"""A gateway's tools as a toolset of Pydantic AI (package `pydantic-ai-slim`).

```python
import asyncio

from pydantic_ai import Agent

from mcp_gateway import Gateway
from mcp_gateway.adapters import pydantic_ai


async def main() -> None:
    profile = {"name": "demo", "servers": {"time": {}}}
    async with Gateway.open(profile, catalogs=["catalog.yaml"]) as gateway:
        agent = Agent("openai:gpt-5", toolsets=[pydantic_ai.toolset(gateway)])
        answer = await agent.run("What time is it in Tokyo?")
        print(answer.output)


asyncio.run(main())
```
"""

import base64
from collections.abc import Mapping
from typing import Any

from mcp_gateway.adapters._present import present
from mcp_gateway.adapters._require import required
from mcp_gateway.adapters._results import error_text, text_of, told_to_model
from mcp_gateway.gateway import Session, ToolSet
from mcp_gateway.model import ToolResult

with required("pydantic-ai-slim"):
    from pydantic_ai import BinaryContent, ModelRetry, RunContext, ToolDefinition
    from pydantic_ai.exceptions import ToolFailed
    from pydantic_ai.toolsets import AbstractToolset, ToolsetTool
    from pydantic_core import SchemaValidator, core_schema

__all__ = ["GatewayToolset", "toolset"]


def toolset(gateway: Session, name: str = "mcp-gateway") -> "GatewayToolset":
    """Returns the gateway's tools as one toolset, for an agent's `toolsets`."""
    return GatewayToolset(gateway, name)


class GatewayToolset(AbstractToolset[Any]):
    """The tools of a gateway that is open.

    A tool that failed asks the model to try again, as with any MCP server in Pydantic AI; a call that was denied is
    told to the model as failed for good. A tool's `metadata` has the server's `annotations` and `meta`, for filters.
    """

    def __init__(self, gateway: Session, name: str = "mcp-gateway") -> None:
        """Makes a toolset; two for the same agent need different names."""
        self._gateway = gateway
        self._name = name
        self._toolset: ToolSet | None = None

    @property
    def id(self) -> str:
        """The toolset's name among those of an agent."""
        return self._name

    async def get_tools(self, ctx: RunContext[Any]) -> dict[str, ToolsetTool[Any]]:
        """Lists the tools, under names that the models' APIs accept."""
        self._toolset, presented = await present(self._gateway)
        return {
            tool.name: ToolsetTool(
                toolset=self,
                tool_def=ToolDefinition(
                    name=tool.name,
                    description=tool.description,
                    parameters_json_schema=tool.parameters,
                    metadata={"annotations": tool.definition.annotations, "meta": tool.definition.meta},
                    return_schema=tool.definition.output_schema,
                ),
                max_retries=ctx.max_retries,
                args_validator=_ANY_OBJECT,
            )
            for tool in presented
        }

    async def call_tool(
        self, name: str, tool_args: dict[str, Any], ctx: RunContext[Any], tool: ToolsetTool[Any]
    ) -> object:
        """Calls a tool by the name that `get_tools` gave it."""
        toolset = self._toolset or await self._gateway.present_tools("openai-chat")
        with told_to_model(ToolFailed):
            result = await toolset.call(name, tool_args)
        if result.is_error:
            raise ModelRetry(error_text(name, result))
        return _value(result)


# The server checks the arguments; here it is enough that they are an object.
_ANY_OBJECT = SchemaValidator(core_schema.dict_schema(core_schema.str_schema(), core_schema.any_schema()))


def _value(result: ToolResult) -> object:
    """Returns the structured content where the blocks only repeat it as text, or else the blocks."""
    if result.structured_content is not None and all(block["type"] == "text" for block in result.content):
        return result.structured_content
    parts = [_part(block) for block in result.content]
    return parts[0] if len(parts) == 1 else parts


def _part(block: Mapping[str, Any]) -> str | BinaryContent:
    inner = block.get("resource", block)
    data = inner.get("blob", inner.get("data"))
    if data is None:
        return text_of(block)
    return BinaryContent(base64.b64decode(data), media_type=inner.get("mimeType", "application/octet-stream"))
