// The list of contenders: no relay at all, ours in its forms, and Node's own `a.pipe(b)`. The other programs are in
// peers.ts.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../host/load-programs.ts';
import { freePort } from '../host/ports.ts';
import { type Contender, everyMeasure, type Missing, type Side } from './contender.ts';
import { haproxy, haproxySplice, nginx, socat } from './peers.ts';

const proxyProgram = join(root, 'dist/src/cli/main.js');
const nodePipeProgram = join(root, 'dist/tools/bench/relay/node-pipe.js');

function notBuilt(program: string): Missing | null {
  return existsSync(program) ? null : { what: program.slice(root.length), remedy: 'make build' };
}

const local = (port: number) => `127.0.0.1:${port}`;

function proxySide(
  name: string,
  listen: number,
  target: number,
  mode: string[],
  env: Record<string, string>,
): Side {
  const [flag = '', ...options] = mode;
  // No line per connection, as the peers write none.
  const args = [proxyProgram, flag, local(listen), local(target), '--log-level', 'warn', ...options];
  return { name, listen, command: { program: process.execPath, args, env } };
}

function ourRelay(name: string, title: string, env: Record<string, string>): Contender {
  return {
    name,
    title,
    measures: everyMeasure,
    needsAddon: env.TCP_STRIPER_BACKEND !== 'portable',
    missing: () => notBuilt(proxyProgram),
    version: () => `Node ${process.version}`,
    sides: ({ listen, target }) => [proxySide('relay', listen, target, ['-r'], env)],
  };
}

const direct: Contender = {
  name: 'direct',
  title: 'no relay',
  // Idle memory of no process is nothing to measure; stalled tells what the kernel's own socket buffers take.
  measures: new Set(['bulk-up', 'bulk-down', 'rate', 'latency', 'stalled']),
  missing: () => null,
  version: () => '',
  sides: () => [],
};

const pair: Contender = {
  name: 'pair',
  title: 'pair -c/-s, -n 0',
  measures: everyMeasure,
  needsAddon: true,
  missing: () => notBuilt(proxyProgram),
  version: () => `Node ${process.version}`,
  sides: async ({ listen, target }) => {
    const middle = await freePort();
    return [
      proxySide('client', listen, middle, ['-c', '-n', '0'], {}),
      proxySide('server', middle, target, ['-s', '-n', '0'], {}),
    ];
  },
};

const nodePipe: Contender = {
  name: 'node-pipe',
  title: 'Node a.pipe(b)',
  measures: everyMeasure,
  missing: () => notBuilt(nodePipeProgram),
  version: () => `Node ${process.version}`,
  sides: ({ listen, target }) => [
    {
      name: 'relay',
      listen,
      command: { program: process.execPath, args: [nodePipeProgram, `${listen}`, `${target}`] },
    },
  ],
};

export const contenders: readonly Contender[] = [
  direct,
  ourRelay('relay', 'tcp-proxy -r', {}),
  ourRelay('relay-buffers', 'tcp-proxy -r, no splice', { TCP_STRIPER_SPLICE: 'off' }),
  ourRelay('relay-portable', 'tcp-proxy -r, portable', { TCP_STRIPER_BACKEND: 'portable' }),
  pair,
  haproxy,
  haproxySplice,
  nginx,
  socat,
  nodePipe,
];
