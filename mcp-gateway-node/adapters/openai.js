"use strict";

function chatTools(gateway) {
  return gateway.presentTools("openai-chat");
}

function responsesTools(gateway) {
  return gateway.presentTools("openai-responses");
}

// The two APIs are told apart by what they answer: a list of choices, or a list of items.
function answers(set, { choices, output }) {
  const calls = choices ? choices[0]?.message.tool_calls : output.filter(({ type }) => type === "function_call");
  return Promise.all((calls ?? []).map((call) => set.execute(call)));
}

module.exports = { answers, chatTools, responsesTools };
