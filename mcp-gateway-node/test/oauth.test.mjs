// Tokens of a remote server, from an authorization server of this machine.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { test } from "node:test";

import { Gateway } from "mcp-gateway";

import { CASES, temporary } from "./support.mjs";

// What the browser of a person does who agrees; gives where it is sent back to.
async function approve(url) {
  const answer = await fetch(url, { redirect: "manual" });
  return answer.headers.get("location");
}

test("a server is authorized, used and revoked", async (t) => {
  const server = spawn("/usr/bin/python3", [join(CASES, "..", "servers", "oauth.py")], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => server.kill());
  const [line] = await once(server.stdout, "data");
  const origin = `http://127.0.0.1:${String(line).trim()}`;
  const remote = { url: `${origin}/mcp`, transport_type: "streamable-http" };
  const catalog = { registry: { far: { title: "Far", type: "remote", remote } } };
  const profile = { name: "dev", policy: { default: "allow" }, servers: { far: { allowPrivate: true, oauth: { scopes: ["write"] } } } };
  const gateway = await Gateway.open(profile, { home: temporary(), catalogs: [catalog], audit: "memory" });
  t.after(() => gateway.close());

  await assert.rejects(gateway.callTool("far.whoami"), (error) => {
    assert.equal(error.kind, "unauthorized");
    return error.hints[0].includes("mcp-gateway oauth authorize far --profile dev");
  });
  assert.deepEqual(await gateway.oauthStatus(), [{ server: "far", state: "needed", scopes: [] }]);

  const redirectUri = "http://127.0.0.1:7/cb";
  const begun = await gateway.oauthBegin("far", { redirectUri, scopes: ["read"] });
  assert.deepEqual([begun.redirectUri, begun.scopes, begun.issuer], [redirectUri, ["read"], origin]);
  await assert.rejects(gateway.oauthFinish("far", `${redirectUri}?code=x&state=y`), { kind: "denied" });
  const status = await gateway.oauthFinish("far", await approve(begun.url));
  assert.equal(status.state, "authorized");
  assert.equal((await gateway.callTool("far.whoami")).content[0].text, "Bearer *** with read");

  assert.equal((await gateway.oauthBegin("far")).scopes[0], "write");
  assert.equal(await gateway.oauthRevoke("far"), undefined);
  await assert.rejects(gateway.oauthRevoke("far"), { kind: "not_found" });
});
