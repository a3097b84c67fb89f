/** Goal: the sentence at the top names the carrier that is in trouble, soon, and never one that is not. */
import t from 'tap';
import type { CarrierDocument } from '../../src/admin/documents.ts';
import { TrunkHistory } from '../../src/dashboard/page/history.ts';
import { SteadyVerdict } from '../../src/dashboard/page/steady.ts';
import { type Verdict, verdictOf, verdictWithoutCarriers } from '../../src/dashboard/page/verdict.ts';
import { carrier, status, trunk } from '../helpers/mock_admin.ts';

const MBIT = 125_000;

/** A trunk that is looked at once a second. */
class World {
  readonly #history = new TrunkHistory();
  readonly #sent = new Map<number, number>();
  readonly #received = new Map<number, number>();
  #clock = 0;
  verdict: Verdict | null = null;

  /** @param carriers what each does for so many seconds: bytes per second, and what else is to be said of it */
  run(
    seconds: number,
    carriers: readonly ({ sends?: number; receives?: number } & Partial<CarrierDocument>)[],
    streams = 1,
  ): Verdict {
    for (let i = 0; i < seconds; i++) {
      this.#clock += 1000;
      const now = carriers.map(({ sends = 0, receives = 0, ...rest }, index) => {
        this.#sent.set(index, (this.#sent.get(index) ?? 0) + sends);
        this.#received.set(index, (this.#received.get(index) ?? 0) + receives);
        return carrier(index, {
          sentBytes: this.#sent.get(index) ?? 0,
          receivedBytes: this.#received.get(index) ?? 0,
          inFlightBytes: sends > 0 ? 60_000 : 0,
          ...rest,
        });
      });
      const document = trunk(now, { streams });
      this.#history.add(document, this.#clock, 1e12 + this.#clock);
      this.verdict = verdictOf(this.#history, document);
    }
    return this.verdict as Verdict;
  }
}

const well = { sends: 20 * MBIT, rate: 20 * MBIT, rateIsLimit: true };
const throttled = { sends: 0.4 * MBIT, rate: 0.4 * MBIT, rateIsLimit: true };

t.test('all is well', async (t) => {
  const verdict = new World().run(10, [well, well, well, well]);
  t.match(verdict, { tone: 'good', carriers: [] });
  t.equal(verdict.show, 'All 4 carriers are well: 80 Mbit/s in all.');
  t.equal(verdict.say, 'All 4 carriers are well.');
});

t.test('nothing to do', async (t) => {
  const idle = { rate: 20 * MBIT, rateIsLimit: true };
  t.match(new World().run(5, [idle, idle, idle], 0), { tone: 'good', show: /nothing to carry/ });
  t.match(new World().run(5, [idle, idle, { ...idle, rate: MBIT }], 3), {
    tone: 'good',
    show: /next to nothing/,
  });
  t.match(new World().run(5, [idle], 0).show, /^The one carrier is up/);
});

t.test('one is throttled: named within five seconds, with what it did before', async (t) => {
  const world = new World();
  world.run(30, [well, well, well, well]);
  const verdict = world.run(5, [well, well, well, throttled]);
  t.match(verdict, { tone: 'bad', carriers: [3] });
  t.equal(verdict.show, 'Carrier 3 is slow: 0.4 Mbit/s, down from 20. Its traffic has moved to the others.');
  t.equal(verdict.say, 'Carrier 3 is slow. Its traffic has moved to the others.', 'no number that changes');
});

t.test('one that was never faster is compared with the others', async (t) => {
  const verdict = new World().run(8, [well, throttled, well, well]);
  t.equal(
    verdict.show,
    'Carrier 1 is slow: 0.4 Mbit/s, the others 20 each. Its traffic has moved to the others.',
  );
});

t.test('seen from the side that receives, which knows no rates', async (t) => {
  const receiving = { receives: 20 * MBIT };
  const world = new World();
  world.run(30, Array(4).fill(receiving));
  t.match(world.run(5, [receiving, receiving, { receives: 0.4 * MBIT, srttMs: 700 }, receiving]), {
    tone: 'bad',
    carriers: [2],
    show: /^Carrier 2 is slow: 0\.4 Mbit\/s, down from 20\./,
  });
});

t.test('little traffic by itself is no trouble: nobody asked for more', async (t) => {
  const unasked = { sends: 0.3 * MBIT, rate: MBIT, rateIsLimit: false };
  const verdict = new World().run(10, [well, well, { ...unasked }, well]);
  t.equal(verdict.tone, 'note', 'far off from others that are alike is worth a look');
  t.match(verdict.say, /^Carrier 2 carries little\.$/);
  const uneven = new World().run(10, [
    { sends: 8 * MBIT, rate: 20 * MBIT },
    { sends: 0, rate: null },
    { sends: 0, rate: null },
  ]);
  t.equal(uneven.tone, 'good', 'one small flow goes over the nearest carrier');
});

t.test('what others did at their best for a moment makes none of them slow', async (t) => {
  const burst = { ...well, rate: 66 * MBIT };
  t.equal(new World().run(10, [burst, burst, well, well]).tone, 'good');
});

t.test('two paths of their own kind: the slower one is named as such', async (t) => {
  const wifi = { sends: 25 * MBIT, rate: 25 * MBIT, rateIsLimit: true };
  const lte = { sends: 5 * MBIT, rate: 5 * MBIT, rateIsLimit: true };
  t.equal(
    new World().run(10, [wifi, lte]).show,
    'Carrier 1 is slow: 5 Mbit/s, the other one 25. Its traffic has moved to the other one.',
  );
});

t.test('stalled, for longer than a moment', async (t) => {
  const world = new World();
  world.run(10, [well, well, well]);
  const stalled = { sends: 0, state: 'stalled' as const, rate: 20 * MBIT, rateIsLimit: true };
  t.equal(world.run(1, [well, stalled, well]).tone, 'good', 'late once is not stalled');
  t.match(world.run(5, [well, stalled, well]), {
    tone: 'bad',
    carriers: [1],
    say: 'Carrier 1 has stalled. Its traffic has moved to the others.',
  });
});

t.test('down, at once', async (t) => {
  const world = new World();
  world.run(10, [well, well, well, well]);
  const down = { id: null, state: 'dialling' as const, rate: null };
  t.match(world.run(1, [well, down, well, down]), {
    tone: 'bad',
    carriers: [1, 3],
    say: 'Carriers 1 and 3 are down, and dialled again. Their traffic has moved to the others.',
  });
  t.match(
    world.run(6, [down, down, down, throttled]).say,
    /^Carriers 0, 1 and 2 are down, .* moved to the other one\.$/,
  );
  t.match(world.run(1, [down, down, down, down]).say, /^No carrier is up\. What is open waits/);
  t.match(world.run(1, [down, down, down, down], 0).say, /^No carrier is up: the peer is not reached\.$/);
});

t.test('one down and another slow: the worse first, and not a word lost of the other', async (t) => {
  const world = new World();
  world.run(20, [well, well, well, well, well]);
  const verdict = world.run(6, [well, { state: 'down', rate: null }, well, well, throttled]);
  t.match(verdict.say, /^Carrier 1 is down.*Carrier 4 has trouble, too\.$/);
  t.same(verdict.carriers, [1, 4]);
});

t.test('a relay has connections to speak of', async (t) => {
  const relay = status(1000, { mode: 'relay', trunks: [] });
  t.equal(verdictWithoutCarriers(relay, 1e6).show, '1 connection open, 8 Mbit/s.');
  const none = { ...relay, totals: { ...relay.totals, open: 0 } };
  t.match(verdictWithoutCarriers(none, null).show, /no connection is open/);
});

t.test('the sentence holds still: worse at once, better when it lasts', async (t) => {
  const steady = new SteadyVerdict();
  const of = (tone: Verdict['tone'], say: string, show = say): Verdict => ({ tone, say, show, carriers: [] });
  t.equal(steady.take(of('good', 'fine')).say, 'fine');
  t.equal(steady.take(of('bad', 'slow', 'slow: 1')).show, 'slow: 1');
  t.equal(steady.take(of('bad', 'slow', 'slow: 2')).show, 'slow: 2', 'its numbers move');
  for (let i = 0; i < 3; i++) t.equal(steady.take(of('good', 'fine')).say, 'slow');
  t.equal(steady.take(of('bad', 'slow')).say, 'slow');
  for (let i = 0; i < 3; i++) t.equal(steady.take(of('good', 'fine')).say, 'slow', 'counted anew');
  t.equal(steady.take(of('good', 'fine')).say, 'fine');
});
