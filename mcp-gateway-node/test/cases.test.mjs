// The cases that run in every language; see mcp-gateway-core/tests/cases.
import assert from "node:assert/strict";
import { test } from "node:test";

import { Gateway, GatewayError } from "mcp-gateway";

import { cases, options, until } from "./support.mjs";

// An object of the host in any role, whose every method behaves in one way.
class Host {
  constructor(behaviour) {
    this.behaviour = behaviour;
  }

  #act(filled) {
    switch (this.behaviour) {
      case "fill":
        return filled;
      case "allow":
      case "deny":
        return this.behaviour;
      case "grant":
      case "refuse":
        return this.behaviour === "grant";
      case "token":
        return "token-of-the-host-4711";
      case "nonsense":
        return { maybe: [1, 2] };
      case "hang":
        return new Promise(() => {});
      default:
        throw new Error("the host does not want to");
    }
  }

  decide() {
    return this.#act();
  }

  async approve() {
    return this.#act();
  }

  get() {
    return this.#act();
  }

  elicit({ server }, { mode, message, requestedSchema }) {
    assert.equal(message, mode === "url" ? "Sign in?" : "Who are you?");
    return this.#act({ action: "accept", content: requestedSchema ? { name: server } : {} });
  }

  async sample(_, { messages: [{ content }] }) {
    assert.equal(content.text, "Tell me a story.");
    return this.#act("Once upon a time.");
  }

  roots() {
    return this.#act([{ uri: "file:///work", name: "work" }, "file:///play"]);
  }
}

for (const { name, policy = {}, approval = {}, quotas = [], redaction = {}, surfaces = {}, hosts = {}, options: more = {}, steps } of cases) {
  test(name, { timeout: 60_000 }, async () => {
    const objects = Object.fromEntries(Object.entries(hosts).map(([role, behaviour]) => [role, new Host(behaviour)]));
    const camel = Object.entries(more).map(([key, value]) => [key.replace(/_(.)/g, (_, letter) => letter.toUpperCase()), value]);
    // Where a case says nothing, it is about something else.
    const rules = { default: "allow", ...policy };
    const profile = { name: "cases", servers: { cases: {} }, policy: rules, approval, quotas, redaction, surfaces };
    const gateway = await Gateway.open(profile, { ...options(), ...objects, ...Object.fromEntries(camel) });
    const seen = [];
    gateway.listen((event) => seen.push(event));
    try {
      for (const step of steps) await carryOut(gateway, step, seen);
    } finally {
      await gateway.close();
    }
  });
}

async function carryOut(gateway, step, seen) {
  const [kind] = Object.keys(step);
  const what = step[kind];
  const args = step.arguments ?? {};
  switch (kind) {
    case "call":
      return check(step, await outcome(gateway.callTool(what, args, step.timeout && { timeoutMs: step.timeout * 1000 })));
    case "cancel": {
      const abort = new AbortController();
      const call = gateway.callTool(what, args, { signal: abort.signal });
      await until("the call runs", () => seen.some((event) => event.type === "log" && event.params.data === "asleep"));
      abort.abort();
      return assert.rejects(call, { name: "AbortError" });
    }
    case "until":
      return until(what, async () => (await gateway.callTool(what, args)).content[0].text === step.text);
    case "progress": {
      const heard = [];
      await gateway.callTool(what, args, { onProgress: ({ progress }) => heard.push(progress) });
      return assert.deepEqual(heard, step.steps);
    }
    case "tools":
      return until("the tools are listed", async () => {
        const names = (await gateway.listTools()).map((tool) => tool.name);
        return step.includes.every((name) => names.includes(name)) && !step.excludes?.some((name) => names.includes(name));
      });
    case "prompt":
      return assert.equal((await gateway.getPrompt(what, args)).messages[0].content.text, step.text);
    case "resource": {
      const read = gateway.readResource(what).then(([{ text }]) => ({ content: [{ type: "text", text }] }));
      return check(step, await outcome(read));
    }
    case "complete":
      return assert.deepEqual(await gateway.complete({ type: "ref/prompt", name: what }, step.argument, step.value), [step.text]);
    case "subscribe":
      return gateway.subscribe(what);
    case "event":
      return until(what, () => seen.some((event) => isMeant(event, what, step)));
    case "unheard":
      return assert(!seen.some((event) => isMeant(event, "log", { data: what })));
    case "log_level":
      return gateway.setLogLevel(what);
    case "roots_changed":
      return gateway.rootsChanged();
    case "add":
      return check(step, await outcome(gateway.addServer(what)));
    case "remove":
      return check(step, await outcome(gateway.removeServer(what)));
    case "servers":
      return assert.deepEqual((await gateway.servers()).map((server) => server.name), step.names);
    case "stats": {
      const running = (await gateway.stats()).find(({ server }) => server === what);
      assert.equal(running.lastPrincipal, step.by);
      return assert(["cpuPercent", "memoryBytes", "lastUsed"].every((key) => key in running));
    }
    case "find":
      return assert.deepEqual((await gateway.find(what)).map((match) => match.entry.name), step.names);
    case "audit":
      // A call that was cancelled is recorded once its end is known.
      return until("the records are there", async () => {
        const outcomes = (await gateway.audit({ name: what })).map((record) => record.event.outcome);
        return JSON.stringify(outcomes) === JSON.stringify(step.outcomes);
      });
    case "present":
      return assert.equal((await gateway.presentTools(what)).apiNameOf("notes.read/first line"), step.name);
    default:
      assert.fail(`no such step: ${kind}`);
  }
}

function isMeant(event, type, { server, data }) {
  return event.type === type && (!server || event.server === server) && (!data || event.params.data === data);
}

async function outcome(work) {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    return error;
  }
}

function check(step, result) {
  const error = result instanceof GatewayError ? result.kind : undefined;
  assert.equal(error, step.error, result?.message);
  if (error !== undefined || result === undefined) return;
  const text = result.content.map((block) => block.text).join("\n");
  assert.equal(result.isError === true, step.is_error ?? false);
  if (step.text !== undefined) assert.equal(text, step.text);
  if (step.length !== undefined) assert.equal(text.length, step.length);
  if (step.structured !== undefined) assert.deepEqual(result.structuredContent, step.structured);
  if (step.excludes_text !== undefined) assert(!JSON.stringify(result).includes(step.excludes_text));
}
