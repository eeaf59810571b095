"use strict";

// Whom each signal of the host ends. Node warns of many listeners on one signal, and many calls may have the same.
const ended = new WeakMap();

// Has a function called when a signal is aborted; the result takes that back.
function onAbort(signal, call) {
  let calls = ended.get(signal);
  if (!calls) {
    const held = (calls = new Set());
    held.listener = () => {
      ended.delete(signal);
      for (const each of held) each();
    };
    ended.set(signal, held);
    signal.addEventListener("abort", held.listener, { once: true });
  }
  calls.add(call);
  return () => {
    if (!calls.delete(call) || calls.size > 0 || ended.get(signal) !== calls) return;
    ended.delete(signal);
    signal.removeEventListener("abort", calls.listener);
  };
}

module.exports = { onAbort };
