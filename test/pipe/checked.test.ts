/**
 * Goal: CheckedPipe finds every broken promise. Each fault here is a pipe that keeps the contract but for one thing; a
 * checker that misses it would let all other tests pass for nothing.
 */
import t, { type Test } from 'tap';
import type { Chunk } from '../../src/core/chunk.ts';
import { PipeError } from '../../src/core/errors.ts';
import { SlabPool } from '../../src/core/pool.ts';
import { CheckedPipe, ContractViolation } from '../../src/pipe/checked.ts';
import { memoryPair } from '../../src/pipe/memory.ts';
import {
  type ActivityHandler,
  BROKEN,
  FIN_SENT,
  type IoPipe,
  READABLE,
  READY,
  WRITABLE,
} from '../../src/pipe/pipe.ts';
import { testPipe } from '../contract/suite.ts';
import { MEMORY } from '../contract/traits.ts';

/** A pipe whose every flag can be set by hand, and whose calls do what the test says. */
class Puppet implements IoPipe<'bytes'> {
  readonly kind = 'bytes';
  readonly maxSend = 100;
  readonly congestion = null;
  ready = true;
  broken: PipeError | null = null;
  readable = false;
  writable = true;
  finReceived = false;
  finSent = false;
  onActivity: ActivityHandler | null = null;
  onRecv: () => Chunk | null = () => {
    this.readable = false;
    return null;
  };
  onSend = (chunk: Chunk) => chunk.release();
  onSendFin = () => {
    this.writable = false;
  };
  onDiscard = () => {
    this.ready = this.readable = this.writable = false;
  };

  recv(): Chunk | null {
    return this.onRecv();
  }
  send(chunk: Chunk): void {
    this.onSend(chunk);
  }
  sendFin(): void {
    this.onSendFin();
  }
  discard(): void {
    this.onDiscard();
  }
}

interface Fault {
  readonly promise: RegExp;
  readonly plant: (puppet: Puppet, pipe: CheckedPipe<'bytes'>, pool: SlabPool) => void;
}

const boom = () => new PipeError('reset', 'test');

/** A chunk that the test frees afterwards, whoever holds it. */
const lent = new Set<Chunk>();
function lend(pool: SlabPool, text: string): Chunk {
  const chunk = pool.copy(Buffer.from(text));
  lent.add(chunk);
  return chunk;
}

