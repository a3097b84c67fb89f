/**
 * Goal: `-n auto` finds the number of carriers that is of use, keeps to it on a noisy network, and leaves a trunk alone that
 * something else limits. The network is a function here; over simulated TCP it is test/sim/auto.test.ts.
 */

import t from 'tap';
import { CarrierCount, leastCarriers, type Verdict } from '../../src/proxy/carrier_count.ts';
import { Random } from '../helpers/random.ts';

const LOOK_MS = 100;
const SECOND = 1000;
const MINUTE = 60 * SECOND;

/** A trunk whose carriers carry, all together, what a function of their number says, in Mbit/s. */
class Network {
  now = 0;
  mbit: (carriers: number) => number;
  /** What the app has to say; without end unless it is set. */
  appMbit = Number.POSITIVE_INFINITY;
  /** New carriers come after so long. */
  dialMs = 100;
  /** A factor for each look. */
  noise: () => number = () => 1;
  readonly verdicts: Verdict[] = [];
  /** The numbers that were wanted, and from when on. */
  readonly history: [ms: number, wanted: number][] = [[0, 2]];
  readonly count = new CarrierCount({ now: () => this.now });
  bytes = 0;
  up = 2;
  #comingAt = 0;

  constructor(mbit: (carriers: number) => number) {
    this.mbit = mbit;
  }

  run(ms: number): this {
    for (const end = this.now + ms; this.now < end; ) this.#look();
    return this;
  }

  #look(): void {
    this.now += LOOK_MS;
    const could = this.mbit(this.up) * this.noise();
    this.bytes += (Math.min(could, this.appMbit) / 8) * 1000 * LOOK_MS;
    const { wanted } = this.count;
    if (wanted < this.up) this.up = wanted;
    else if (wanted > this.up && this.now >= this.#comingAt) this.up = wanted;
    const sample = { bytes: this.bytes, limited: could <= this.appMbit, up: this.up, rttMs: 50 };
    const verdict = this.count.sample(sample);
    if (verdict !== null) this.verdicts.push(verdict);
    if (this.count.wanted === wanted) return;
    this.history.push([this.now, this.count.wanted]);
    this.#comingAt = this.now + this.dialMs;
  }

  get numbers(): number[] {
    return this.history.map(([, wanted]) => wanted);
  }
}

/** Each gets so much, and all together no more than `all`. */
const capped =
  (each: number, all = Number.POSITIVE_INFINITY) =>
  (carriers: number) =>
    Math.min(all, each * carriers);

t.test('a cap for each: grows to 16, and no further', async (t) => {
  const network = new Network(capped(20)).run(30 * SECOND);
  t.same(network.numbers.slice(0, 6), [2, 3, 5, 8, 12, 16]);
  const [ms] = network.history[5] ?? [Number.NaN];
  t.ok(ms <= 12 * SECOND, `${ms} ms`);
  network.run(10 * MINUTE);
  t.equal(network.count.wanted, 16);
  const fewer = network.verdicts.filter(({ from, to }) => to < from);
  t.ok(fewer.length > 1 && fewer.every(({ stays }) => !stays), 'with fewer it would be slower');
  const gaps = fewer.map(({ againMs }) => againMs);
  t.same(
    gaps.slice(0, 3),
    [30, 60, 120].map((seconds) => seconds * SECOND),
  );
});

t.test('a cap for each and one for all: those that are needed stay', async (t) => {
  for (const [all, least, most] of [
    [40, 2, 2],
    [70, 4, 5],
    [100, 5, 6],
    [200, 10, 12],
  ] as const) {
    const network = new Network(capped(20, all)).run(10 * MINUTE);
    const { wanted } = network.count;
    t.ok(wanted >= least && wanted <= most, `${wanted} for ${all} Mbit/s`);
    t.ok(network.mbit(wanted) >= 0.96 * all);
  }
});

t.test('one bottleneck for all: a try now and then, and always back', async (t) => {
  const network = new Network(() => 50).run(30 * MINUTE);
  t.equal(network.count.wanted, 2);
  t.equal(Math.max(...network.numbers), 3);
  t.ok(network.verdicts.every(({ from, to, stays }) => from === 2 && to === 3 && !stays));
  t.same(
    network.verdicts.map(({ againMs }) => againMs / SECOND).slice(0, 8),
    [10, 20, 40, 80, 160, 300, 300, 300],
  );
});

t.test('more carriers make it slower: back at once', async (t) => {
  const network = new Network((carriers) => 50 / carriers).run(5 * SECOND);
  t.match(network.verdicts, [{ from: 2, to: 3, stays: false }]);
  t.equal(network.count.wanted, 2);
});

t.test('an app or a reader that is the limit: nothing is tried', async (t) => {
  const network = new Network(capped(20));
  network.appMbit = 30;
  network.run(10 * MINUTE);
  t.same(network.numbers, [2]);
});

