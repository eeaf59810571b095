// Checked by tsc, never run: the same types for `require`.
import langgraph = require("@langchain/langgraph/prebuilt");
import ai = require("ai");
import gateway = require("mcp-gateway");
import aiSdk = require("mcp-gateway/adapters/ai-sdk");
import langchain = require("mcp-gateway/adapters/langchain");

export const set = (session: gateway.Session): Promise<ai.ToolSet> => aiSdk.tools(session);
export const node = async (session: gateway.Session) => new langgraph.ToolNode(await langchain.tools(session));
// @ts-expect-error: a list, not a set
export const wrong = (session: gateway.Session): Promise<ai.ToolSet> => langchain.tools(session);
