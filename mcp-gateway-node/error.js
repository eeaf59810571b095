"use strict";

// Where errors of the native half become GatewayError: it sends their fields as JSON in the message (src/error.rs).

class GatewayError extends Error {
  constructor(message, { kind = "internal", operation = null, context = {}, hints = [], fault = "gateway", retryable = false, cause } = {}) {
    super(message, cause ? { cause } : undefined);
    this.code = `ERR_MCP_GATEWAY_${kind.toUpperCase()}`;
    this.kind = kind;
    this.operation = operation;
    this.context = context;
    this.hints = hints;
    this.fault = fault;
    this.retryable = retryable;
  }
}
Object.defineProperty(GatewayError.prototype, "name", { value: "GatewayError", configurable: true, writable: true });

const ENVELOPE = '{"gatewayError":';

// What the boundary says of a value that is of another type than the native half takes.
const TYPE_ERROR = /Expected$|^InvalidArg$/;

// What the native half threw, lifted; anything that is not one of its own errors passes unchanged.
function lift(error) {
  if (!(error instanceof Error)) return error;
  if (error.message.startsWith(ENVELOPE)) return liftText(error.message);
  if (!TYPE_ERROR.test(error.code)) return error;
  return new GatewayError(error.message, { kind: "invalid_input", fault: "client", cause: error });
}

// The error that the native half sent as text.
function liftText(text) {
  return read(JSON.parse(text).gatewayError);
}

function read({ message, cause, ...fields }) {
  const options = { ...fields, cause: cause ? read(cause) : undefined };
  return fields.kind ? new GatewayError(message, options) : new Error(message, cause ? options : undefined);
}

// The same function, with its errors lifted, whether they are thrown or rejected.
function lifting(call, name = call.name) {
  const wrapped = function (...args) {
    try {
      const result = Reflect.apply(call, this, args);
      return result instanceof Promise ? result.catch((error) => Promise.reject(lift(error))) : result;
    } catch (error) {
      throw lift(error);
    }
  };
  return Object.defineProperty(wrapped, "name", { value: name });
}

function liftProperties(from, to) {
  for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(from))) {
    if (name === "constructor" || name === "prototype") continue;
    for (const role of ["value", "get", "set"]) {
      if (typeof property[role] === "function") property[role] = lifting(property[role], name);
    }
    if (property.get || typeof property.value === "function") Object.defineProperty(to, name, property);
  }
}

// The class to export for a native one. Its prototype is the native one's, so what the native half makes are instances
// of it; the static methods have to be new ones, because napi does not let its own be replaced.
function lifted(native) {
  const type = lifting((...args) => Reflect.construct(native, args), native.name);
  type.prototype = native.prototype;
  type.prototype.constructor = type;
  liftProperties(native.prototype, type.prototype);
  liftProperties(native, type);
  return type;
}

module.exports = { GatewayError, lift, lifted, liftText };
