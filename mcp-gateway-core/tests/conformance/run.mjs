// Runs the conformance suite through the gateway. Called by `.ci/conformance`; see docs/conformance.md.

import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Baseline } from './lib/baseline.mjs';
import { serve } from './lib/gateway.mjs';
import { Suite, judge, revisions } from './lib/suite.mjs';
import { open, programs } from './lib/upstreams.mjs';

const usage = `usage: .ci/conformance [options]

  --leg LEG            server: clients of the gateway; client: its own client; direct: the test servers without a gateway.
                       Without it: server and client. May be repeated
  --revision REVISION  ${revisions.join(' or ')}
  --upstream NAME      typescript, python or session, perhaps with -http or -stdio. May be repeated
  --only SCENARIO      one scenario; what its checks say is printed
  --suggest            prints entries for the baseline that would fit, for those who write the reasons
  --verbose            what the suite and the gateway print, also where nothing is wrong
`;

const { values: options } = parseArgs({
  options: {
    sdks: { type: 'string' },
    venv: { type: 'string' },
    binary: { type: 'string' },
    leg: { type: 'string', multiple: true, default: ['server', 'client'] },
    revision: { type: 'string', multiple: true, default: revisions },
    upstream: { type: 'string', multiple: true, default: ['typescript', 'python', 'session'] },
    only: { type: 'string' },
    suggest: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
if (options.help) {
  process.stdout.write(usage);
  process.exit();
}
// However it goes, it ends.
setTimeout(() => {
  console.error('conformance: took longer than 9 minutes');
  process.exit(1);
}, 9 * 60_000).unref();

const here = fileURLToPath(new URL('.', import.meta.url));
const yaml = createRequire(join(options.sdks, 'package.json'))('yaml');
const suite = new Suite(options.sdks, yaml);
const known = programs(options.sdks, options.venv);
const upstreams = Object.keys(known).flatMap((name) => [`${name}-http`, `${name}-stdio`]);
const baseline = new Baseline(yaml.parse(readFileSync(join(here, 'baseline.yaml'), 'utf8')) ?? [], {
  legs: ['direct', 'server', 'client'],
  revisions,
  upstreams,
  scenarios: revisions.flatMap((revision) => [...suite.scenarios(revision, 'server'), ...suite.scenarios(revision, 'client')]),
});
const output = mkdtempSync(join(tmpdir(), 'mcp-gateway-conformance-'));
process.on('exit', () => rmSync(output, { recursive: true, force: true }));

/** `{title, columns: [name], rows: Map(scenario, Map(column, cell))}`, one for each table that is printed. */
const tables = [];
const complaints = [];
/** What failed, for `--suggest`: a map of scenario and checks to where that was. */
const failures = new Map();

function table(title) {
  const made = { title, columns: [], rows: new Map() };
  tables.push(made);
  return made;
}

/** What of a scenario's checks is not as the baseline says. */
function compare({ leg, revision, upstream }, scenario, checks) {
  const { passed, failed } = judge(checks);
  const where = { legs: leg, revisions: revision, upstreams: upstream, scenarios: scenario };
  return { passed, failed, ...baseline.compare(where, failed) };
}

/** Judges the scenarios of one run and puts them into a column of a table. */
function record(into, column, where, { found, printed }, log = () => '') {
  into.columns.push(column);
  const wrong = [];
  const details = [];
  for (const [scenario, checks] of found) {
    const { passed, failed, unexpected, stale } = compare(where, scenario, checks);
    if (failed.length > 0) {
      const key = JSON.stringify({ legs: where.leg, revisions: where.revision, scenarios: scenario, checks: failed.map(({ id }) => id) });
      failures.set(key, [...(failures.get(key) ?? []), where.upstream]);
    }
    const mark = unexpected.length + stale.length > 0 ? '!' : failed.length > 0 ? '*' : '';
    if (!into.rows.has(scenario)) into.rows.set(scenario, new Map());
    into.rows.get(scenario).set(column, { passed, failed: failed.length, mark });
    for (const { id, message } of unexpected) wrong.push(`fails and is not in the baseline: ${scenario}:${id}\n    ${message}`);
    for (const entry of stale) wrong.push(`passes and is in the baseline: ${scenario}:${entry}`);
    if (options.only) for (const { id, status, errorMessage } of checks) details.push(`${status} ${id} ${errorMessage ?? ''}`);
  }
  const head = `${where.leg}, ${where.revision}${where.upstream ? `, ${where.upstream}` : ''}`;
  if (wrong.length > 0) complaints.push(`${head}:\n  ${wrong.join('\n  ')}`);
  if (details.length > 0) console.log(`${head}:\n  ${details.join('\n  ')}\n`);
  if (options.verbose) console.error(`${head}:\n${printed}\n${log()}`);
}

function show({ title, columns, rows }) {
  const total = (column, key) => [...rows.values()].reduce((sum, row) => sum + (row.get(column)?.[key] ?? 0), 0);
  const cell = (row, column) => {
    const found = row.get(column);
    return found ? `${found.passed}/${found.failed}${found.mark}` : '';
  };
  const lines = [
    [title, ...columns],
    ...[...rows].map(([scenario, row]) => [scenario, ...columns.map((column) => cell(row, column))]),
    ['total', ...columns.map((column) => `${total(column, 'passed')}/${total(column, 'failed')}`)],
  ];
  const widths = lines[0].map((_, n) => Math.max(...lines.map((line) => line[n].length)));
  for (const line of lines) console.log(line.map((text, n) => (n ? text.padStart(widths[n]) : text.padEnd(widths[n]))).join('  '));
  console.log();
}

const chosen = upstreams
  .map((upstream) => ({ upstream, name: upstream.split('-')[0], transport: upstream.split('-')[1] }))
  .filter(({ name, upstream }) => options.upstream.some((wanted) => wanted === name || wanted === upstream));

/** Whether a revision has the scenario that was asked for. */
const has = (revision, leg) => !options.only || suite.scenarios(revision, leg).includes(options.only);

async function serverLeg(revision, direct) {
  const leg = direct ? 'direct' : 'server';
  const into = table(`${leg} ${revision}`);
  for (const { name, transport, upstream } of chosen) {
    if (direct && (transport === 'stdio' || (name === 'session' && revision !== '2025-11-25'))) continue;
    const opened = await open(known[name], transport);
    const gateway = direct ? { url: opened.url, stop() {}, printed: () => '' } : await serve(options.binary, { upstream: opened.server });
    const folder = join(output, leg, revision, upstream);
    mkdirSync(folder, { recursive: true });
    const run = await suite.run('server', revision, ['--url', gateway.url], folder, { only: options.only });
    record(into, upstream, { leg, revision, upstream }, run, gateway.printed);
    gateway.stop();
    opened.stop();
  }
}

async function clientLeg(revision, into) {
  const folder = join(output, 'client', revision);
  mkdirSync(folder, { recursive: true });
  const command = `${process.execPath} ${join(here, 'client.mjs')}`;
  const env = { MCP_GATEWAY_BINARY: options.binary, MCP_SDKS: options.sdks };
  const target = ['--command', command];
  const run = await suite.run('client', revision, target, folder, { only: options.only, env });
  const where = { leg: 'client', revision };
  for (const [scenario, checks] of run.found) {
    if (compare(where, scenario, checks).unexpected.length > 0 && !options.verbose) console.error(run.printedBy.get(scenario));
  }
  record(into, revision, where, run);
}

for (const direct of [true, false]) {
  if (!options.leg.includes(direct ? 'direct' : 'server')) continue;
  for (const revision of options.revision) if (has(revision, 'server')) await serverLeg(revision, direct);
}
if (options.leg.includes('client')) {
  const into = table('client');
  for (const revision of options.revision) if (has(revision, 'client')) await clientLeg(revision, into);
}

console.log('passed/failed checks; * as the baseline says, ! not so\n');
for (const made of tables) if (made.columns.length > 0) show(made);
if (options.suggest) {
  const everywhere = (upstreams) => upstreams.length === chosen.length || !upstreams[0];
  const entries = [...failures].map(([key, upstreams]) => ({ ...JSON.parse(key), ...(!everywhere(upstreams) && { upstreams }), reason: '' }));
  process.stdout.write(yaml.stringify(entries, { lineWidth: 0 }));
}
for (const complaint of complaints) console.error(complaint);
process.exit(complaints.length > 0 ? 1 : 0);
