// Adds a server that lacks a secret, by the official TypeScript SDK, 2.x (`client`) or 1.x (`sdk`), and types the secret on
// the page that it is sent to: `typist.mjs client|sdk SECRET stdio COMMAND...`, in the folder that has the SDKs.
//
// Prints what came of it as one line of JSON.

import { createRequire } from 'node:module';
import { join } from 'node:path';

const [sdk, secret, , command, ...args] = process.argv.slice(2);
const require = createRequire(join(process.cwd(), 'package.json'));
const old = sdk === 'sdk';
const { Client, StdioClientTransport } = old
  ? { ...require('@modelcontextprotocol/sdk/client/index.js'), ...require('@modelcontextprotocol/sdk/client/stdio.js') }
  : { ...require('@modelcontextprotocol/client'), ...require('@modelcontextprotocol/client/stdio') };
const types = old ? require('@modelcontextprotocol/sdk/types.js') : {};

const client = new Client(
  { name: 'typist', version: '1' },
  { capabilities: { elicitation: { form: {}, url: {} } }, ...(!old && { versionNegotiation: { mode: 'auto' } }) },
);
const asked = [];
client.setRequestHandler(old ? types.ElicitRequestSchema : 'elicitation/create', async ({ params }) => {
  asked.push({ mode: params.mode, hasId: 'elicitationId' in params });
  const page = await fetch(params.url);
  const body = new URLSearchParams({ 'secret-0': secret });
  const sent = await fetch(params.url, { method: 'POST', headers: { Origin: new URL(params.url).origin }, body });
  asked.push(page.status, sent.status);
  return { action: 'accept' };
});
await client.connect(new StdioClientTransport({ command, args, env: process.env, stderr: 'inherit' }));
const added = await client.callTool({ name: 'mcp-add', arguments: { server: 'child' } });
const echo = await client.callTool({ name: 'mcp-exec', arguments: { tool: 'child.echo', arguments: { text: 'hello' } } });
await client.close();
console.log(JSON.stringify({ asked, status: added.structuredContent?.status ?? added, echo: echo.content[0].text }));
