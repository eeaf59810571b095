// What is Node's own about a gateway: promises, signals, workers, objects of the host, the end of things.
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import {
  AuditRecord,
  Gateway,
  GatewayBuilder,
  GatewayError,
  SecretKey,
  exportAuditFile,
  listSecrets,
  removeSecret,
  renderAuditFile,
  reportAuditFile,
  rotateSecrets,
  setSecret,
  verifyAuditFile,
} from "mcp-gateway";

import { CASES, catalog, openGateway, options, profile, text, until, using } from "./support.mjs";

test("a thousand calls at once get their own answers", async () => {
  await using(await openGateway(), async (gateway) => {
    const numbers = [...Array(1000).keys()].map(String);
    const results = await Promise.all(numbers.map((number) => gateway.callTool("echo", { text: number })));
    assert.deepEqual(results.map(text), numbers);
  });
});

test("the builder says the same as the options", async () => {
  const { home } = options();
  const builder = new GatewayBuilder().withProfile(profile).withHome(home).withCatalogs(catalog).withAudit("memory");
  await using(await builder.withWorkerThreads(1).open(), async (gateway) => {
    assert.equal(text(await gateway.callTool("echo", { text: "built" })), "built");
  });
});

test("arguments may be JSON and results may stay it", async () => {
  await using(await openGateway(), async (gateway) => {
    const raw = await gateway.callToolRaw("echo", '{"text": "raw"}');
    assert(raw instanceof Uint8Array);
    assert.equal(text(JSON.parse(raw)), "raw");
    await assert.rejects(gateway.callTool("echo", "{"), { kind: "invalid_input" });
  });
});

test("what cannot be opened says why", async () => {
  const wrong = [
    ["nobody", {}, "not_found", /nobody/],
    [{ name: "x", server: {} }, {}, "invalid_input", /options of the gateway/],
    [profile, { homes: "x" }, "invalid_input", /homes/],
    [profile, { catalogs: ["/missing/catalog.yaml"] }, "not_found", /missing/],
    [profile, { catalogs: [{ registry: { cases: { type: "nonsense" } } }] }, "invalid_config", /inline\.json/],
    [profile, { policy: {} }, "invalid_input", /no method `decide`/],
    [profile, { policy: () => "deny" }, "invalid_input", /no method `decide`/],
    [profile, { policy: class { decide() {} } }, "invalid_input", /no method `decide`/],
    [profile, { approver: "ask" }, "invalid_input", /no method `approve`/],
    [profile, { audit: () => {} }, "invalid_input", /no method `append`/],
    [profile, { secrets: ["env:TOKEN"] }, "invalid_input", /no method `get`/],
    [profile, { principal: 5 }, "invalid_input", /String/],
    [profile, { workerThreads: 0 }, "invalid_input", /worker threads/],
  ];
  for (const [what, more, kind, words] of wrong) {
    await assert.rejects(Gateway.open(what, { ...options(), ...more }), (error) => {
      assert(error instanceof GatewayError, String(error));
      assert.equal(error.kind, kind);
      assert.match(`${error.message} ${JSON.stringify(error.context)}`, words);
      return true;
    });
  }
});

test("two gateways do not see each other", async () => {
  await using(await openGateway(), async (one) => {
    await using(await openGateway(), async (two) => {
      await one.removeServer("cases");
      assert.equal(text(await two.callTool("echo", { text: "x" })), "x");
      assert.deepEqual((await one.audit()).map((record) => record.event.action), ["server/remove"]);
    });
  });
});

test("a trail is verified, reported on and exported", async () => {
  const given = options();
  const [trail, lines] = ["trail.sqlite", "all.jsonl"].map((name) => join(given.home, name));
  const { found, head } = await using(await Gateway.open(profile, { ...given, audit: trail }), async (gateway) => {
    await gateway.callTool("echo", { text: "kept" });
    const found = await gateway.verifyAudit();
    assert(found.intact);
    assert.equal((await gateway.auditReport()).servers.cases.tools.echo.count, 1);
    assert.match(await gateway.renderAuditReport(), /^<!doctype html>/);
    assert.equal(await gateway.exportAudit(lines), found.records);
    return { found, head: await gateway.auditHead() };
  });
  assert.equal(head, `${found.head.sequence}:${found.head.hash}`);
  assert.equal((await verifyAuditFile(trail, { noted: head })).checkpoints, 1);
  assert("cases" in (await reportAuditFile(trail)).servers);
  assert.match(await renderAuditFile(trail, { format: "csv" }), /echo/);
  assert((await exportAuditFile(trail, join(given.home, "all.otlp"), { format: "otlp" })) > found.records);
  assert((await verifyAuditFile(lines)).intact);
  writeFileSync(lines, readFileSync(lines, "utf8").replaceAll("echo", "ecco"));
  assert.deepEqual(new Set((await verifyAuditFile(lines)).faults.map((fault) => fault.kind)), new Set(["edited"]));
  await assert.rejects(verifyAuditFile(join(given.home, "missing")), { kind: "not_found" });
  await assert.rejects(verifyAuditFile(trail, { noted: "yesterday" }), { kind: "invalid_input" });
});

