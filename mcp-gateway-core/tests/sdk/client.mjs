// Drives a gateway by the official TypeScript SDK, 2.x (`client`) or 1.x (`sdk`):
// `client.mjs client|sdk stdio COMMAND...` or `client.mjs client|sdk http|sse URL TOKEN`, in the folder that has the SDKs.
//
// Does what an agent's host does and prints what came of it as one line of JSON.

import { createRequire } from 'node:module';
import { join } from 'node:path';

const [sdk, kind, ...target] = process.argv.slice(2);
const require = createRequire(join(process.cwd(), 'package.json'));

function load() {
  if (sdk === 'client') {
    return { ...require('@modelcontextprotocol/client'), ...require('@modelcontextprotocol/client/stdio') };
  }
  return Object.assign(
    {},
    ...['index', 'stdio', 'streamableHttp', 'sse'].map((name) => require(`@modelcontextprotocol/sdk/client/${name}.js`)),
  );
}

const { Client, StdioClientTransport, StreamableHTTPClientTransport, SSEClientTransport } = load();

function transport() {
  if (kind === 'stdio') {
    return new StdioClientTransport({ command: target[0], args: target.slice(1), env: process.env, stderr: 'inherit' });
  }
  const [url, token] = target;
  const options = { requestInit: { headers: { Authorization: `Bearer ${token}` } } };
  return kind === 'sse'
    ? new SSEClientTransport(new URL(url), options)
    : new StreamableHTTPClientTransport(new URL(url), options);
}

const client = new Client({ name: 'show', version: '1' });
await client.connect(transport());
const { tools } = await client.listTools();
const { prompts } = await client.listPrompts();
const { resources } = await client.listResources();

const progress = [];
const onprogress = ({ progress: done, total }) => progress.push([done, total]);
const operation = { name: 'trigger-long-running-operation', arguments: { duration: 0.6, steps: 3 } };
await (sdk === 'client' ? client.callTool(operation, { onprogress }) : client.callTool(operation, undefined, { onprogress }));
const now = await client.callTool({ name: 'get_current_time', arguments: { timezone: 'UTC' } });
const prompt = await client.getPrompt({ name: 'args-prompt', arguments: { city: 'Oslo' } });
const resource = await client.readResource({ uri: resources[0].uri });
const completion = await client.complete({
  ref: { type: 'ref/prompt', name: 'completable-prompt' },
  argument: { name: 'department', value: 'S' },
});
const echoes = await Promise.all(
  Array.from({ length: 30 }, (_, n) => client.callTool({ name: 'echo', arguments: { message: String(n) } })),
);
await client.close();

console.log(
  JSON.stringify({
    tools: tools.map((tool) => tool.name),
    prompts: prompts.map((prompt) => prompt.name),
    progress,
    time: now.content[0].text,
    prompt: prompt.messages[0].content.text,
    resource: resource.contents[0].text,
    completion: completion.completion.values,
    echoes: echoes.map((echo) => echo.content[0].text),
  }),
);
