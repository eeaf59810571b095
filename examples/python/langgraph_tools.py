"""A gateway's tools in LangGraph: a profile becomes a list of tools, and a node calls one, without a model.

    pip install langgraph
    python examples/python/langgraph_tools.py [CATALOG]

The server runs in a container where an engine answers, or else as a sandboxed process. The home is temporary, so that
nothing is left behind. In an agent, the same list goes to `create_agent(model, tools=...)`.
"""

import asyncio
import sys
import tempfile
from pathlib import Path

from langchain_core.messages import AIMessage, ToolCall
from langgraph.graph import MessagesState, StateGraph
from langgraph.prebuilt import ToolNode

from mcp_gateway import Bounds, Gateway
from mcp_gateway.adapters import langchain

CATALOG = Path(__file__).parents[1] / "catalog.yaml"
PROFILE = {"name": "demo", "servers": {"time": {}}}
# A list waits 20 s for servers that were never seen; an installation may take longer.
BOUNDS = Bounds(list_wait_seconds=240)


async def main(home: str, catalog: str) -> None:
    """Does what a model would do: chooses a tool from the list, and asks for it."""
    async with Gateway.open(PROFILE, home=home, catalogs=[catalog], bounds=BOUNDS) as gateway:
        tools = await langchain.tools(gateway)
        for tool in tools:
            print(f"{tool.name}: {tool.description}")

        graph = StateGraph(MessagesState)
        graph.add_node("tools", ToolNode(tools))
        graph.set_entry_point("tools")

        [name] = [tool.name for tool in tools if tool.name.endswith("get_current_time")]
        call = ToolCall(type="tool_call", id="1", name=name, args={"timezone": "Asia/Tokyo"})
        state = await graph.compile().ainvoke({"messages": [AIMessage("", tool_calls=[call])]})
        answer = state["messages"][-1]
        print(answer.content)
        if answer.status != "success":
            raise SystemExit(f"{name} failed")


with tempfile.TemporaryDirectory() as home:
    asyncio.run(main(home, sys.argv[1] if len(sys.argv) > 1 else str(CATALOG)))
