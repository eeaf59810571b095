// Shows the tools of a profile in the Vercel AI SDK. Passed to `generateText` as `tools`, a model chooses what to call;
// this calls one by itself and so needs no model.
//
//   npm install && node ai_sdk.mjs
//
// The home is temporary, so that nothing is left behind.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { Gateway } from "mcp-gateway";
import { tools } from "mcp-gateway/adapters/ai-sdk";

const catalog = fileURLToPath(new URL("../catalog.yaml", import.meta.url));
const home = mkdtempSync(join(tmpdir(), "mcp-gateway-"));
process.on("exit", () => rmSync(home, { recursive: true, force: true }));

// A list waits 20 s for servers that were never seen; an installation may take longer.
const options = { home, catalogs: [catalog], bounds: { listWaitSeconds: 240 } };
const gateway = await Gateway.open({ name: "demo", servers: { time: {} } }, options);
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
