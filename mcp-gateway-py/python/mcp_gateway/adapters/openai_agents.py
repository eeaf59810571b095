"""A gateway as an MCP server of the OpenAI Agents SDK (package `openai-agents`).

```python
import asyncio

from agents import Agent, Runner

from mcp_gateway import Gateway
from mcp_gateway.adapters import openai_agents


async def main() -> None:
    profile = {"name": "demo", "servers": {"time": {}}}
    async with Gateway.open(profile, catalogs=["catalog.yaml"]) as gateway:
        agent = Agent(name="Assistant", mcp_servers=[openai_agents.server(gateway)])
        answer = await Runner.run(agent, "What time is it in Tokyo?")
        print(answer.final_output)


asyncio.run(main())
```
"""

from collections.abc import Mapping
from typing import Any

from mcp_gateway.adapters._present import present
from mcp_gateway.adapters._require import required
from mcp_gateway.exceptions import GatewayError
from mcp_gateway.gateway import Session, ToolSet

with required("openai-agents"):
    from agents import AgentBase, RunContextWrapper
    from agents.mcp import MCPServer
    from agents.mcp.server import RequireApprovalSetting
    from mcp import types

__all__ = ["GatewayMCPServer", "server"]


def server(
    gateway: Session, name: str = "mcp-gateway", *, require_approval: RequireApprovalSetting = None
) -> "GatewayMCPServer":
    """Returns the gateway as one server, for an agent's `mcp_servers`.

    It needs no `connect`, and `cleanup` leaves the gateway open.
    """
    return GatewayMCPServer(gateway, name, require_approval=require_approval)


class GatewayMCPServer(MCPServer):
    """Everything behind a gateway as one MCP server, called in the same process.

    The SDK hands tools' names to the model as they are; therefore they are the ones that its API accepts.
    """

    def __init__(
        self, gateway: Session, name: str = "mcp-gateway", *, require_approval: RequireApprovalSetting = None
    ) -> None:
        """Makes a server of a gateway that is open."""
        super().__init__(require_approval=require_approval)
        self._gateway = gateway
        self._name = name
        self._toolset: ToolSet | None = None

    @property
    def name(self) -> str:
        """The server's name in traces and messages."""
        return self._name

    async def connect(self) -> None:
        """Does nothing: the gateway is open."""

    async def cleanup(self) -> None:
        """Does nothing: who opened the gateway closes it."""

    async def list_tools(
        self, run_context: RunContextWrapper[Any] | None = None, agent: AgentBase[Any] | None = None
    ) -> list[types.Tool]:
        """Lists the tools, under names that the model's API accepts."""
        self._toolset, presented = await present(self._gateway)
        # Without their `_meta`, which the SDK would send back with every call.
        return [
            types.Tool.model_validate(
                {
                    "name": tool.name,
                    "title": tool.definition.title,
                    "description": tool.description,
                    "inputSchema": tool.parameters,
                    "annotations": tool.definition.annotations or None,
                }
            )
            for tool in presented
        ]

    async def call_tool(
        self, tool_name: str, arguments: dict[str, Any] | None, meta: dict[str, Any] | None = None
    ) -> types.CallToolResult:
        """Calls a tool by the name that `list_tools` gave it."""
        toolset = self._toolset or await self._gateway.present_tools("openai-chat")
        try:
            answer = (await toolset.call(tool_name, arguments or {}, meta=meta)).raw
        except GatewayError as error:
            if error.fault != "client":
                raise
            # Such as a denied call: the SDK keeps an exception's message from the model, which would only try again.
            answer = {"content": [{"type": "text", "text": str(error)}], "isError": True}
        return types.CallToolResult.model_validate(answer)

    async def list_prompts(self) -> types.ListPromptsResult:
        """Lists the prompts."""
        prompts = [prompt.raw for prompt in await self._gateway.list_prompts()]
        return types.ListPromptsResult.model_validate({"prompts": prompts})

    async def get_prompt(self, name: str, arguments: dict[str, Any] | None = None) -> types.GetPromptResult:
        """Returns a prompt with its arguments filled in."""
        params = {"name": name, "arguments": arguments or {}}
        return types.GetPromptResult.model_validate(await self._gateway.request("prompts/get", params))

    async def list_resources(self, cursor: str | None = None) -> types.ListResourcesResult:
        """Lists a page of the resources."""
        return types.ListResourcesResult.model_validate(await self._gateway.request("resources/list", _page(cursor)))

    async def list_resource_templates(self, cursor: str | None = None) -> types.ListResourceTemplatesResult:
        """Lists a page of the resources' templates."""
        page = await self._gateway.request("resources/templates/list", _page(cursor))
        return types.ListResourceTemplatesResult.model_validate(page)

    async def read_resource(self, uri: str) -> types.ReadResourceResult:
        """Reads a resource."""
        return types.ReadResourceResult.model_validate(await self._gateway.request("resources/read", {"uri": uri}))


def _page(cursor: str | None) -> Mapping[str, Any]:
    return {} if cursor is None else {"cursor": cursor}
