// Opens and closes gateways over and over, and shows that nothing of them is left in the process.
//
//   node --expose-gc --max-semi-space-size=1 cycles.mjs AWKWARD_SERVER_BINARY [CYCLES]
//
// Run it by `.ci/bench-bindings`; see `docs/benchmarks.md`. It fails when there are more threads or open files at the
// end than at the first look, or more memory than the bound allows. The most open files are those in the middle of
// things, before what is forgotten is collected.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { Gateway } from "mcp-gateway";

const LOOKS = [100, 1_000, 5_000, 10_000];
// Every so many cycles the gateway has a server, which is called.
const CALLED_EVERY = 100;
// KiB by which the process may grow from the second look to the end.
const MORE_MEMORY = 10 * 1024;
// Milliseconds that threads, which nobody waits for, get to end.
const SETTLE = 5_000;

async function main(server, cycles) {
  const catalog = { registry: { awkward: { title: "Awkward", type: "server", process: { command: server } } } };
  const home = mkdtempSync(join(tmpdir(), "mcp-gateway-cycles-"));
  const looks = [];
  let most = 0;
  console.log("| cycles | resident memory KB | open files | threads | most open files |\n|---|---|---|---|---|");
  for (let cycle = 1; cycle <= cycles; cycle++) {
    await once({ home, catalogs: [catalog] }, cycle % CALLED_EVERY === 0);
    most = Math.max(most, count("fd"));
    if (!LOOKS.includes(cycle) && cycle !== cycles) continue;
    looks.push(await look(looks[0]?.threads ?? 0));
    const row = [cycle, ...Object.values(looks.at(-1)), most].map((figure) => figure.toLocaleString("en"));
    console.log(`| ${row.join(" | ")} |`);
  }
  rmSync(home, { recursive: true });

  const [first, settled = first] = looks;
  const last = looks.at(-1);
  const grown = ["files", "threads"].filter((figure) => last[figure] > first[figure]);
  if (last.memory > settled.memory + MORE_MEMORY) grown.push("memory");
  if (grown.length > 0) {
    console.error(`cycles: there is more of this at the end: ${grown.join(", ")}`);
    process.exitCode = 1;
  }
}

// Opens and closes a gateway, perhaps with a call in between.
async function once(options, withCall) {
  const profile = { name: "cycles", servers: withCall ? { awkward: {} } : {}, policy: { default: "allow" } };
  const gateway = await Gateway.open(profile, options);
  if (withCall) assert.equal((await gateway.callTool("echo", { text: "hello" })).content[0].text, "hello");
  await gateway.close();
}

// What the process has now; waits for threads to end while there are more than so many.
async function look(threads) {
  // What is collected now is finalized in the next turns of the loop.
  for (let turn = 0; turn < 3; turn++) {
    globalThis.gc();
    await sleep(10);
  }
  const until = performance.now() + SETTLE;
  while (performance.now() < until && (threads === 0 || count("task") > threads)) await sleep(100);
  const [, resident] = /^VmRSS:\s+(\d+)/m.exec(readFileSync("/proc/self/status", "utf8"));
  return { memory: Number(resident), files: count("fd"), threads: count("task") };
}

function count(kind) {
  return readdirSync(`/proc/self/${kind}`).length;
}

const [server, cycles = LOOKS.at(-1)] = process.argv.slice(2);
if (!server || !globalThis.gc) {
  console.error("usage: node --expose-gc cycles.mjs AWKWARD_SERVER_BINARY [CYCLES] (or simply: .ci/bench-bindings)");
  process.exit(2);
}
await main(server, Number(cycles));
