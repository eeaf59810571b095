// The command line that comes with the package.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
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

test("Docker can run the script", { skip: process.platform === "win32" && "plugins are programs there" }, () => {
  const home = temporary();
  const installed = run(home, "toolkit", "install");
  assert.equal(installed.status, 0, installed.stderr);
  const plugin = join(home, "cli-plugins", "docker-mcp");
  const asked = spawnSync(plugin, ["docker-cli-plugin-metadata"], { encoding: "utf8", timeout: 60_000 });
  assert.equal(JSON.parse(asked.stdout).SchemaVersion, "0.1.0", asked.stderr);
});
