// Drives the gateway's own client through one client scenario: `client.mjs URL`, called by the suite.
//
// The suite's server is the gateway's upstream. The gateway runs on standard input and output, so that it ends with this
// program whatever happens, and the official client calls through it what the scenario wants called.

import { createRequire } from 'node:module';
import { join } from 'node:path';
import { authorized } from './lib/authorization.mjs';
import { prepare, remote } from './lib/gateway.mjs';

const require = createRequire(join(process.env.MCP_SDKS, 'package.json'));
const { Client } = require('@modelcontextprotocol/client');
const { StdioClientTransport } = require('@modelcontextprotocol/client/stdio');

const scenario = process.env.MCP_CONFORMANCE_SCENARIO;
const modern = process.env.MCP_CONFORMANCE_PROTOCOL_VERSION === '2026-07-28';
const context = JSON.parse(process.env.MCP_CONFORMANCE_CONTEXT ?? '{}');
const url = process.argv.at(-1);

setTimeout(() => {
  console.error('client: took longer than 30 s');
  process.exit(1);
}, 30_000).unref();

/** Accepts with the defaults of the form, and otherwise with something of the right type. */
function answer({ params }) {
  const value = ({ default: preset, type, enum: choices }) =>
    preset ?? choices?.[0] ?? { string: 'text', integer: 1, number: 1, boolean: true, array: [] }[type];
  const fields = Object.entries(params.requestedSchema?.properties ?? {});
  return { action: 'accept', content: Object.fromEntries(fields.map(([name, field]) => [name, value(field)])) };
}

/** Calls a tool; that it fails is for the suite to judge. */
async function call(client, name, args = {}) {
  try {
    await client.callTool({ name, arguments: args });
  } catch (error) {
    console.error(`${name}: ${error.message}`);
  }
}

const drives = {
  tools_call: (client) => call(client, 'add_numbers', { a: 5, b: 3 }),
  'elicitation-sep1034-client-defaults': (client) => call(client, 'test_client_elicitation_defaults'),
  'sse-retry': (client) => call(client, 'test_reconnection'),
  async 'sep-2322-client-request-state'(client) {
    for (const what of ['echo_state', 'unrelated', 'no_state', 'unrelated', 'no_result_type']) await call(client, `test_mrtr_${what}`);
  },
  async 'http-standard-headers'(client, tools) {
    for (const { name } of tools) await call(client, name);
    for (const { uri } of (await client.listResources()).resources) await client.readResource({ uri });
    for (const { name } of (await client.listPrompts()).prompts) await client.getPrompt({ name });
  },
  async 'http-custom-headers'(client) {
    for (const { name, arguments: args } of context.toolCalls) await call(client, name, args);
  },
  async 'http-invalid-tool-headers'(client, tools) {
    for (const { name } of tools) await call(client, name, { region: 'north' });
    // A tool that is not listed must not be reached by its name either.
    await call(client, 'invalid_empty_header', { value: 'x' });
  },
  async 'json-schema-2020-12-preservation'(client, tools) {
    const { inputSchema } = tools.find(({ name }) => name === 'json_schema_2020_12_tool');
    await call(client, 'json_schema_echo', { schema: inputSchema });
  },
};

if (scenario.startsWith('auth/')) process.exit(await authorized(process.env.MCP_GATEWAY_BINARY, url, scenario, context));
const gateway = prepare(process.env.MCP_GATEWAY_BINARY, { upstream: remote(url) });
const client = new Client(
  { name: 'conformance', version: '1' },
  {
    capabilities: { elicitation: { form: {} }, sampling: {}, roots: {} },
    versionNegotiation: { mode: modern ? 'auto' : 'legacy' },
  },
);
client.setRequestHandler('elicitation/create', answer);
client.setRequestHandler('roots/list', () => ({ roots: [] }));
client.setRequestHandler('sampling/createMessage', () => ({
  role: 'assistant',
  model: 'none',
  content: { type: 'text', text: 'text' },
}));
await client.connect(
  new StdioClientTransport({
    command: gateway.command,
    args: [...gateway.args, '--transport', 'stdio'],
    env: { ...process.env, ...gateway.env },
    stderr: 'inherit',
  }),
);
const { tools } = await client.listTools();
await drives[scenario]?.(client, tools);
await client.close();
process.exit();
