// How failures arrive: as a GatewayError, with a kind for programs and a message for people.
//
//   npm install && node errors.mjs
//
// It starts no server. The home is temporary, so that nothing is left behind.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Gateway, GatewayError, ImageReference } from "mcp-gateway";

const home = mkdtempSync(join(tmpdir(), "mcp-gateway-"));
process.on("exit", () => rmSync(home, { recursive: true, force: true }));

// Expects a failure; prints what a program decides on, what a person reads, and what led to it.
async function show(work) {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    console.log(`${error.code}: ${error.message}`);
    console.log(`  fault: ${error.fault}, retryable: ${error.retryable}`);
    for (const hint of error.hints) console.log(`  hint: ${hint}`);
    if (error.cause) console.log(`  because: ${error.cause.message}`);
    return;
  }
  throw new Error("there was no failure");
}

// Half a digest.
await show(() => ImageReference.parse("mcp/time@sha256:12"));

// A server, and no catalog that describes it.
await show(() => Gateway.open({ name: "demo", servers: { time: {} } }, { home }));

// A tool, and no server that has it.
const gateway = await Gateway.open({ name: "demo" }, { home });
try {
  await show(() => gateway.callTool("get_current_time", { timezone: "Asia/Tokyo" }));
} finally {
  await gateway.close();
}
