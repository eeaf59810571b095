// Profiles that others share, catalogs, and clients, without a gateway.

import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
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
  pullCatalog,
  pushCatalog,
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

const tools = process.env.MCP_GATEWAY_TEST_SIGNATURES ?? join(import.meta.dirname, "..", "..", "target", "test-signatures");
const registryProgram = join(tools, "bin", "docker-registry");

// A registry of this machine, as the tests of the core use it; it ends with the test.
async function startRegistry(context) {
  const files = folder();
  const config = join(files, "config.yml");
  const storage = `storage: {filesystem: {rootdirectory: ${join(files, "store")}}}`;
  writeFileSync(config, `version: 0.1\n${storage}\nhttp: {addr: '127.0.0.1:0'}\n`);
  const env = { ...process.env, OTEL_TRACES_EXPORTER: "none" };
  const child = spawn(registryProgram, ["serve", config], { env, stdio: ["ignore", "ignore", "pipe"] });
  context.after(() => child.kill("SIGKILL"));
  let log = "";
  return new Promise((resolve, reject) => {
    child.once("exit", () => reject(new Error(log)));
    child.stderr.on("data", (data) => {
      log += data;
      const listens = log.match(/listening on ([\d.]+:\d+)[^\d:]/);
      if (listens) resolve(listens[1]);
    });
  });
}

test(
  "a signature goes on with a pulled catalog",
  { skip: !existsSync(registryProgram) && "there is no registry (make signatures)" },
  async (context) => {
    const registry = await startRegistry(context);
    const [home, middle, last, files] = [folder(), folder(), folder(), folder()];
    const program = (...args) => {
      const command = [join(import.meta.dirname, "..", "bin", "mcp-gateway.js"), "catalog", ...args];
      const env = { ...process.env, MCP_GATEWAY_HOME: home };
      const done = spawnSync(process.execPath, command, { encoding: "utf8", timeout: 60_000, env });
      assert.equal(done.status, 0, done.stderr);
      return done.stdout.trim();
    };
    const [first, mirror] = [`${registry}/team/tools:1`, `${registry}/mirror/tools:1`];
    writeFileSync(join(files, "far.yaml"), "registry: {a: {type: server, title: A, image: mcp/a}}\n");
    const key = program("key", join(files, "signer.key"));
    const other = program("key", join(files, "other.key"));
    await createCatalog("mine", { home, from: join(files, "far.yaml") });
    program("sign", "mine", "--key", join(files, "signer.key"));
    await pushCatalog("mine", first, { home });
    await assert.rejects(pullCatalog(first, { home: middle, verifyKey: other }), { kind: "denied" });
    assert.deepEqual(await listCatalogs({ home: middle }), []);
    await pullCatalog(first, { home: middle });
    assert.equal((await pushCatalog("tools", mirror, { home: middle })).notes, undefined);
    assert.equal((await pullCatalog(mirror, { home: last, verifyKey: key })).change, "added");

    writeFileSync(join(middle, "catalogs", "tools.yaml"), "registry: {}\n");
    const exported = await exportCatalog("tools", join(files, "out.yaml"), { home: middle });
    assert.match(exported.notes[0], /without its signature/);
    assert.equal((await pushCatalog("tools", mirror, { home: middle })).notes.length, 1);
    assert.equal((await syncCatalogs(["tools"], { home: last }))[0].change, "failed");
  },
);
