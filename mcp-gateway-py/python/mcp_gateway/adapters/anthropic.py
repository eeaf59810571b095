"""A gateway's tools for the Anthropic API; they are plain data, so that any client of that API can use them.

```python
import asyncio

from anthropic import AsyncAnthropic

from mcp_gateway import Gateway
from mcp_gateway.adapters import anthropic


async def main() -> None:
    profile = {"name": "demo", "servers": {"time": {}}}
    async with Gateway.open(profile, catalogs=["catalog.yaml"]) as gateway:
        client, tools = AsyncAnthropic(), await anthropic.tools(gateway)
        conversation = [{"role": "user", "content": "What time is it in Tokyo?"}]
        while True:
            answer = await client.messages.create(
                model="claude-sonnet-4-5", max_tokens=1024, messages=conversation, tools=tools.tools
            )
            calls = [block for block in answer.content if block.type == "tool_use"]
            if not calls:
                break
            conversation += [
                {"role": "assistant", "content": answer.content},
                {"role": "user", "content": [await tools.execute(call) for call in calls]},
            ]
        print(answer.content[-1].text)


asyncio.run(main())
```
"""

from mcp_gateway.gateway import Session, ToolSet

__all__ = ["tools"]


async def tools(gateway: Session) -> ToolSet:
    """Returns the tools for the Messages API."""
    return await gateway.present_tools("anthropic")
