// The offer, served by the TypeScript SDK 2.x in both eras: `typescript.mjs stdio|http`.

import { randomUUID } from 'node:crypto';
import { Events, body, capabilities, complete, contents, fill, listen, offer, prompts, require, said, sleep, text, wait, world } from './offer.mjs';

const sdk = require('@modelcontextprotocol/server');
const { McpServer, ResourceNotFoundError, fromJsonSchema, inputRequired, inputResponse } = sdk;

const codec = sdk.createRequestStateCodec({ key: randomUUID() });
const schemas = new Map([...offer.tools, offer.extraTool].map((tool) => [tool.name, fromJsonSchema(tool.inputSchema)]));
/** Every server of a connection that lasts; those of single requests are not in it. */
const lasting = new Set();
/** Tells listeners over HTTP; they belong to no server. */
let notify;

/** What the client of this request can do. */
function able(server, ctx) {
  return ctx.mcpReq.envelope?.[sdk.CLIENT_CAPABILITIES_META_KEY] ?? server.getClientCapabilities() ?? {};
}

/** The questions of a round that go to this client. */
function questions(server, spec, round, args, ctx) {
  const asked = Object.entries(fill(spec.rounds[round], args));
  const kind = { 'elicitation/create': 'elicitation', 'sampling/createMessage': 'sampling', 'roots/list': 'roots' };
  return Object.fromEntries(spec.fit ? asked.filter(([, { method }]) => able(server, ctx)[kind[method]]) : asked);
}

/** Asks round after round; `done` makes the result of the answers. In the session era the SDK sends the questions itself. */
async function ask(server, spec, args, ctx, done) {
  let { round, answers } = ctx.mcpReq.requestState() ?? { round: 0, answers: {} };
  let wanted = questions(server, spec, round, args, ctx);
  const given = ctx.mcpReq.inputResponses;
  if (given && Object.keys(wanted).every((key) => inputResponse(given, key).kind !== 'missing')) {
    answers = { ...answers, ...Object.fromEntries(Object.keys(wanted).map((key) => [key, given[key]])) };
    round += 1;
    if (round === spec.rounds.length) return done(said(spec, answers));
    wanted = questions(server, spec, round, args, ctx);
  }
  const requestState = spec.state ? await codec.mint({ round, answers }) : undefined;
  return inputRequired({ inputRequests: wanted, ...(requestState && { requestState }) });
}

async function progress(ctx, value, total, message) {
  const progressToken = ctx.mcpReq._meta?.progressToken;
  if (progressToken === undefined) return;
  await ctx.mcpReq.notify({ method: 'notifications/progress', params: { progressToken, progress: value, total, message } });
}

const special = {
  async test_tool_with_logging(_, ctx) {
    for (const line of ['Tool execution started', 'Tool processing data', 'Tool execution completed']) {
      await ctx.mcpReq.log('info', line);
      await sleep(50);
    }
    return text('logged');
  },
  async test_tool_with_progress(_, ctx) {
    for (const done of [0, 50, 100]) {
      await progress(ctx, done, 100);
      await sleep(50);
    }
    return text('done');
  },
  async test_reconnection(_, ctx) {
    ctx.http?.closeSSE?.();
    await sleep(100);
    return text('reconnected');
  },
  async test_trigger_tool_change() {
    world.extraTool = !world.extraTool;
    for (const server of lasting) world.extraTool ? server.extra.enable() : server.extra.disable();
    notify?.toolsChanged();
    return text('changed');
  },
  async test_trigger_prompt_change() {
    world.extraPrompt = !world.extraPrompt;
    for (const server of lasting) server.sendPromptListChanged();
    notify?.promptsChanged();
    return text('changed');
  },
  async touch({ uri }) {
    for (const { server, watched } of lasting) if (watched.has(uri) || !notify) await server.sendResourceUpdated({ uri });
    notify?.resourceUpdated(uri);
    return text('touched');
  },
  async wait(args, ctx) {
    await progress(ctx, 1, 2, args.label);
    return wait(args, ctx.mcpReq.signal);
  },
  async cancelled() {
    return text(JSON.stringify(world.cancelled));
  },
  async chat(args, ctx, server) {
    await progress(ctx, ctx.mcpReq.inputResponses ? 2 : 1, 2, args.label);
    await ctx.mcpReq.log('info', args.label);
    await sleep(20);
    return ask(server, offer.asks.chat, args, ctx, text);
  },
};
special.test_logging_tool = special.test_tool_with_logging;

