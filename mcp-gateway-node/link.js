"use strict";

const { onAbort } = require("./abort.js");
const { GatewayError, lift, liftText } = require("./error.js");
const native = require("./native.js");

// What a letter of the native half is about; src/util/post.rs has the same numbers.
const DONE = 0;
const FAILED = 1;
const PROGRESS = 2;
const ASK = 3;
const LATE = 4;

// The longest time that a timer takes.
const LONG = 2 ** 31 - 1;

function closed() {
  return new GatewayError("the gateway is closed", { kind: "closed" });
}

// The native half of one gateway: work is started under a ticket, and its promise is settled by a letter.
class Link {
  #pending = new Map();
  #ticket = 0;
  #holding = 0;
  #hold;
  #isForgotten = false;
  #ask;
  // What ends the calls of the host's objects that are under way.
  #asked = new Map();

  constructor(workerThreads, ask) {
    this.#ask = ask;
    try {
      this.engine = new native.Engine((ticket, kind, payload) => this.#deliver(ticket, kind, payload), workerThreads);
    } catch (error) {
      throw lift(error);
    }
  }

  // Starts work and waits for it. Whoever waits keeps the process alive, unless `isHeld` is false.
  run(start, { signal, onProgress, isHeld = true, isClose = false } = {}) {
    if (this.#isForgotten && !isClose) return new Promise(() => {});
    if (signal?.aborted) return Promise.reject(signal.reason);
    if (!this.engine) return Promise.reject(closed());
    const ticket = (this.#ticket = (this.#ticket + 1) >>> 0);
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.engine?.cancel(ticket);
        this.#settle(ticket)?.reject(signal.reason);
      };
      const forget = signal && onAbort(signal, abort);
      const release = () => {
        forget?.();
        if (isHeld) this.#release();
      };
      this.#pending.set(ticket, { resolve, reject, onProgress, release, isClose });
      if (isHeld && this.#holding++ === 0) this.#hold = setInterval(() => {}, LONG);
      try {
        start(this.engine, ticket);
      } catch (error) {
        this.#settle(ticket)?.reject(lift(error));
      }
    });
  }

  // Stops the servers, then ends the threads.
  async close() {
    await this.run((engine, ticket) => engine.close(ticket), { isClose: true });
    this.end();
  }

  // Does the same at once, while nothing else happens in this thread.
  closeNow() {
    this.forget();
    this.engine?.shutdownNow();
  }

  // Forgets whoever waits, now and from now on, but for the close: their promises are never settled, because the
  // process is about to end.
  forget() {
    this.#isForgotten = true;
    for (const [ticket, { isClose }] of [...this.#pending]) if (!isClose) this.#settle(ticket);
  }

  // Ends the threads; what still waits waits for nothing.
  end() {
    this.engine.end();
    // The native half refers to this object by its way of delivering letters; without this it could not be collected.
    this.engine = undefined;
    for (const ticket of [...this.#pending.keys()]) this.#settle(ticket)?.reject(closed());
  }

  // Does at once what needs no waiting.
  now(work) {
    if (this.#isForgotten) return undefined;
    if (!this.engine) throw closed();
    try {
      return work(this.engine);
    } catch (error) {
      throw lift(error);
    }
  }

  #settle(ticket) {
    const waiting = this.#pending.get(ticket);
    if (!waiting) return undefined;
    this.#pending.delete(ticket);
    waiting.release();
    return waiting;
  }

  #release() {
    if (--this.#holding > 0) return;
    clearInterval(this.#hold);
    this.#hold = undefined;
  }

  #deliver(ticket, kind, payload) {
    switch (kind) {
      case DONE:
        this.#settle(ticket)?.resolve(payload);
        break;
      case FAILED:
        this.#settle(ticket)?.reject(liftText(payload));
        break;
      case PROGRESS:
        this.#pending.get(ticket)?.onProgress?.(JSON.parse(payload));
        break;
      case ASK:
        this.#call(ticket, payload);
        break;
      case LATE:
        this.#asked.get(ticket)?.abort();
        break;
    }
  }

  #call(ticket, payload) {
    const late = new AbortController();
    this.#asked.set(ticket, late);
    const answer = (text, thrown) => {
      this.#asked.delete(ticket);
      this.engine?.answer(ticket, text, thrown);
    };
    this.#ask(payload, late.signal).then(
      (text) => answer(text, null),
      (error) => answer(null, typeof error?.name === "string" ? error.name : typeof error),
    );
  }
}

module.exports = { Link };
