// Profiles that others share, and clients, without a gateway.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import {
  connectClient,
  createProfile,
  diffProfiles,
  disconnectClient,
  exportProfile,
  importProfile,
  listClients,
  profileTemplates,
  pushProfile,
} from "../index.mjs";

const folder = () => mkdtempSync(join(tmpdir(), "mcp-gateway-"));

test("a profile goes to another home", async () => {
  const [home, second, file] = [folder(), folder(), join(folder(), "lab.json")];
  assert.equal((await createProfile("lab", "empty", { home })).name, "lab");
  assert((await profileTemplates()).some((template) => template.name === "read-only"));
  const { digest, text } = await exportProfile("lab", { home, file });
  const taken = await importProfile(file, { home: second, name: "copy", digest });
  assert.deepEqual([taken.profile, taken.warnings], ["copy", []]);
  assert.deepEqual(await diffProfiles("copy", file, { home: second }), { profile: [], pins: [] });
  writeFileSync(file, text.replace("Nothing yet", "Everything"));
  await assert.rejects(importProfile(file, { home: second, replace: true }), { kind: "denied" });
  await assert.rejects(pushProfile("lab", "not a reference", { home }), { kind: "invalid_input" });
});

test("a client is connected and disconnected", async () => {
  const [home, project] = [folder(), folder()];
  const [file, text] = [join(project, ".mcp.json"), '{\n\t"mcpServers": { }\n}'];
  writeFileSync(file, text);
  const options = { home, scope: "project", folder: project, program: "/opt/mcp-gateway" };
  assert((await connectClient("claude-code", options)).changed);
  const entry = JSON.parse(readFileSync(file, "utf8")).mcpServers["mcp-gateway"];
  assert.deepEqual(entry.args, ["gateway", "run", "--profile", "default"]);
  assert((await listClients({ home, folder: project })).some((client) => client.connected));
  await disconnectClient("claude-code", options);
  assert.equal(readFileSync(file, "utf8"), text);
});
