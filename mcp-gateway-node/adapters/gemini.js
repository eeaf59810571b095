"use strict";

function tools(gateway) {
  return gateway.presentTools("gemini");
}

async function answers(set, response) {
  const calls = (response.candidates?.[0]?.content?.parts ?? []).flatMap(({ functionCall }) => functionCall ?? []);
  const parts = await Promise.all(calls.map((call) => set.execute(call)));
  return parts.length ? [{ role: "user", parts }] : [];
}

module.exports = { answers, tools };
