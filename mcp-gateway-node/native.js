"use strict";

const { existsSync } = require("node:fs");
const { join } = require("node:path");

const target = `${process.platform}-${process.arch}`;
// Linux has two C libraries, and what is built for one does not load with the other; a package may hold both.
const names = [target, `${target}-musl`].map((name) => join(__dirname, `mcp-gateway.${name}.node`)).filter(existsSync);

function load() {
  let cause;
  for (const name of names) {
    try {
      return require(name);
    } catch (error) {
      cause ??= error;
    }
  }
  const what = cause ? `the native library for ${target} does not load` : `there is no native library for ${target}`;
  throw new Error(`mcp-gateway: ${what}; run \`npm run build\` in ${__dirname}`, { cause });
}

module.exports = load();
