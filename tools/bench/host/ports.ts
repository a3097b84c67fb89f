// Ports for a benchmark's own listeners.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

// Below the range that Linux takes ephemeral ports from: the thousands of connections of a benchmark would otherwise
// sit on a port between the moment that we found it free and the moment that a contender binds it.
const lowest = 18_000;
const highest = 31_000;
let next = lowest + (process.pid % (highest - lowest));

export async function freePort(): Promise<number> {
  for (let tries = 0; tries < 1000; tries++) {
    next = next >= highest ? lowest : next + 1;
    if (await canListen(next)) return next;
  }
  throw new Error('no free port found');
}

function canListen(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.on('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/** Looks in the kernel's table and makes no connection: that would reach through a relay to its target. */
function isListening(port: number): boolean {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const row = new RegExp(`^\\s*\\d+: [0-9A-F]+:${hex} [0-9A-F]+:0000 0A `, 'm');
  return ['/proc/net/tcp', '/proc/net/tcp6'].some((table) => {
    try {
      return row.test(readFileSync(table, 'utf8'));
    } catch {
      return false;
    }
  });
}

/** Waits until someone listens on the port, as long as `alive` says that there is any hope. */
export async function awaitListening(
  port: number,
  alive: () => boolean,
  timeoutMs = 10_000,
): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while (Date.now() < deadline && alive()) {
    if (isListening(port)) return true;
    await sleep(20);
  }
  return false;
}
