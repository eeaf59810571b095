// A client of the host: what Node has of its own about answering servers.
import assert from "node:assert/strict";
import { test } from "node:test";

import { Gateway, GatewayBuilder } from "mcp-gateway";

import { catalog, openGateway, options, profile, until } from "./support.mjs";

const text = (result) => result.content[0].text;

async function using(gateway, work) {
  try {
    return await work(gateway);
  } finally {
    await gateway.close();
  }
}

test("a client knows who asks", async () => {
  const asked = [];
  const client = {
    async elicit(context, { requestedSchema }) {
      asked.push(context);
      assert.deepEqual(requestedSchema.required, ["name"]);
      return { action: "accept", content: { name: "Ada" } };
    },
  };
  await using(await openGateway({ client }), async (gateway) => {
    const ada = await gateway.session({ principal: "ada" });
    assert.equal(text(await ada.callTool("ask")), "accept Ada");
    assert.deepEqual(asked, [{ session: ada.id, principal: "ada", server: "cases" }]);
    await ada.close();
    await assert.rejects(ada.rootsChanged(), { kind: "closed" });
  });
});

test("a client answers what it has methods for", async () => {
  const { home } = options();
  const builder = new GatewayBuilder().withProfile(profile).withHome(home).withCatalogs(catalog).withAudit("memory");
  const client = {
    sample: (context, { maxTokens }) => ({ model: "mine", content: { type: "text", text: `${maxTokens}` } }),
    *roots() {
      yield "file:///one";
      yield { uri: "file:///two", name: "two" };
    },
  };
  await using(await builder.withClient(client).withClientTimeoutSeconds(10).open(), async (gateway) => {
    assert.equal(text(await gateway.callTool("write")), "mine: 100");
    assert.equal(text(await gateway.callTool("where")), "file:///one file:///two");
    assert.equal((await gateway.callTool("ask")).isError, true);
  });
});

test("what is no client is refused", async () => {
  await assert.rejects(Gateway.open(profile, { ...options(), client: { answer() {} } }), {
    kind: "invalid_input",
    message: /none of the methods `elicit`, `sample`, `roots`/,
  });
});

for (const [what, more, call] of [
  ["its call", {}, (gateway, signal) => gateway.callTool("ask", {}, { signal })],
  ["its time", { clientTimeoutSeconds: 0.2 }, (gateway) => gateway.callTool("ask")],
]) {
  test(`a question ends with ${what}`, { timeout: 60_000 }, async () => {
    const abort = new AbortController();
    let isLate = false;
    const client = {
      elicit(context, request, { signal }) {
        signal.addEventListener("abort", () => (isLate = true));
        abort.abort();
        return new Promise(() => {});
      },
    };
    await using(await openGateway({ client, ...more }), async (gateway) => {
      await call(gateway, abort.signal).catch((error) => assert.equal(error.name, "AbortError"));
      await until("nobody waits any longer", () => isLate);
    });
  });
}

test("a list is whole and a request is one page", async () => {
  await using(await openGateway({ bounds: { pageSize: 2 } }), async (gateway) => {
    const names = (await gateway.listTools()).map((tool) => tool.name);
    const page = await gateway.request("tools/list");
    assert.deepEqual(page.tools.map((tool) => tool.name), names.slice(0, 2));
    assert(names.length > 10);
    const { tools } = await gateway.request("tools/list", { cursor: page.nextCursor });
    assert.deepEqual(tools.map((tool) => tool.name), names.slice(2, 4));
    assert((await gateway.presentTools("anthropic")).tools.length === names.length);
  });
});
