"use strict";

const { GatewayError, lift } = require("./error.js");

// Tools in the shape of one model API, and the way back: `tools` goes to the model, `execute` takes its calls.
class ToolSet {
  #native;
  #session;

  constructor(native, session) {
    this.#native = native;
    this.#session = session;
    Object.assign(this, JSON.parse(native.json()));
  }

  nameOf(apiName) {
    return this.#lifted(() => this.#native.nameOf(apiName));
  }

  apiNameOf(name) {
    return this.#native.apiNameOf(name) ?? undefined;
  }

  readCall(call) {
    return this.#lifted(() => JSON.parse(this.#native.readCall(textOf(call))));
  }

  answer(call, result) {
    return this.#lifted(() => JSON.parse(this.#native.answer(JSON.stringify(call), JSON.stringify(result))));
  }

  async call(apiName, args = {}, options = {}) {
    const call = this.readCall(named(this.dialect, apiName, args));
    return this.#session.callTool(call.name, call.arguments, options);
  }

  // What the model can do something about is told to it; other failures are the host's.
  async execute(toolCall, options = {}) {
    try {
      const call = this.readCall(toolCall);
      return this.answer(call, await this.#session.callTool(call.name, call.arguments, options));
    } catch (error) {
      if (!isForModel(error)) throw error;
      return this.refusal(toolCall, error.message);
    }
  }

  refusal(toolCall, message) {
    return this.#lifted(() => JSON.parse(this.#native.refusal(textOf(toolCall), message)));
  }

  #lifted(work) {
    try {
      return work();
    } catch (error) {
      throw lift(error);
    }
  }
}

// Whether a failure is one of the model's request. Other mistakes of the caller, a secret that is missing for one, are
// the host's to mend.
function isForModel(error) {
  return error instanceof GatewayError && ["invalid_input", "not_found", "denied"].includes(error.kind);
}

function textOf(call) {
  return typeof call === "string" ? call : JSON.stringify(call);
}

// A call that a framework has taken apart already, as the API would send it; arguments may be JSON text at each.
function named(dialect, name, args) {
  switch (dialect) {
    case "openai-chat":
      return { type: "function", function: { name, arguments: args } };
    case "openai-responses":
      return { type: "function_call", name, arguments: args };
    case "anthropic":
      return { type: "tool_use", name, input: args };
    default:
      return { functionCall: { name, args } };
  }
}

module.exports = { ToolSet, isForModel };