test("secrets of a home are kept, listed and forgotten", async () => {
  const { home, catalogs } = options();
  const key = new SecretKey({ name: "CASES_TOKEN", profile: "cases", server: "cases" });
  assert.deepEqual(await listSecrets({ home }), []);
  await setSecret(key, "hunter2-hunter2", { home, expires: "2999-01-31" });
  const kept = join(home, "kept.env");
  writeFileSync(kept, "CASES_TOKEN=other-other\n");
  const found = await listSecrets({ home, stores: [`file:${kept}`] });
  assert.deepEqual(found.map((secret) => secret.key), ["CASES_TOKEN", String(key)]);
  assert.deepEqual([found[1].expires, found[1].lastUse], ["2999-01-31T00:00:00.000Z", undefined]);
  const spec = { name: "cases", servers: { cases: { delivery: { CASES_TOKEN: "file" } } }, policy: { default: "allow" } };
  await using(await Gateway.open(spec, { home, catalogs }), async (gateway) => {
    assert.equal((await gateway.inspect("cases")).secrets[0].delivery, "file");
    assert.doesNotMatch(text(await gateway.callTool("echo", { text: "x" })), /hunter2/);
  });
  const [{ lastUse }] = await listSecrets({ home });
  assert.deepEqual([lastUse.profile, lastUse.server], ["cases", "cases"]);
  assert.match(await rotateSecrets({ home }), /^age:/);
  await removeSecret(String(key), { home });
  await assert.rejects(removeSecret(key, { home }), { kind: "not_found" });
  await assert.rejects(setSecret("a b", "x", { home }), { kind: "invalid_input" });
  await assert.rejects(setSecret("A", "x", { home, expires: "soon" }), { kind: "invalid_input" });
});

test("sessions have servers and principals of their own", async () => {
  const policy = {
    decide: ({ principal }, { server, name }) =>
      principal === "guest" && `${server}.${name}` === "cases.add"
        ? { effect: "deny", rule: "guests", reason: "guests do not add" }
        : "allow",
  };
  await using(await openGateway({ policy }), async (gateway) => {
    const [guest, ada] = [await gateway.session({ principal: "guest" }), await gateway.session({ principal: "ada" })];
    const births = await Promise.all([gateway, guest, ada].map(async (session) => text(await session.callTool("birth"))));
    assert.equal(new Set(births).size, 3);
    assert.equal(text(await ada.callTool("add", { a: 1, b: 2 })), "3");
    await assert.rejects(guest.callTool("add", { a: 1, b: 2 }), { kind: "denied", message: /guests do not add/ });
    const records = await gateway.audit({ name: "add" });
    assert.deepEqual(records.map((record) => record.event.principal).sort(), ["ada", "guest"]);
    await guest.close();
    await guest[Symbol.asyncDispose]?.();
    await assert.rejects(guest.callTool("birth"), { kind: "closed" });
  });
});

