// Agents that find, add and call servers by themselves.
import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { Gateway } from "mcp-gateway";

import { catalog, openGateway, options, text, using } from "./support.mjs";

test("agents add servers to sessions of their own", async () => {
  let facts;
  const approver = {
    approve(_context, question) {
      // What is added is described; calls of its tools are shown by name and arguments.
      if (question.facts) facts = Object.fromEntries(question.facts.map(({ what, value }) => [what, value]));
      return { granted: true, by: "ann", reason: "ticket 7" };
    },
  };
  const spec = { name: "empty", dynamic: { enabled: true }, policy: { preset: "default" } };
  await using(await Gateway.open(spec, { ...options(), approver }), async (gateway) => {
    const [ada, ben] = [await gateway.session({ principal: "ada" }), await gateway.session({ principal: "ben" })];
    const found = await ada.callTool("mcp-find", { query: "a little of each feature" });
    assert.equal(found.structuredContent.servers[0].server, "cases");
    const added = await ada.callTool("mcp-add", { server: "cases" });
    assert(added.structuredContent.tools.some(({ tool }) => tool === "cases.echo"));
    assert.match(facts.would, /^add server `cases`/);
    const call = { tool: "cases.echo", arguments: { text: "found" } };
    assert.equal(text(await ada.callTool("mcp-exec", call)), "found");
    assert.equal((await ben.callTool("mcp-exec", call)).isError, true);
    assert(!(await ben.listTools()).some(({ name }) => name === "echo"));
  });
});

test("a lean list has the gateway's own tools", async () => {
  await using(await openGateway({ lean: true }), async (gateway) => {
    assert((await gateway.listTools()).every(({ name }) => name.startsWith("mcp-")));
    const call = { tool: "cases.echo", arguments: { text: "lean" } };
    assert.equal(text(await gateway.callTool("mcp-exec", call)), "lean");
    assert.equal(text(await gateway.callTool("echo", { text: "direct" })), "direct");
  });
});

test("agents add the servers of another profile, and write down what they have", async () => {
  const opened = options();
  mkdirSync(join(opened.home, "profiles"));
  const team = { name: "team", tools: ["cases:echo"], servers: { cases: {} } };
  writeFileSync(join(opened.home, "profiles", "team.yaml"), JSON.stringify(team));
  const dynamic = { enabled: true, profiles: ["team"], save: "always" };
  const spec = { name: "empty", dynamic, policy: { default: "allow" } };
  await using(await Gateway.open(spec, opened), async (gateway) => {
    const listed = await gateway.callTool("mcp-list", {});
    assert.deepEqual(listed.structuredContent.profiles, [{ profile: "team", servers: ["cases"] }]);
    const activated = await gateway.callTool("mcp-activate-profile", { profile: "team" });
    const [server] = activated.structuredContent.servers;
    assert.deepEqual([server.status, server.tools.map(({ tool }) => tool)], ["added", ["cases.echo"]]);
    assert.equal(text(await gateway.callTool("echo", { text: "activated" })), "activated");
    const created = await gateway.callTool("mcp-create-profile", { profile: "mine" });
    assert.deepEqual(created.structuredContent.servers, ["cases"]);
    assert.equal((await gateway.callTool("mcp-create-profile", { profile: "team" })).isError, true);
  });
  await using(await Gateway.open("mine", opened), async (gateway) => {
    assert((await gateway.listTools()).some(({ name }) => name === "echo"));
  });
});

test("a person types what a server lacks", async () => {
  const secrets = [{ name: "cases.token", env: "CASES_TOKEN" }];
  const lacking = { registry: { cases: { ...catalog.registry.cases, secrets } } };
  const pages = [];
  const value = "hunter2 & more";
  const client = {
    async elicit({ server }, { mode, url }) {
      assert.deepEqual([server, mode], ["gateway", "url"]);
      const page = async (more) => pages.push(await (await fetch(url, { signal: AbortSignal.timeout(20_000), ...more })).text());
      await page();
      const headers = { Origin: new URL(url).origin };
      await page({ method: "POST", headers, body: new URLSearchParams({ "secret-0": value }) });
      return true;
    },
  };
  const spec = { name: "typed", policy: { default: "allow" } };
  const opened = { ...options(), catalogs: [lacking], client };
  await using(await Gateway.open(spec, { ...opened, dynamic: true }), async (gateway) => {
    const answer = await gateway.callTool("mcp-add", { server: "cases" });
    assert.match(text(answer), /mcp-gateway profile secret set cases/);
    assert.deepEqual(pages, []);
  });
  await assert.rejects(Gateway.open(spec, { ...opened, secretPage: true }), { kind: "invalid_input", message: /secretPage/ });
  await using(await Gateway.open(spec, { ...opened, dynamic: true, secretPage: true }), async (gateway) => {
    const added = await gateway.callTool("mcp-add", { server: "cases" });
    assert.equal(added.structuredContent.status, "added", JSON.stringify(added));
    assert.equal(text(await gateway.callTool("cases.secret")), `${value.length}`);
    assert.match(pages[0], /cases\.token/);
    const records = await gateway.audit({ action: "secret/set" });
    assert.deepEqual(records.map(({ event }) => [event.server, event.name]), [["cases", "cases.token"]]);
    assert(![JSON.stringify(added), JSON.stringify(await gateway.audit()), ...pages].some((said) => said.includes(value)));
  });
});
