// Clients of the official SDKs, of both majors, and of the Vercel AI SDK speak to a gateway in the same process.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { createMCPClient } from "@ai-sdk/mcp";
import { Client } from "@modelcontextprotocol/client";
import { Client as PreviousClient } from "@modelcontextprotocol/sdk/client/index.js";

import { openGateway } from "../support.mjs";

const info = { name: "test", version: "1" };
let gateway;
before(async () => {
  gateway = await openGateway();
});
after(() => gateway.close());

for (const [name, connect] of [
  ["@modelcontextprotocol/client", () => new Client(info)],
  ["@modelcontextprotocol/client, which negotiates", () => new Client(info, { versionNegotiation: { mode: "auto" } })],
  ["@modelcontextprotocol/sdk", () => new PreviousClient(info)],
]) {
  test(name, async () => {
    const client = connect();
    let closed = 0;
    client.onclose = () => {
      closed += 1;
    };
    await client.connect(gateway.transport());
    const { tools } = await client.listTools();
    assert.deepEqual(tools.map((tool) => tool.name).sort(), (await gateway.listTools()).map((tool) => tool.name).sort());
    const sum = await client.callTool({ name: "add", arguments: { a: 2, b: 3 } });
    assert.match(sum.content[0].text, /5/);
    assert.equal((await client.callTool({ name: "fail", arguments: {} })).isError, true);
    await client.close();
    await client.close();
    assert.equal(closed, 1);
  });
}

test("a client that is closed can connect to the same transport again", async () => {
  const transport = gateway.transport();
  for (const _ of [1, 2]) {
    const client = new Client(info);
    await client.connect(transport);
    assert((await client.listTools()).tools.length > 0);
    await client.close();
  }
});

test("@ai-sdk/mcp", async () => {
  const client = await createMCPClient({ transport: gateway.transport() });
  const { echo } = await client.tools();
  const result = await echo.execute({ text: "hello" }, { toolCallId: "1", messages: [] });
  assert.match(result.content[0].text, /hello/);
  await client.close();
});
