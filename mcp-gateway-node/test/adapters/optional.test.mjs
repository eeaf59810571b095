// A package that an adapter needs is found, or named with the way to install it.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";

// A program with this package linked into its `node_modules`, without any other.
const root = mkdtempSync(join(tmpdir(), "mcp-gateway-"));
after(() => rmSync(root, { recursive: true, force: true }));
const linked = join(root, "mcp-gateway");
const program = join(root, "program");
for (const file of ["adapters", "error.js", "package.json"]) {
  cpSync(join(import.meta.dirname, "../..", file), join(linked, file), { recursive: true });
}
mkdirSync(join(program, "node_modules"), { recursive: true });
symlinkSync(linked, join(program, "node_modules/mcp-gateway"), "junction");
writeFileSync(
  join(program, "main.mjs"),
  `import { tools } from "mcp-gateway/adapters/ai-sdk";
  const gateway = { listTools: async () => [{ name: "echo" }], presentTools: async () => ({ apiNameOf: (name) => name }) };
  console.log(await tools(gateway).then(JSON.stringify, (error) => error.message));`,
);

function run() {
  const { stdout, stderr } = spawnSync(process.execPath, ["main.mjs"], { cwd: program, encoding: "utf8", timeout: 30_000 });
  return stdout.trim() || stderr;
}

test("a missing package is named", () => {
  assert.equal(run(), "this adapter of mcp-gateway needs the package `ai`; run `npm install ai`");
});

test("the package of the program is found where this one is linked", () => {
  const ai = join(program, "node_modules/ai");
  mkdirSync(ai);
  writeFileSync(join(ai, "index.js"), "exports.dynamicTool = () => 'made'; exports.jsonSchema = () => ({});");
  assert.equal(run(), '{"echo":"made"}');
});

test("a package that is there but broken says itself what is wrong", () => {
  writeFileSync(join(program, "node_modules/ai/index.js"), 'require("what-it-needs");');
  assert.match(run(), /what-it-needs/);
});
