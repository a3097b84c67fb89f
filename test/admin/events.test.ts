/** Goal: readers of /events cost what they read, however slow they are; without readers nothing is listened to. */
import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import t, { type Test } from 'tap';
import { EventStream } from '../../src/admin/events.ts';
import { Snapshots } from '../../src/admin/status.ts';
import { CARRIER_RESEND, CARRIER_STALL, CONNECTION_BEGIN } from '../../src/core/trace.ts';
import { BUILD } from '../helpers/admin_side.ts';
import { sleep, until } from '../helpers/e2e_wait.ts';

/** An answer to a reader that reads when the test says so. */
class Answer extends EventEmitter {
  readonly written: string[] = [];
  writableLength = 0;
  reads = true;
  destroyed = false;

  writeHead(): void {}

  write(text: string): void {
    this.written.push(text);
    if (!this.reads) this.writableLength += text.length;
  }

  destroy(): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.emit('close');
  }

  named(name: string): number {
    return this.written.filter((text) => text.startsWith(`event: ${name}\n`)).length;
  }
}

function stream(t: Test, times = { statusMs: 20, patienceMs: 60_000 }): EventStream {
  const made = new EventStream(new Snapshots({ build: BUILD, services: () => [] }), times);
  t.teardown(() => made.close());
  return made;
}

function add(to: EventStream): Answer {
  const answer = new Answer();
  to.add(answer as unknown as ServerResponse);
  return answer;
}

const carrier = { service: '', trunk: 1, index: 0, carrier: 0, local: null, remote: null };
const stall = () => CARRIER_STALL.publish({ ...carrier, inFlightBytes: 1000 });

t.test('it listens only while somebody reads', async (t) => {
  const events = stream(t);
  t.notOk(CARRIER_STALL.hasSubscribers);
  const [one, two] = [add(events), add(events)];
  t.ok(CARRIER_STALL.hasSubscribers && CONNECTION_BEGIN.hasSubscribers);
  stall();
  one.destroy();
  stall();
  t.same([one.named('carrier'), two.named('carrier')], [1, 2]);
  two.destroy();
  t.notOk(CARRIER_STALL.hasSubscribers);
  t.equal(events.readers, 0);
  const again = add(events);
  t.ok(CARRIER_STALL.hasSubscribers, 'and again');
  again.destroy();
});

t.test('a slow reader loses events and is told so; others lose none', async (t) => {
  const events = stream(t);
  const [slow, quick] = [add(events), add(events)];
  slow.reads = false;
  for (let round = 0; slow.writableLength < 256 * 1024; round++) {
    const before = quick.named('status');
    for (let i = 0; i < 150; i++) stall();
    await until(
      () => quick.named('status') > before,
      () => 'the stream stands still',
    );
    if (round > 100) throw new Error('what a slow reader does not read is not bounded');
  }
  const held = slow.writableLength;
  const statuses = slow.named('status');
  for (let i = 0; i < 150; i++) stall();
  const before = quick.named('status');
  await until(
    () => quick.named('status') > before + 2,
    () => 'the stream stands still',
  );
  t.ok(slow.writableLength < held + 2000, `${slow.writableLength - held} bytes more`);
  t.equal(slow.named('status'), statuses, 'a status that cannot be read is left out');
  t.equal(slow.named('dropped'), 0);
  slow.reads = true;
  slow.writableLength = 0;
  await until(
    () => slow.named('dropped') === 1,
    () => 'it is not told',
  );
  t.match(
    slow.written.find((text) => /^event: dropped/.test(text)),
    /"events":\d{3}\}/,
  );
  t.equal(quick.named('dropped'), 0);
});

t.test('one that reads nothing any more is let go', async (t) => {
  const events = stream(t, { statusMs: 20, patienceMs: 100 });
  const [dead, alive] = [add(events), add(events)];
  dead.reads = false;
  stall();
  await until(
    () => dead.destroyed,
    () => 'it is kept for ever',
  );
  t.equal(events.readers, 1);
  t.notOk(alive.destroyed);
});

t.test('so many events a second, and no more', async (t) => {
  const events = stream(t, { statusMs: 200, patienceMs: 60_000 });
  const reader = add(events);
  for (let i = 0; i < 1000; i++) CONNECTION_BEGIN.publish({ service: '', id: `c${i}`, from: null, to: null });
  t.equal(reader.named('connection'), 200);
  await until(
    () => reader.named('dropped') > 0,
    () => 'the rest is not told of',
  );
  t.match(
    reader.written.find((text) => /^event: dropped/.test(text)),
    /"events":800\}/,
  );
  stall();
  t.equal(reader.named('carrier'), 1, 'and it goes on');
});

t.test('what is sent again is summed up', async (t) => {
  const events = stream(t);
  const reader = add(events);
  for (let i = 0; i < 5000; i++) CARRIER_RESEND.publish({ ...carrier, bytes: 100 });
  CARRIER_RESEND.publish({ ...carrier, index: 1, bytes: 0 });
  await until(
    () => reader.named('carrier') > 0,
    () => 'it is not told',
  );
  await sleep(100);
  t.equal(reader.named('carrier'), 1);
  t.match(
    reader.written.find((text) => /^event: carrier/.test(text)),
    /"index":0,"what":"resent".*"bytes":500000\}/,
  );
});
