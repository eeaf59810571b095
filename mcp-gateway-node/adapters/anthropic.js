"use strict";

function tools(gateway) {
  return gateway.presentTools("anthropic");
}

async function answers(set, message) {
  const calls = message.content.filter(({ type }) => type === "tool_use");
  const content = await Promise.all(calls.map((call) => set.execute(call)));
  return content.length ? [{ role: "user", content }] : [];
}

module.exports = { answers, tools };