const FAULTS: Record<string, Fault> = {
  // What a pipe does wrong.
  'still readable after null': {
    promise: /null but the pipe is still readable/,
    plant(puppet, pipe) {
      puppet.readable = true;
      puppet.onRecv = () => null;
      pipe.recv();
    },
  },
  'a chunk while not readable': {
    promise: /although the pipe was not readable/,
    plant(puppet, pipe, pool) {
      puppet.onRecv = () => lend(pool, 'x');
      pipe.recv();
    },
  },
  'a chunk after FIN': {
    promise: /after FIN or discard/,
    plant(puppet, pipe, pool) {
      puppet.finReceived = puppet.readable = true;
      puppet.onRecv = () => lend(pool, 'x');
      pipe.recv();
    },
  },
  'a chunk that was released': {
    promise: /released chunk/,
    plant(puppet, pipe, pool) {
      puppet.readable = true;
      const chunk = lend(pool, 'x');
      chunk.release();
      puppet.onRecv = () => chunk;
      pipe.recv();
    },
  },
  'FIN as an empty chunk': {
    promise: /empty chunk/,
    plant(puppet, pipe, pool) {
      puppet.readable = true;
      puppet.onRecv = () => lend(pool, '');
      pipe.recv();
    },
  },
  'more than was asked for': {
    promise: /recv\(2\) returned 3 bytes/,
    plant(puppet, pipe, pool) {
      puppet.readable = true;
      puppet.onRecv = () => lend(pool, 'abc');
      pipe.recv(2);
    },
  },
  'writable although broken': {
    promise: /writable but broken/,
    plant(puppet, pipe) {
      puppet.broken = boom();
      pipe.recv();
    },
  },
  'writable after sendFin()': {
    promise: /writable after sendFin/,
    plant(puppet, pipe) {
      puppet.onSendFin = () => {};
      pipe.sendFin();
    },
  },
  'writable again some time after sendFin()': {
    promise: /writable after sendFin/,
    plant(puppet, pipe) {
      pipe.sendFin();
      puppet.writable = true;
      puppet.onActivity?.(WRITABLE);
    },
  },
  'ready turns false': {
    promise: /ready turned false/,
    plant(puppet, pipe) {
      puppet.ready = puppet.writable = false;
      pipe.recv();
    },
  },
  'FIN taken back': {
    promise: /finReceived turned false/,
    plant(puppet, pipe) {
      puppet.finReceived = true;
      pipe.recv();
      puppet.finReceived = false;
      pipe.recv();
    },
  },
  'our FIN taken back': {
    promise: /finSent turned false/,
    plant(puppet, pipe) {
      pipe.sendFin();
      puppet.finSent = true;
      puppet.onActivity?.(FIN_SENT);
      puppet.finSent = false;
      pipe.recv();
    },
  },
  'finSent that nobody asked for': {
    promise: /finSent without sendFin/,
    plant(puppet, pipe) {
      puppet.finSent = true;
      pipe.recv();
    },
  },
  'another error than before': {
    promise: /error in broken changed/,
    plant(puppet, pipe) {
      puppet.writable = false;
      puppet.broken = boom();
      pipe.recv();
      puppet.broken = boom();
      pipe.recv();
    },
  },
  'the error disappears': {
    promise: /error in broken changed/,
    plant(puppet, pipe) {
      puppet.writable = false;
      puppet.broken = boom();
      pipe.recv();
      puppet.broken = null;
      pipe.recv();
    },
  },
  'a reset that turns into FIN': {
    promise: /finReceived after broken/,
    plant(puppet, pipe) {
      puppet.writable = false;
      puppet.broken = boom();
      pipe.recv();
      puppet.finReceived = true;
      pipe.recv();
    },
  },
  'an event from inside a call': {
    promise: /from inside the consumer's own call/,
    plant(puppet, pipe, pool) {
      puppet.onSend = (chunk) => {
        chunk.release();
        puppet.onActivity?.(WRITABLE);
      };
      pipe.send(pool.copy(Buffer.from('x')));
    },
  },
  'an event without its flag: ready': {
    promise: /event ready, but/,
    plant(puppet) {
      puppet.ready = puppet.writable = false;
      puppet.onActivity?.(READY);
    },
  },
  'an event without its flag: broken': {
    promise: /event broken, but/,
    plant: (puppet) => puppet.onActivity?.(BROKEN),
  },
  'an event without its flag: finSent': {
    promise: /event finSent, but/,
    plant: (puppet) => puppet.onActivity?.(FIN_SENT),
  },
  'an event that is none': { promise: /event 0 is none/, plant: (puppet) => puppet.onActivity?.(0) },
  'an unknown event': { promise: /event 64 is none/, plant: (puppet) => puppet.onActivity?.(64) },
  'the same event twice': {
    promise: /event 4 although its flag has been on/,
    plant(puppet) {
      puppet.readable = true;
      puppet.onActivity?.(READABLE);
      puppet.onActivity?.(READABLE);
    },
  },
  'broken twice': {
    promise: /event 2 although its flag has been on/,
    plant(puppet) {
      puppet.writable = false;
      puppet.broken = boom();
      puppet.onActivity?.(BROKEN);
      puppet.onActivity?.(BROKEN | READABLE);
    },
  },
  'an event after discard()': {
    promise: /event 4 after discard/,
    plant(puppet, pipe) {
      pipe.discard();
      puppet.onActivity?.(READABLE);
    },
  },
  'a flag left on by discard()': {
    promise: /a flag is on after discard/,
    plant(puppet, pipe) {
      puppet.onDiscard = () => {
        puppet.ready = puppet.writable = false;
        puppet.readable = true;
      };
      pipe.discard();
    },
  },
  'a flag that comes back after discard()': {
    promise: /a flag is on after discard/,
    plant(puppet, pipe) {
      pipe.discard();
      puppet.writable = true;
      pipe.recv();
    },
  },
  // What a consumer does wrong.
  'send() while not writable': {
    promise: /send\(\) while not writable/,
    plant(puppet, pipe, pool) {
      puppet.writable = false;
      pipe.send(lend(pool, 'x'));
    },
  },
  'send() above maxSend': {
    promise: /maxSend is 100/,
    plant: (_, pipe, pool) => pipe.send(lend(pool, 'x'.repeat(101))),
  },
  'send() of a released chunk': {
    promise: /send\(\) of a released chunk/,
    plant(_, pipe, pool) {
      const chunk = lend(pool, 'x');
      chunk.release();
      pipe.send(chunk);
    },
  },
  'recv(0)': { promise: /recv\(0\)/, plant: (_, pipe) => pipe.recv(0) },
  'sendFin() twice': {
    promise: /sendFin\(\) twice/,
    plant(_, pipe) {
      pipe.sendFin();
      pipe.sendFin();
    },
  },
};

t.test('every planted fault is found, where it is made, and remembered', async (t: Test) => {
  for (const [name, { promise, plant }] of Object.entries(FAULTS)) {
    const pool = new SlabPool();
    const puppet = new Puppet();
    const pipe = new CheckedPipe(puppet);
    t.throws(() => plant(puppet, pipe, pool), { name: 'ContractViolation', message: promise }, name);
    t.equal(pipe.violations.length > 0, true);
    t.ok(pipe.violations[0] instanceof ContractViolation);
    for (const chunk of lent) if (!chunk.released) chunk.release();
    lent.clear();
    t.equal(pool.out, 0);
  }
});

t.test('before ready', async (t) => {
  const puppet = new Puppet();
  puppet.ready = false;
  t.throws(() => new CheckedPipe(puppet), /writable but not ready/);
  puppet.writable = false;
  const pipe = new CheckedPipe(puppet);
  t.throws(() => pipe.sendFin(), /sendFin\(\) before ready/);
  t.throws(() => puppet.onActivity?.(READABLE), /data event before ready/);
});

t.test('what is right is let through: all events once, an edge late, a flag off and on again', async (t) => {
  const puppet = new Puppet();
  puppet.ready = puppet.writable = false;
  const pipe = new CheckedPipe(puppet);
  const heard: number[] = [];
  pipe.onActivity = (events) => heard.push(events);
  puppet.ready = puppet.writable = true;
  puppet.onActivity?.(READY | WRITABLE);
  puppet.readable = true;
  puppet.onActivity?.(READABLE);
  pipe.recv();
  puppet.onActivity?.(READABLE); // an event that was on its way when the consumer looked by itself
  puppet.readable = true;
  puppet.onActivity?.(READABLE);
  pipe.sendFin();
  puppet.finSent = true;
  puppet.onActivity?.(FIN_SENT);
  pipe.discard();
  t.same(heard, [READY | WRITABLE, READABLE, READABLE, READABLE, FIN_SENT]);
  t.same(pipe.violations, []);
});

testPipe(
  t,
  'a checked pipe is a pipe',
  async () =>
    memoryPair('bytes').map((pipe) => new CheckedPipe(pipe)) as unknown as [IoPipe<'bytes'>, IoPipe<'bytes'>],
  { kind: 'bytes', ...MEMORY },
);
