// Every official SDK as a client of one gateway with servers of every kind behind it. Called by `.ci/matrix`; see
// docs/conformance.md.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Baseline } from '../conformance/lib/baseline.mjs';
import { prepare, serve } from '../conformance/lib/gateway.mjs';
import { run } from '../conformance/lib/processes.mjs';
import { open, programs } from '../conformance/lib/upstreams.mjs';

const { values: options } = parseArgs({
  options: {
    sdks: { type: 'string' },
    venvs: { type: 'string' },
    binary: { type: 'string' },
    client: { type: 'string', multiple: true },
    server: { type: 'string', multiple: true },
    help: { type: 'boolean', default: false },
  },
});
if (options.help) {
  console.log('usage: .ci/matrix [--client NAME]... [--server NAME]...');
  process.exit();
}
// However it goes, it ends.
setTimeout(() => {
  console.error('matrix: took longer than 9 minutes');
  process.exit(1);
}, 9 * 60_000).unref();

const here = fileURLToPath(new URL('.', import.meta.url));
const yaml = createRequire(join(options.sdks, 'package.json'))('yaml');
const features = ['list', 'call', 'progress', 'log', 'ask', 'sample', 'cancel', 'watch', 'change', 'complete', 'prompt', 'read', 'apart'];
const transports = ['stdio', 'http'];

const typescript = (sdk) => ({ command: process.execPath, args: [join(here, 'typescript.mjs'), sdk] });
const python = (venv) => ({ command: join(options.venvs, venv, 'bin', 'python'), args: ['-W', 'ignore', join(here, 'python.py')] });
const clients = {
  'ts-2': typescript('client'),
  'ts-2-sessions': typescript('client-sessions'),
  'ts-1': typescript('sdk'),
  'py-2': python('python'),
  'py-1': python('python1'),
};

const known = programs(options.sdks, join(options.venvs, 'python'));
/** Name, program, transport, and what the environment changes about it. */
const servers = {
  old: ['session', 'stdio', { OFFER_REVISION: '2024-11-05' }],
  session: ['session', 'http', {}],
  fresh: ['python', 'stdio', {}],
  web: ['typescript', 'http', {}],
};

const baseline = new Baseline(yaml.parse(readFileSync(join(here, 'baseline.yaml'), 'utf8')) ?? [], {
  clients: Object.keys(clients),
  transports,
  servers: Object.keys(servers),
  features,
});
const among = (wanted, names) => names.filter((name) => !wanted || wanted.includes(name));
const chosen = among(options.server, Object.keys(servers));

const behind = {};
for (const name of chosen) {
  const [program, transport, env] = servers[name];
  const { server } = await open({ ...known[program], env: { ...known[program].env, ...env, OFFER_SCHEME: name } }, transport);
  server.entry.prefix = name;
  behind[name] = server;
}
const gateway = await serve(options.binary, behind);
const alone = prepare(options.binary, behind);

const cells = new Map();
const complaints = [];
const skips = new Set();
for (const client of among(options.client, Object.keys(clients))) {
  for (const transport of transports) {
    const { command, args } = clients[client];
    const target = transport === 'http' ? [gateway.url] : [alone.command, ...alone.args, '--transport', 'stdio'];
    const env = { ...alone.env, MCP_SDKS: options.sdks };
    const { printed } = await run(command, [...args, chosen.join(','), transport, ...target], { env, seconds: 120 });
    const outcomes = new Map();
    for (const line of printed.split('\n').filter((text) => text.startsWith('{"server"'))) {
      const { server, feature, outcome } = JSON.parse(line);
      outcomes.set(`${server} ${feature}`, outcome);
    }
    if (outcomes.size === 0) complaints.push(`${client} over ${transport} said nothing:\n${printed}`);
    for (const server of chosen) {
      for (const feature of features) {
        const outcome = outcomes.get(`${server} ${feature}`) ?? 'the client ended before it';
        const skipped = outcome.startsWith('skip: ');
        if (skipped) skips.add(`${client}: ${feature}: ${outcome.slice(6)}`);
        const failed = skipped || outcome === 'ok' ? [] : [{ id: feature, message: outcome }];
        const where = { clients: client, transports: transport, servers: server, features: feature };
        const { unexpected, stale } = skipped ? { unexpected: [], stale: [] } : baseline.compare(where, failed);
        for (const { message } of unexpected) complaints.push(`fails: ${client} over ${transport}, ${server}, ${feature}: ${message}`);
        if (stale.length > 0) complaints.push(`passes and is in the baseline: ${client} over ${transport}, ${server}, ${feature}`);
        const mark = unexpected.length + stale.length > 0 ? '!' : failed.length > 0 ? '*' : skipped ? '-' : '+';
        const key = `${client}/${transport} ${feature}`;
        cells.set(key, (cells.get(key) ?? '') + mark);
      }
    }
  }
}

const columns = [...new Set([...cells.keys()].map((key) => key.split(' ')[0]))];
const lines = [['', ...columns], ...features.map((feature) => [feature, ...columns.map((column) => cells.get(`${column} ${feature}`))])];
const widths = lines[0].map((_, n) => Math.max(...lines.map((line) => line[n].length)));
console.log(`one sign for each of ${chosen.join(', ')}: + works, - the SDK cannot, * fails as the baseline says, ! not so\n`);
for (const line of lines) console.log(line.map((text, n) => (n ? text.padStart(widths[n]) : text.padEnd(widths[n]))).join('  '));
console.log();
for (const skip of skips) console.log(`skipped: ${skip}`);
for (const complaint of complaints) console.error(complaint);
process.exit(complaints.length > 0 ? 1 : 0);
