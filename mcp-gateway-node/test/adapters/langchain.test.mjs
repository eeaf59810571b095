// Tools of a gateway in LangChain and LangGraph.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";

import { AIMessage } from "@langchain/core/messages";
import { ToolNode } from "@langchain/langgraph/prebuilt";
import { GatewayError } from "mcp-gateway";
import { tools } from "mcp-gateway/adapters/langchain";

import { openGateway } from "../support.mjs";

let gateway, list;
before(async () => {
  gateway = await openGateway();
  list = await tools(gateway);
});
after(() => gateway.close());

const named = (name, among = list) => among.find((tool) => tool.metadata.toolName === name);
const call = (name, args = {}) => ({ type: "tool_call", id: "1", name, args });

// The tools, with their calls made by `callTool`.
const calledBy = (callTool) =>
  tools({ listTools: () => gateway.listTools(), presentTools: (dialect) => gateway.presentTools(dialect), callTool });

test("a tool has its description and schema, and answers", async () => {
  const echo = named("echo");
  const listed = (await gateway.listTools()).find((tool) => tool.name === "echo");
  assert.deepEqual([echo.description, echo.schema], [listed.description, listed.inputSchema]);
  assert.match(await echo.invoke({ text: "hello" }), /hello/);
});

test("a tool call is answered with a message and the whole result", async () => {
  const message = await named("add").invoke(call("add", { a: 2, b: 3 }));
  assert.deepEqual([message.type, message.status, message.tool_call_id], ["tool", "success", "1"]);
  assert.match(message.content, /5/);
  assert(Array.isArray(message.artifact.content));
});

test("a tool that fails answers a call with an error, and throws without one", async () => {
  const fail = named("fail");
  const message = await fail.invoke(call("fail"));
  assert.deepEqual([message.type, message.status, message.artifact.isError], ["tool", "error", true]);
  await assert.rejects(fail.invoke({}), (error) => error.message === message.content);
});

test("what the gateway refuses is an error message; a cancelled call and a mistake of the host are not", async () => {
  const denied = new GatewayError("the policy says no", { kind: "denied", fault: "client" });
  const echo = named("echo", await calledBy(() => Promise.reject(denied)));
  const message = await echo.invoke(call("echo", { text: "" }));
  assert.deepEqual([message.status, message.content], ["error", "the policy says no"]);
  await assert.rejects(echo.invoke({ text: "" }), denied);
  await assert.rejects(echo.invoke(call("echo", { text: "" }), { signal: AbortSignal.abort() }), denied);

  const missing = new GatewayError("set it", { kind: "missing_secret", fault: "client" });
  for (const mistake of [new TypeError("mine"), missing]) {
    const broken = named("echo", await calledBy(() => Promise.reject(mistake)));
    await assert.rejects(broken.invoke(call("echo", { text: "" })), mistake);
  }
});

test("the signal is handed to the call", async () => {
  const { signal } = new AbortController();
  const same = (_name, _args, options) => Promise.resolve({ content: [], structuredContent: options.signal === signal });
  const echo = named("echo", await calledBy(same));
  assert.equal(await echo.invoke({ text: "" }, { signal }), "true");
});

test("names that model APIs refuse are replaced", async () => {
  for (const { name } of list) assert.match(name, /^[a-zA-Z0-9_-]{1,64}$/);
  const { name } = (await gateway.listTools()).find((tool) => /[^\w-]/.test(tool.name));
  const replaced = named(name);
  assert.equal((await replaced.invoke(call(replaced.name))).status, "success");
});

test("images are given as images", async () => {
  const image = { type: "image", data: "AAAA", mimeType: "image/png" };
  const echo = named("echo", await calledBy(async () => ({ content: [{ type: "text", text: "a chart" }, image] })));
  const { content } = await echo.invoke(call("echo", { text: "" }));
  assert.deepEqual(content, [
    { type: "text", text: "a chart" },
    { type: "image_url", image_url: { url: "data:image/png;base64,AAAA" } },
  ]);
});

test("a graph runs them, in both kinds of modules", async () => {
  const require = createRequire(import.meta.url);
  const required = await require("mcp-gateway/adapters/langchain").tools(gateway);
  const asked = new AIMessage({ content: "", tool_calls: [call("echo", { text: "hello" }), { ...call("fail"), id: "2" }] });
  for (const node of [new ToolNode(list), new (require("@langchain/langgraph/prebuilt").ToolNode)(required)]) {
    const { messages } = await node.invoke({ messages: [asked] });
    assert.deepEqual(
      messages.map(({ tool_call_id, status }) => [tool_call_id, status]),
      [
        ["1", "success"],
        ["2", "error"],
      ],
    );
    assert.match(messages[0].content, /hello/);
  }
});
