// The least that a host needs: a profile, a catalog file, one call.
//
//   npm install ./mcp-gateway-node && node examples/node/minimal.mjs
//
// The server runs in a container where an engine answers, or else as a sandboxed process. The home is temporary, so
// that nothing is left behind; an agent leaves `home` out, and a package is then installed only once.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { Gateway } from "mcp-gateway";

const catalog = fileURLToPath(new URL("../catalog.yaml", import.meta.url));
const home = mkdtempSync(join(tmpdir(), "mcp-gateway-"));
process.on("exit", () => rmSync(home, { recursive: true, force: true }));

const gateway = await Gateway.open({ name: "demo", servers: { time: {} } }, { home, catalogs: [catalog] });
try {
  for (const tool of await gateway.listTools()) console.log(`${tool.name}: ${tool.description}`);
  const result = await gateway.callTool("time.get_current_time", { timezone: "Asia/Tokyo" });
  console.log(result.content[0].text);
  if (result.isError) process.exitCode = 1;
} finally {
  await gateway.close();
}
