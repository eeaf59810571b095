"use strict";

const { isForModel } = require("../tools.js");
const { blocks, onlyText } = require("./content.js");
const { named } = require("./names.js");
const { optional } = require("./optional.js");

async function tools(gateway) {
  const [{ DynamicStructuredTool }, { ToolMessage }] = await Promise.all([
    optional("@langchain/core/tools", () => import("@langchain/core/tools")),
    optional("@langchain/core/messages", () => import("@langchain/core/messages")),
  ]);

  function structuredTool({ name, tool }) {
    const failure = (toolCall, content, artifact) => {
      return [new ToolMessage({ status: "error", content, artifact, name, tool_call_id: toolCall.id }), artifact];
    };
    return new DynamicStructuredTool({
      name,
      description: tool.description ?? tool.title ?? tool.name,
      schema: tool.inputSchema,
      metadata: { toolName: tool.name },
      responseFormat: "content_and_artifact",
      // What concerns the model is a message to it where a model made the call; whoever calls without one gets an exception.
      func: async (input, _manager, { signal, toolCall } = {}) => {
        try {
          const result = await gateway.callTool(tool.name, input, { signal });
          const content = contentOf(result);
          if (!result.isError) return [content, result];
          if (toolCall?.id) return failure(toolCall, content, result);
          throw new Error(typeof content === "string" ? content : JSON.stringify(content));
        } catch (error) {
          if (!isForModel(error) || signal?.aborted || !toolCall?.id) throw error;
          return failure(toolCall, error.message);
        }
      },
    });
  }
  return (await named(gateway)).map(structuredTool);
}

function contentOf(result) {
  const content = blocks(result);
  return onlyText(content) ?? content.map(toBlock);
}

function toBlock({ type, text, data, mimeType }) {
  return type === "image" ? { type: "image_url", image_url: { url: `data:${mimeType};base64,${data}` } } : { type, text };
}

module.exports = { tools };
