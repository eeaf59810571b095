"""A gateway's tools in the form that a framework or a model's API takes them.

One module for each; a framework's package is needed only by the module that is named after it. In all of them, a call
that the framework cancels is cancelled at the server too, and names that model APIs do not accept are mapped and back.

| module | gives |
|---|---|
| `langchain` | tools for LangChain and LangGraph |
| `openai_agents` | an MCP server for agents of the OpenAI Agents SDK |
| `pydantic_ai` | a toolset for agents of Pydantic AI |
| `fastmcp` | a transport for FastMCP's client |
| `openai`, `anthropic`, `gemini` | tools and their execution for the API itself, with or without its SDK |

A client of the official SDK, and what stands on one, needs no adapter: it takes `gateway.transport()`.
"""
