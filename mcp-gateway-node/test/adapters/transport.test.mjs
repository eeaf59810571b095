// GatewayTransport behaves like the official SDKs' transport to a child process.
import assert from "node:assert/strict";
import { test } from "node:test";

import { GatewayTransport } from "../../transport.js";

// A transport over a connection that only notes what happens, and the notes.
function observed(connection = {}) {
  const seen = { sent: [], closed: 0, events: [], gateways: [] };
  const transport = new GatewayTransport(async (message, close) => {
    seen.gateways.push({ message, close });
    return {
      send: (text) => seen.sent.push(text),
      close: async () => {
        seen.closed += 1;
      },
      ...connection,
    };
  });
  transport.onmessage = (message) => seen.events.push(message);
  transport.onerror = (error) => seen.events.push(error.message);
  transport.onclose = () => seen.events.push("closed");
  return { transport, seen };
}

const ping = { jsonrpc: "2.0", id: 1, method: "ping" };

test("messages go as JSON text and come as objects", async () => {
  const { transport, seen } = observed();
  await transport.start();
  await transport.send(ping);
  seen.gateways[0].message('{"jsonrpc":"2.0","id":1,"result":{}}');
  assert.deepEqual(seen.sent, ['{"jsonrpc":"2.0","id":1,"method":"ping"}']);
  assert.deepEqual(seen.events, [{ jsonrpc: "2.0", id: 1, result: {} }]);
});

test("nothing can be sent before the start or after the close", async () => {
  const { transport, seen } = observed();
  const refused = { name: "GatewayError", kind: "closed", message: /not connected/ };
  await assert.rejects(transport.send(ping), refused);
  await transport.start();
  await transport.close();
  await assert.rejects(transport.send(ping), refused);
  assert.deepEqual(seen.sent, []);
});

test("closing closes the connection, and says so, once", async () => {
  const { transport, seen } = observed();
  await transport.close();
  assert.deepEqual(seen.events, []);
  await transport.start();
  await Promise.all([transport.close(), transport.close()]);
  await transport.close();
  seen.gateways[0].close();
  seen.gateways[0].message('{"late": true}');
  assert.deepEqual([seen.closed, seen.events], [1, ["closed"]]);
});

test("the end of the gateway is an error with its reason, and a close", async () => {
  const { transport, seen } = observed();
  await transport.start();
  seen.gateways[0].close(new Error("the gateway is shutting down"));
  seen.gateways[0].close();
  assert.deepEqual(seen.events, ["the gateway is shutting down", "closed"]);
  await assert.rejects(transport.send(ping), { kind: "closed" });
});

test("starts once at a time, and again after a close", async () => {
  const { transport, seen } = observed();
  const started = transport.start();
  await assert.rejects(transport.start(), { kind: "conflict" });
  await started;
  await transport.close();
  await transport.start();
  seen.gateways[0].message('{"old": true}');
  seen.gateways[0].close();
  seen.gateways[1].message('{"new": true}');
  assert.deepEqual(seen.events, ["closed", { new: true }]);
});

test("a close while it starts wins", async () => {
  const { transport, seen } = observed();
  const started = transport.start();
  await transport.close();
  await assert.rejects(started, { kind: "closed", message: /before it had started/ });
  assert.deepEqual([seen.closed, seen.events], [1, ["closed"]]);
});

test("a start that fails rejects with the reason, and another may follow", async () => {
  let attempts = 0;
  const errors = [];
  const transport = new GatewayTransport(async () => {
    attempts += 1;
    if (attempts === 1) throw new Error("too many sessions");
    return { send() {}, async close() {} };
  });
  transport.onerror = (error) => errors.push(error.message);
  await assert.rejects(transport.start(), { message: "too many sessions" });
  assert.deepEqual(errors, ["too many sessions"]);
  await transport.start();
});

test("what fails on the way rejects or is reported, and ends nothing", async () => {
  const full = new Error("too many messages");
  const { transport, seen } = observed({
    send() {
      throw full;
    },
    close: () => Promise.reject(new Error("it would not close")),
  });
  await transport.start();
  await assert.rejects(transport.send(ping), full);
  seen.gateways[0].message("{");
  transport.onmessage = () => {
    throw new Error("the client failed");
  };
  seen.gateways[0].message("{}");
  await transport.close();
  assert.match(seen.events[0], /JSON/);
  assert.deepEqual(seen.events.slice(1), ["the client failed", "it would not close", "closed"]);
});
