// Plain data of the core, seen from JavaScript.
import assert from "node:assert/strict";
import { test } from "node:test";

import { ImageReference } from "mcp-gateway";

test("reads an image reference", () => {
  const digest = `sha256:${"a".repeat(64)}`;
  const text = `ghcr.io/a/b:v1@${digest}`;
  const image = ImageReference.parse(text);
  assert(image instanceof ImageReference);
  assert.deepEqual([image.registry, image.repository, image.tag, image.digest], ["ghcr.io", "ghcr.io/a/b", "v1", digest]);
  assert.equal(String(image), text);
  assert.equal(ImageReference.parse("mcp/time").tag, null);
});
