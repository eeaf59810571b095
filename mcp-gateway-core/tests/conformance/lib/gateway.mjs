// A gateway with a folder, a catalog and a profile of its own.

import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { start } from './processes.mjs';

const homes = [];
process.on('exit', () => homes.forEach((home) => rmSync(home, { recursive: true, force: true })));

/**
 * Writes catalog and profile of these servers, `{name: {entry, settings}}`, and returns how the gateway is started on them.
 */
export function prepare(binary, servers) {
  const home = mkdtempSync(join(tmpdir(), 'mcp-gateway-conformance-'));
  const part = (key) => Object.fromEntries(Object.entries(servers).map(([name, server]) => [name, server[key] ?? {}]));
  homes.push(home);
  mkdirSync(join(home, 'profiles'));
  // JSON is YAML.
  writeFileSync(join(home, 'catalog.yaml'), JSON.stringify({ version: 3, name: 'tests', registry: part('entry') }));
  // The servers add tools while they run, and speak in the same words: what is tested here is that it is told.
  const profile = {
    name: 'tests',
    policy: { default: 'allow' },
    surfaces: { additions: 'accept', flagged: 'warn' },
    servers: part('settings'),
  };
  writeFileSync(join(home, 'profiles', 'tests.yaml'), JSON.stringify(profile));
  return {
    command: binary,
    args: ['gateway', 'run', '--profile', 'tests', '--catalog', join(home, 'catalog.yaml')],
    env: { MCP_GATEWAY_HOME: home },
  };
}

/** Serves these servers over HTTP. */
export async function serve(binary, servers) {
  const { command, args, env } = prepare(binary, servers);
  const http = ['--transport', 'streaming', '--no-auth', '--port', '0'];
  const gateway = await start(command, [...args, ...http], { env, ready: /listening on (http:\S+)/ });
  return { ...gateway, url: gateway.match[1] };
}

/** A server that runs elsewhere, on this machine. */
export function remote(url) {
  return { entry: { type: 'remote', title: 'remote', remote: { url } }, settings: { allowPrivate: true } };
}

/** A server that the gateway starts, in its sandbox. */
export function local({ command, args, read, env = {} }) {
  return {
    entry: {
      type: 'server',
      title: 'local',
      process: { command, args, read },
      env: Object.entries(env).map(([name, value]) => ({ name, value })),
    },
  };
}
