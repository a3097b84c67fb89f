/** Goal: what CompressPipe sends is what the zstd and lz4 commands read, and the other way round; a hostile peer costs little. */

import { execFileSync, spawnSync } from 'node:child_process';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { SlabPool } from '../../../src/core/pool.ts';
import { CompressPipe, type CompressPipeOptions } from '../../../src/layer/compress/pipe.ts';
import type { Policy } from '../../../src/layer/compress/policy.ts';
import { type MemoryPipe, memoryPair } from '../../../src/pipe/memory.ts';
import { fixed, STORING } from '../../helpers/compress.ts';
import { PipeEnd } from '../../helpers/pipe_end.ts';
import { Random, SEED } from '../../helpers/random.ts';
import { eventually } from '../../helpers/settle.ts';

t.setTimeout(300_000);

const MIB = 2 ** 20;

/** Text that compresses as text does. */
function text(random: Random, bytes: number): Buffer {
  const words = Array.from({ length: 500 }, () => random.bytes(random.int(1, 5)).toString('hex'));
  const lines: string[] = [];
  for (let length = 0; length < bytes; ) {
    const line = Array.from({ length: random.int(1, 12) }, () => words[random.int(0, 499)]).join(' ');
    lines.push(line);
    length += line.length + 1;
  }
  return Buffer.from(lines.join('\n')).subarray(0, bytes);
}

interface World {
  readonly pool: SlabPool;
  readonly pipe: CompressPipe;
  /** The one that compresses. */
  readonly end: PipeEnd<'bytes'>;
  /** What is on the wire. */
  readonly wire: PipeEnd<'bytes'>;
}

/** One CompressPipe, and the wire as it is at the other end. All is given back at the end of the test. */
function world(t: Test, options: Partial<CompressPipeOptions> = {}): World {
  const pool = new SlabPool();
  const [a, b]: [MemoryPipe<'bytes'>, MemoryPipe<'bytes'>] = memoryPair('bytes');
  const pipe = new CompressPipe(a, {
    policy: fixed('zstd', 3),
    sendPool: pool,
    receivePool: pool,
    ...options,
  });
  t.teardown(async () => {
    pipe.discard();
    b.discard();
    await eventually('all slabs back', () => pool.out === 0);
  });
  return { pool, pipe, end: new PipeEnd<'bytes'>(pipe, pool), wire: new PipeEnd<'bytes'>(b, pool) };
}

/** What becomes of bytes on the wire. */
async function compressed(t: Test, policy: Policy, pieces: readonly Buffer[]): Promise<Buffer> {
  const { end, wire } = world(t, { policy });
  const [ending] = await Promise.all([wire.recvToEnd(), end.sendAll(pieces).then(() => end.fin())]);
  t.equal(ending, 'fin');
  return wire.bytes;
}

/** What a CompressPipe makes of bytes on the wire, and how it ends. */
async function received(
  t: Test,
  bytes: Buffer,
  cut = 70_000,
): Promise<{ end: PipeEnd<'bytes'>; how: string }> {
  const { end, wire } = world(t);
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += cut) pieces.push(bytes.subarray(at, at + cut));
  const sending = wire.sendAll(pieces).then(async (all) => all && wire.fin());
  const how = await end.recvToEnd();
  await sending;
  return { end, how };
}

const needs = (command: string) =>
  spawnSync(command, ['--version']).status === 0 ? {} : { skip: `there is no ${command}` };
const TOOLS: Record<string, { levels: readonly number[]; compress: string[] }> = {
  zstd: { levels: [-5, 1, 3, 9, 19], compress: ['-3', '-c'] },
  lz4: { levels: [-3, 1, 9, 12], compress: ['-1', '-c'] },
};
/** Ends with an error when it is stopped early, and says so. */
const tool = (name: string, args: readonly string[], input: Buffer) =>
  execFileSync(name, args, { input, maxBuffer: 256 * MIB, stdio: ['pipe', 'pipe', 'pipe'] });