test("objects of the host take every part", async () => {
  const records = [];
  const asked = [];
  const questions = [];
  const rules = [{ match: "mine.echo", effect: "hard_confirm", reason: "it is loud" }];
  const objects = {
    catalog: { list: () => ({ mine: catalog.registry.cases }) },
    secrets: {
      async get(key) {
        assert(key instanceof SecretKey);
        asked.push(String(key));
        return String(key) === "CASES_TOKEN" ? "12345" : null;
      },
    },
    audit: {
      append: async (record) => void records.push(record),
      query: ({ limit }) => (limit ? records.slice(-limit) : records),
    },
    approver: {
      approve(context, question) {
        questions.push(question);
        return { granted: question.arguments.text === "please", by: "ann", reason: "asked nicely" };
      },
    },
  };
  const { home } = options();
  const gateway = await Gateway.open({ name: "cases", servers: { mine: {} }, policy: { default: "allow", rules } }, { home, ...objects });
  await using(gateway, async () => {
    assert.equal(text(await gateway.callTool("secret")), "5");
    assert.equal(text(await gateway.callTool("echo", { text: "please" })), "please");
    await assert.rejects(gateway.callTool("echo", { text: "now" }), { kind: "denied" });
    const actions = (await gateway.audit({ name: "echo" })).map((record) => record.event.action);
    const each = ["approval/ask", "approval/answer", "tools/call"];
    assert.deepEqual(actions, [...each, ...each]);
  });
  assert.equal(asked[0], "cases/mine/CASES_TOKEN");
  assert.deepEqual(questions.map(({ server, name, decision }) => [server, name, decision.reason]), [
    ["mine", "echo", "it is loud"],
    ["mine", "echo", "it is loud"],
  ]);
  assert(records.every((record, at) => record instanceof AuditRecord && record.sequence === at + 1));
  assert(records.every((record, at) => at === 0 || record.previous === records[at - 1].hash));
  const granted = records.map((record) => record.event).find((event) => event.action === "tools/call" && event.name === "echo");
  assert.equal(granted.decision.reason, "ann: asked nicely");
});

test("an operator answers what waits", async () => {
  const rules = [{ match: "cases.echo", effect: "hard_confirm" }];
  const asking = { name: "cases", servers: { cases: {} }, policy: { default: "allow", rules } };
  await using(await Gateway.open(asking, options()), async (gateway) => {
    const waits = async () => {
      for (;;) {
        const [first] = await gateway.approvals();
        if (first) return first;
      }
    };
    const granted = gateway.callTool("echo", { text: "x" });
    const { id, effect, question } = await waits();
    assert.deepEqual([effect, question.arguments], ["hard_confirm", { text: "x" }]);
    await assert.rejects(gateway.approve(id, { by: "ann" }), { kind: "invalid_input" });
    await gateway.approve(id, { by: "ann", reason: "ticket 7", scope: "arguments", ttlSeconds: 60 });
    assert.equal(text(await granted), "x");
    assert.equal(text(await gateway.callTool("echo", { text: "x" })), "x");
    const [grant] = await gateway.grants();
    assert.deepEqual([grant.by, grant.scope], ["ann", "arguments"]);
    await gateway.revoke(grant.id);
    const refused = gateway.callTool("echo", { text: "x" });
    await gateway.reject((await waits()).id, { by: "ann", reason: "enough" });
    await assert.rejects(refused, { kind: "denied" });
  });
});

test("a mapping is a broker", async () => {
  for (const secrets of [{ CASES_TOKEN: "12345" }, new Map([["CASES_TOKEN", "12345"]])]) {
    await using(await openGateway({ secrets }), async (gateway) => {
      assert.equal(text(await gateway.callTool("secret")), "5");
    });
  }
});

test("a host that hangs does not stall the gateway", async () => {
  const policy = { decide: (context, { name }) => (name === "add" ? new Promise(() => {}) : "allow") };
  await using(await openGateway({ policy, hostTimeoutSeconds: 0.3, workerThreads: 1 }), async (gateway) => {
    await gateway.callTool("cases.echo", { text: "warm" });
    const hung = [...Array(100)].map(() => gateway.callTool("cases.add", { a: 1, b: 1 }));
    for (const { reason } of await Promise.allSettled(hung)) assert.equal(reason.kind, "denied");
    assert.equal(text(await gateway.callTool("cases.echo", { text: "on" })), "on");
  });
});

test("a signal that was aborted before asks nothing", async () => {
  await using(await openGateway(), async (gateway) => {
    const reason = new Error("never mind");
    await assert.rejects(gateway.callTool("echo", { text: "x" }, { signal: AbortSignal.abort(reason) }), reason);
    await assert.rejects(gateway.callTool("sleep", {}, { signal: AbortSignal.timeout(100) }), { name: "TimeoutError" });
    assert.equal((await gateway.audit({ name: "echo" })).length, 0);
  });
});

test("what cannot be asked is refused by its name", async () => {
  await using(await openGateway(), async (gateway) => {
    for (const [ask, words] of [
      [() => gateway.callTool(undefined), /needs the text `name`/],
      [() => gateway.callTool(7), /needs the text `name`/],
      [() => gateway.readResource(), /needs the text `uri`/],
      [() => gateway.setLogLevel("loud"), /one of debug/],
      [() => gateway.callTool("echo", {}, { timeoutMs: "5" }), /timeoutMs/],
      [() => gateway.callTool("echo", {}, { timeoutMs: -1 }), /milliseconds/],
    ]) {
      await assert.rejects(ask(), (error) => {
        assert.equal(error.kind, "invalid_input", String(error));
        assert.match(error.message, words);
        return error instanceof GatewayError;
      });
    }
    assert.equal(text(await gateway.callTool("echo", { text: "x" }, null)), "x");
  });
});

