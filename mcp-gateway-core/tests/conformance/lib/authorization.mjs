// Drives the gateway as a client of a server that wants to be authorized, by its commands, as a person would.

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { prepare, remote } from './gateway.mjs';

// The exit status of a command that needs an authorization first, and of a tool that says that it failed.
const UNAUTHORIZED = 16;
const TOOL_FAILED = 3;

/** Calls the first tool of the server, and authorizes whenever that is asked for. Returns an exit status. */
export async function authorized(binary, url, scenario, context) {
  const { run, authorize } = await gateway(binary, url, scenario, context);
  for (let attempt = 0; attempt < 3; attempt++) {
    const { status, output } = await call(run);
    if (status === 0 || status === TOOL_FAILED) return 0;
    if (status !== UNAUTHORIZED && !output.includes('oauth authorize')) return 1;
    if ((await authorize()) !== 0) return 1;
  }
  return 1;
}

async function call(run) {
  const listed = await run(['tools', 'ls', '--profile', 'tests', '--format', 'json']);
  if (listed.status !== 0) return listed;
  const [tool] = JSON.parse(listed.stdout || '[]');
  // A server that cannot be listed says why when one of its tools is called.
  return run(['tools', 'call', tool?.name ?? 'upstream.any', '--profile', 'tests']);
}

async function gateway(binary, url, scenario, context) {
  const server = remote(url);
  server.settings.oauth = await settings(url, scenario, context);
  const { env: own } = prepare(binary, { upstream: server });
  const env = { PATH: process.env.PATH, HOME: own.MCP_GATEWAY_HOME, DOCKER_HOST: 'unix:///nonexistent', ...own };
  const run = (args, input = '') => finish(spawn(binary, args, { env }), input);
  await run(['catalog', 'add', 'tests', join(own.MCP_GATEWAY_HOME, 'catalog.yaml')]);
  if (server.settings.oauth.clientSecret) await run(['secret', 'set', 'SECRET'], context.client_secret);
  /** Follows the address that is printed, and hands back where that leads. */
  const authorize = async () => {
    const child = spawn(binary, ['oauth', 'authorize', 'upstream', '--profile', 'tests', '--paste'], { env });
    const printed = new Promise((resolve) => child.stdout.once('data', (chunk) => resolve(`${chunk}`.split('\n')[0])));
    const ended = new Promise((resolve) => child.once('close', resolve));
    const address = await Promise.race([printed, ended]);
    if (typeof address !== 'string') return address;
    child.stdin.on('error', () => {});
    const { headers } = await fetch(address, { redirect: 'manual' });
    child.stdin.end(`${headers.get('location') ?? ''}\n`);
    return ended;
  };
  return { run, authorize };
}

/** What an operator would have been told by whoever runs the server. */
async function settings(url, scenario, context) {
  const oauth = { clientMetadataUrl: 'https://conformance-test.local/client-metadata.json' };
  if (context.client_id) oauth.clientId = context.client_id;
  if (context.client_id && context.client_secret) {
    const { origin, pathname } = new URL(url);
    const found = await fetch(`${origin}/.well-known/oauth-protected-resource${pathname}`);
    const metadata = found.ok ? await found.json() : {};
    oauth.issuer = metadata.authorization_servers?.[0] ?? origin;
    oauth.clientSecret = 'SECRET';
  }
  if (scenario.includes('client-credentials')) oauth.grant = 'clientCredentials';
  return oauth;
}

function finish(child, input) {
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => (stdout += chunk));
  child.stderr.on('data', (chunk) => (stderr += chunk));
  // A command that reads nothing may have ended before this is written.
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  return new Promise((resolve) => {
    child.once('close', (status) => {
      if (status !== 0) console.error(stderr.trimEnd());
      resolve({ status, stdout, output: stdout + stderr });
    });
  });
}
