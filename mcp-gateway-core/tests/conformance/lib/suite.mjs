// Runs the conformance suite and reads what it found.

import { readFileSync, readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { run } from './processes.mjs';

export const revisions = ['2025-11-25', '2026-07-28'];

export class Suite {
  #folder;
  #yaml;

  constructor(sdks, yaml) {
    this.#folder = join(sdks, 'node_modules/@modelcontextprotocol/conformance');
    this.#yaml = yaml;
  }

  /** The scenarios that a revision has for a leg, `server` or `client`; also those that are not scored. */
  scenarios(revision, leg) {
    const set = this.#yaml.parse(readFileSync(join(this.#folder, 'requirements', `${revision}.yaml`), 'utf8'));
    return [...set[leg], ...set.not_scored.filter((entry) => entry.leg === leg).map((entry) => entry.scenario)];
  }

  /**
   * Runs a leg and returns a map of each scenario to its checks, `[{id, status, errorMessage}]`, and what was printed;
   * for the scenarios of a client also by which.
   * `target` is `['--url', …]` or `['--command', …]`.
   */
  async run(leg, revision, target, output, { only, env, seconds } = {}) {
    const program = join(this.#folder, 'dist/index.js');
    const scenarios = only ? [only] : this.scenarios(revision, leg);
    const launch = async (which) => {
      const args = [program, leg, ...target, ...which, '--timeout', '45000', '-o', output];
      return (await run(process.execPath, args, { env, seconds })).printed;
    };
    const alone = (scenario) => launch(['--scenario', scenario, '--spec-version', revision, '--force']);
    let printed;
    const printedBy = new Map();
    if (only) printedBy.set(only, (printed = await alone(only)));
    else if (leg === 'server') printed = await launch(['--requirements', revision]);
    else {
      // The suite would run all scenarios of a client at once, which tests how busy the machine is.
      await inPairs(scenarios, async (scenario) => printedBy.set(scenario, await alone(scenario)));
      printed = [...printedBy.values()].join('\n');
    }

    const found = new Map(scenarios.map((scenario) => [scenario, []]));
    for (const file of results(output)) {
      // `server-ping-2026-01-01T00-00-00-000Z/checks.json`, `auth/iss-supported-…/checks.json`
      const name = relative(output, file).replace(/-\d{4}-\d\d-\d\dT[^/]*\/checks\.json$/, '');
      const scenario = leg === 'server' ? name.replace(/^server-/, '') : name;
      if (found.has(scenario)) found.set(scenario, JSON.parse(readFileSync(file, 'utf8')));
    }
    return { found, printed, printedBy };
  }
}

/** Calls `work` with each item, two at a time. */
async function inPairs(items, work) {
  const rest = [...items];
  const worker = async () => {
    while (rest.length > 0) await work(rest.shift());
  };
  await Promise.all([worker(), worker()]);
}

function results(folder) {
  try {
    return readdirSync(folder, { recursive: true })
      .filter((name) => name.endsWith('checks.json'))
      .map((name) => join(folder, name));
  } catch {
    return [];
  }
}

/** `{passed, failed: [{id, message}]}`. Warnings are failures, and so is a scenario that left nothing behind. */
export function judge(checks) {
  const failed = new Map();
  for (const { id, status, errorMessage } of checks) {
    if ((status === 'FAILURE' || status === 'WARNING') && !failed.has(id)) failed.set(id, errorMessage ?? '');
  }
  if (checks.length === 0) failed.set('did-not-run', 'the suite has no result for it');
  const passed = checks.filter(({ status }) => status === 'SUCCESS').length;
  return { passed, failed: [...failed].map(([id, message]) => ({ id, message })) };
}
