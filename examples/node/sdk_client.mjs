// Shows a client of the official SDK that is connected to a gateway in its own process: no port, no child process, no
// configuration file. What speaks MCP through that client is governed like everything else.
//
//   npm install && node sdk_client.mjs
//
// The home is temporary, so that nothing is left behind.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { Client } from "@modelcontextprotocol/client";
import { Gateway } from "mcp-gateway";

const catalog = fileURLToPath(new URL("../catalog.yaml", import.meta.url));
const home = mkdtempSync(join(tmpdir(), "mcp-gateway-"));
process.on("exit", () => rmSync(home, { recursive: true, force: true }));

// A list waits 20 s for servers that were never seen; an installation may take longer.
const options = { home, catalogs: [catalog], bounds: { listWaitSeconds: 240 } };
const gateway = await Gateway.open({ name: "demo", servers: { time: {} } }, options);
try {
  const client = new Client({ name: "sdk_client", version: "1.0.0" });
  await client.connect(gateway.transport({ principal: "sdk_client" }));
  const { tools } = await client.listTools();
  console.log("tools:", tools.map((tool) => tool.name).join(", "));

  const { content } = await client.callTool({ name: "get_current_time", arguments: { timezone: "Asia/Tokyo" } });
  console.log(content[0].text);
  await client.close();
} finally {
  await gateway.close();
}
