// Shows the tools of a profile in the Vercel AI SDK. Passed to `generateText` as `tools`, a model chooses what to call;
// this calls one by itself and so needs no model.
//
//   npm install && node ai_sdk.mjs
import { fileURLToPath } from "node:url";

import { Gateway } from "mcp-gateway";
import { tools } from "mcp-gateway/adapters/ai-sdk";

const catalog = fileURLToPath(new URL("../catalog.yaml", import.meta.url));
const gateway = await Gateway.open({ name: "demo", servers: { time: {} } }, { catalogs: [catalog] });
try {
  const set = await tools(gateway);
  for (const [name, tool] of Object.entries(set)) console.log(`${name}: ${tool.description}`);

  const { get_current_time: now } = set;
  const input = { timezone: "Asia/Tokyo" };
  const output = await now.execute(input, { toolCallId: "1", messages: [] });
  console.log("to the model:", now.toModelOutput({ toolCallId: "1", input, output }));
} finally {
  await gateway.close();
}
