"use strict";

const { GatewayError } = require("./error.js");

// One client's connection to the gateway in the shape that the official SDKs call a transport. It needs none of them,
// and behaves like their transport to a child process.
class GatewayTransport {
  #connect;
  // What was started and has not ended. Callbacks that belong to an earlier one are ignored.
  #link;

  constructor(connect) {
    this.#connect = connect;
  }

  async start() {
    if (this.#link) throw failure("start", "conflict", "the transport is started already; a client does that in `connect`");
    const link = (this.#link = {});
    try {
      const connection = await this.#connect(
        (text) => this.#receive(link, text),
        (reason) => this.#end(link, reason),
      );
      if (this.#link === link) {
        link.connection = connection;
        return;
      }
      await connection.close();
      throw link.reason ?? failure("start", "closed", "the transport was closed before it had started");
    } catch (error) {
      if (this.#link === link) {
        this.#link = undefined;
        this.onerror?.(error);
      }
      throw error;
    }
  }

  // The options that clients pass beside a message are for transports that make an HTTP request of each.
  async send(message) {
    const connection = this.#link?.connection;
    if (!connection) {
      throw failure("send", "closed", "the transport is not connected; it takes messages between `start` and `close`");
    }
    connection.send(JSON.stringify(message));
  }

  // Never rejects: clients close a transport in passing, where nobody would handle that.
  async close() {
    const link = this.#link;
    if (!link) return;
    this.#link = undefined;
    try {
      await link.connection?.close();
    } catch (error) {
      this.onerror?.(error);
    }
    this.onclose?.();
  }

  #receive(link, text) {
    if (this.#link !== link) return;
    try {
      this.onmessage?.(JSON.parse(text));
    } catch (error) {
      this.onerror?.(error);
    }
  }

  #end(link, reason) {
    if (this.#link !== link) return;
    this.#link = undefined;
    link.reason = reason;
    if (reason) this.onerror?.(reason);
    this.onclose?.();
  }
}

function failure(method, kind, message) {
  return new GatewayError(message, { kind, operation: `GatewayTransport::${method}`, fault: "client" });
}

module.exports = { GatewayTransport };
