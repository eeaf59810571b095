// A real server in a container, and that none stays behind.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";

import { Client } from "@modelcontextprotocol/client";
import { Client as OldClient } from "@modelcontextprotocol/sdk/client/index.js";
import { Gateway, pruneUnused } from "mcp-gateway";

import { temporary, until } from "./support.mjs";

const image = "mcp-gateway-test/time:1";
const catalog = { registry: { time: { title: "Time", type: "server", image } } };
const profile = { name: "time", servers: { time: {} }, policy: { default: "allow" } };

const isThere = spawnSync("docker", ["image", "inspect", image], { timeout: 30_000 }).status === 0;
// Where everything was set up for it, a container that is missing is a failure.
const skip = !isThere && process.env.MCP_GATEWAY_TEST !== "docker" && `there is no engine with the image ${image} (\`make images\`)`;

async function containers(home) {
  const gateway = await Gateway.open({ name: "empty" }, { home, audit: "memory", runtimes: ["docker"] });
  try {
    return await gateway.instances();
  } finally {
    await gateway.close();
  }
}

for (const [name, Sdk] of [["2.x", Client], ["1.x", OldClient]]) {
  test(`the client of the official SDK ${name} calls a server in a container`, { skip }, async () => {
    const home = temporary();
    const gateway = await Gateway.open(profile, { home, catalogs: [catalog], audit: "memory", runtimes: ["docker"] });
    try {
      const client = new Sdk({ name: "test", version: "1.0.0" });
      await client.connect(gateway.transport({ principal: "sdk" }));
      const { tools } = await client.listTools();
      assert.deepEqual(tools.map((tool) => tool.name), ["get_current_time", "convert_time"]);
      const { content } = await client.callTool({ name: "get_current_time", arguments: { timezone: "Asia/Tokyo" } });
      assert.match(content[0].text, /Asia\/Tokyo/);
      assert.deepEqual((await gateway.instances()).map((running) => running.runtime), ["docker"]);
      const records = await gateway.audit({ name: "get_current_time" });
      assert.deepEqual(records.map((record) => record.event.principal), ["sdk"]);
      await client.close();
    } finally {
      await gateway.close();
    }
    assert.deepEqual(await containers(home), []);
  });
}

test("what was run is known to prune", { skip }, async () => {
  const home = temporary();
  const gateway = await Gateway.open(profile, { home, catalogs: [catalog], runtimes: ["docker"] });
  try {
    const result = await gateway.callTool("get_current_time", { timezone: "Asia/Tokyo" });
    assert.notEqual(result.isError, true);
  } finally {
    await gateway.close();
  }
  assert.deepEqual(await pruneUnused("1h", { home, dryRun: true }), []);
  const used = await pruneUnused("1ms", { home, dryRun: true });
  assert.deepEqual(used.map(({ runtime, server }) => [runtime, server]), [["docker", "time"]]);
});

for (const [how, end] of [
  ["runs out of work", ""],
  ["exits", "process.exit(0);"],
  ["is killed", "process.kill(process.pid, 'SIGKILL');"],
]) {
  test(`a process that ${how} leaves no container`, { skip }, async () => {
    const home = temporary();
    const options = { home, catalogs: [catalog], audit: "memory", runtimes: ["docker"] };
    const script = `
      import { Gateway } from "mcp-gateway";
      const gateway = await Gateway.open(${JSON.stringify(profile)}, ${JSON.stringify(options)});
      const result = await gateway.callTool("get_current_time", { timezone: "Asia/Tokyo" });
      (await import("node:fs")).writeSync(1, String(result.isError ?? false));
      ${end}
    `;
    const cwd = join(import.meta.dirname, "..");
    const done = spawnSync(process.execPath, ["--input-type=module", "--eval", script], { cwd, encoding: "utf8", timeout: 120_000 });
    assert.equal(done.stdout, "false", done.stderr);
    await until("no container is left behind", async () => (await containers(home)).length === 0);
  });
}
