"""A gateway's tools for the Gemini API; they are plain data, so that any client of that API can use them.

```python
import asyncio

from google import genai

from mcp_gateway import Gateway
from mcp_gateway.adapters import gemini


async def main() -> None:
    profile = {"name": "demo", "servers": {"time": {}}}
    async with Gateway.open(profile, catalogs=["catalog.yaml"]) as gateway:
        client, tools = genai.Client().aio, await gemini.tools(gateway)
        config = {"tools": [{"function_declarations": tools.tools}], "automatic_function_calling": {"disable": True}}
        conversation = [{"role": "user", "parts": [{"text": "What time is it in Tokyo?"}]}]
        while True:
            answer = await client.models.generate_content(model="gemini-2.5-pro", contents=conversation, config=config)
            if not answer.function_calls:
                break
            parts = [await tools.execute(call) for call in answer.function_calls]
            conversation += [answer.candidates[0].content, {"role": "user", "parts": parts}]
        print(answer.text)


asyncio.run(main())
```
"""

from mcp_gateway.gateway import Session, ToolSet

__all__ = ["tools"]


async def tools(gateway: Session) -> ToolSet:
    """Returns the tools as function declarations."""
    return await gateway.present_tools("gemini")
