"use strict";

const { isMainThread } = require("node:worker_threads");

// Gateways that are open. What nobody closes is closed when it is forgotten, when a signal ends the process, and, by the
// native half, when the process exits.
const open = new Map();

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];

const forgotten = new FinalizationRegistry(({ link, profile }) => {
  if (!open.delete(link)) return;
  watch();
  process.emitWarning(`gateway of profile \`${profile}\` was not closed`, { code: "MCP_GATEWAY_NOT_CLOSED" });
  close(link).catch((error) => process.emitWarning(error));
});

async function close(link) {
  await link.run((engine, ticket) => engine.close(ticket));
  link.end();
}

function keep(owner, link, profile) {
  open.set(link, profile);
  forgotten.register(owner, { link, profile }, link);
  watch();
}

// Says that a gateway is being closed by its owner; false when somebody was faster.
function release(link) {
  forgotten.unregister(link);
  const wasOpen = open.delete(link);
  watch();
  return wasOpen;
}

// Ends the servers before a signal ends the process. A host that handles the signal decides by itself.
async function onSignal(signal) {
  if (process.listenerCount(signal) > 1) return;
  const links = [...open.keys()];
  open.clear();
  // A call that is cut off by this must not become the unhandled rejection that ends the process.
  links.forEach((link) => link.forget());
  await Promise.allSettled(links.map(close));
  watch();
  process.kill(process.pid, signal);
}

let isWatching = false;

// Listens to signals as long as there is a gateway to close.
function watch() {
  const isNeeded = open.size > 0 && isMainThread;
  if (isNeeded === isWatching) return;
  isWatching = isNeeded;
  for (const signal of SIGNALS) {
    if (isNeeded) process.on(signal, onSignal);
    else process.off(signal, onSignal);
  }
}

module.exports = { close, keep, release };
