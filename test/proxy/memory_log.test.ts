/** Goal: that the limit of --memory is reached is said when it lasts, once, and once more when it is over. */
import t, { type Test } from 'tap';
import { lineLogger } from '../../src/core/log.ts';
import { TrunkMemory } from '../../src/layer/trunk/memory.ts';
import { MemoryLog } from '../../src/proxy/memory_log.ts';
import { SimClock } from '../helpers/sim_clock.ts';

function world() {
  const clock = new SimClock();
  const lines: string[] = [];
  const memory = new TrunkMemory({ capacity: 16 << 20 });
  const share = memory.join();
  let waits = false;
  share.isWaitedFor = () => waits;
  const log = new MemoryLog(
    lineLogger('info', (line) => lines.push(line.replace(/^\S+ /, ''))),
    clock,
    memory,
  );
  return {
    clock,
    lines,
    memory,
    log,
    wait(now: boolean): void {
      waits = now;
      if (now) share.onShort();
    },
    end(t: Test): void {
      log.stop();
      t.equal(clock.pending, 0, 'no timer is left');
    },
  };
}

t.test('it lasts: one line with the numbers, and one when it is over', async (t) => {
  const { clock, lines, memory, wait, end } = world();
  const held = Array.from({ length: 64 }, () => memory.sendPool.take(128 * 1024));
  wait(true);
  await clock.advance(900);
  t.same(lines, []);
  await clock.advance(60_000);
  t.same(lines, [
    'warn  the limit of --memory (16.8 MB) is reached: 8.39 MB from apps wait for the other proxy, 0 B from there for ' +
      'apps; connections go on as that gets less',
  ]);
  for (const chunk of held) chunk.release();
  wait(false);
  await clock.advance(9000);
  t.equal(lines.length, 1, 'it may begin again');
  await clock.advance(15_000);
  t.same(lines.slice(1), ['info  no connection waits for memory (--memory) any more']);
  await clock.advance(60_000);
  t.equal(lines.length, 2);
  end(t);
});

t.test('again and again, for moments: one line', async (t) => {
  const { clock, lines, wait, end } = world();
  for (let i = 0; i < 600; i++) {
    wait(true);
    wait(false);
    await clock.advance(100);
  }
  t.equal(lines.length, 1);
  await clock.advance(30_000);
  t.equal(lines.length, 2);
  end(t);
});

t.test('once, for a moment: not worth a line', async (t) => {
  const { clock, lines, wait, end } = world();
  wait(true);
  wait(false);
  await clock.advance(60_000);
  t.same(lines, []);
  t.equal(clock.pending, 0);
  end(t);
});

t.test('what peers sent, and apps do not read', async (t) => {
  const { clock, lines, memory, log, end } = world();
  const held = Array.from({ length: 52 }, () => memory.receivePool.take(128 * 1024));
  t.equal(memory.short, true);
  memory.onShort?.();
  await clock.advance(1000);
  t.match(lines, [/0 B from apps wait for the other proxy, 6\.82 MB from there for apps/]);
  log.stop();
  for (const chunk of held) chunk.release();
  end(t);
});
