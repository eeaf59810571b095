"use strict";

// Packages of agent frameworks, which only those have installed who use them.

const { dirname } = require("node:path");

// What `load`, an `import()` of `module`, gives; where the package is missing, an error that says how to install it.
async function optional(module, load) {
  try {
    return await load();
  } catch (cause) {
    const [name] = module.match(/^(@[^/]+\/)?[^/]+/);
    // It may also be that the package is there, and something that it needs is not.
    if (cause.code !== "ERR_MODULE_NOT_FOUND" || !cause.message.includes(`'${name}'`)) throw cause;
    const path = besideProgram(module);
    if (path) return require(path);
    throw new Error(`this adapter of mcp-gateway needs the package \`${name}\`; run \`npm install ${name}\``, { cause });
  }
}

// Node looks from where a file really is. Where this package is only linked into a program, that is not near it.
function besideProgram(module) {
  try {
    return require.resolve(module, { paths: [dirname(process.argv[1])] });
  } catch {
    return undefined;
  }
}

module.exports = { optional };
