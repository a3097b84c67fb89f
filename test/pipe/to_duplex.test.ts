/** Goal: a pipe as a stream behaves as streams do, with pipeline(), errors, callbacks and backpressure. */

import { Readable, Writable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import t from 'tap';
import { PipeError } from '../../src/core/errors.ts';
import { SlabPool } from '../../src/core/pool.ts';
import { memoryPair } from '../../src/pipe/memory.ts';
import { PipeDuplex } from '../../src/pipe/to_duplex.ts';
import { PipeEnd } from '../helpers/pipe_end.ts';
import { Random, SEED } from '../helpers/random.ts';
import { eventually, passes } from '../helpers/settle.ts';

const boom = () => new PipeError('cancelled', 'test', 'planted');
const BYTES = new Random(SEED).bytes(1_000_000);

function duplexPair(options: { capacity?: number; connecting?: boolean } = {}) {
  const pool = new SlabPool();
  const [pipe, other] = memoryPair('bytes', options);
  return { pool, pipe, stream: new PipeDuplex(pipe, { pool }), end: new PipeEnd(other, pool) };
}

t.test('pipeline() into it and out of it', async (t) => {
  const [{ pool, stream, end }, sink] = [duplexPair({ capacity: 10_000 }), [] as Buffer[]];
  const collect = new Writable({
    write(chunk, _, callback) {
      sink.push(chunk);
      callback();
    },
  });
  const pieces = Array.from({ length: 100 }, (_, i) => BYTES.subarray(i * 10_000, (i + 1) * 10_000));
  await Promise.all([
    pipeline(Readable.from(pieces), stream, collect),
    end.recvToEnd(),
    end.sendAll(pieces).then(() => end.fin()),
  ]);
  t.ok(Buffer.concat(sink).equals(BYTES));
  t.ok(end.bytes.equals(BYTES));
  t.equal(end.pipe.broken, null);
  end.pipe.discard();
  t.equal(pool.out, 0);
});

t.test('a write larger than any chunk, and its callback only when it is gone', async (t) => {
  const { pool, stream, end } = duplexPair({ capacity: 1000 });
  let written = false;
  stream.write(BYTES, () => {
    written = true;
  });
  await passes(5);
  t.equal(written, false);
  await end.recvBytes(BYTES.length);
  await eventually('the callback', () => written);
  t.ok(end.bytes.equals(BYTES));
  stream.destroy();
  end.pipe.discard();
  t.equal(pool.out, 0);
});

t.test('end() is FIN, and the other direction goes on', async (t) => {
  const { pool, stream, end } = duplexPair();
  stream.end('last words');
  t.equal(await end.recvToEnd(), 'fin');
  t.equal(end.bytes.toString(), 'last words');
  await end.send(Buffer.from('answer'));
  await end.fin();
  const answer: Buffer[] = [];
  for await (const chunk of stream) answer.push(chunk);
  t.equal(Buffer.concat(answer).toString(), 'answer');
  await eventually('destroyed by itself', () => stream.destroyed);
  t.equal(end.pipe.broken, null, 'in peace');
  end.pipe.discard();
  t.equal(pool.out, 0);
});

t.test('a reset is an error, never an end', async (t) => {
  const { stream, end, pool } = duplexPair();
  let sawEnd = false;
  stream.on('end', () => {
    sawEnd = true;
  });
  stream.resume();
  end.pipe.discard(boom());
  await t.rejects(finished(stream), { code: 'reset' });
  t.equal(sawEnd, false);
  t.equal(pool.out, 0);
});

t.test('a pipe that is broken already', async (t) => {
  const [pipe, other] = memoryPair('bytes');
  other.discard(boom());
  const stream = new PipeDuplex(pipe);
  await t.rejects(finished(stream), { code: 'reset' });
});

t.test('destroyed before its FIN: the other end sees a reset, with or without an error', async (t) => {
  for (const error of [undefined, new Error('planted')]) {
    const { stream, end, pool } = duplexPair();
    stream.on('error', () => {});
    stream.write('half');
    stream.destroy(error);
    t.equal(await end.recvToEnd(), 'broken');
    t.equal(end.pipe.finReceived, false);
    end.pipe.discard();
    t.equal(pool.out, 0);
  }
});

t.test('destroyed during a write and during end(): every callback is called', async (t) => {
  const { stream, end, pool } = duplexPair({ capacity: 10 });
  stream.on('error', () => {});
  const called: string[] = [];
  stream.write(Buffer.alloc(100), () => called.push('first'));
  stream.write(Buffer.alloc(100), () => called.push('second'));
  stream.end(() => called.push('end'));
  await passes(3);
  t.same(called, []);
  stream.destroy();
  await passes(3);
  t.same(called.sort(), ['end', 'first', 'second']);
  end.pipe.discard();
  t.equal(pool.out, 0);

  const other = duplexPair({ capacity: 10 });
  other.stream.on('error', () => {});
  other.stream.write(Buffer.alloc(10), () => called.push('written'));
  other.stream.end(() => called.push('ended'));
  await passes(3);
  other.end.pipe.discard(boom());
  await eventually('both', () => called.includes('written') && called.includes('ended'));
  t.equal(other.stream.destroyed, true);
  t.equal(other.pool.out, 0);
});

t.test('who does not read the stream stops the sender', async (t) => {
  const { stream, end, pool } = duplexPair({ capacity: 50_000 });
  stream.once('readable', () => {});
  let sent = 0;
  for (let i = 0; i < 20; i++) {
    sent += end.fill(Buffer.alloc(10_000), 1_000_000);
    await passes(2);
  }
  t.equal(end.pipe.writable, false);
  t.ok(sent < 300_000, `${sent} bytes`);
  let read = 0;
  stream.on('data', (chunk) => {
    read += chunk.length;
  });
  await eventually('all of it', () => read === sent);
  stream.destroy();
  end.pipe.discard();
  t.equal(pool.out, 0);
});

t.test('written and ended before it is connected', async (t) => {
  const { pipe, stream, end, pool } = duplexPair({ connecting: true });
  stream.end('early');
  await passes(3);
  t.equal(end.receivedBytes, 0);
  pipe.connect();
  t.equal(await end.recvToEnd(), 'fin');
  t.equal(end.bytes.toString(), 'early');
  stream.destroy();
  end.pipe.discard();
  t.equal(pool.out, 0);
});
