// Child processes that never outlive the test: each leads a group of its own, which is ended with it.

import { spawn } from 'node:child_process';

const groups = new Set();

/** Ends every process that is still there. */
export function endAll() {
  for (const pid of groups) {
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // It has ended already.
    }
  }
}

process.on('exit', endAll);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => process.exit(130));

function launch(command, args, env, stdin) {
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: [stdin, 'pipe', 'pipe'], detached: true });
  groups.add(child.pid);
  child.once('exit', () => groups.delete(child.pid));
  let printed = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk) => {
      printed = (printed + chunk).slice(-200_000);
      child.emit('printed', printed);
    });
  }
  return { child, printed: () => printed };
}

function end(child) {
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}

/**
 * Runs a command to its end and returns what it printed and its exit code, which is `null` when it took too long.
 */
export function run(command, args, { env, seconds = 180 } = {}) {
  const { child, printed } = launch(command, args, env, 'ignore');
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => end(child), seconds * 1000);
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve({ code, printed: printed() });
    });
  });
}

/**
 * Starts a server and waits until it prints what `ready` matches. Returns the match, and a function that ends it.
 */
export function start(command, args, { env, ready, seconds = 30 }) {
  const { child, printed } = launch(command, args, env, 'pipe');
  return new Promise((resolve, reject) => {
    const fail = (why) => {
      end(child);
      reject(new Error(`${command} ${args.join(' ')} ${why}\n${printed()}`));
    };
    const timer = setTimeout(() => fail(`was not ready in ${seconds} s`), seconds * 1000);
    child.once('error', (error) => fail(error.message));
    child.once('exit', (code) => fail(`ended with ${code}`));
    child.on('printed', (text) => {
      const match = ready.exec(text);
      if (!match) return;
      clearTimeout(timer);
      child.removeAllListeners('exit').removeAllListeners('printed');
      child.once('exit', () => groups.delete(child.pid));
      resolve({ match, printed, stop: () => end(child) });
    });
  });
}
