// The list of contenders: no relay at all, ours in its forms, the other programs, and Node's own `a.pipe(b)`.

import { join } from 'node:path';
import { type Contender, direct, everyMeasure } from '../compare/contender.ts';
import { notBuilt, ourPair, ourRelay } from '../compare/ours.ts';
import { haproxy, nginx, socat } from '../compare/peers.ts';
import { root } from '../host/load-programs.ts';

const nodePipeProgram = join(root, 'dist/tools/bench/relay/node-pipe.js');

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
  ourPair('pair', 0),
  haproxy('haproxy'),
  haproxy('haproxy-splice', { splice: true }),
  nginx,
  socat,
  nodePipe,
];
