// Builds the native half with cargo and puts it where native.js looks for it.
//
//   node scripts/build.mjs [--release]

import { spawnSync } from "node:child_process";
import { copyFileSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const cargo = spawnSync("cargo", ["rustc", "--lib", "--message-format=json-render-diagnostics", ...process.argv.slice(2)], {
  cwd: root,
  stdio: ["ignore", "pipe", "inherit"],
  encoding: "utf8",
  maxBuffer: 64 * 1024 * 1024,
});
if (cargo.error?.code === "ENOENT") {
  console.error("build: there is no cargo; please install Rust (https://rustup.rs) and put it on the PATH");
  process.exit(1);
}
if (cargo.error) throw cargo.error;
if (cargo.status !== 0) process.exit(1);

const library = cargo.stdout
  .split("\n")
  .filter((line) => line.startsWith("{"))
  .map((line) => JSON.parse(line))
  .filter((message) => message.reason === "compiler-artifact" && message.target.name === "mcp_gateway_node")
  .flatMap((message) => message.filenames)
  .find((file) => /\.(so|dylib|dll)$/.test(file));

// Replaced, not overwritten: a process that has the old one loaded keeps it.
const addon = join(root, `mcp-gateway.${process.platform}-${process.arch}.node`);
copyFileSync(library, `${addon}.new`);
renameSync(`${addon}.new`, addon);
