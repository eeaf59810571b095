// One client of the matrix, by the official TypeScript SDK: `typescript.mjs SDK SERVERS stdio COMMAND...` or `… http URL`.
//
// SDK is `client` (2.x, which looks for the newest era first), `client-sessions` (2.x as it is by default) or `sdk` (1.x).
// Prints one line of JSON for each feature of each server: `{server, feature, outcome}`, where the outcome is `ok`,
// `skip: …` or what went wrong.

import { createRequire } from 'node:module';
import { join } from 'node:path';

const [sdk, names, kind, ...target] = process.argv.slice(2);
const require = createRequire(join(process.env.MCP_SDKS, 'package.json'));
const old = sdk === 'sdk';

const { Client, StdioClientTransport, StreamableHTTPClientTransport } = old
  ? Object.assign({}, ...['index', 'stdio', 'streamableHttp'].map((name) => require(`@modelcontextprotocol/sdk/client/${name}.js`)))
  : { ...require('@modelcontextprotocol/client'), ...require('@modelcontextprotocol/client/stdio') };
const types = old ? require('@modelcontextprotocol/sdk/types.js') : {};

const SECONDS = 10;
const LOG_LEVEL = 'io.modelcontextprotocol/logLevel';

function check(holds, what) {
  if (!holds) throw new Error(what);
}

function within(promise, what) {
  const late = new Promise((_, reject) => setTimeout(() => reject(new Error(`${what}: nothing came in ${SECONDS} s`)), SECONDS * 1000).unref());
  return Promise.race([promise, late]);
}

/** A client that keeps what it is told, and answers questions with the label that they carry. */
class Peer {
  logs = [];
  asked = [];
  updated = [];
  changes = 0;
  #waiting = [];

  static async connect() {
    const peer = new Peer();
    peer.client = new Client(
      { name: 'matrix', version: '1' },
      {
        capabilities: { elicitation: old ? {} : { form: {} }, sampling: {}, roots: {} },
        ...(!old && { versionNegotiation: { mode: sdk === 'client' ? 'auto' : 'legacy' } }),
      },
    );
    peer.#listen();
    const env = { ...process.env };
    await peer.client.connect(
      kind === 'stdio'
        ? new StdioClientTransport({ command: target[0], args: target.slice(1), env, stderr: 'ignore' })
        : new StreamableHTTPClientTransport(new URL(target[0])),
    );
    peer.modern = !old && peer.client.getNegotiatedProtocolVersion?.() === '2026-07-28';
    if (!peer.modern) await peer.client.setLoggingLevel('info');
    return peer;
  }

  #listen() {
    const request = (method, schema, handler) => this.client.setRequestHandler(old ? types[schema] : method, handler);
    const notification = (method, schema, handler) =>
      this.client.setNotificationHandler(old ? types[schema] : method, (message) => {
        handler(message.params);
        for (const wake of this.#waiting.splice(0)) wake();
      });
    request('elicitation/create', 'ElicitRequestSchema', ({ params }) => {
      this.asked.push(params.message);
      const fields = Object.keys(params.requestedSchema.properties);
      return { action: 'accept', content: Object.fromEntries(fields.map((field) => [field, params.message])) };
    });
    request('sampling/createMessage', 'CreateMessageRequestSchema', ({ params }) => ({
      role: 'assistant',
      model: 'none',
      content: { type: 'text', text: `model says ${[params.messages[0].content].flat()[0].text}` },
    }));
    request('roots/list', 'ListRootsRequestSchema', () => ({ roots: [] }));
    notification('notifications/message', 'LoggingMessageNotificationSchema', ({ data }) => this.logs.push(data));
    notification('notifications/resources/updated', 'ResourceUpdatedNotificationSchema', ({ uri }) => this.updated.push(uri));
    notification('notifications/tools/list_changed', 'ToolListChangedNotificationSchema', () => (this.changes += 1));
  }

