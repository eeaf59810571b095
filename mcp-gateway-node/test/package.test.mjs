// What is delivered: one version, the same names for import and require, types that are true, a library that needs only libc.
import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join } from "node:path";
import { test } from "node:test";

import * as imported from "mcp-gateway";

const root = join(import.meta.dirname, "..");
const required = createRequire(import.meta.url)("mcp-gateway");
const read = (...path) => readFileSync(join(root, ...path), "utf8");

test("has one version", () => {
  const [, workspace] = read("..", "Cargo.toml").match(/^version = "(.+)"$/m);
  assert.deepEqual([imported.version, JSON.parse(read("package.json")).version], [workspace, workspace]);
});

test("import and require give the same things", () => {
  const { default: whole, "module.exports": same, ...names } = imported;
  assert.deepEqual(names, required);
});

test("the types declare every export and every kind of error", () => {
  const types = read("index.d.ts");
  const declared = [...types.matchAll(/^export (?:declare (?:const|function|class) |\{ )(\w+)/gm)].map(([, name]) => name);
  assert.deepEqual(declared.sort(), Object.keys(required).sort());
  const kinds = [...types.match(/^export type ErrorKind =([^;]+);/m)[1].matchAll(/"(\w+)"/g)].map(([, kind]) => kind);
  assert.deepEqual(kinds, imported.errorKinds());
});

test("links only libc", { skip: spawnSync("ldd", ["--version"]).error && "there is no ldd on this platform" }, () => {
  const listing = execFileSync("ldd", [join(root, `mcp-gateway.${process.platform}-${process.arch}.node`)], { encoding: "utf8" });
  const names = listing.trim().split("\n").map((line) => basename(line.trim().split(" ")[0]).split(".")[0]);
  const allowed = ["linux-vdso", "ld-linux-x86-64", "ld-linux-aarch64", "libc", "libgcc_s", "libm"];
  assert.deepEqual(names.filter((name) => !allowed.includes(name)), [], listing);
});

test("the example in README.md prints what it says", () => {
  const [, code] = read("README.md").match(/```js\n([^]+?)```/);
  const said = [...code.matchAll(/console\.log\(.+; \/\/ (.+)$/gm)].map(([, text]) => text);
  const printed = execFileSync(process.execPath, ["--input-type=module", "--eval", code], { cwd: root, encoding: "utf8" });
  assert.deepEqual(printed.trim().split("\n"), said);
});
