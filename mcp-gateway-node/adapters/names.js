"use strict";

// Names of tools that model APIs accept: MCP allows dots and more letters than they do.

// The tools of a gateway, each with its name for the model. One that came between the two listings has none yet.
async function named(gateway) {
  const [tools, presented] = await Promise.all([gateway.listTools(), gateway.presentTools("openai-chat")]);
  return tools.map((tool) => ({ name: presented.apiNameOf(tool.name), tool })).filter(({ name }) => name);
}

module.exports = { named };
