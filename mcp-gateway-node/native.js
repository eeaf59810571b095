"use strict";

const addon = `./mcp-gateway.${process.platform}-${process.arch}.node`;

try {
  module.exports = require(addon);
} catch (cause) {
  if (cause.code !== "MODULE_NOT_FOUND") throw cause;
  throw new Error(`mcp-gateway has no native library for ${process.platform}-${process.arch}; run \`npm run build\` in ${__dirname}`, {
    cause,
  });
}