test("many calls may have one signal", async () => {
  const warnings = [];
  const warned = (warning) => warnings.push(warning.message);
  process.on("warning", warned);
  await using(await openGateway(), async (gateway) => {
    const { signal } = new AbortController();
    await Promise.all([...Array(30)].map(() => gateway.callTool("echo", { text: "x" }, { signal })));
    const aborted = new AbortController();
    const hanging = [...Array(30)].map(() => gateway.callTool("sleep", { seconds: 60 }, { signal: aborted.signal }));
    aborted.abort();
    for (const { reason } of await Promise.allSettled(hanging)) assert.equal(reason.name, "AbortError");
  });
  process.off("warning", warned);
  assert.deepEqual(warnings, []);
});

test("events end with their gateway, by break and by a signal", async () => {
  const gateway = await openGateway();
  const [first, second, third] = [gateway.events(), gateway.events(), gateway.events({ signal: AbortSignal.timeout(50) })];
  await gateway.callTool("echo", { text: "x" });
  for await (const event of first) {
    if (event.type === "server_started") break;
  }
  assert.deepEqual(await first.next(), { done: true, value: undefined });
  for await (const event of third) assert(event.type);
  await gateway.close();
  for await (const event of second) assert(event.type);
});

test("whoever waits hears of the close", async () => {
  const gateway = await openGateway();
  const heard = [];
  const listening = (async () => {
    for await (const event of gateway.events()) heard.push(event.type);
  })();
  const ended = new Promise((resolve) => gateway.connect(() => {}, resolve));
  const hanging = assert.rejects(gateway.callTool("sleep", { seconds: 60 }), { kind: "closed" });
  await until("the server runs", () => heard.includes("server_started"));
  await gateway.close();
  await listening;
  assert.equal(await ended, undefined);
  assert(heard.includes("server_stopped"));
  await hanging;
});

test("what a model gets wrong is told to the model", async () => {
  await using(await openGateway(), async (gateway) => {
    const tools = await gateway.presentTools("anthropic");
    for (const [call, words] of [
      [{ name: "ecoh", input: {} }, /ecoh/],
      [{ name: "echo", input: "{" }, /JSON/],
      [{ input: {} }, /no name/],
    ]) {
      const answer = await tools.execute({ type: "tool_use", id: "1", ...call });
      assert.deepEqual([answer.tool_use_id, answer.is_error], ["1", true]);
      assert.match(answer.content[0].text, words);
    }
    await assert.rejects(tools.call("echo", "{"), { kind: "invalid_input" });
  });
});

test("what only the host can mend is not told to the model", async () => {
  await using(await openGateway(), async (gateway) => {
    const tools = await gateway.presentTools("anthropic");
    const call = { type: "tool_use", id: "1", name: "echo", input: {} };
    for (const [kind, isTold] of [["denied", true], ["not_found", true], ["missing_secret", false], ["cancelled", false]]) {
      gateway.callTool = () => Promise.reject(new GatewayError("on purpose", { kind, fault: "client" }));
      if (isTold) assert.equal((await tools.execute(call)).is_error, true);
      else await assert.rejects(tools.execute(call), { kind });
    }
  });
});

test("options that are null are as if absent", async () => {
  await using(await Gateway.open({ name: "empty" }, { ...options(), principal: "ada" }), async (gateway) => {
    assert.equal((await gateway.session(null)).principal, "local");
    assert.deepEqual(await gateway.find("nothing-like-it", null), []);
    await gateway.events(null).return();
    await (await gateway.connect(() => {}, () => {}, null)).close();
  });
  process.env.MCP_GATEWAY_HOME = options().home;
  await using(await Gateway.open({ name: "empty" }, null), (gateway) => assert.equal(gateway.principal, "local"));
  delete process.env.MCP_GATEWAY_HOME;
});

test("arguments cannot add to the request", async () => {
  await using(await openGateway(), async (gateway) => {
    for (const json of ['{"text":"a"},"_meta":{"x":1}', "[1]", '"x"', "{"]) {
      await assert.rejects(gateway.callTool("echo", json), { kind: "invalid_input" });
    }
  });
});

