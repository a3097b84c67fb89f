/**
 * A whole handshake at a server, in the clear: pieces of bytes, time, an end. Who has no key never joins; whatever happens is
 * told once, and nothing is left behind.
 */

import { PipeError } from '../../../src/core/errors.ts';
import { SlabPool } from '../../../src/core/pool.ts';
import { framed } from '../../../src/layer/trunk/greeting.ts';
import {
  ClientHandshake,
  HANDSHAKE_TIMEOUT_MS,
  Refusal,
  refusal,
} from '../../../src/layer/trunk/handshake.ts';
import { joinAsServer } from '../../../src/layer/trunk/join.ts';
import { memoryPair } from '../../../src/pipe/memory.ts';
import { expect, type FuzzTarget } from '../target.ts';
import { expectPrintable, wordsOf } from './text.ts';
import { Decisions, World } from './world.ts';

const KEY = Buffer.alloc(32, 'a key that is not known');
const HELLO = {
  trunkId: Buffer.alloc(16, 7),
  carrierId: 3,
  mayCreate: true,
  windows: { stream: 65_536, trunk: 1 << 20 },
};
const WELCOME = { instance: Buffer.alloc(16, 9), windows: { stream: 3, trunk: 4 } };
const PASS = 0xf0;
const FIN = 0xf1;
const RESET = 0xf2;
const HURRY = 0xf3;
const CANCEL = 0xf4;

/** Says this in one piece. */
function say(bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}

const hello = framed(new ClientHandshake(HELLO, null).hello);
const keyedHello = framed(new ClientHandshake(HELLO, KEY).hello);

export const join: FuzzTarget = {
  name: 'join',
  maxBytes: 512,
  dictionary: [
    say(hello),
    say(keyedHello),
    say(framed(Buffer.concat([Buffer.from('TSTR\x03\x01\0\0', 'latin1'), Buffer.alloc(32, 1)]))),
    say(framed(refusal(5, 'busy'))),
    say(Buffer.from('GET / HTTP/1.1\r\n')),
    Buffer.from([PASS, 30]),
    Buffer.from([PASS, 120]),
    Buffer.from([FIN]),
    Buffer.from([RESET]),
    Buffer.from([HURRY]),
    Buffer.from([CANCEL]),
  ],
  seeds: [
    Buffer.concat([Buffer.from([0]), say(hello)]),
    Buffer.concat([Buffer.from([1]), say(keyedHello), Buffer.from([PASS, 120])]),
    Buffer.concat([Buffer.from([2]), Buffer.from([PASS, 30]), say(hello)]),
  ],
  run(input) {
    const world = new World();
    const decisions = new Decisions(input);
    const pool = new SlabPool();
    const kind = decisions.byte();
    const key = (kind & 1) === 1 ? KEY : null;
    const ends: string[] = [];
    world.within(() => {
      const [near, far] = memoryPair('bytes');
      const joining = joinAsServer(
        far,
        {
          key,
          welcome: WELCOME,
          closed: null,
          encryption: null,
          admit() {},
          onJoined({ windows }) {
            ends.push('joined');
            expect(Math.max(windows.stream, windows.trunk) <= 2 ** 40, 'windows above 1 TiB');
            far.discard();
          },
          onFailed(error) {
            expectPrintable(error.message);
            ends.push(error instanceof Refusal && error.byPeer ? 'refused by peer' : wordsOf(error));
          },
          onOther:
            (kind & 2) === 0
              ? null
              : (first) => {
                  ends.push('other');
                  expect(first.length <= 6, `${first.length} bytes were read of somebody else's`);
                  far.discard();
                },
        },
        world,
      );
      world.settle();
      while (decisions.left > 0) {
        const op = decisions.byte();
        const told = ends.length;
        if (op === PASS) world.pass(decisions.byte() * 50);
        else if (op === FIN) {
          if (!near.finSent && near.broken === null) near.discard();
        } else if (op === RESET) near.discard(new PipeError('reset', 'test'));
        else if (op === HURRY) {
          if (told === 0) joining.hurry();
        } else if (op === CANCEL) {
          if (told === 0) joining.cancel();
        } else {
          const bytes = decisions.take(op);
          if (near.ready && near.writable && bytes.length > 0) near.send(pool.copy(bytes));
        }
        world.settle();
      }
      world.pass(HANDSHAKE_TIMEOUT_MS);
      near.discard();
    });
    expect(ends.length === 1, `told ${ends.length} times: ${ends.join(', ')}`);
    expect(key === null || ends[0] !== 'joined', 'somebody joined who does not have the key');
    expect(world.timers === 0, `${world.timers} timers are left`);
    expect(pool.out === 0, `${pool.out} chunks are lost`);
    return [`${kind & 3} ${ends[0]}`];
  },
};
