/** Goal: auto sends as it is what does not compress or gains nothing, and compresses as hard as the link is slow. */

import t from 'tap';
import { SlabPool } from '../../../src/core/pool.ts';
import { AutoPolicy } from '../../../src/layer/compress/auto.ts';
import { codecOf } from '../../helpers/compress.ts';

const PIECE = 64 * 1024;
const MIB = 2 ** 20;

/** A link, and bytes of a kind, with a sender that always has more: on a clock of its own. */
interface Setting {
  /** Bytes a millisecond that the link takes. */
  readonly rate: number;
  /** What is left of a byte at level 1, and nanoseconds that it costs there. */
  left: number;
  readonly ns: number;
}

/** As far as this test is concerned, the truth about levels. */
const COST: Record<number, readonly [cost: number, left: number]> = {
  [-5]: [0.6, 1.25],
  1: [1, 1],
  3: [1.8, 0.95],
  6: [4.5, 0.88],
  9: [8, 0.86],
  12: [18, 0.83],
};

class Sender {
  #now = 0;
  readonly clock = { now: () => this.#now, after: () => () => {} };
  readonly policy = new AutoPolicy(codecOf('zstd'), this.clock);
  readonly setting: Setting;
  readonly #pool = new SlabPool();
  /** Bytes that were sent with each level; `plain` as they are. */
  readonly by = new Map<number | 'plain', number>();
  #linkFreeAt = 0;

  constructor(setting: Setting) {
    this.setting = setting;
  }

  /** Milliseconds that so many bytes take: compressing and sending go on side by side, a piece ahead of each other. */
  send(bytes: number): number {
    const begun = this.#now;
    const { policy, setting } = this;
    for (let sent = 0; sent < bytes; sent += PIECE) {
      const chunk = this.#pool.take(PIECE);
      const method = policy.take(chunk);
      chunk.release();
      const level = method?.level ?? 'plain';
      this.by.set(level, (this.by.get(level) ?? 0) + PIECE);
      let wire = PIECE;
      if (method !== null) {
        const [cost, left] = COST[method.level] as readonly [number, number];
        wire = Math.ceil(PIECE * Math.min(1, setting.left * left));
        const ns = PIECE * setting.ns * cost;
        this.#now += ns / 1e6;
        policy.onCompressed(method, PIECE, wire, ns);
      }
      const wait = this.#linkFreeAt - this.#now;
      if (wait > 0) {
        policy.onFull();
        this.#now += wait;
        policy.onRoom();
      }
      policy.onSent(wire);
      this.#linkFreeAt = this.#now + wire / setting.rate;
    }
    return this.#now - begun;
  }

  share(level: number | 'plain'): number {
    const all = [...this.by.values()].reduce((sum, bytes) => sum + bytes, 0);
    return (this.by.get(level) ?? 0) / all;
  }
}

const plainMs = (bytes: number, rate: number) => bytes / rate;
/** 20 Mbit/s, 1 Gbit/s and a loopback interface, in bytes a millisecond. */
const SLOW = 2500;
const GIGABIT = 125_000;
const LOOPBACK = 1_500_000;

t.test('what does not compress goes as it is, on any link, and costs next to nothing', async (t) => {
  for (const rate of [SLOW, GIGABIT, LOOPBACK]) {
    const sender = new Sender({ rate, left: 1, ns: 5 });
    const bytes = 1024 * MIB;
    const ms = sender.send(bytes);
    t.ok(ms < 1.02 * plainMs(bytes, rate), `${ms.toFixed(0)} ms at ${rate}`);
    t.ok(sender.share('plain') > 0.98, `${sender.share('plain')}`);
  }
});

t.test('never slower than without by 3 %, whatever it compresses to', async (t) => {
  for (const rate of [SLOW, 12_500, GIGABIT, 400_000, LOOPBACK]) {
    for (const left of [0.05, 0.3, 0.6, 0.8, 0.92, 0.95, 1]) {
      for (const ns of [3, 8, 20]) {
        const sender = new Sender({ rate, left, ns });
        // A second at least: until it has looked once, it cannot know.
        const bytes = Math.max(512 * MIB, 1000 * rate);
        const ms = sender.send(bytes);
        t.ok(
          ms < 1.03 * plainMs(bytes, rate),
          `${rate} bytes a ms, ${left} left, ${ns} ns: ${ms.toFixed(0)} ms`,
        );
      }
    }
  }
});

t.test('a slow link is worth a high level', async (t) => {
  const sender = new Sender({ rate: SLOW, left: 0.2, ns: 5 });
  const bytes = 200 * MIB;
  const ms = sender.send(bytes);
  t.ok(ms < 0.2 * plainMs(bytes, SLOW), `${ms.toFixed(0)} ms`);
  t.ok(sender.share(6) + sender.share(9) + sender.share(12) > 0.8, JSON.stringify([...sender.by]));
});

t.test('what changes on the way is noticed, both ways', async (t) => {
  const setting = { rate: 12_500, left: 0.2, ns: 5 };
  const sender = new Sender(setting);
  sender.send(100 * MIB);
  const before = sender.share('plain');
  t.ok(before < 0.1, `${before}`);
  setting.left = 1;
  sender.by.clear();
  sender.send(100 * MIB);
  t.ok(sender.share('plain') > 0.97, `as it is: ${sender.share('plain')}`);
  setting.left = 0.2;
  sender.by.clear();
  sender.send(200 * MIB);
  t.ok(sender.share('plain') < 0.3, `as it is again: ${sender.share('plain')}`);
});
