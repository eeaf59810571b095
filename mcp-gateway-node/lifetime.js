"use strict";

const { isMainThread } = require("node:worker_threads");

// Gateways that are open, and those that are being closed, with the promise of that. What nobody closes is closed when
// it is forgotten, when a signal ends the process, when there is no work left, and when the process exits; where a
// worker is terminated, by the native half.
const open = new Map();

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"];

const forgotten = new FinalizationRegistry(({ link, profile }) => {
  if (!open.has(link)) return;
  process.emitWarning(`gateway of profile \`${profile}\` was not closed`, { code: "MCP_GATEWAY_NOT_CLOSED" });
  close(link).catch((error) => process.emitWarning(error));
});

const forgottenSessions = new FinalizationRegistry(({ link, handle }) => {
  // It may have been closed by now, and so may its gateway; either is fine.
  link.run((engine, ticket) => engine.closeSession(ticket, handle), { isHeld: false }).catch(() => {});
});

// Closes a gateway; whoever asks again waits for the same.
function close(link) {
  if (!open.has(link)) return Promise.resolve();
  forgotten.unregister(link);
  if (!open.get(link)) open.set(link, closeOpen(link));
  return open.get(link);
}

async function closeOpen(link) {
  try {
    await link.close();
  } finally {
    // Not before: until the servers have stopped, the end of the process has to wait for them.
    open.delete(link);
    watch();
  }
}

function keep(owner, link, profile) {
  open.set(link, undefined);
  forgotten.register(owner, { link, profile }, link);
  watch();
}

// Has a session closed once it is forgotten: servers may be its alone.
function keepSession(owner, link, handle) {
  forgottenSessions.register(owner, { link, handle });
}

// Nothing is left to do, so nobody uses what is open; objects of the host still answer.
function onBeforeExit() {
  for (const link of open.keys()) close(link).catch((error) => process.emitWarning(error));
}

function onExit() {
  // All of them begin before the first is waited for; what fails is tried again by that.
  for (const link of open.keys()) close(link).catch(() => {});
  for (const link of open.keys()) link.closeNow();
}

// How copies of this package in one process see each other: by a mark on their listeners, and by how many of them are
// closing their gateways.
const OURS = Symbol.for("mcp-gateway.signal");
const copies = (globalThis[Symbol.for("mcp-gateway.copies")] ??= { closing: 0 });

let isEnding = false;

// Ends the servers before a signal ends the process; a second signal does not wait for that. A host that handles the
// signal decides by itself.
async function onSignal(signal) {
  if (!isEnding) {
    if (isHandled(signal)) return;
    isEnding = true;
    copies.closing += 1;
    const links = [...open.keys()];
    // A call that is cut off by this must not become the unhandled rejection that ends the process.
    links.forEach((link) => link.forget());
    await Promise.allSettled(links.map(close));
    copies.closing -= 1;
    isEnding = false;
    watch();
    // The copy that is the last one ends the process.
    if (copies.closing > 0) return;
  } else {
    SIGNALS.forEach((each) => process.off(each, onSignal));
  }
  process.kill(process.pid, signal);
}
onSignal[OURS] = true;

// Whether the host handles a signal. The package `signal-exit` waits, as this one does, for whoever else listens; both
// of its generations say how many listeners are theirs.
function isHandled(signal) {
  const others = process.listeners(signal).filter((listener) => !listener[OURS]).length;
  const waiting = [process.__signal_exit_emitter__, globalThis[Symbol.for("signal-exit emitter")]];
  return others > waiting.reduce((sum, emitter) => sum + (emitter?.count ?? 0), 0);
}

let isWatching = false;

// Listens for the end of the process as long as there is a gateway to close.
function watch() {
  const isNeeded = open.size > 0;
  if (isNeeded === isWatching) return;
  isWatching = isNeeded;
  const turn = isNeeded ? "on" : "off";
  process[turn]("beforeExit", onBeforeExit);
  process[turn]("exit", onExit);
  // Signals reach the main thread only.
  if (isMainThread) SIGNALS.forEach((signal) => process[turn](signal, onSignal));
}

module.exports = { close, keep, keepSession };
