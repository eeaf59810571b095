// Gateways over the server of the cases, in homes of their own.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Gateway } from "mcp-gateway";

export const CASES = join(import.meta.dirname, "..", "..", "mcp-gateway-core", "tests", "cases");
export const cases = JSON.parse(readFileSync(join(CASES, "cases.json"), "utf8"));

const server = join(CASES, "server.py");
// The machine's own Python, because the sandbox shows no other folders.
const entry = { type: "server", process: { command: "/usr/bin/python3", args: [server], read: [server] } };

export const catalog = {
  registry: {
    cases: {
      title: "Cases",
      description: "A little of each feature",
      secrets: [{ name: "cases.token", env: "CASES_TOKEN", required: false }],
      ...entry,
    },
    twin: { title: "Twin", description: "The same again", ...entry },
  },
};

export const profile = { name: "cases", servers: { cases: {} }, policy: { default: "allow" } };

const folders = [];
process.once("exit", () => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

// A folder that is gone with the process.
export function temporary() {
  const folder = mkdtempSync(join(tmpdir(), "mcp-gateway-test-"));
  folders.push(folder);
  return folder;
}

export const options = () => ({ home: temporary(), catalogs: [catalog], audit: "memory" });

export const openGateway = (more = {}) => Gateway.open(profile, { ...options(), ...more });

// The text of a result.
export const text = (result) => result.content[0].text;

// Closes a gateway after the work.
export async function using(gateway, work) {
  try {
    return await work(gateway);
  } finally {
    await gateway.close();
  }
}

// Waits for a condition, at most 20 seconds.
export async function until(what, condition) {
  const deadline = Date.now() + 20_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
