// What the JavaScript servers of this folder share: the offer in `offer.json`, and what is the same in both SDKs.
//
// SDKs are loaded from the folder that `MCP_SDKS` names, so that these files can stay where they are. With `OFFER_SCHEME`
// resources have that scheme, so that several of these servers can stand beside each other.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

export const require = createRequire(join(process.env.MCP_SDKS ?? process.cwd(), 'package.json'));
const scheme = process.env.OFFER_SCHEME ?? 'test';
const written = readFileSync(new URL('offer.json', import.meta.url), 'utf8');
export const offer = JSON.parse(written.replaceAll('test://', `${scheme}://`));
export const capabilities = {
  tools: { listChanged: true },
  prompts: { listChanged: true },
  resources: { subscribe: true, listChanged: true },
  completions: {},
  logging: {},
};

/** What this process knows beyond one connection. */
export const world = { extraTool: false, extraPrompt: false, cancelled: [] };

export const text = (words) => ({ content: [{ type: 'text', text: words }] });
export const sleep = (ms) => new Promise((wake) => setTimeout(wake, ms));

/** A copy of `value` with `{name}` in its texts replaced by the argument of that name. */
export function fill(value, args) {
  const put = (words) => words.replace(/\{(\w+)\}/g, (whole, name) => args?.[name] ?? whole);
  return JSON.parse(JSON.stringify(value), (_, part) => (typeof part === 'string' ? put(part) : part));
}

export const prompts = () => [...offer.prompts, ...(world.extraPrompt ? [offer.extraPrompt] : [])];

/** The contents of a resource, or nothing. */
export function contents(uri) {
  const known = offer.contents[uri];
  if (known) return [{ uri, ...known }];
  const id = new RegExp(`^${scheme}://template/(.+)/data$`).exec(uri)?.[1];
  const data = { id, templateTest: true, data: `Data for ID: ${id}` };
  return id && [{ uri, mimeType: 'application/json', text: JSON.stringify(data) }];
}

export function complete({ argument }) {
  const values = offer.completions.filter((word) => word.startsWith(argument.value));
  return { completion: { values, total: values.length, hasMore: false } };
}

/** The answers to a question's rounds, as the text that ends the call. */
export const said = (spec, answers) => `${spec.says} ${JSON.stringify(answers)}`;

/**
 * Waits until `signal` says that the call was cancelled, or for that many seconds.
 */
export function wait({ label, seconds }, signal) {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(text(`waited: ${label}`)), seconds * 1000);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      world.cancelled.push(label);
      resolve(text(`cancelled: ${label}`));
    });
  });
}

/** Serves `listener` on a port of the system's choice, says which, and ends with standard input. */
export async function listen(listener) {
  const { createServer } = await import('node:http');
  const server = createServer(listener).listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
    console.log(`http://127.0.0.1:${server.address().port}/mcp`);
  });
  process.stdin.on('end', () => process.exit()).resume();
}

/** The events of a stream, for clients that come back for the rest of it. */
export class Events {
  #all = [];

  async storeEvent(stream, message) {
    this.#all.push({ stream, message });
    return String(this.#all.length);
  }

  async replayEventsAfter(id, { send }) {
    const { stream } = this.#all[Number(id) - 1];
    for (const [n, event] of this.#all.entries()) {
      if (n >= Number(id) && event.stream === stream && event.message.jsonrpc) await send(String(n + 1), event.message);
    }
    return stream;
  }
}

export async function body(request) {
  let received = '';
  for await (const chunk of request) received += chunk;
  return received ? JSON.parse(received) : undefined;
}
