// The command line that comes with the package.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";

import { version } from "mcp-gateway";

import { temporary } from "./support.mjs";

const program = join(import.meta.dirname, "..", "bin", "mcp-gateway.js");

function run(home, ...args) {
  const env = { ...process.env, MCP_GATEWAY_HOME: home, DOCKER_CONFIG: home };
  return spawnSync(process.execPath, [program, ...args], { encoding: "utf8", timeout: 60_000, env });
}

test("is the program", () => {
  const home = temporary();
  assert.equal(JSON.parse(run(home, "version", "--format", "json").stdout).version, version);
  assert.equal(run(home, "profile", "create", "dev").status, 0);
  assert.match(run(home, "profile", "ls").stdout, /dev/);
  const missing = run(home, "profile", "show", "nobody");
  assert.deepEqual([missing.status, missing.stdout], [11, ""]);
  assert.match(missing.stderr, /nobody/);
  assert.match(run(home, "--help").stdout, /Usage: mcp-gateway/);
});

test("a signal drains a running gateway and ends it", { skip: process.platform === "win32" && "there are no signals" }, async () => {
  const home = temporary();
  assert.equal(run(home, "profile", "create", "dev").status, 0);
  for (const signal of ["SIGINT", "SIGTERM"]) {
    const env = { ...process.env, MCP_GATEWAY_HOME: home, DOCKER_CONFIG: home };
    const child = spawn(process.execPath, [program, "gateway", "run", "--profile", "dev"], { env });
    const initialize = { protocolVersion: "2025-11-25", capabilities: {}, clientInfo: { name: "test", version: "1" } };
    child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", id: 1, method: "initialize", params: initialize })}\n`);
    let stderr = "";
    child.stderr.on("data", (data) => (stderr += data));
    child.stdout.once("data", () => child.kill(signal));
    const how = await new Promise((resolve) => child.on("close", (...ended) => resolve(ended)));
    assert.deepEqual(how, [0, null], stderr);
  }
});

test("Docker can run the script", { skip: process.platform === "win32" && "plugins are programs there" }, () => {
  const home = temporary();
  const installed = run(home, "toolkit", "install");
  assert.equal(installed.status, 0, installed.stderr);
  const plugin = join(home, "cli-plugins", "docker-mcp");
  const asked = spawnSync(plugin, ["docker-cli-plugin-metadata"], { encoding: "utf8", timeout: 60_000 });
  assert.equal(JSON.parse(asked.stdout).SchemaVersion, "0.1.0", asked.stderr);
});
