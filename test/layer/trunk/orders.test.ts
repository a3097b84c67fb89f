/**
 * Goal: TESTPLAN 35 and 5: in whatever order the datagrams of a stream arrive over three carriers, each of which keeps its
 * own order, the app gets every byte once and in place, the end behind all of them, and the credit comes out right.
 *
 * All orders are tried, not a sample: who sent what on which carrier, and whose turn it was to arrive.
 */

import t from 'tap';
import type { Chunk } from '../../../src/core/chunk.ts';
import type { Cancel, Clock } from '../../../src/core/clock.ts';
import { PipeError } from '../../../src/core/errors.ts';
import { SlabPool } from '../../../src/core/pool.ts';
import {
  ACK,
  FIN,
  frameLength,
  MAX_DATA,
  MAX_STREAM_DATA,
  OPEN,
  readFrame,
  STREAM,
  writeFrame,
} from '../../../src/layer/trunk/codec.ts';
import type { StripedPipe } from '../../../src/layer/trunk/stream.ts';
import { Trunk } from '../../../src/layer/trunk/trunk.ts';
import { deferEventsWith } from '../../../src/pipe/base.ts';
import { READABLE } from '../../../src/pipe/pipe.ts';
import { OpenPipe } from '../../helpers/open_pipe.ts';
import { Random } from '../../helpers/random.ts';

const CARRIERS = 3;
const ID = 0;
const LABEL = Buffer.from('x');
const pool = new SlabPool();

/** A carrier into which datagrams are put by hand; what it is to send is looked at, and dropped. */
class HandFed extends OpenPipe<'messages'> {
  readonly kind = 'messages';
  readonly onFrame: (type: number, id: number, value: number) => void;
  #waiting: Buffer | null = null;

  constructor(onFrame: (type: number, id: number, value: number) => void) {
    super();
    this.onFrame = onFrame;
  }
  override get readable(): boolean {
    return this.#waiting !== null;
  }
  feed(datagram: Buffer): void {
    this.#waiting = datagram;
    this.raise(READABLE);
  }
  override recv(): Chunk | null {
    const bytes = this.#waiting;
    this.#waiting = null;
    return bytes === null ? null : pool.copy(bytes);
  }
  override send(chunk: Chunk): void {
    while (chunk.length > 0) {
      const { type, id, value } = readFrame(chunk);
      this.onFrame(type, id, value);
    }
    chunk.release();
  }
}

/** Time that stands still until the one timer of a trunk is wanted. */
class Still implements Clock {
  #now = 0;
  #due: { at: number; fire: () => void } | null = null;

