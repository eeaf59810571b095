// Checked by tsc, never run: what the transport and the adapters promise to the packages that they are made for.
import { createMCPClient, type MCPTransport } from "@ai-sdk/mcp";
import { Client, type Transport } from "@modelcontextprotocol/client";
import { Client as PreviousClient } from "@modelcontextprotocol/sdk/client/index.js";
import type { Transport as PreviousTransport } from "@modelcontextprotocol/sdk/shared/transport.js";
import type { BindToolsInput } from "@langchain/core/language_models/chat_models";
import type { DynamicStructuredTool } from "@langchain/core/tools";
import { ToolNode } from "@langchain/langgraph/prebuilt";
import { Agent, type MCPServer } from "@openai/agents-core";
import { generateText, type LanguageModel, type ToolSet } from "ai";
import type { Gateway, Session } from "mcp-gateway";
import * as aiSdk from "mcp-gateway/adapters/ai-sdk";
import * as anthropic from "mcp-gateway/adapters/anthropic";
import * as gemini from "mcp-gateway/adapters/gemini";
import * as langchain from "mcp-gateway/adapters/langchain";
import * as openai from "mcp-gateway/adapters/openai";
import * as openaiAgents from "mcp-gateway/adapters/openai-agents";

export async function clients(session: Gateway): Promise<void> {
  const transport: Transport & PreviousTransport & MCPTransport = session.transport({ principal: "agent" });
  await new Client({ name: "mine", version: "1" }).connect(transport);
  await new PreviousClient({ name: "mine", version: "1" }).connect(session.transport());
  await createMCPClient({ transport: session.transport() });
  // @ts-expect-error: a message is no text
  await session.transport().send("{}");
}

export async function frameworks(gateway: Gateway, model: LanguageModel): Promise<void> {
  const tools: ToolSet = await aiSdk.tools(gateway);
  await generateText({ model, tools, prompt: "" });
  const list: DynamicStructuredTool[] = await langchain.tools(gateway);
  const bound: BindToolsInput[] = list;
  new ToolNode(await langchain.tools(gateway));
  const server: MCPServer = openaiAgents.server(gateway, { name: "mine" });
  new Agent({ name: "agent", mcpServers: [server] });

  // @ts-expect-error: a set, not a list
  const wrong: string[] = await aiSdk.tools(gateway);
  // @ts-expect-error: a list, not a set
  const wrongToo: { echo: string } = await langchain.tools(gateway);
  void [bound, wrong, wrongToo];
}

export async function providers(session: Session): Promise<void> {
  const chat = await openai.chatTools(session);
  const [first] = await openai.answers(chat, { choices: [{ message: { tool_calls: [{ id: "1" }] } }] });
  const content: string | undefined = first?.content;
  const responses = await openai.responsesTools(session);
  const [output] = await openai.answers(responses, { output: [{ type: "function_call" }] });
  const kind: "function_call_output" | undefined = output?.type;
  const messages = await anthropic.answers(await anthropic.tools(session), { content: [{ type: "tool_use" }] });
  const contents = await gemini.answers(await gemini.tools(session), { candidates: [] });
  const roles: "user"[] = [...messages, ...contents].map(({ role }) => role);
  const names: string[] = chat.tools.map((tool) => tool.function.name);
  // @ts-expect-error: that is the shape of the other API
  names.push(responses.tools[0]?.function);
  void [content, kind, roles];
}
