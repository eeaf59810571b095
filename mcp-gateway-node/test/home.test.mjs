// Profiles that others share, catalogs, and clients, without a gateway.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

import {
  addCatalog,
  approveCatalogServer,
  checkScope,
  connectClient,
  createCatalog,
  createProfile,
  diffProfiles,
  disconnectClient,
  exportCatalog,
  exportProfile,
  importProfile,
  listCatalogs,
  listClients,
  profileTemplates,
  pushProfile,
  removeCatalog,
  removeCatalogServer,
  revokeCatalogServer,
  syncCatalogs,
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

test("catalogs are registered, approved and scoped", async () => {
  const [home, files] = [folder(), folder()];
  const far = join(files, "far.yaml");
  writeFileSync(far, "registry: {a: {type: server, title: A, image: mcp/a}, b: {type: server, title: B, image: mcp/b}}\n");
  assert.equal((await addCatalog("far", far, { home, verify: "required" })).servers, 2);
  assert.deepEqual((await syncCatalogs([], { home })).map(({ change }) => change), ["unchanged"]);
  assert.equal((await createCatalog("own", { home, from: "far" })).servers, 2);
  assert.equal((await approveCatalogServer("own", "a", "ann", { home, note: "read it" })).server, "a");
  await assert.rejects(approveCatalogServer("far", "a", "ann", { home }), { kind: "invalid_input" });
  await revokeCatalogServer("own", "a", { home });
  assert.equal((await removeCatalogServer("own", "b", { home })).servers, 1);
  await exportCatalog("own", join(files, "own.yaml"), { home });
  assert.match(readFileSync(join(files, "own.yaml"), "utf8"), /mcp\/a/);
  assert.deepEqual((await listCatalogs({ home })).map(({ name, servers }) => [name, servers]), [["far", 2], ["own", 1]]);
  writeFileSync(join(home, "scope.yaml"), "deny: [{server: b, reason: not ours}]\n");
  assert.equal((await checkScope("a", "default", { home })).admitted, true);
  assert.equal((await checkScope("b", "default", { home })).scopes[0].reason, "not ours");
  assert.equal((await removeCatalog("far", { home })).change, "removed");
  await assert.rejects(addCatalog("other", far, { home, verifyKey: "no key" }), { kind: "invalid_input" });
});
