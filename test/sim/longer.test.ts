/** Goal: without TCP_INFO, too, a path that becomes much longer is used to the full, and a busy one is not taken for longer. */

import t from 'tap';
import { type CarrierPlan, runScenario, type ScenarioRun } from './scenario.ts';

const MB = 1_000_000;
const equal = (count: number, plan: CarrierPlan): CarrierPlan[] => Array.from({ length: count }, () => plan);

t.test('20 ms that become 400: as fast as if they had always been 400', async (t) => {
  const bytes = 120 * MB;
  const longer = ({ world, links }: ScenarioRun) =>
    void world.after(2000, () => {
      for (const { up, down } of links) up.delayMs = down.delayMs = 200;
    });
  const always = runScenario({ info: false, carriers: equal(2, { mbit: 20, rttMs: 400 }), bytes });
  const at = runScenario({ info: false, carriers: equal(2, { mbit: 20, rttMs: 20 }), bytes, plan: longer });
  t.ok(at.ms < 1.1 * always.ms, `${at.ms.toFixed(0)} ms, and ${always.ms.toFixed(0)}`);
});

t.test('a minute of bulk over paths that queue much: no queue is taken for length', async (t) => {
  const { probeDelaysMs } = runScenario({
    info: false,
    carriers: equal(2, { mbit: 20, rttMs: 50, queueBytes: 8 * MB }),
    bytes: 300 * MB,
    probeEveryMs: 100,
  });
  const worst = (delays: number[]) => Math.max(...delays);
  const half = probeDelaysMs.length >> 1;
  const [first, second] = [worst(probeDelaysMs.slice(0, half)), worst(probeDelaysMs.slice(half))];
  t.ok(second < 1.2 * first && second < 400, `${second.toFixed(0)} ms, and ${first.toFixed(0)} before`);
});
