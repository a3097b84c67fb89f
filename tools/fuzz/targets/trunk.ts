/**
 * A whole trunk, of either role, against a peer that may say anything on one or two carriers, while apps read, write, end and
 * go. Nothing throws; memory stays within what was granted; the trunk ends with words, and then nothing is left of it.
 */

import { PipeError } from '../../../src/core/errors.ts';
import { SlabPool } from '../../../src/core/pool.ts';
import { frameLength, OPEN, STREAM, writeFrame } from '../../../src/layer/trunk/codec.ts';
import { TrunkMemory } from '../../../src/layer/trunk/memory.ts';
import type { StripedPipe } from '../../../src/layer/trunk/stream.ts';
import { Trunk } from '../../../src/layer/trunk/trunk.ts';
import { type MemoryPipe, memoryPair } from '../../../src/pipe/memory.ts';
import { expect, type FuzzTarget } from '../target.ts';
import { FRAMES } from './frames.ts';
import { expectPrintable } from './text.ts';
import { Decisions, World } from './world.ts';

const CAPACITY = 16 << 20;
const MOST_STREAMS = 8;
const GRACE_MS = 5000;
/** Values that mean something to somebody. */
const VALUES = [
  0,
  1,
  2,
  5,
  16,
  100,
  1000,
  16_384,
  65_536,
  2 ** 20,
  2 ** 24,
  2 ** 32,
  Number.MAX_SAFE_INTEGER,
];

type Carrier = MemoryPipe<'messages'>;

/** The trunk, its peer's raw ends, and the apps. */
class Story {
  readonly world = new World();
  readonly memory = new TrunkMemory({ capacity: CAPACITY, sendPool: new SlabPool(), spare: true });
  readonly pool = new SlabPool();
  readonly carriers: Carrier[] = [];
  readonly apps: StripedPipe[] = [];
  readonly trunk: Trunk;
  readonly #decisions: Decisions;
  ended: PipeError | null = null;
  #carrierIds = 1;

  constructor(decisions: Decisions) {
    this.#decisions = decisions;
    const { windows } = this.memory;
    this.trunk = new Trunk({
      role: decisions.byte() % 2 === 0 ? 'server' : 'client',
      clock: this.world,
      memory: this.memory.join(),
      peerStreamWindow: decisions.pick([0, 10, 65_536]),
      peerTrunkWindow: decisions.pick([0, 1000, 1 << 20]),
      streamWindow: windows.stream,
      trunkWindow: windows.trunk,
      maxStreams: MOST_STREAMS,
      graceMs: GRACE_MS,
      onStream: (stream) => void this.apps.push(stream),
      onEnd: (error) => {
        expect(this.ended === null, 'it ended twice');
        this.ended = error;
      },
    });
    this.addCarrier();
  }

  readonly #steps: readonly (() => void)[] = [
    () => this.#say(this.#decisions.take(this.#decisions.byte())),
    () => this.#sayFrame(),
    () => this.#sayFrame(),
    () => this.#sayFrame(),
    () => this.world.pass(this.#decisions.byte() * this.#decisions.pick([1, 1, 20, 100])),
    () => this.#drain(),
    () => this.#act(),
    () => this.#act(),
    () => this.addCarrier(),
    () => this.#carrier()?.discard(this.#decisions.pick([undefined, new PipeError('reset', 'test')])),
    () => this.#open(),
  ];

  step(): void {
    this.#decisions.pick(this.#steps)();
    this.world.settle();
    const { receivePool, half } = this.memory;
    expect(receivePool.heldBytes <= half, `${receivePool.heldBytes} bytes are held for apps`);
    expect(this.trunk.bufferedBytes >= 0 && this.trunk.unacknowledgedBytes >= 0, 'less than nothing is held');
  }

  addCarrier(): void {
    if (this.trunk.ended || this.carriers.length >= 4) return;
    const [raw, carrier] = memoryPair('messages', { capacity: 1 << 18 });
    this.carriers.push(raw);
    this.trunk.addCarrier(this.#carrierIds++, carrier);
  }

  end(): void {
    for (const app of this.apps) app.discard();
    this.world.settle();
    for (const raw of this.carriers) raw.discard();
    this.world.pass(2 * GRACE_MS);
    expect(this.trunk.ended, 'without carriers it has to end after the grace period');
  }

  #carrier(): Carrier | undefined {
    return this.#decisions.pick(this.carriers);
  }