function create() {
  const mcp = new McpServer({ name: 'offer-typescript', version: '1.0.0' }, { capabilities, requestState: { verify: codec.verify } });
  const { server } = mcp;
  for (const { name, description } of [...offer.tools, offer.extraTool]) {
    const tool = mcp.registerTool(name, { description, inputSchema: schemas.get(name) }, async (args, ctx) => {
      if (special[name]) return special[name](args, ctx, server);
      if (offer.asks[name]) return ask(server, offer.asks[name], args, ctx, text);
      return offer.results[name];
    });
    if (name === offer.extraTool.name) mcp.extra = tool;
  }
  if (!world.extraTool) mcp.extra.disable();

  server.setRequestHandler('prompts/list', () => ({ prompts: prompts() }));
  server.setRequestHandler('prompts/get', ({ params }, ctx) => {
    const message = (words) => ({ messages: [{ role: 'user', content: { type: 'text', text: words } }] });
    if (offer.asks[params.name]) return ask(server, offer.asks[params.name], params.arguments, ctx, message);
    if (prompts().some(({ name }) => name === params.name)) return { messages: fill(offer.messages[params.name], params.arguments) };
    throw new sdk.ProtocolError(sdk.ProtocolErrorCode.InvalidParams, `no prompt ${params.name}`);
  });
  server.setRequestHandler('resources/list', () => ({ resources: offer.resources }));
  server.setRequestHandler('resources/templates/list', () => ({ resourceTemplates: offer.templates }));
  server.setRequestHandler('resources/read', ({ params: { uri } }) => {
    const found = contents(uri);
    if (!found) throw new ResourceNotFoundError(uri);
    return { contents: found };
  });
  server.setRequestHandler('completion/complete', ({ params }) => complete(params));
  mcp.watched = new Set();
  server.setRequestHandler('resources/subscribe', ({ params }) => (mcp.watched.add(params.uri), {}));
  server.setRequestHandler('resources/unsubscribe', ({ params }) => (mcp.watched.delete(params.uri), {}));
  return mcp;
}

function lasts(mcp) {
  lasting.add(mcp);
  mcp.server.onclose = () => lasting.delete(mcp);
  return mcp;
}

if (process.argv[2] === 'http') {
  const { NodeStreamableHTTPServerTransport, localhostHostValidation, localhostOriginValidation, toNodeHandler, toWebRequest } =
    require('@modelcontextprotocol/node');
  const stateless = sdk.createMcpHandler(create, { legacy: 'reject' });
  ({ notify } = stateless);
  const serve = toNodeHandler(stateless);
  const guards = [localhostHostValidation(), localhostOriginValidation()];
  const sessions = new Map();

  const session = async (request, response, message) => {
    const id = request.headers['mcp-session-id'];
    if (sessions.has(id)) return sessions.get(id).handleRequest(request, response, message);
    if (id || message?.method !== 'initialize') return void response.writeHead(id ? 404 : 400).end();
    const transport = new NodeStreamableHTTPServerTransport({
      sessionIdGenerator: randomUUID,
      eventStore: new Events(),
      retryInterval: 100,
      onsessioninitialized: (fresh) => void sessions.set(fresh, transport),
      onsessionclosed: (ended) => void sessions.delete(ended),
    });
    await lasts(create()).connect(transport);
    return transport.handleRequest(request, response, message);
  };
  await listen(async (request, response) => {
    if (!guards.every((allows) => allows(request, response))) return;
    const message = request.method === 'POST' ? await body(request) : undefined;
    const legacy = await sdk.isLegacyRequest(await toWebRequest(request, message));
    return legacy ? session(request, response, message) : serve(request, response, message);
  });
} else {
  require('@modelcontextprotocol/server/stdio').serveStdio(() => lasts(create()));
}
