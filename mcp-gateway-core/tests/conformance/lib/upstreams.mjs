// The servers of ../servers, by name: how each is started, and as what the gateway reaches it.

import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { local, remote } from './gateway.mjs';
import { start } from './processes.mjs';

const servers = fileURLToPath(new URL('../servers', import.meta.url));

/** `{typescript, python, session}`, each `{command, args, read, env}` without the transport. */
export function programs(sdks, venv) {
  const node = (file) => ({
    command: process.execPath,
    args: [join(servers, file)],
    read: [servers, sdks],
    env: { MCP_SDKS: sdks },
  });
  const python = join(venv, 'bin', 'python');
  const base = execFileSync(python, ['-c', 'import sys; print(sys.base_prefix)'], { encoding: 'utf8' }).trim();
  return {
    typescript: node('typescript.mjs'),
    python: { command: python, args: ['-W', 'ignore', join(servers, 'python.py')], read: [servers, venv, base] },
    session: node('session.mjs'),
  };
}

/** Starts a program over HTTP, or leaves that to the gateway, and returns `{server, url?, stop}`. */
export async function open(program, transport) {
  const { command, args, env } = program;
  if (transport === 'stdio') return { server: local({ ...program, args: [...args, 'stdio'] }), stop() {} };
  const { match, stop } = await start(command, [...args, 'http'], { env, ready: /^(http:\S+)/m });
  return { server: remote(match[1]), url: match[1], stop };
}
