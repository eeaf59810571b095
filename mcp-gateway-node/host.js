"use strict";

// Objects of the host as parts of a gateway: their methods are called with values, and their answers sent back as JSON.

const METHODS = {
  catalog: ["list", "get"],
  secrets: ["get", "set", "delete", "list"],
  policy: ["decide"],
  approver: ["approve"],
  client: ["elicit", "sample", "roots"],
  audit: ["append", "query"],
};

// The parts that may wait for a person: their methods are told when nobody waits for the answer any longer.
const PATIENT = ["approver", "client"];

// The key of a secret; as text `name`, `profile//name`, `/server/name` or `profile/server/name`.
class SecretKey {
  constructor({ name, profile = null, server = null }) {
    this.name = name;
    this.profile = profile;
    this.server = server;
  }

  toString() {
    if (this.profile === null && this.server === null) return this.name;
    return `${this.profile ?? ""}/${this.server ?? ""}/${this.name}`;
  }
}

// One thing that happened, in its place in the chain; a store keeps the four fields as they are.
class AuditRecord {
  constructor({ sequence, previous, hash, text }) {
    this.sequence = sequence;
    this.previous = previous;
    this.hash = hash;
    this.text = text;
  }

  get event() {
    return JSON.parse(this.text);
  }
}

// Whether this is what `mapping` takes: an object of a class, or an array, is meant to be something else.
function isMapping(given) {
  if (given instanceof Map) return true;
  const prototype = Object.getPrototypeOf(given);
  return (prototype === Object.prototype || prototype === null) && typeof given.get !== "function";
}

// A broker over a mapping, which is asked each time.
function mapping(values) {
  const keys = () => (values instanceof Map ? [...values.keys()] : Object.keys(values));
  const value = (key) => (values instanceof Map ? values.get(key) : Object.hasOwn(values, key) ? values[key] : null);
  return { get: (key) => value(String(key)), list: keys };
}

const READERS = {
  "secrets.get": ([key]) => [new SecretKey(key)],
  "secrets.set": ([key, value]) => [new SecretKey(key), value],
  "secrets.delete": ([key]) => [new SecretKey(key)],
  "audit.append": ([record]) => [new AuditRecord(record)],
};

class Host {
  #objects = {};

  constructor(objects) {
    for (const [part, given] of Object.entries(objects)) {
      this.#objects[part] = part === "secrets" && isMapping(given) ? mapping(given) : given;
    }
  }

  // What the native half is told of them.
  get parts() {
    return Object.entries(this.#objects).map(([part, held]) => ({
      part,
      name: held.constructor?.name && held.constructor !== Object ? held.constructor.name : part,
      methods: METHODS[part].filter((method) => typeof held[method] === "function"),
    }));
  }

  // Calls a method; whatever it throws or rejects with is the answer's failure. The signal says that nobody waits for it.
  async call(text, signal) {
    const [part, method, values] = JSON.parse(text);
    const read = READERS[`${part}.${method}`] ?? ((given) => given);
    const more = PATIENT.includes(part) ? [{ signal }] : [];
    try {
      const result = await this.#objects[part][method](...read(values), ...more);
      return JSON.stringify(isIterable(result) ? [...result].map(shown) : (result ?? null));
    } catch (error) {
      // What was given up may fail as it likes.
      if (signal.aborted) throw error;
      // The gateway learns only what kind of error it was: its text may say more than others may read.
      const detail = error instanceof Error ? error.stack : String(error);
      process.emitWarning(`\`${part}.${method}\` of the host failed`, { code: "MCP_GATEWAY_HOST_FAILED", detail });
      throw error;
    }
  }
}

function shown(value) {
  return value instanceof SecretKey ? String(value) : value;
}

function isIterable(value) {
  return typeof value === "object" && value !== null && typeof value[Symbol.iterator] === "function";
}

module.exports = { AuditRecord, Host, SecretKey };
