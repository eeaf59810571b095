"use strict";

const { Gateway } = require("./gateway.js");

// The options of `Gateway.open` that take one value, and those that take several.
const ONE = [
  "home", "registry", "config", "toolsConfig", "catalog", "secrets", "policy", "approver", "client", "audit", "requireIsolation", "dynamic", "lean", "secretPage", "embedder", "docker", "defaults", "bounds",
  "hostTimeoutSeconds", "approvalTimeoutSeconds", "clientTimeoutSeconds", "workerThreads", "principal", "signal",
];
const SEVERAL = ["catalogs", "servers", "tools", "secretStores", "runtimes", "roles"];

// A gateway put together step by step, as in the other languages.
class GatewayBuilder {
  #profile;
  #options = {};

  withProfile(profile) {
    this.#profile = profile;
    return this;
  }

  open() {
    return Gateway.open(this.#profile, { ...this.#options });
  }

  static {
    const named = (option) => `with${option[0].toUpperCase()}${option.slice(1)}`;
    const add = (option, take) => {
      const method = { [named(option)](...given) { take(this.#options, given); return this; } }[named(option)];
      Object.defineProperty(GatewayBuilder.prototype, named(option), { value: method, configurable: true, writable: true });
    };
    for (const option of ONE) add(option, (options, [value]) => { options[option] = value; });
    for (const option of SEVERAL) add(option, (options, values) => { options[option] = [...(options[option] ?? []), ...values]; });
  }
}

module.exports = { GatewayBuilder };
