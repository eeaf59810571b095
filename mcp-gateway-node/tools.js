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
    return this.#lifted(() => JSON.parse(this.#native.readCall(typeof call === "string" ? call : JSON.stringify(call))));
  }

  answer(call, result) {
    return this.#lifted(() => JSON.parse(this.#native.answer(JSON.stringify(call), JSON.stringify(result))));
  }

  async call(apiName, args = {}, options = {}) {
    const text = typeof args === "string" ? args : JSON.stringify(args);
    const call = this.readCall(named(this.dialect, apiName, text));
    return this.#session.callTool(call.name, call.arguments, options);
  }

  // What the model's own request caused, a denial for one, is told to the model; other failures are the host's.
  async execute(toolCall, options = {}) {
    const call = this.readCall(toolCall);
    let result;
    try {
      result = await this.#session.callTool(call.name, call.arguments, options);
    } catch (error) {
      if (!(error instanceof GatewayError) || error.fault !== "client") throw error;
      result = { content: [{ type: "text", text: error.message }], isError: true };
    }
    return this.answer(call, result);
  }

  #lifted(work) {
    try {
      return work();
    } catch (error) {
      throw lift(error);
    }
  }
}

// A call that a framework has taken apart already, as the API would send it.
function named(dialect, name, text) {
  switch (dialect) {
    case "openai-chat":
      return { type: "function", function: { name, arguments: text } };
    case "openai-responses":
      return { type: "function_call", name, arguments: text };
    case "anthropic":
      return { type: "tool_use", name, input: JSON.parse(text) };
    default:
      return { functionCall: { name, args: JSON.parse(text) } };
  }
}

module.exports = { ToolSet };
