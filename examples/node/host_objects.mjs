// Secrets, decisions and approvals of the host's own, as plain objects and classes, and the trail of what happened.
//
//   npm install && node host_objects.mjs
//
// It needs Linux: the machine's own Python runs the server of the Python examples as a sandboxed process. The home is
// temporary, so that nothing is left behind.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { fileURLToPath } from "node:url";

import { Gateway, GatewayError } from "mcp-gateway";

const server = fileURLToPath(new URL("../python/notes_server.py", import.meta.url));
const catalog = {
  registry: {
    notes: {
      title: "Notes",
      type: "server",
      secrets: [{ name: "notes.token", env: "NOTES_TOKEN" }],
      // The sandbox shows the system's programs and what is listed here; what is in a home folder is not in sight.
      process: { command: "/usr/bin/python3", args: [server], read: [server] },
    },
  },
};

// Stands for the host's vault, which is asked over a network.
class Vault {
  // The value of exactly this key; a secret is asked for under up to eight, and the first value counts.
  async get(key) {
    await setTimeout(10);
    return String(key) === "/notes/NOTES_TOKEN" ? "the-token-of-the-notes" : null;
  }
}

// Reading is free, writing is asked about, throwing away is not done. A list has neither server nor name.
const policy = {
  decide({ principal }, { server, name }) {
    switch (`${server}.${name}`) {
      case "notes.clear":
        return { effect: "deny", rule: "keep", reason: `${principal} may not throw notes away` };
      case "notes.add":
        return { effect: "hard_confirm", rule: "write", reason: "it changes the notes" };
      default:
        return { effect: "allow", rule: "read" };
    }
  },
};

// Stands for a person: says yes to everything but passwords.
const approver = {
  async approve({ principal }, { name, arguments: args }) {
    const text = JSON.stringify(args);
    const granted = !text.includes("password");
    console.log(`  operator: may ${principal} ${name} ${text}? ${granted ? "yes" : "no"}`);
    return { granted, by: "ann", reason: granted ? "read it" : "that belongs into the vault" };
  },
};

const home = mkdtempSync(join(tmpdir(), "mcp-gateway-"));
process.on("exit", () => rmSync(home, { recursive: true, force: true }));

const gateway = await Gateway.open(
  { name: "demo", servers: { notes: {} } },
  { home, catalogs: [catalog], secrets: new Vault(), policy, approver, audit: "memory", principal: "agent" },
);

// Does one thing that an agent wants, and shows how it ended.
async function work(tool, args) {
  try {
    console.log(`${tool}: ${(await gateway.callTool(tool, args)).content[0].text}`);
  } catch (error) {
    if (!(error instanceof GatewayError) || error.kind !== "denied") throw error;
    console.log(`${tool}: ${error.message}`);
  }
}

try {
  await work("notes.sign_in");
  await work("notes.add", { text: "buy milk" });
  await work("notes.add", { text: "the password is 1234" });
  await work("notes.clear");
  await work("notes.list");

  console.log("trail:");
  for (const { sequence, event } of await gateway.audit()) {
    const { principal, action, server, name, outcome, decision } = event;
    const subject = [server, name].filter(Boolean).join(".");
    const why = decision?.reason ? ` (${decision.rule}: ${decision.reason})` : "";
    console.log(`  ${sequence} ${principal} ${action} ${subject}: ${outcome}${why}`);
  }
} finally {
  await gateway.close();
}
