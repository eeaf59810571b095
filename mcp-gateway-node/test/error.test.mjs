// Errors of the core arrive as GatewayError, with every field.
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";

import { GatewayError, ImageReference } from "mcp-gateway";

const { lifted } = createRequire(import.meta.url)("../error.js");

function thrown(text) {
  try {
    ImageReference.parse(text);
  } catch (error) {
    return error;
  }
  assert.fail(`\`${text}\` was taken`);
}

test("an error of the core has every field", () => {
  const error = thrown("--privileged");
  assert(error instanceof GatewayError && error instanceof Error);
  assert.equal(error.message, "`--privileged` is not an image reference: the repository must start with a letter or digit");
  assert.deepEqual(
    { ...error },
    {
      code: "ERR_MCP_GATEWAY_INVALID_INPUT",
      kind: "invalid_input",
      operation: null,
      context: {},
      hints: [],
      fault: "client",
      retryable: false,
    },
  );
  assert.match(error.stack, /^GatewayError: `--privileged` is not.+error\.test\.mjs/s);
});

test("the cause is chained", () => {
  const { cause } = thrown("mcp/time@sha256:12");
  assert(cause instanceof GatewayError);
  assert.deepEqual(cause.hints, ["a digest is `sha256:` and 64 hex digits"]);
});

test("methods, getters and promises are lifted; a foreign error passes unchanged", async () => {
  const reason = JSON.stringify({
    gatewayError: { message: "gone", kind: "closed", retryable: true, cause: { message: "outer", cause: { message: "inner" } } },
  });
  const foreign = new TypeError("mine");
  const Fake = lifted(
    class Fake {
      get broken() {
        throw new Error(reason);
      }
      async close() {
        throw new Error(reason);
      }
      async fail() {
        throw foreign;
      }
      static answer() {
        return 42;
      }
    },
  );
  const fake = new Fake();
  assert.throws(() => fake.broken, { name: "GatewayError", kind: "closed" });
  await assert.rejects(fake.close(), (error) => {
    assert(error instanceof GatewayError && error.retryable && !(error.cause instanceof GatewayError));
    return error.cause.message === "outer" && error.cause.cause.message === "inner";
  });
  await assert.rejects(fake.fail(), (error) => error === foreign);
  assert.equal(Fake.answer(), 42);
});