test("the text of a host's error stays with the host", async () => {
  const warned = new Promise((resolve) => process.once("warning", resolve));
  const secrets = {
    get() {
      throw new Error("token is hunter2-hunter2");
    },
  };
  await using(await openGateway({ secrets }), async (gateway) => {
    const error = await gateway.callTool("cases.echo", { text: "x" }).then(assert.fail, (error) => error);
    const seen = [await gateway.servers(), await gateway.audit()].map((value) => JSON.stringify(value));
    for (let cause = error; cause; cause = cause.cause) seen.push(cause.message, JSON.stringify(cause));
    assert.deepEqual(seen.filter((text) => text.includes("hunter2")), []);
  });
  const { code, detail } = await warned;
  assert.equal(code, "MCP_GATEWAY_HOST_FAILED");
  assert.match(detail, /hunter2/);
});

test("an empty list is none, and not all", async () => {
  await using(await openGateway({ servers: [] }), async (gateway) => assert.deepEqual(await gateway.servers(), []));
  await using(await openGateway({ tools: [] }), async (gateway) => {
    assert.deepEqual(await gateway.listTools(), []);
    await assert.rejects(gateway.session({ principal: " " }), { kind: "invalid_input" });
  });
});

test("a client that throws ends its connection", async () => {
  await using(await openGateway(), async (gateway) => {
    const wrong = new Error("on purpose");
    let connection;
    const ended = new Promise((resolve) => {
      const fail = () => { throw wrong; };
      gateway.connect(fail, resolve).then((opened) => (connection = opened).send('{"jsonrpc":"2.0","id":1,"method":"ping"}'));
    });
    assert.equal(await ended, wrong);
    assert.throws(() => connection.send("{}"), { kind: "closed" });
  });
});

test("a client may wait for the end of its connection when it hears of it", async () => {
  await using(await openGateway(), async (gateway) => {
    let connection;
    const heard = new Promise((resolve) => {
      const onClose = async () => { await connection.close(); resolve(); };
      gateway.connect(() => {}, onClose).then((opened) => (connection = opened).close());
    });
    await heard;
  });
});

test("a part may throw what is no error", async () => {
  for (const thrown of [{ name: 5 }, null, "no"]) {
    const policy = { decide() { throw thrown; } };
    await using(await openGateway({ policy }), (gateway) =>
      assert.rejects(gateway.callTool("cases.echo", { text: "x" }), { kind: "denied" }),
    );
  }
});

test("a closed gateway says so and closes twice", async () => {
  const gateway = await openGateway();
  let closed = 0;
  await Promise.all([gateway, gateway].map(async (same) => { await same.close(); closed += 1; assert.equal(same._link.engine, undefined); }));
  assert.equal(closed, 2);
  await gateway.close();
  await gateway[Symbol.asyncDispose]?.();
  await assert.rejects(gateway.listTools(), { kind: "closed" });
  assert.throws(() => gateway.events(), { kind: "closed" });
});

