"use strict";

// The content of a tool's result in the two forms that every model takes: text and images.

// Content blocks, `text` or `image`. What a tool gives only as structured content is text too.
function blocks({ content = [], structuredContent }) {
  const shown = content.map((block) => (block.type === "image" ? block : { type: "text", text: textOf(block) }));
  if (structuredContent !== undefined && !content.some((block) => block.type === "text")) {
    shown.push({ type: "text", text: JSON.stringify(structuredContent) });
  }
  return shown;
}

// The text of blocks if they are nothing else, otherwise undefined.
function onlyText(shown) {
  return shown.every((block) => block.type === "text") ? shown.map((block) => block.text).join("\n") : undefined;
}

// The text of a block. Bytes are named and left out: no model reads them as text.
function textOf({ type, resource, ...block }) {
  const { text, blob, data, ...rest } = resource ?? block;
  if (typeof text === "string") return text;
  const bytes = blob ?? data;
  const omitted = bytes === undefined ? {} : { omitted: `${bytes.length} characters of base64` };
  return JSON.stringify({ type, ...rest, ...omitted });
}

module.exports = { blocks, onlyText, textOf };
