// A host that answers what servers ask: a form, a text for a model to write, the folders to work in.
//
//   npm install && node answer_servers.mjs
//
// It needs Linux: the machine's own Python runs the server of the Python examples as a sandboxed process. The home is
// temporary, so that nothing is left behind.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

import { Gateway } from "mcp-gateway";

const server = fileURLToPath(new URL("../python/booking_server.py", import.meta.url));
const catalog = {
  registry: {
    booking: {
      title: "Booking",
      type: "server",
      // The sandbox shows the system's programs and what is listed here; what is in a home folder is not in sight.
      process: { command: "/usr/bin/python3", args: [server], read: [server] },
    },
  },
};

// Stands for a person with a form, for a model, and for an editor with an open folder.
const client = {
  // Fills forms in; the server's name belongs to its words.
  async elicit({ server, principal }, { mode, message, requestedSchema }) {
    console.log(`  ${server} asks ${principal}: ${message}`);
    // Only a person can say whether an address is to be trusted.
    if (mode === "url") return { action: "decline" };
    // The defaults, and the first of each choice.
    const fields = Object.entries(requestedSchema.properties);
    const content = Object.fromEntries(fields.map(([name, field]) => [name, field.default ?? field.enum?.[0]]));
    console.log(`  the desk fills in: ${JSON.stringify(content)}`);
    return { action: "accept", content };
  },

  // Has a model write; this one is modest.
  sample({ server }, { messages }) {
    console.log(`  ${server} wants written: ${messages.at(-1).content.text}`);
    return "Dear friends, dinner is on me.";
  },

  // Says what is open in the editor.
  roots: () => [{ uri: pathToFileURL("/srv/bookings").href, name: "bookings" }],
};

const home = mkdtempSync(join(tmpdir(), "mcp-gateway-"));
process.on("exit", () => rmSync(home, { recursive: true, force: true }));

// The server is the host's own: nobody has to confirm what it does.
const profile = { name: "demo", servers: { booking: {} }, policy: { default: "allow" } };
const options = { home, catalogs: [catalog], audit: "memory" };

const gateway = await Gateway.open(profile, { ...options, client, principal: "ada" });
try {
  for (const tool of ["book", "invite", "save"]) {
    console.log(`${tool}: ${(await gateway.callTool(tool)).content[0].text}`);
  }
  const actions = (await gateway.audit()).map(({ event }) => event.action);
  console.log(`recorded: ${actions.filter((action) => action.includes("/create")).join(", ")}`);
} finally {
  await gateway.close();
}

const alone = await Gateway.open(profile, options);
try {
  await alone.callTool("book");
} catch (error) {
  console.log(`without a client: ${error.message}`);
} finally {
  await alone.close();
}