for (const [name, { levels, compress }] of Object.entries(TOOLS)) {
  t.test(`the ${name} command reads what is sent`, needs(name), async (t) => {
    const random = new Random(SEED);
    const pieces = [text(random, 300_000), Buffer.from('x'), random.bytes(200_000), text(random, 5)];
    const all = Buffer.concat(pieces);
    const cut = Array.from({ length: Math.ceil(all.length / 100_000) }, (_, i) =>
      all.subarray(i * 100_000, (i + 1) * 100_000),
    );
    for (const level of levels) {
      const wire = await compressed(t, fixed(name, level), cut);
      t.ok(tool(name, ['-dc'], wire).equals(all), `level ${level}: ${wire.length} bytes`);
    }
  });

  t.test(`what the ${name} command writes is understood, however it is cut`, needs(name), async (t) => {
    const random = new Random(SEED);
    const all = Buffer.concat([text(random, 200_000), random.bytes(100_000)]);
    const wire = tool(name, compress, all);
    for (const cut of [1, 7, 4096, wire.length]) {
      const { end, how } = await received(t, wire, cut);
      t.equal(how, 'fin', `cut into ${cut}`);
      t.ok(end.bytes.equals(all));
    }
  });

  t.test(`several frames of ${name}, one behind the other, are one stream`, needs(name), async (t) => {
    const parts = ['one ', 'two ', 'three'].map((part) => tool(name, compress, Buffer.from(part)));
    const { end, how } = await received(t, Buffer.concat(parts), 3);
    t.same([how, end.bytes.toString()], ['fin', 'one two three']);
  });

  t.test(`${name}: an end at every byte of a frame is no end`, needs(name), async (t) => {
    const wire = tool(name, compress, text(new Random(SEED), 300));
    for (let length = 1; length < wire.length; length++) {
      const { end, how } = await received(t, wire.subarray(0, length));
      if (how === 'broken' && end.pipe.broken?.code === 'truncated') continue;
      t.fail(`${length} of ${wire.length} bytes: ${how}, ${end.pipe.broken?.message}`);
    }
  });

  t.test(`a bomb of ${name} unfolds as it is read`, needs(name), async (t) => {
    const size = 64 * MIB;
    const bomb = tool(name, ['-9', '-c'], Buffer.alloc(size));
    const { pool, end, wire } = world(t);
    const sending = wire.sendAll([bomb]).then(() => wire.fin());
    await end.until('readable', () => end.pipe.readable);
    let got = 0;
    let most = 0;
    while (!end.pipe.finReceived) {
      const chunk = end.pipe.recv();
      most = Math.max(most, pool.heldBytes);
      if (chunk === null) {
        await end.until('more', () => end.pipe.readable || end.over);
        if (end.pipe.broken !== null) break;
        continue;
      }
      got += chunk.length;
      chunk.release();
    }
    await sending;
    t.equal(got, size, `of ${bomb.length} bytes`);
    t.ok(most < MIB, `at most ${most} bytes were held`);
  });
}

t.test('the zstd command reads what is stored', needs('zstd'), async (t) => {
  const all = new Random(SEED).bytes(300_000);
  const wire = await compressed(t, STORING, [
    all.subarray(0, 100_000),
    all.subarray(100_000, 200_000),
    all.subarray(200_000),
  ]);
  t.ok(tool('zstd', ['-dc'], wire).equals(all));
  t.ok(wire.length <= all.length * 1.01, `${wire.length} bytes for ${all.length}`);
});

t.test('a window above 8 MiB is refused', needs('zstd'), async (t) => {
  // Of unknown size, so that the window is what was asked for.
  const wire = tool('zstd', ['--long=27', '-c'], Buffer.alloc(MIB));
  const { end, how } = await received(t, wire);
  t.equal(how, 'broken');
  t.match(end.pipe.broken, { code: 'malformed', layer: 'compress' });
  t.match(end.pipe.broken?.message, /memory|window/i);
  t.equal(end.receivedBytes, 0);
});

t.test('what is not compressed is refused in words', async (t) => {
  for (const bytes of ['GET / HTTP/1.1\r\n\r\n', 'x', '\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0']) {
    const { end, how } = await received(t, Buffer.from(bytes));
    t.equal(how, 'broken');
    t.match(end.pipe.broken, { code: 'malformed', message: /not compressed by anything that is known here/ });
  }
});

t.test('a corrupt block is an error, and the other side is reset', async (t) => {
  const wire = await compressed(t, fixed('zstd', 3), [text(new Random(SEED), 50_000)]);
  // The block's header: type 3 is reserved.
  wire[6] = (wire[6] as number) | 6;
  const { end, wire: far } = world(t);
  await far.send(wire);
  t.equal(await end.recvToEnd(), 'broken');
  t.match(end.pipe.broken, { code: 'malformed', message: /cannot be decompressed/ });
  t.equal((await far.untilBroken()).code, 'reset');
});