  /** Waits until `holds` says so, looking again at each notification. */
  async until(holds, what) {
    const wait = async () => {
      while (!holds()) await new Promise((wake) => this.#waiting.push(wake));
    };
    await within(wait(), what);
  }

  call(name, args = {}, options = {}) {
    const params = { name, arguments: args, ...(this.modern && { _meta: { [LOG_LEVEL]: 'info' } }) };
    const limited = { timeout: SECONDS * 1000, ...options };
    return old ? this.client.callTool(params, undefined, limited) : this.client.callTool(params, limited);
  }
}

const said = (result) => {
  check(!result.isError, result.content?.[0]?.text);
  return result.content[0].text;
};

let labels = 0;
const label = () => `${process.pid}-${(labels += 1)}`;

const features = {
  async list(peer, server) {
    const { tools } = await peer.client.listTools();
    check(tools.some(({ name }) => name === `${server}__chat`), 'the tool is not listed');
    const { prompts } = await peer.client.listPrompts();
    check(prompts.some(({ name }) => name === `${server}__test_simple_prompt`), 'the prompt is not listed');
    const { resources } = await peer.client.listResources();
    check(resources.some(({ uri }) => uri === `${server}://static-text`), 'the resource is not listed');
    const { resourceTemplates } = await peer.client.listResourceTemplates();
    check(resourceTemplates.some(({ uriTemplate }) => uriTemplate.startsWith(`${server}://`)), 'the template is not listed');
  },
  async call(peer, server) {
    check(said(await peer.call(`${server}__test_simple_text`)).includes('simple text'), 'the text is another');
    check((await peer.call(`${server}__test_multiple_content_types`)).content.length === 3, 'content is missing');
    check((await peer.call(`${server}__test_error_handling`)).isError, 'the error is none');
  },
  async progress(peer, server) {
    const steps = [];
    await peer.call(`${server}__test_tool_with_progress`, {}, { onprogress: ({ progress }) => steps.push(progress) });
    check(String(steps) === '0,50,100', `progress was ${steps}`);
  },
  async log(peer, server) {
    peer.logs.length = 0;
    await peer.call(`${server}__test_tool_with_logging`);
    await peer.until(() => peer.logs.length >= 3, 'log lines');
    check(peer.logs[0] === 'Tool execution started', `the first line was ${peer.logs[0]}`);
  },
  async ask(peer, server) {
    const mine = label();
    check(said(await peer.call(`${server}__test_elicitation`, { message: mine })).includes(mine), 'the answer is another');
  },
  async sample(peer, server) {
    const mine = label();
    const answer = said(await peer.call(`${server}__test_sampling`, { prompt: mine }));
    check(answer.includes(`model says ${mine}`), 'the answer is another');
  },
  async cancel(peer, server) {
    const mine = label();
    const stop = new AbortController();
    const call = peer.call(`${server}__wait`, { label: mine, seconds: 30 }, { signal: stop.signal, onprogress: () => stop.abort() });
    const outcome = await within(call.then(() => 'answered', () => 'cancelled'), 'the end of the call');
    check(outcome === 'cancelled', `the call was ${outcome}`);
    let givenUp = false;
    const reached = async () => {
      while (!givenUp && !said(await peer.call(`${server}__cancelled`)).includes(mine));
    };
    await within(reached(), 'the cancellation at the server').finally(() => (givenUp = true));
  },
  async watch(peer, server) {
    const uri = `${server}://watched-resource`;
    const opened = peer.modern ? await peer.client.listen({ resourceSubscriptions: [uri] }) : await peer.client.subscribeResource({ uri });
    peer.updated.length = 0;
    await peer.call(`${server}__touch`, { uri });
    await peer.until(() => peer.updated.includes(uri), 'the update');
    if (peer.modern) await opened.close();
    else await peer.client.unsubscribeResource({ uri });
  },
  async change(peer, server) {
    const opened = peer.modern && (await peer.client.listen({ toolsListChanged: true }));
    const listed = async () => (await peer.client.listTools(undefined, { cacheMode: 'refresh' })).tools.map(({ name }) => name);
    // There and back: what a server offers is recorded, and the next process of it begins as this one did.
    for (let turn = 0; turn < 2; turn += 1) {
      const before = (await listed()).includes(`${server}__test_extra_tool`);
      peer.changes = 0;
      await peer.call(`${server}__test_trigger_tool_change`);
      // A notification may also be of something that was changed before.
      for (let changed = false; !changed; ) {
        await peer.until(() => peer.changes > 0, 'the notification');
        peer.changes = 0;
        changed = (await listed()).includes(`${server}__test_extra_tool`) !== before;
      }
    }
    if (opened) await opened.close();
  },
  async complete(peer, server) {
    const ref = { type: 'ref/prompt', name: `${server}__test_prompt_with_arguments` };
    const { completion } = await peer.client.complete({ ref, argument: { name: 'arg1', value: 'par' } });
    check(String(completion.values) === 'paris,park,party', `completed to ${completion.values}`);
  },
  async prompt(peer, server) {
    const name = `${server}__test_prompt_with_arguments`;
    const { messages } = await peer.client.getPrompt({ name, arguments: { arg1: 'a', arg2: 'b' } });
    check(messages[0].content.text.includes("arg1='a', arg2='b'"), 'the text is another');
  },
  async read(peer, server) {
    const text = async (uri) => (await peer.client.readResource({ uri })).contents[0].text;
    check((await text(`${server}://static-text`)).includes('static text'), 'the text is another');
    check(JSON.parse(await text(`${server}://template/7/data`)).id === '7', 'the template is not filled');
  },
  async apart(peer, server, other) {
    const heard = async (one) => {
      const mine = Array.from({ length: 5 }, label);
      const wrong = [];
      one.logs.length = 0;
      one.asked.length = 0;
      await Promise.all(
        mine.flatMap((own) => {
          // The SDK reports progress of its own while it answers questions.
          const onprogress = ({ message }) => /^\d+-\d+$/.test(message) && message !== own && wrong.push(`progress of ${message}`);
          const keeps = (result) => {
            const answer = result.content?.[0]?.text ?? '';
            const strange = (answer.match(/\b\d+-\d+\b/g) ?? []).filter((found) => found !== own);
            if (strange.length > 0) wrong.push(`answer of ${strange}`);
          };
          return ['wait', 'chat'].map((tool) =>
            peerCall(one, `${server}__${tool}`, { label: own, seconds: 0.1 }, onprogress).then(keeps, () => {}),
          );
        }),
      );
      for (const found of [...one.logs, ...one.asked]) if (!mine.includes(found)) wrong.push(`told of ${found}`);
      return wrong;
    };
    const wrong = (await Promise.all([heard(peer), heard(other)])).flat();
    check(wrong.length === 0, wrong.join(', '));
  },
};

/** `wait` and `chat` do not have the same arguments. */
function peerCall(peer, name, { label: own, seconds }, onprogress) {
  return peer.call(name, name.endsWith('wait') ? { label: own, seconds } : { label: own }, { onprogress });
}

const [peer, other] = [await Peer.connect(), await Peer.connect()];
for (const server of names.split(',')) {
  for (const [feature, run] of Object.entries(features)) {
    const outcome = await run(peer, server, other).then(() => 'ok', (error) => error.message);
    console.log(JSON.stringify({ server, feature, outcome }));
  }
}
await Promise.all([peer, other].map(({ client }) => client.close()));
process.exit();
