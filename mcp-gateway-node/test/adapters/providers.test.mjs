// Tools of a gateway for model APIs that are called without a framework: what a model asks for comes back in the shape
// that its API takes.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";

import * as anthropic from "mcp-gateway/adapters/anthropic";
import * as gemini from "mcp-gateway/adapters/gemini";
import * as openai from "mcp-gateway/adapters/openai";

import { openGateway } from "../support.mjs";

let gateway;
before(async () => {
  gateway = await openGateway();
});
after(() => gateway.close());

test("OpenAI, Chat Completions", async () => {
  const set = await openai.chatTools(gateway);
  assert(set.tools.some((tool) => tool.type === "function" && tool.function.name === "echo"));
  const asked = (id, name, args) => ({ id, type: "function", function: { name, arguments: JSON.stringify(args) } });
  const message = { role: "assistant", content: null, tool_calls: [asked("1", "echo", { text: "hello" }), asked("2", "fail", {})] };
  const answers = await openai.answers(set, { choices: [{ message }] });
  assert.deepEqual(
    answers.map(({ role, tool_call_id }) => [role, tool_call_id]),
    [
      ["tool", "1"],
      ["tool", "2"],
    ],
  );
  assert.match(answers[0].content, /hello/);
  assert.deepEqual(await openai.answers(set, { choices: [{ message: { role: "assistant", content: "done" } }] }), []);
});

test("OpenAI, Responses", async () => {
  const set = await openai.responsesTools(gateway);
  assert(set.tools.some((tool) => tool.type === "function" && tool.name === "echo"));
  const called = { type: "function_call", call_id: "1", name: "echo", arguments: '{"text": "hello"}' };
  const [answer, ...others] = await openai.answers(set, { output: [{ type: "reasoning", summary: [] }, called] });
  assert.deepEqual([answer.type, answer.call_id, others], ["function_call_output", "1", []]);
  assert.match(JSON.stringify(answer.output), /hello/);
});

test("Anthropic", async () => {
  const set = await anthropic.tools(gateway);
  assert(set.tools.some((tool) => tool.name === "echo" && tool.input_schema.type === "object"));
  const asked = (id, name, input) => ({ type: "tool_use", id, name, input });
  const content = [{ type: "text", text: "…" }, asked("1", "echo", { text: "hello" }), asked("2", "fail", {})];
  const [answer, ...others] = await anthropic.answers(set, { content });
  assert.deepEqual([answer.role, others], ["user", []]);
  assert.deepEqual(
    answer.content.map(({ type, tool_use_id, is_error }) => [type, tool_use_id, is_error ?? false]),
    [
      ["tool_result", "1", false],
      ["tool_result", "2", true],
    ],
  );
  assert.match(JSON.stringify(answer.content[0].content), /hello/);
  assert.deepEqual(await anthropic.answers(set, { content: [{ type: "text", text: "done" }] }), []);
});

test("Gemini", async () => {
  const set = await gemini.tools(gateway);
  assert(set.tools.some((tool) => tool.name === "echo"));
  const parts = [{ text: "…" }, { functionCall: { name: "echo", args: { text: "hello" } } }];
  const [answer, ...others] = await gemini.answers(set, { candidates: [{ content: { role: "model", parts } }] });
  assert.deepEqual([answer.role, answer.parts.length, others], ["user", 1, []]);
  assert.equal(answer.parts[0].functionResponse.name, "echo");
  assert.match(JSON.stringify(answer.parts[0].functionResponse.response), /hello/);
  assert.deepEqual(await gemini.answers(set, { candidates: [] }), []);
});
