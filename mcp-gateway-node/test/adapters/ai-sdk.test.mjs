// Tools of a gateway in the Vercel AI SDK.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import { generateText, stepCountIs } from "ai";
import { MockLanguageModelV3 } from "ai/test";
import { tools } from "mcp-gateway/adapters/ai-sdk";

import { openGateway } from "../support.mjs";

let gateway, set;
before(async () => {
  gateway = await openGateway();
  set = await tools(gateway);
});
after(() => gateway.close());

// The tools, with their calls made by `callTool`.
const calledBy = (callTool) =>
  tools({ listTools: () => gateway.listTools(), presentTools: (dialect) => gateway.presentTools(dialect), callTool });

const usage = { inputTokens: { total: 1 }, outputTokens: { total: 1 } };

// What a model is told after it has called a tool: the result as it is sent to the model's API.
async function told(toolName, input, options) {
  const script = [
    { content: [{ type: "tool-call", toolCallId: "1", toolName, input: JSON.stringify(input) }], finishReason: { unified: "tool-calls" } },
    { content: [{ type: "text", text: "done" }], finishReason: { unified: "stop" } },
  ];
  const model = new MockLanguageModelV3({ doGenerate: async () => ({ ...script.shift(), usage, warnings: [] }) });
  const { text } = await generateText({ model, tools: set, prompt: "go", stopWhen: stepCountIs(2), ...options });
  assert.equal(text, "done");
  const [first, second] = model.doGenerateCalls;
  const output = second.prompt.at(-1).content[0].output;
  return { output, declared: first.tools };
}

test("a model sees the tools and calls them", async () => {
  const { output, declared } = await told("echo", { text: "hello" });
  assert.equal(output.type, "text");
  assert.match(output.value, /hello/);
  const listed = await gateway.listTools();
  const echo = listed.find((tool) => tool.name === "echo");
  const shown = declared.find((tool) => tool.name === "echo");
  assert.deepEqual([declared.length, shown.description, shown.inputSchema], [listed.length, echo.description, echo.inputSchema]);
});

test("a tool that fails is an error to the model", async () => {
  assert.equal((await told("fail", {})).output.type, "error-text");
});

test("a call that the gateway refuses is an error to the model", async () => {
  const { echo } = await calledBy(() => Promise.reject(new Error("the policy says no")));
  const { output } = await told("echo", { text: "" }, { tools: { echo } });
  assert.equal(output.type, "error-text");
  assert.match(output.value, /the policy says no/);
});

test("names that model APIs refuse are replaced", async () => {
  for (const name of Object.keys(set)) assert.match(name, /^[a-zA-Z0-9_-]{1,64}$/);
  const { name } = (await gateway.listTools()).find((tool) => /[^\w-]/.test(tool.name));
  const [, replaced] = Object.entries(set).find(([, tool]) => tool.metadata.toolName === name);
  const result = await replaced.execute({}, { toolCallId: "1", messages: [] });
  assert(Array.isArray(result.content));
});

test("the signal is handed to the call", async () => {
  const { signal } = new AbortController();
  const { echo } = await calledBy(async (_name, _args, options) => ({ content: [], same: options.signal === signal }));
  const { same } = await echo.execute({ text: "" }, { toolCallId: "1", messages: [], abortSignal: signal });
  assert(same);
});

test("images are given as images, other bytes by name, structured content as text", () => {
  const shown = (output) => set.echo.toModelOutput({ toolCallId: "1", input: {}, output });
  const image = { type: "image", data: "AAAA", mimeType: "image/png" };
  assert.deepEqual(shown({ content: [{ type: "text", text: "a chart" }, image] }), {
    type: "content",
    value: [
      { type: "text", text: "a chart" },
      { type: "image-data", data: "AAAA", mediaType: "image/png" },
    ],
  });
  const failed = shown({ content: [{ type: "text", text: "it broke" }, image], isError: true });
  const omitted = '{"type":"image","mimeType":"image/png","omitted":"4 characters of base64"}';
  assert.deepEqual(failed, { type: "error-text", value: `it broke\n${omitted}` });
  assert.deepEqual(shown({ content: [], structuredContent: { sum: 5 } }), { type: "text", value: '{"sum":5}' });
  const audio = shown({ content: [{ type: "audio", data: "AAAA", mimeType: "audio/wav" }] });
  assert.deepEqual(JSON.parse(audio.value), { type: "audio", mimeType: "audio/wav", omitted: "4 characters of base64" });
  const file = { type: "resource", resource: { uri: "file:///a", text: "its text" } };
  assert.deepEqual(shown({ content: [file], isError: true }), { type: "error-text", value: "its text" });
});