  now(): number {
    return this.#now;
  }
  after(ms: number, fire: () => void): Cancel {
    const due = { at: this.#now + ms, fire };
    this.#due = due;
    return () => {
      if (this.#due === due) this.#due = null;
    };
  }
  next(): void {
    const due = this.#due;
    this.#due = null;
    this.#now = due?.at ?? this.#now;
    due?.fire();
  }
}

/** A stream as datagrams: its bytes cut at these lengths, FIN on the last. */
interface Cut {
  readonly bytes: Buffer;
  readonly datagrams: readonly Buffer[];
  readonly ends: readonly number[];
}

function cut(...lengths: number[]): Cut {
  const bytes = new Random(7).bytes(lengths.reduce((sum, length) => sum + length, 0));
  const datagrams: Buffer[] = [];
  const ends: number[] = [];
  let offset = 0;
  for (const [i, length] of lengths.entries()) {
    // The label goes with each, as nobody knows which comes first.
    const datagram = Buffer.alloc(frameLength(LABEL) + length);
    const flags = OPEN | (i === lengths.length - 1 ? FIN : 0);
    const at = writeFrame(datagram, 0, STREAM, flags, ID, offset, LABEL);
    bytes.copy(datagram, at, offset, offset + length);
    offset += length;
    datagrams.push(datagram);
    ends.push(offset);
  }
  return { bytes, datagrams, ends };
}

/** One arrival: this datagram, on that carrier. */
type Arrival = readonly [datagram: number, carrier: number];

/** Delivers, and throws when anything is not as it should be. The app reads at once, or when all has come. */
function deliver({ bytes, datagrams, ends }: Cut, arrivals: readonly Arrival[], atOnce: boolean): void {
  const streams: StripedPipe[] = [];
  let ended: PipeError | null = null;
  const reported = new Map<number, number>();
  let streamLimit = bytes.length;
  let trunkLimit = bytes.length;
  const clock = new Still();
  // Credit for exactly what there is: counted twice, it would not do.
  const trunk = new Trunk({
    role: 'server',
    clock,
    pool,
    peerStreamWindow: 1000,
    peerTrunkWindow: 1000,
    streamWindow: bytes.length,
    trunkWindow: bytes.length,
    onStream: (made) => streams.push(made),
    onEnd: (error) => {
      ended = error;
    },
  });
  const carriers = Array.from({ length: CARRIERS }, (_, id) => {
    const carrier = new HandFed((type, about, value) => {
      if (type === ACK) reported.set(about, value);
      if (type === MAX_STREAM_DATA) streamLimit = value;
      if (type === MAX_DATA) trunkLimit = value;
    });
    trunk.addCarrier(id, carrier);
    return carrier;
  });
  let read = 0;
  let highest = 0;
  const come = new Set<number>();
  const look = () => {
    const stream = streams[0] as StripedPipe;
    for (let chunk = stream.recv(); chunk !== null; chunk = stream.recv()) {
      if (!bytes.subarray(read, read + chunk.length).equals(chunk.view()))
        throw new Error(`wrong at ${read}`);
      read += chunk.length;
      chunk.release();
    }
    let whole = 0;
    while (come.has(whole)) whole++;
    if (read !== (ends[whole - 1] ?? 0)) throw new Error(`${read} bytes came out of ${whole} datagrams`);
    if (stream.finReceived !== (whole === datagrams.length)) throw new Error(`the end at ${read}`);
  };
  for (const [datagram, carrier] of arrivals) {
    carriers[carrier]?.feed(datagrams[datagram] as Buffer);
    come.add(datagram);
    highest = Math.max(highest, ends[datagram] as number);
    if (atOnce) look();
    if (trunk.bufferedBytes !== highest - read) throw new Error(`${trunk.bufferedBytes} bytes are counted`);
  }
  look();
  clock.next();
  if (ended !== null) throw new Error('the trunk ended', { cause: ended });
  if (streams.length !== 1) throw new Error(`${streams.length} streams were opened`);
  if (trunk.bufferedBytes !== 0) throw new Error(`${trunk.bufferedBytes} bytes are counted at the end`);
  // Ahead of what was read by the window; for the stream also by what three quarters of the trunk's allow beyond.
  if (streamLimit > 2.75 * bytes.length || trunkLimit > 2 * bytes.length)
    throw new Error(`credit up to ${streamLimit} and ${trunkLimit}`);
  for (let id = 0; id < CARRIERS; id++) {
    const count = arrivals.filter(([, carrier]) => carrier === id).length;
    if ((reported.get(id) ?? 0) !== count)
      throw new Error(`${reported.get(id)} of ${count} are acknowledged`);
  }
  streams[0]?.discard();
  trunk.end(new PipeError('cancelled', 'test'));
  if (pool.out !== 0) throw new Error(`${pool.out} slabs are out`);
}

/** Every way to spread these datagrams, in the order of their sending, and every order in which they then arrive. */
function* arrivalsOf(sent: readonly number[]): Generator<Arrival[]> {
  for (let code = 0; code < CARRIERS ** sent.length; code++) {
    const queues: number[][] = Array.from({ length: CARRIERS }, () => []);
    for (const [i, datagram] of sent.entries())
      queues[Math.floor(code / CARRIERS ** i) % CARRIERS]?.push(datagram);
    yield* merged(queues, []);
  }
}

function* merged(queues: readonly number[][], so: readonly Arrival[]): Generator<Arrival[]> {
  if (queues.every((queue) => queue.length === 0)) yield [...so];
  for (const [carrier, [datagram, ...rest]] of queues.entries()) {
    if (datagram !== undefined) yield* merged(queues.with(carrier, rest), [...so, [datagram, carrier]]);
  }
}

/** @returns how many orders there were */
function deliverAll(cut: Cut, sent: readonly number[]): number {
  let count = 0;
  for (const arrivals of arrivalsOf(sent)) {
    try {
      deliver(cut, arrivals, count++ % 2 === 0);
    } catch (error) {
      throw new Error(`datagram and carrier: ${arrivals.map((arrival) => arrival.join(' on ')).join(', ')}`, {
        cause: error,
      });
    }
  }
  return count;
}

/** The trunks here are looked at after each step, and need not be told of anything. */
function quietly(work: () => void): void {
  deferEventsWith(() => {});
  try {
    work();
  } finally {
    deferEventsWith(null);
  }
}

t.test('six datagrams in every order', async (t) => {
  quietly(() => t.equal(deliverAll(cut(5, 1500, 1, 40, 2000, 0), [0, 1, 2, 3, 4, 5]), 35_169));
});

t.test('four datagrams, and one of them again on any carrier, in every order', async (t) => {
  quietly(() => {
    for (const [again, behind] of [0, 1, 2, 3].flatMap((i) => [0, 1, 2, 3].map((j) => [i, j] as const))) {
      if (again > behind) continue;
      const sent = [0, 1, 2, 3];
      sent.splice(behind + 1, 0, again);
      t.equal(deliverAll(cut(1200, 30, 1, 900), sent), 4653, `${sent}`);
    }
  });
});

t.test('three datagrams, each of them twice, in every order', async (t) => {
  quietly(() => t.equal(deliverAll(cut(700, 2, 1300), [0, 1, 2, 0, 1, 2]), 35_169));
});