t.test('whatever byte is changed, it ends in order', async (t) => {
  const random = new Random(SEED);
  for (const policy of [fixed('zstd', 3), fixed('lz4', 1), STORING]) {
    const wire = await compressed(t, policy, [text(random, 2000), random.bytes(300)]);
    for (let at = 0; at < wire.length; at++) {
      const changed = Buffer.from(wire);
      changed[at] = (changed[at] as number) ^ random.int(1, 255);
      const { end } = await received(t, changed);
      if (!end.over || end.receivedBytes > 4 * MIB) t.fail(`byte ${at}: ${end.pipe.broken?.message}`);
    }
  }
});

t.test('random bytes grow by less than 1 %, and by nothing that adds up', async (t) => {
  const all = new Random(SEED).bytes(4 * MIB);
  const pieces = Array.from({ length: 64 }, (_, i) => all.subarray(i * 65_536, (i + 1) * 65_536));
  for (const policy of [fixed('zstd', 1), fixed('zstd', 19), fixed('lz4', 1), fixed('lz4', 9)]) {
    const wire = await compressed(t, policy, pieces);
    t.ok(wire.length < 1.01 * all.length, `${policy.next?.key}: ${wire.length} bytes for ${all.length}`);
  }
});

t.test('what was sent can be read at once, and costs few bytes', async (t) => {
  for (const policy of [fixed('zstd', 3), fixed('lz4', 1), STORING]) {
    const { end, wire } = world(t, { policy });
    await end.send(Buffer.from('hello'));
    await wire.recvBytes(1);
    await eventually('a flush', () => wire.drain() >= 0 && wire.receivedBytes > 5);
    t.ok(wire.receivedBytes < 40, `${wire.receivedBytes} bytes`);
    const other = world(t);
    await other.wire.send(wire.bytes);
    t.ok(await other.end.recvBytes(5));
    t.equal(other.end.bytes.toString(), 'hello');
  }
});

t.test('who only calls recv() until null is told when there is more', async (t) => {
  const pool = new SlabPool();
  const [a, b] = memoryPair('bytes');
  const from = new CompressPipe(a, { policy: fixed('zstd', 3), sendPool: pool });
  const to = new CompressPipe(b, { policy: fixed('zstd', 3), receivePool: pool });
  let got = 0;
  to.onActivity = () => {
    for (let chunk = to.recv(); chunk !== null; chunk = to.recv()) {
      got += chunk.length;
      chunk.release();
    }
  };
  for (let i = 1; i <= 20; i++) {
    from.send(pool.copy(Buffer.alloc(i)));
    await eventually('all of it', () => got === (i * (i + 1)) / 2);
  }
  t.equal(got, 210);
  from.discard();
  to.discard();
  t.equal(pool.out, 0);
});

t.test('a round trip of anything, in any pieces, read in any sizes', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ maxLength: 3000 }), { maxLength: 20 }),
      fc.constantFrom('zstd 1', 'zstd -7', 'lz4 1', 'lz4 12', 'stored'),
      fc.integer({ min: 1, max: 5000 }),
      fc.integer({ min: 1, max: 300 }),
      async (pieces, way, max, cut) => {
        const [name, level] = way.split(' ');
        const policy = level === undefined ? STORING : fixed(name as string, Number(level));
        const pool = new SlabPool();
        const [a, b] = memoryPair('bytes', { cut: (available) => Math.min(available, cut) });
        const pools = { sendPool: pool, receivePool: pool };
        const from = new PipeEnd<'bytes'>(new CompressPipe(a, { policy, ...pools }), pool);
        const to = new PipeEnd<'bytes'>(new CompressPipe(b, { policy, ...pools }), pool);
        const [ending] = await Promise.all([
          to.recvToEnd(() => max),
          from.sendAll(pieces).then(() => from.fin()),
        ]);
        from.pipe.discard();
        to.pipe.discard();
        return ending === 'fin' && to.bytes.equals(Buffer.concat(pieces)) && pool.out === 0;
      },
    ),
    { seed: SEED, numRuns: 200 },
  );
});
