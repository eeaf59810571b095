"use strict";

const { blocks, onlyText, textOf } = require("./content.js");
const { named } = require("./names.js");
const { optional } = require("./optional.js");

async function tools(gateway) {
  const { dynamicTool, jsonSchema } = await optional("ai", () => import("ai"));
  const entries = (await named(gateway)).map(({ name, tool }) => [
    name,
    dynamicTool({
      title: tool.title ?? tool.annotations?.title,
      description: tool.description,
      metadata: { toolName: tool.name },
      inputSchema: jsonSchema(tool.inputSchema),
      execute: (input, { abortSignal: signal } = {}) => gateway.callTool(tool.name, input, { signal }),
      toModelOutput: ({ output }) => toModelOutput(output),
    }),
  ]);
  return Object.fromEntries(entries);
}

function toModelOutput(result) {
  const content = blocks(result);
  // An error has no form with images.
  if (result.isError) return { type: "error-text", value: content.map(textOf).join("\n") };
  const text = onlyText(content);
  if (text !== undefined) return { type: "text", value: text };
  return { type: "content", value: content.map(toPart) };
}

function toPart({ type, text, data, mimeType }) {
  return type === "image" ? { type: "image-data", data, mediaType: mimeType } : { type, text };
}

module.exports = { tools };
