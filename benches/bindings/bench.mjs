// The Node part of the benchmark of the bindings: one call by the ways that a JavaScript program has.
//
//   node bench.mjs GATEWAY_BINARY AWKWARD_SERVER_BINARY
//
// Run it by `.ci/bench-bindings`; see `docs/benchmarks.md`. Each line of its input asks for a round of calls and is
// answered by a line once the round is over; the end of the input is answered by one line of JSON per figure.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { createMCPClient } from "@ai-sdk/mcp";
import { Experimental_StdioMCPTransport as AiSdkStdio } from "@ai-sdk/mcp/mcp-stdio";
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";
import { MCPServerStdio } from "@openai/agents-core";
import { Gateway } from "mcp-gateway";
import { tools as aiSdkTools } from "mcp-gateway/adapters/ai-sdk";
import { server as agentsServer } from "mcp-gateway/adapters/openai-agents";

// A call, how much it gives, and how often it is made in a round; the same in `embed.rs` and `bench.py`.
const CALLS = [
  { tool: "echo", args: { text: "0123456789abcdef" }, bytes: 16, count: 100 },
  { tool: "big", args: { bytes: 1_000_000 }, bytes: 1_000_000, count: 20 },
];

// Calls before those of a round.
const WARM = 500;

const INFO = { name: "bench", version: "1" };

async function main(program, server) {
  const home = mkdtempSync(join(tmpdir(), "mcp-gateway-bench-"));
  const { ways, close } = await openWays(program, server, home);
  const figures = CALLS.flatMap((call) => Object.keys(ways).map((way) => ({ way, call, rounds: [] })));
  for await (const line of createInterface({ input: process.stdin })) {
    // The others had their turns meanwhile: caches and the processor's clock are warmed first.
    await measure(Object.values(ways)[0], CALLS[0], WARM);
    for (const { way, call, rounds } of figures) {
      // Half as many before them, unmeasured.
      await measure(ways[way], call, call.count / 2);
      rounds.push(await measure(ways[way], call, call.count));
    }
    console.log(line);
  }
  for (const { way, call, rounds } of figures) {
    const [p50, p99] = [50, 99].map((percent) => micros(rounds.flat(), percent));
    const medians = rounds.map((times) => micros(times, 50));
    const figure = { language: "Node", way, bytes: call.bytes, p50_us: p50, p99_us: p99, rounds_p50_us: medians };
    console.log(JSON.stringify(figure));
  }
  await close();
  rmSync(home, { recursive: true });
}

// Gateways of one home in this process and in child processes, with the same profile and catalog.
async function openWays(program, server, home) {
  const catalog = { registry: { awkward: { title: "Awkward", type: "server", process: { command: server } } } };
  const profile = { name: "bench", servers: { awkward: {} }, policy: { default: "allow" } };
  const gateway = await Gateway.open(profile, { home, catalogs: [catalog], runtimes: ["process"] });
  const child = childOf(program, home, catalog);

  const inside = new Client(INFO);
  await inside.connect(gateway.transport());
  const outside = new Client(INFO);
  await outside.connect(new StdioClientTransport(child));
  const ai = await aiSdkTools(gateway);
  const aiChild = await createMCPClient({ transport: new AiSdkStdio(child) });
  const aiChildTools = await aiChild.tools();
  const agents = agentsServer(gateway);
  await agents.listTools();
  const agentsChild = new MCPServerStdio({ ...child, cacheToolsList: true });
  await agentsChild.connect();

  const execute = (tools) => (tool, args) => tools[tool].execute(args, { toolCallId: "1", messages: [] });
  const ways = {
    "`await gateway.callTool`": (tool, args) => gateway.callTool(tool, args),
    "`await gateway.callToolRaw`": (tool, args) => gateway.callToolRaw(tool, args),
    "official SDK, `gateway.transport()`": (tool, args) => inside.callTool({ name: tool, arguments: args }),
    "official SDK, child process": (tool, args) => outside.callTool({ name: tool, arguments: args }),
    "Vercel AI SDK, adapter": execute(ai),
    "Vercel AI SDK, child process": execute(aiChildTools),
    "OpenAI Agents SDK, adapter": (tool, args) => agents.callTool(tool, args),
    "OpenAI Agents SDK, child process": (tool, args) => agentsChild.callTool(tool, args),
  };
  const close = () => Promise.all([gateway, outside, aiChild, agentsChild].map((opened) => opened.close()));
  return { ways, close };
}

// Puts the profile into the home's files, and says how to start a gateway that serves it.
function childOf(program, home, catalog) {
  const file = join(home, "catalog.yaml");
  // JSON is YAML too.
  writeFileSync(file, JSON.stringify({ version: 3, name: "bench", displayName: "Bench", ...catalog }));
  const env = { MCP_GATEWAY_HOME: home };
  const create = ["profile", "create", "bench", "--servers", "awkward", "--catalog", file];
  for (const args of [create, ["policy", "default", "allow", "--profile", "bench"]]) {
    execFileSync(program, args, { env, stdio: ["ignore", "ignore", "inherit"] });
  }
  return { command: program, args: ["gateway", "run", "--profile", "bench", "--catalog", file], env };
}

// The time that so many percent of the calls did not exceed.
function micros(times, percent) {
  return times.toSorted((a, b) => a - b)[Math.floor((times.length * percent) / 100)] * 1_000;
}

// Makes so many calls one after the other and gives how many milliseconds each of them took.
async function measure(way, call, count) {
  const answer = await way(call.tool, call.args);
  // An answer that says an error is short.
  assert((Buffer.isBuffer(answer) ? answer : JSON.stringify(answer)).length > call.bytes, `${answer}`);
  const times = [];
  for (let n = 0; n < count; n++) {
    const begun = performance.now();
    await way(call.tool, call.args);
    times.push(performance.now() - begun);
  }
  return times;
}

if (process.argv.length !== 4) {
  console.error("usage: bench.mjs GATEWAY_BINARY AWKWARD_SERVER_BINARY (or simply: .ci/bench-bindings)");
  process.exit(2);
}
await main(...process.argv.slice(2));