t.test('grows into what the app has to say, and stays there', async (t) => {
  const network = new Network(capped(20));
  network.appMbit = 70;
  network.run(10 * MINUTE);
  t.same(network.numbers, [2, 3, 5]);
});

t.test('an app that ends while something is tried: as before', async (t) => {
  const network = new Network(capped(20)).run(3300);
  t.equal(network.count.wanted, 3);
  network.appMbit = 0;
  network.run(5 * SECOND);
  t.equal(network.count.wanted, 2);
  t.same(network.verdicts, [], 'that says nothing of the network');
  network.run(20 * SECOND);
  t.equal(network.count.wanted, 2);
  network.appMbit = Number.POSITIVE_INFINITY;
  network.run(20 * SECOND);
  t.equal(network.count.wanted, 16);

  const other = new Network(capped(20)).run(3300);
  other.count.rest();
  t.equal(other.count.wanted, 2, 'and without any stream');
});

t.test('carriers that are missing: nothing is judged, and what does not come is given up', async (t) => {
  const network = new Network(capped(20));
  network.dialMs = Number.POSITIVE_INFINITY;
  network.run(15 * SECOND);
  t.match(network.verdicts, [{ from: 2, to: 3, stays: false, after: null, againMs: 10 * SECOND }]);
  t.equal(network.count.wanted, 2);
  network.dialMs = 100;
  network.run(60 * SECOND);
  t.equal(network.count.wanted, 16);
  // One is lost, and does not come back.
  for (let i = 0; i < 10_000; i++) {
    network.now += LOOK_MS;
    network.bytes += i;
    network.count.sample({ bytes: network.bytes, limited: true, up: 15, rttMs: 50 });
  }
  t.equal(network.count.wanted, 16);
});

t.test('another load than when more were no use: they are tried again', async (t) => {
  const network = new Network(() => 5).run(10 * MINUTE);
  t.equal(network.count.wanted, 2);
  network.mbit = capped(20);
  network.run(15 * SECOND);
  t.equal(network.count.wanted, 16);
});

t.test('another trunk: what was learnt of the network counts no more', async (t) => {
  const network = new Network(() => 5).run(10 * MINUTE);
  network.count.forget();
  network.mbit = capped(4);
  network.run(20 * SECOND);
  t.equal(network.count.wanted, 16);
});

t.test('a long path: what is tried gets the time that it takes', async (t) => {
  const clock = { now: () => at };
  let at = 0;
  const count = new CarrierCount(clock);
  let bytes = 0;
  const changes: number[] = [];
  while (at < 60 * SECOND && changes.length < 2) {
    const before = count.wanted;
    at += LOOK_MS;
    bytes += 1000 * before;
    count.sample({ bytes, limited: true, up: before, rttMs: 400 });
    if (count.wanted !== before) changes.push(at);
  }
  const [first = 0, second = 0] = changes;
  // Six round trips to settle, and as many to measure.
  t.ok(second - first >= 12 * 400, `${second - first} ms`);
});

t.test('a noisy network does not make it flap', async (t) => {
  for (const spread of [0.1, 0.3]) {
    const changes: number[] = [];
    let far = 0;
    for (let seed = 1; seed <= 40; seed++) {
      const random = new Random(seed);
      const network = new Network(() => 50);
      // It wanders, as the share of a busy link does: each look has its own part, and each second.
      let second = 1;
      network.noise = () => {
        if (network.now % SECOND === 0) second = 1 + spread * (2 * random.next() - 1);
        return second * (1 + spread * (2 * random.next() - 1));
      };
      network.run(10 * MINUTE);
      changes.push(network.history.length - 1);
      if (network.count.wanted > 5) far++;
    }
    changes.sort((a, b) => a - b);
    const [middle, worst] = [changes[20] as number, changes.at(-1) as number];
    // A quiet network sees 12: six tries, each of them taken back.
    t.ok(middle <= 18, `${middle} changes in 10 minutes`);
    t.ok(worst <= 32, `at most ${worst}`);
    t.ok(far <= 2, `${far} of 40 end far from what is needed`);
  }
});

t.test('noise does not keep it from growing where that is of use', async (t) => {
  for (let seed = 1; seed <= 40; seed++) {
    const random = new Random(seed);
    const network = new Network(capped(20));
    network.noise = () => 1 + 0.2 * (2 * random.next() - 1);
    network.run(MINUTE);
    t.ok(network.count.wanted >= 12, `seed ${seed}: ${network.count.wanted}`);
  }
});

t.test('where there are several ways, each gets its carrier', async (t) => {
  t.same([1, 2, 3, 40].map(leastCarriers), [2, 2, 3, 16]);
});
