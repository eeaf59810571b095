// A gateway as a server of the OpenAI Agents SDK.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { Agent, RunContext } from "@openai/agents-core";
import { server } from "mcp-gateway/adapters/openai-agents";

import { openGateway } from "../support.mjs";

let gateway;
before(async () => {
  gateway = await openGateway();
});
after(() => gateway.close());

test("an agent has the tools of its servers", async () => {
  const agent = new Agent({ name: "agent", mcpServers: [server(gateway)] });
  const runContext = new RunContext();
  const tools = await agent.getMcpTools(runContext);
  const listed = await gateway.listTools();
  assert.equal(tools.length, listed.length);
  for (const { name } of tools) assert.match(name, /^[a-zA-Z0-9_-]{1,64}$/);

  const invoke = (name, args) => tools.find((tool) => tool.name === name).invoke(runContext, JSON.stringify(args));
  assert.match((await invoke("echo", { text: "hello" })).text, /hello/);
  assert.match(JSON.stringify(await invoke("fail", {})), /text/);
});

test("names that the API refuses are replaced, and known again", async () => {
  const gatewayServer = server(gateway);
  const names = (await gatewayServer.listTools()).map(({ name }) => name);
  const refused = (await gateway.listTools()).findIndex(({ name }) => /[^\w-]/.test(name));
  assert.match(names[refused], /^[a-zA-Z0-9_-]{1,64}$/);
  assert(Array.isArray(await gatewayServer.callTool(names[refused], {})));
});

test("a call takes the signal and metadata, and gives the whole result", async () => {
  const { signal } = new AbortController();
  const mine = server(
    {
      listTools: () => gateway.listTools(),
      presentTools: (dialect) => gateway.presentTools(dialect),
      callTool: async (name, args, options) => ({ content: [], structuredContent: { name, args, options } }),
    },
    { name: "mine" },
  );
  assert.equal(mine.name, "mine");
  const { content, structuredContent } = await mine.callToolResult("echo", null, { trace: "1" }, { signal });
  assert.deepEqual(structuredContent, { name: "echo", args: {}, options: { meta: { trace: "1" }, signal } });
  assert.equal(content[0].type, "text");
});