// Runs a script in a Node of its own, with a gateway in it.
async function run(script, { home, flags = [], until: said, signal, ...more } = {}) {
  const prelude = `
    import { Gateway } from "mcp-gateway";
    const OPTIONS = ${JSON.stringify({ ...options(), home, ...more })};
    const open = (more) => Gateway.open(${JSON.stringify(profile)}, { ...OPTIONS, ...more });
  `;
  const child = spawn(process.execPath, [...flags, "--input-type=module", "--eval", prelude + script], {
    cwd: join(import.meta.dirname, ".."),
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (data) => {
    stdout += data;
    if (!said || !stdout.includes(said)) return;
    said = undefined;
    child.kill(signal);
  });
  child.stderr.on("data", (data) => (stderr += data));
  const killer = setTimeout(() => child.kill("SIGKILL"), 45_000);
  const [code, died] = await new Promise((resolve) => child.on("close", (...how) => resolve(how)));
  clearTimeout(killer);
  return { stdout, stderr, code, signal: died };
}

async function assertNoServer(home) {
  await using(await Gateway.open({ name: "empty" }, { home, audit: "memory" }), (gateway) =>
    until("no server is left behind", async () => (await gateway.instances()).length === 0),
  );
}

for (const [how, end, code] of [
  ["runs out of work", "", 0],
  ["exits", "process.exit(7);", 7],
  ["exits while it closes", "gateway.close(); process.exit(3);", 3],
  ["throws", 'throw new Error("on purpose");', 1],
]) {
  test(`a process that ${how} leaves no server`, async () => {
    const { home } = options();
    const script = `const gateway = await open(); console.log((await gateway.callTool("echo", { text: "here" })).content[0].text); ${end}`;
    const done = await run(script, { home, audit: undefined });
    assert.deepEqual([done.stdout, done.code], ["here\n", code], done.stderr);
    await assertNoServer(home);
    await using(await Gateway.open({ name: profile.name }, { home }), async (gateway) => {
      const actions = (await gateway.audit()).map((record) => record.event.action);
      assert.deepEqual(actions.filter((action) => action === "server/stop"), ["server/stop"]);
    });
  });
}

// A store of the host that takes its time for the stop of a server.
const slowStore = `
  const audit = {
    query: () => [],
    async append({ event }) {
      if (event.action !== "server/stop") return;
      console.log("stopping");
      await new Promise((resolve) => setTimeout(resolve, 500));
      console.log("recorded");
    },
  };
  const gateway = await open({ audit });
  await gateway.callTool("echo", { text: "x" });
`;

test("a process that runs out of work has its own store hear of the end", async () => {
  const done = await run(slowStore, { home: options().home });
  assert.deepEqual([done.code, done.stdout], [0, "stopping\nrecorded\n"], done.stderr);
});

test("a process that exits does not wait for its own store", async () => {
  const { home } = options();
  const start = Date.now();
  const done = await run(`${slowStore} process.exit(4);`, { home });
  assert.deepEqual([done.code, done.stdout], [4, ""], done.stderr);
  assert(Date.now() - start < 15_000);
  await assertNoServer(home);
});

test("a signal waits for a close that is under way", async () => {
  const { home } = options();
  const done = await run(`${slowStore} await gateway.close();`, { home, until: "stopping", signal: "SIGTERM" });
  assert.deepEqual([done.signal, done.stdout], ["SIGTERM", "stopping\nrecorded\n"], done.stderr);
  await assertNoServer(home);
});

test("a signal ends a process with calls under way and to come", async () => {
  const script = `
    const gateway = await open();
    await gateway.callTool("echo", { text: "x" });
    let connection;
    gateway.connect(() => {}, () => {}).then((opened) => { connection = opened; });
    setInterval(() => { gateway.callTool("echo", { text: "x" }); connection?.send('{"jsonrpc":"2.0","id":1,"method":"ping"}'); }, 1);
    console.log("ready");
  `;
  const { home } = options();
  const done = await run(script, { home, until: "ready", signal: "SIGTERM" });
  assert.deepEqual([done.signal, done.stderr], ["SIGTERM", ""]);
  await assertNoServer(home);
});

test("what a listener throws after it has ended is an uncaught exception", async () => {
  const script = `
    process.on("uncaughtException", (error) => console.log(error.message));
    const gateway = await open();
    const end = gateway.listen(() => { end(); throw new Error("on purpose"); });
    await gateway.callTool("echo", { text: "x" });
    await gateway.close();
  `;
  const done = await run(script, { home: options().home });
  assert.deepEqual([done.code, done.stdout], [0, "on purpose\n"], done.stderr);
});

for (const signal of ["SIGINT", "SIGTERM"]) {
  test(`${signal} ends a script in good order`, async () => {
    const { home } = options();
    const script = `const gateway = await open(); await gateway.callTool("echo", { text: "x" }); console.log("ready"); await gateway.callTool("sleep", { seconds: 60 });`;
    const done = await run(script, { home, until: "ready", signal });
    assert.deepEqual([done.signal, done.stdout], [signal, "ready\n"], done.stderr);
    await assertNoServer(home);
  });
}

test("a host that handles a signal decides by itself", async () => {
  const script = `
    process.on("SIGTERM", async () => { await gateway.close(); console.log("closed"); process.exit(3); });
    const gateway = await open(); await gateway.callTool("echo", { text: "x" }); console.log("ready"); setInterval(() => {}, 1000);
  `;
  const { home } = options();
  const done = await run(script, { home, until: "ready", signal: "SIGTERM" });
  assert.deepEqual([done.code, done.stdout], [3, "ready\nclosed\n"], done.stderr);
  await assertNoServer(home);
});

test("listeners that wait for each other do not keep the process", async () => {
  // The package `signal-exit` and a second copy of this one.
  const script = `
    import { createRequire } from "node:module";
    import { onExit } from "signal-exit";
    onExit((code, signal) => console.log("exit", signal));
    const require = createRequire(${JSON.stringify(join(import.meta.dirname, "package.json"))});
    for (const file of Object.keys(require.cache)) if (!file.endsWith(".node") && !file.endsWith("native.js")) delete require.cache[file];
    const copy = require("mcp-gateway");
    if (copy.Gateway === Gateway) throw new Error("this is no copy");
    const gateways = [await open(), await copy.Gateway.open(${JSON.stringify(profile)}, OPTIONS)];
    for (const gateway of gateways) await gateway.callTool("echo", { text: "x" });
    console.log("ready");
    setInterval(() => {}, 1000);
  `;
  const { home } = options();
  const done = await run(script, { home, until: "ready", signal: "SIGTERM" });
  assert.deepEqual([done.signal, done.stdout], ["SIGTERM", "ready\nexit SIGTERM\n"], done.stderr);
  await assertNoServer(home);
});

test("what belongs to a gateway keeps it open", async () => {
  const script = `
    const collect = async () => { for (let turn = 0; turn < 20; turn++) { globalThis.gc(); await new Promise((resolve) => setTimeout(resolve, 5)); } };
    const session = await (await open()).session();
    await collect();
    console.log((await session.callTool("echo", { text: "kept" })).content[0].text);
    await (async () => { const gateway = await open(); globalThis.events = gateway.events(); })();
    await collect();
    console.log(await Promise.race([globalThis.events.next().then(({ done }) => done), "open"]));
    process.exit(0);
  `;
  const { home } = options();
  const done = await run(script, { home, flags: ["--expose-gc"] });
  assert.deepEqual([done.code, done.stdout], [0, "kept\nopen\n"], done.stderr);
});

test("a session that is forgotten gives its servers back", async () => {
  const script = `
    const gateway = await open();
    await (async () => { await (await gateway.session()).callTool("echo", { text: "x" }); })();
    const collecting = setInterval(() => globalThis.gc(), 10);
    for await (const event of gateway.events()) if (event.type === "server_stopped") break;
    clearInterval(collecting);
    console.log("stopped");
    await gateway.close();
  `;
  const { home } = options();
  const done = await run(script, { home, flags: ["--expose-gc"] });
  assert.deepEqual([done.code, done.stdout], [0, "stopped\n"], done.stderr);
});

test("a gateway that is forgotten stops its servers and says so", async () => {
  const script = `
    await (async () => { const gateway = await open(); await gateway.callTool("echo", { text: "x" }); })();
    const told = new Promise((resolve) => process.on("warning", (warning) => resolve(warning.code)));
    const collecting = setInterval(() => globalThis.gc(), 10);
    console.log(await told);
    clearInterval(collecting);
  `;
  const { home } = options();
  const done = await run(script, { home, flags: ["--expose-gc"] });
  assert.deepEqual([done.code, done.stdout], [0, "MCP_GATEWAY_NOT_CLOSED\n"], done.stderr);
  await assertNoServer(home);
});

test("a worker that is terminated leaves no server, and other threads are not concerned", async () => {
  const script = `
    import { Worker } from "node:worker_threads";
    const gateway = await open();
    const body = 'import("mcp-gateway").then(async ({ Gateway }) => { const { parentPort, workerData } = await import("node:worker_threads"); const gateway = await Gateway.open(...workerData); await gateway.callTool("echo", { text: "x" }); parentPort.postMessage("up"); setInterval(() => {}, 1000); })';
    const worker = new Worker(body, { eval: true, workerData: [${JSON.stringify(profile)}, ${JSON.stringify(options())}] });
    await new Promise((resolve, reject) => { worker.on("message", resolve); worker.on("error", reject); });
    await worker.terminate();
    console.log((await gateway.callTool("echo", { text: "here" })).content[0].text);
    await gateway.close();
  `;
  const { home } = options();
  const done = await run(script, { home });
  assert.deepEqual([done.code, done.stdout], [0, "here\n"], done.stderr);
});

test("an open gateway that nobody waits for does not keep the process", async () => {
  const { home } = options();
  const done = await run(`const gateway = await open(); gateway.listen(() => {}); console.log("done");`, { home });
  assert.deepEqual([done.code, done.stdout], [0, "done\n"], done.stderr);
});

const canCount = existsSync("/proc/self/task");
test("cycles of opening leak nothing", { skip: !canCount && "open files and threads are counted in /proc" }, async () => {
  const { home } = options();
  const cycle = async (count) => {
    for (let at = 0; at < count; at++) {
      await using(await Gateway.open(profile, { home, catalogs: [catalog], audit: "memory" }), (gateway) => gateway.servers());
    }
  };
  const counts = () => ["fd", "task"].map((kind) => readdirSync(`/proc/self/${kind}`).length);
  await cycle(20);
  const before = counts();
  await cycle(200);
  // Threads that have ended are gone a moment later.
  await until("threads and files are given back", () => counts().every((count, at) => count <= before[at]));
});

test("policy is explained and tested, and a server approved", async () => {
  const policy = {
    preset: "default",
    rules: [{ id: "big", match: "cases.*", arguments: { "/a": { above: 9 } }, effect: "deny", reason: "too much" }],
  };
  await using(await Gateway.open({ ...profile, policy }, options()), async (gateway) => {
    await gateway.listTools();
    const explained = await gateway.policyExplain({ name: "cases.add", arguments: { a: 10 } });
    assert.deepEqual(explained.decision, { effect: "deny", rule: "big", reason: "too much" });
    const cases = [
      { ask: { name: "cases.add", arguments: { a: 1 } }, expect: "soft_confirm" },
      { ask: { name: "cases.get_it", annotations: { destructiveHint: true } }, expect: "hard_confirm" },
      { ask: { name: "cases.add" }, expect: "allow" },
    ];
    assert.deepEqual((await gateway.policyTest(cases)).map(({ passed }) => passed), [true, true, false]);
    assert.deepEqual(await gateway.policyCheck(), []);
    assert.equal((await gateway.surfaceOf("cases")).approved, false);
    const approved = await gateway.approveServer("cases", { by: "ann" });
    assert.equal(approved.approved && approved.by, "ann");
    assert.equal((await gateway.policyExplain({ name: "cases.add" })).approved, true);
    assert.equal(await gateway.revokeServer("cases"), true);
    await assert.rejects(gateway.callTool("add", { a: 10, b: 1 }), { kind: "denied" });
    const run = await gateway.policyDryRun();
    assert.equal(run.uncertain, 1, "arguments are not recorded");
  });
});

test("rules tell principals apart by their roles", async () => {
  const rules = [{ match: "cases.echo", effect: "allow", role: "writers" }, { match: "cases.echo", effect: "deny", reason: "read" }];
  const spec = { name: "roles", servers: { cases: {} }, policy: { default: "deny", rules } };
  const gateway = await Gateway.open(spec, { ...options(), principal: "ada", roles: ["writers"] });
  try {
    const echo = async (from) => (await from.callTool("cases.echo", { text: "x" })).content[0].text;
    assert.equal(await echo(gateway), "x");
    const reader = await gateway.session({ principal: "agent", roles: ["readers"] });
    await assert.rejects(echo(reader), { kind: "denied" });
    assert.equal(await echo(await gateway.session({ principal: "agent", roles: ["readers", "writers"] })), "x");
  } finally {
    await gateway.close();
  }
});

test("a model of meaning that is not there is named", async () => {
  const embedder = join(options().home, "model");
  const error = { kind: "not_found", message: /model\.safetensors/ };
  await assert.rejects(Gateway.open({ name: "found" }, { ...options(), embedder }), error);
  await assert.rejects(new GatewayBuilder().withHome(options().home).withAudit("memory").withEmbedder(embedder).open(), error);
});

test("a model of meaning finds what is said in other words", async () => {
  const model = join(options().home, "model");
  execFileSync("/usr/bin/python3", [join(CASES, "model.py"), model], { timeout: 60_000 });
  const entry = { type: "server", image: "mcp-gateway-test/none:1" };
  const sky = { title: "Sky", description: "The weather of today", ...entry };
  const band = { title: "Band", description: "Plays music", ...entry };
  const catalogs = [{ registry: { sky, band } }];
  const found = async (gateway, query) => (await gateway.find(query)).map((match) => match.entry.name);
  const finds = async (gateway) => {
    // Words answer until the model has read every text.
    await until("the model has read it", async () => (await found(gateway, "take an umbrella")).join() === "sky");
    assert.deepEqual(await found(gateway, "a trumpet"), ["band"]);
    assert.deepEqual(await found(gateway, "music"), ["band"]);
    assert.deepEqual(await found(gateway, "qzxv"), []);
  };
  const opened = { ...options(), catalogs };
  await using(await Gateway.open({ name: "found" }, opened), async (gateway) => {
    assert.deepEqual(await found(gateway, "take an umbrella"), [], "no word of it is there");
  });
  await using(await Gateway.open({ name: "found" }, { ...opened, embedder: model }), finds);
  const builder = new GatewayBuilder().withProfile({ name: "found" }).withHome(opened.home).withAudit("memory");
  await using(await builder.withCatalogs(...catalogs).withEmbedder(model).open(), finds);
});
