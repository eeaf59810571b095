"use strict";

const { blocks } = require("./content.js");
const { named } = require("./names.js");

// An MCPServer of the SDK, which asks for no class of its own. The gateway is its owner's to open and to close.
function server(gateway, { name = "mcp-gateway" } = {}) {
  const names = new Map();
  return {
    name,
    cacheToolsList: false,
    async connect() {},
    async close() {},
    async invalidateToolsCache() {},
    async listTools() {
      const entries = await named(gateway);
      for (const entry of entries) names.set(entry.name, entry.tool.name);
      return entries.map((entry) => ({ ...entry.tool, name: entry.name }));
    },
    async callTool(toolName, args, meta, options) {
      return (await this.callToolResult(toolName, args, meta, options)).content;
    },
    async callToolResult(toolName, args, meta, { signal } = {}) {
      const result = await gateway.callTool(names.get(toolName) ?? toolName, args ?? {}, { meta: meta ?? undefined, signal });
      return { ...result, content: blocks(result) };
    },
  };
}

module.exports = { server };
