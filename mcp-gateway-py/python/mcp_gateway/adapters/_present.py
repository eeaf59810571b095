"""The gateway's tools as the adapters of agent frameworks present them."""

from dataclasses import dataclass
from typing import Any

from mcp_gateway.gateway import Session, ToolSet
from mcp_gateway.model import Tool


@dataclass(frozen=True)
class PresentedTool:
    """A tool as the model gets it, and as its server describes it."""

    name: str
    description: str
    parameters: dict[str, Any]
    definition: Tool


async def present(gateway: Session) -> tuple[ToolSet, list[PresentedTool]]:
    """Returns the tools with names and schemas that the models' APIs accept, and the set that calls them by these."""
    toolset = await gateway.present_tools("openai-chat")
    definitions = {tool.name: tool for tool in await gateway.list_tools()}
    presented: list[PresentedTool] = []
    for function in (tool["function"] for tool in toolset.tools):
        definition = definitions.get(toolset.name_of(function["name"]))
        # The list may have changed between the two questions.
        if definition is not None:
            description = function.get("description", "")
            presented.append(PresentedTool(function["name"], description, function["parameters"], definition))
    return toolset, presented
