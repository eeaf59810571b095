"""A gateway's tools for the OpenAI API; they are plain data, so that any client of that API can use them.

```python
import asyncio

from openai import AsyncOpenAI

from mcp_gateway import Gateway
from mcp_gateway.adapters import openai


async def main() -> None:
    profile = {"name": "demo", "servers": {"time": {}}}
    async with Gateway.open(profile, catalogs=["catalog.yaml"]) as gateway:
        client, tools = AsyncOpenAI(), await openai.tools(gateway)
        conversation = [{"role": "user", "content": "What time is it in Tokyo?"}]
        while True:
            answer = await client.responses.create(model="gpt-5", input=conversation, tools=tools.tools)
            calls = [item for item in answer.output if item.type == "function_call"]
            if not calls:
                break
            conversation += answer.output + [await tools.execute(call) for call in calls]
        print(answer.output_text)


asyncio.run(main())
```
"""

from typing import Literal

from mcp_gateway.gateway import Session, ToolSet

__all__ = ["tools"]


async def tools(gateway: Session, api: Literal["responses", "chat"] = "responses") -> ToolSet:
    """Returns the tools for the Responses API or for Chat Completions, which many other providers speak too."""
    return await gateway.present_tools("openai-responses" if api == "responses" else "openai-chat")
