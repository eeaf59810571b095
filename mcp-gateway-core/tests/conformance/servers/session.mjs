// The offer, served by the TypeScript SDK 1.x, which knows only the era of sessions: `session.mjs stdio|http`.
//
// With `OFFER_REVISION` it says on standard input and output that it speaks that revision, whatever it was asked.

import { randomUUID } from 'node:crypto';
import { Events, body, capabilities, complete, contents, fill, listen, offer, prompts, require, said, sleep, text, wait, world } from './offer.mjs';

const { Server } = require('@modelcontextprotocol/sdk/server/index.js');
const types = require('@modelcontextprotocol/sdk/types.js');

const answers = {
  'elicitation/create': types.ElicitResultSchema,
  'sampling/createMessage': types.CreateMessageResultSchema,
  'roots/list': types.ListRootsResultSchema,
};
const sessions = new Set();

/** Asks round after round, all questions of a round at once, and returns what was said. */
async function ask(server, spec, args, extra) {
  const given = {};
  const able = server.getClientCapabilities() ?? {};
  const kind = { 'elicitation/create': 'elicitation', 'sampling/createMessage': 'sampling', 'roots/list': 'roots' };
  for (const round of fill(spec.rounds, args)) {
    const asked = Object.entries(round).filter(([, { method }]) => !spec.fit || able[kind[method]]);
    await Promise.all(
      asked.map(async ([key, question]) => {
        given[key] = await extra.sendRequest(question, answers[question.method]);
      }),
    );
  }
  return said(spec, given);
}

async function progress(extra, value, total, message) {
  const progressToken = extra._meta?.progressToken;
  if (progressToken === undefined) return;
  await extra.sendNotification({ method: 'notifications/progress', params: { progressToken, progress: value, total, message } });
}

const log = (extra, data) => extra.sendNotification({ method: 'notifications/message', params: { level: 'info', data } });

const special = {
  async test_tool_with_logging(_, extra) {
    for (const line of ['Tool execution started', 'Tool processing data', 'Tool execution completed']) {
      await log(extra, line);
      await sleep(50);
    }
    return text('logged');
  },
  async test_tool_with_progress(_, extra) {
    for (const done of [0, 50, 100]) {
      await progress(extra, done, 100);
      await sleep(50);
    }
    return text('done');
  },
  async test_reconnection(_, extra) {
    extra.closeSSEStream?.();
    await sleep(100);
    return text('reconnected');
  },
  async test_trigger_tool_change() {
    world.extraTool = !world.extraTool;
    for (const server of sessions) await server.sendToolListChanged();
    return text('changed');
  },
  async test_trigger_prompt_change() {
    world.extraPrompt = !world.extraPrompt;
    for (const server of sessions) await server.sendPromptListChanged();
    return text('changed');
  },
  async touch({ uri }) {
    for (const server of sessions) if (server.watched.has(uri)) await server.sendResourceUpdated({ uri });
    return text('touched');
  },
  async wait(args, extra) {
    await progress(extra, 1, 2, args.label);
    return wait(args, extra.signal);
  },
  async cancelled() {
    return text(JSON.stringify(world.cancelled));
  },
  async chat(args, extra, server) {
    await progress(extra, 1, 2, args.label);
    await log(extra, args.label);
    await sleep(20);
    const result = text(await ask(server, offer.asks.chat, args, extra));
    await progress(extra, 2, 2, args.label);
    return result;
  },
};
special.test_logging_tool = special.test_tool_with_logging;

function create() {
  const server = new Server({ name: 'offer-session', version: '1.0.0' }, { capabilities });
  server.watched = new Set();
  const tools = () => [...offer.tools, ...(world.extraTool ? [offer.extraTool] : [])];
  const refuse = (what) => {
    throw new types.McpError(types.ErrorCode.InvalidParams, `no ${what}`);
  };

  server.setRequestHandler(types.ListToolsRequestSchema, () => ({ tools: tools() }));
  server.setRequestHandler(types.CallToolRequestSchema, async ({ params: { name, arguments: args } }, extra) => {
    if (tools().every((tool) => tool.name !== name)) refuse(`tool ${name}`);
    if (special[name]) return special[name](args ?? {}, extra, server);
    return offer.asks[name] ? text(await ask(server, offer.asks[name], args, extra)) : offer.results[name];
  });
  server.setRequestHandler(types.ListPromptsRequestSchema, () => ({ prompts: prompts() }));
  server.setRequestHandler(types.GetPromptRequestSchema, async ({ params: { name, arguments: args } }, extra) => {
    if (prompts().every((prompt) => prompt.name !== name)) refuse(`prompt ${name}`);
    if (!offer.asks[name]) return { messages: fill(offer.messages[name], args) };
    const words = await ask(server, offer.asks[name], args, extra);
    return { messages: [{ role: 'user', content: { type: 'text', text: words } }] };
  });
  server.setRequestHandler(types.ListResourcesRequestSchema, () => ({ resources: offer.resources }));
  server.setRequestHandler(types.ListResourceTemplatesRequestSchema, () => ({ resourceTemplates: offer.templates }));
  server.setRequestHandler(types.ReadResourceRequestSchema, ({ params: { uri } }) => {
    const found = contents(uri);
    // What servers of this era say to an unknown address.
    if (!found) throw new types.McpError(-32002, 'Resource not found', { uri });
    return { contents: found };
  });
  server.setRequestHandler(types.CompleteRequestSchema, ({ params }) => complete(params));
  server.setRequestHandler(types.SubscribeRequestSchema, ({ params }) => (server.watched.add(params.uri), {}));
  server.setRequestHandler(types.UnsubscribeRequestSchema, ({ params }) => (server.watched.delete(params.uri), {}));
  sessions.add(server);
  server.onclose = () => sessions.delete(server);
  return server;
}

if (process.argv[2] === 'http') {
  const { StreamableHTTPServerTransport } = require('@modelcontextprotocol/sdk/server/streamableHttp.js');
  const transports = new Map();
  await listen(async (request, response) => {
    const local = /^(127\.0\.0\.1|localhost)(:\d+)?$/;
    if (!local.test(request.headers.host ?? '')) return void response.writeHead(403).end();
    const message = request.method === 'POST' ? await body(request) : undefined;
    const id = request.headers['mcp-session-id'];
    if (transports.has(id)) return transports.get(id).handleRequest(request, response, message);
    if (id || message?.method !== 'initialize') {
      const error = { code: -32000, message: 'no session' };
      response.writeHead(id ? 404 : 400, { 'content-type': 'application/json' });
      return void response.end(JSON.stringify({ jsonrpc: '2.0', error, id: null }));
    }
    const transport = new StreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      eventStore: new Events(),
      retryInterval: 100,
      onsessioninitialized: (fresh) => void transports.set(fresh, transport),
      onsessionclosed: (ended) => void transports.delete(ended),
    });
    await create().connect(transport);
    return transport.handleRequest(request, response, message);
  });
} else {
  const { StdioServerTransport } = require('@modelcontextprotocol/sdk/server/stdio.js');
  const transport = new StdioServerTransport();
  const revision = process.env.OFFER_REVISION;
  if (revision) {
    const send = transport.send.bind(transport);
    const old = ({ result, ...rest }) => ({ ...rest, result: { ...result, protocolVersion: revision } });
    transport.send = (message) => send(message.result?.protocolVersion ? old(message) : message);
  }
  await create().connect(transport);
}