  #say(bytes: Buffer): void {
    const raw = this.#carrier();
    if (raw?.ready && raw.writable) raw.send(this.pool.copy(bytes));
  }

  /** A frame that is well-formed but for what the decisions make of it. */
  #sayFrame(): void {
    const decisions = this.#decisions;
    const type = 1 + (decisions.byte() % 9);
    const flags = decisions.byte() % 4;
    const id = decisions.byte() % 24;
    const value = decisions.pick(VALUES) + (decisions.byte() % 4);
    const text = type === STREAM && (flags & OPEN) !== 0 ? Buffer.from('app') : null;
    const data =
      type === STREAM ? Buffer.alloc(decisions.pick([0, 1, 5, 100, 16_384, 70_000]), decisions.byte()) : null;
    const frame = Buffer.alloc(frameLength(text) + (data?.length ?? 0));
    const end = writeFrame(frame, 0, type, flags, id, Math.min(value, Number.MAX_SAFE_INTEGER), text);
    data?.copy(frame, end);
    this.#say(frame);
  }

  #drain(): void {
    const raw = this.#carrier();
    for (let chunk = raw?.recv() ?? null; chunk !== null; chunk = raw?.recv() ?? null) chunk.release();
  }

  #open(): void {
    if (!this.trunk.ended && this.apps.length < 2 * MOST_STREAMS)
      this.apps.push(this.trunk.open(Buffer.from('ours')));
  }

  /** An app does something that it may do. */
  #act(): void {
    if (this.apps.length === 0) return;
    const app = this.#decisions.pick(this.apps);
    const deed = this.#decisions.byte() % 6;
    if (deed <= 1) app.recv(this.#decisions.pick([1, 100, 1 << 20]))?.release();
    else if (deed === 2 && app.writable)
      app.send(this.memory.sendPool.take(Math.min(app.maxSend, this.#decisions.pick([1, 1000, 65_536]))));
    else if (deed === 3 && app.ready && !app.finSent && app.writable) app.sendFin();
    else if (deed === 4) app.discard();
    else if (deed === 5) app.discard(new PipeError('refused', 'test'));
  }
}

export const trunk: FuzzTarget = {
  name: 'trunk',
  maxBytes: 600,
  dictionary: [
    // Role and windows, then: say these bytes on a carrier.
    ...FRAMES.map((frame) => Buffer.concat([Buffer.from([0, frame.length]), frame, Buffer.from([0])])),
    // Opens stream 0 with a byte of data; reads it.
    Buffer.from([1, 0, 1, 0, 0, 0, 1, 7, 0]),
    Buffer.from([6, 0, 0, 2]),
    Buffer.from([4, 200, 3]),
    Buffer.from([10, 5, 0]),
  ],
  seeds: [
    Buffer.from([0, 2, 2, 1, 0, 1, 0, 0, 0, 2, 7, 0, 6, 0, 0, 2, 6, 0, 2, 1, 4, 50, 0, 5, 0]),
    Buffer.from([1, 2, 2, 10, 6, 0, 2, 2, 4, 50, 0, 1, 5, 0, 1, 1, 0, 0, 4, 100, 2]),
  ],
  run(input) {
    const decisions = new Decisions(input);
    const story = new Story(decisions);
    story.world.within(() => {
      story.world.settle();
      while (decisions.left > 0) story.step();
    });
    const alive = story.ended === null;
    const { size } = story.trunk.streams;
    story.world.within(() => story.end());
    const { memory, pool, world, ended } = story;
    const out = `${memory.receivePool.out} received, ${memory.sendPool.out} sent, ${pool.out} on the way`;
    expect(memory.receivePool.out + memory.sendPool.out + pool.out === 0, `chunks are lost: ${out}`);
    expect(world.timers === 0, `${world.timers} timers are left`);
    expect(memory.granted === 0 && story.trunk.streams.size === 0, 'something is still granted');
    expectPrintable(ended?.message ?? '');
    return [alive ? 'alive' : `${ended?.message.replace(/\d+/g, '#')}`, `${Math.min(size, 3)} streams`];
  },
};
