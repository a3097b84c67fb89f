// The addon's Poll: edge-triggered, one call per turn.

import type { Test } from 'tap';
import { EAGAIN, EBADF, EEXIST, ENOENT, EPERM } from '../../src/sys/errno.ts';
import { POLL_ERR, POLL_HUP, POLL_IN, POLL_OUT, POLL_RDHUP } from '../../src/sys/poller.ts';
import { eventually } from '../helpers/settle.ts';
import { addon, ok, openDescriptors, PRELUDE, runNode, Sockets, sleep, sysTest } from './support.ts';

/** A Poll that notes everything. */
class Recorder {
  readonly events = new Int32Array(64);
  readonly poll = new addon.Poll(this.events, (count) => this.#note(count));
  readonly batches: [slot: number, mask: number][][] = [];

  #note(count: number): void {
    const batch: [number, number][] = [];
    for (let i = 0; i < count; i++)
      batch.push([this.events[2 * i] as number, this.events[2 * i + 1] as number]);
    this.batches.push(batch);
  }

  /** What came since the last call: waits until something has, and then for what may follow. */
  async take(): Promise<[slot: number, mask: number][]> {
    await eventually('an event', () => this.batches.length > 0);
    return this.rest();
  }

  /** What came since the last call, if anything, given time to come. */
  async rest(): Promise<[slot: number, mask: number][]> {
    await sleep(30);
    return this.batches.splice(0).flat();
  }
}

/** A Poll over one end of a TCP connection that nobody else watches. */
async function watchedPair(t: Test, sockets: Sockets) {
  const maker = new Sockets();
  const { client, server } = await maker.pair();
  maker.forget(client);
  maker.forget(server);
  sockets.own(client);
  sockets.own(server);
  const recorder = new Recorder();
  t.equal(recorder.poll.add(client, 5), 0);
  t.same(await recorder.take(), [[5, POLL_OUT]], 'what is so when it is added is told at once');
  return { client, server, recorder };
}

sysTest('an event tells a change, once', async (t, sockets) => {
  const { client, server, recorder } = await watchedPair(t, sockets);
  t.same(await recorder.rest(), [], 'writable still, and not told again');
  const buffer = new Uint8Array(100);

  ok(addon.send(server, buffer, 0, 10), 'send');
  t.same(await recorder.take(), [[5, POLL_IN | POLL_OUT]]);
  t.same(await recorder.rest(), [], 'readable still, and not told again');
  t.equal(addon.recv(client, buffer, 0, 4), 4);
  t.same(await recorder.rest(), [], 'nor after some of it was read');
  ok(addon.send(server, buffer, 0, 10), 'send');
  t.same(await recorder.take(), [[5, POLL_IN | POLL_OUT]], 'more has come: told, though not all was read');

  recorder.poll.remove(client);
  ok(addon.send(server, buffer, 0, 10), 'send');
  t.same(await recorder.rest(), [], 'nothing after remove');
  t.equal(recorder.poll.add(client, 6), 0);
  t.same(await recorder.take(), [[6, POLL_IN | POLL_OUT]], 'added again: the state as it is');

  recorder.poll.close();
});

sysTest('writable again after the buffers were full', async (t, sockets) => {
  const { client, server, recorder } = await watchedPair(t, sockets);
  const chunk = new Uint8Array(1 << 20);
  while (addon.send(client, chunk, 0, chunk.length) !== -EAGAIN);
  t.same(await recorder.rest(), []);
  while (addon.recv(server, chunk, 0, chunk.length) !== -EAGAIN) await sleep(1);
  const events = await recorder.take();
  t.ok(events.length >= 1);
  t.same(events[0], [5, POLL_OUT]);
  t.ok(addon.send(client, chunk, 0, 1) > 0);
  recorder.poll.close();
});

sysTest('modify narrows what is told, and tells at once what it widens to', async (t, sockets) => {
  const { client, server, recorder } = await watchedPair(t, sockets);
  const { poll } = recorder;
  const buffer = new Uint8Array(100);
  t.equal(poll.modify(client, 6, POLL_OUT), 0);
  t.same(await recorder.take(), [[6, POLL_OUT]], 'with the new slot');
  ok(addon.send(server, buffer, 0, 10), 'send');
  t.same(await recorder.rest(), [], 'bytes are not of interest');
  t.equal(poll.modify(client, 6, POLL_IN), 0);
  t.same(await recorder.take(), [[6, POLL_IN]], 'they are now, and were there already');
  t.equal(poll.modify(client, 6, 0), 0);
  addon.shutdownWrite(server);
  t.same(await recorder.take(), [[6, POLL_RDHUP]], 'an end is always told');
  sockets.reset(server);
  const mask = (await recorder.take()).at(-1)?.[1] ?? 0;
  t.equal(mask & (POLL_HUP | POLL_ERR), POLL_HUP | POLL_ERR, 'and a reset');

  t.equal(poll.modify(server, 0, 0), -EBADF, 'closed');
  t.equal(poll.modify(sockets.own(addon.socket(4)), 0, 0), -ENOENT);
  t.throws(() => poll.modify(client, 0, -1), { name: 'RangeError' });
  poll.close();
  t.equal(poll.modify(client, 6, POLL_IN), -EBADF);
});

sysTest('FIN is readable and RDHUP; both FINs are HUP as well; RST is ERR', async (t, sockets) => {
  const { client, server, recorder } = await watchedPair(t, sockets);
  addon.shutdownWrite(server);
  t.same(await recorder.take(), [[5, POLL_IN | POLL_OUT | POLL_RDHUP]]);
  addon.shutdownWrite(client);
  const last = (await recorder.take()).at(-1);
  t.same(last, [5, POLL_IN | POLL_OUT | POLL_RDHUP | POLL_HUP]);
  recorder.poll.close();

  const second = await watchedPair(t, sockets);
  sockets.reset(second.server);
  t.same(await second.recorder.take(), [[5, POLL_IN | POLL_OUT | POLL_RDHUP | POLL_ERR | POLL_HUP]]);
  second.recorder.poll.close();
});

sysTest('add and remove answer with errors', async (t, sockets) => {
  const { poll } = new Recorder();
  const fd = sockets.own(addon.socket(4));
  t.equal(poll.remove(fd), -ENOENT);
  t.equal(poll.add(fd, 0), 0);
  t.equal(poll.add(fd, 1), -EEXIST);
  t.equal(poll.add(-1, 0), -EBADF);
  t.equal(poll.remove(-1), -EBADF);
  const { openSync, closeSync } = await import('node:fs');
  const file = openSync(process.execPath, 'r');
  t.equal(poll.add(file, 0), -EPERM);
  closeSync(file);
  t.equal(poll.remove(fd), 0);
  t.equal(poll.remove(fd), -ENOENT);
  poll.close();
  poll.close();
  t.equal(poll.add(fd, 0), -EBADF);
  t.equal(poll.remove(fd), -EBADF);
});

sysTest('Poll is fussy about its arguments', async (t) => {
  const { Poll } = addon;
  const nothing = () => {};
  t.throws(() => new Poll(new Int32Array(1), nothing), { name: 'RangeError' });
  t.throws(() => new Poll(new Uint32Array(8) as unknown as Int32Array, nothing), { name: 'TypeError' });
  t.throws(() => new Poll(undefined as unknown as Int32Array, nothing), { name: 'TypeError' });
  t.throws(() => new Poll(new Int32Array(8), 1 as unknown as () => void), { name: 'TypeError' });
  t.throws(() => (Poll as unknown as () => void)(), { name: 'TypeError' });
  const poll = new Poll(new Int32Array(8), nothing);
  t.throws(() => poll.add(1.5, 0), { name: 'RangeError' });
  t.throws(() => poll.add(0, -1), { name: 'RangeError' });
  t.throws(() => poll.add('0' as unknown as number, 0), { name: 'TypeError' });
  t.throws(() => poll.remove(undefined as unknown as number), { name: 'TypeError' });
  t.throws(() => poll.add.call({}, 0, 0), { name: 'TypeError' });
  poll.close();
});

sysTest('more events than the array holds come in further calls, none is lost', async (t, sockets) => {
  const events = new Int32Array(4);
  const counts: number[] = [];
  const seen = new Set<number>();
  const poll = new addon.Poll(events, (count) => {
    counts.push(count);
    for (let i = 0; i < count; i++) seen.add(events[2 * i] as number);
  });
  const fds = Array.from({ length: 7 }, () => sockets.own(addon.socket(4)));
  fds.forEach((fd, slot) => {
    t.equal(poll.add(fd, slot), 0);
  });
  await eventually('all of them', () => seen.size === 7);
  t.ok(counts.every((count) => count <= 2));
  poll.close();
});

sysTest(
  'nextTick and promises run when the callback returns, before the next event of any kind',
  async (t, sockets) => {
    const order: string[] = [];
    const make = () =>
      new addon.Poll(new Int32Array(8), () => {
        order.push('callback');
        queueMicrotask(() => order.push('microtask'));
        process.nextTick(() => order.push('tick'));
      });
    // Both have an event in the same turn of the loop.
    const polls = [make(), make()];
    for (const poll of polls) t.equal(poll.add(sockets.own(addon.socket(4)), 0), 0);
    await eventually('both', () => order.length >= 6);
    t.same(order, ['callback', 'tick', 'microtask', 'callback', 'tick', 'microtask']);
    for (const poll of polls) poll.close();
  },
);

sysTest('closing it from inside its callback', async (t, sockets) => {
  let calls = 0;
  const fd = sockets.own(addon.socket(4));
  const poll = new addon.Poll(new Int32Array(8), () => {
    calls++;
    poll.close();
  });
  t.equal(poll.add(fd, 0), 0);
  await eventually('its event', () => calls > 0);
  await sleep(30);
  t.equal(calls, 1);
  const other = new Recorder();
  t.equal(other.poll.add(fd, 1), 0, 'and the descriptor is free for another');
  t.equal((await other.take()).length, 1);
  other.poll.close();
});

sysTest('a descriptor that was closed before remove holds nobody up', async (t, sockets) => {
  const recorder = new Recorder();
  const first = addon.socket(4);
  t.equal(recorder.poll.add(first, 1), 0);
  addon.close(first);
  const second = addon.socket(4);
  t.equal(second, first, 'the kernel gave the number out again');
  t.equal(recorder.poll.add(second, 2), 0);
  t.same(
    (await recorder.take()).map(([slot]) => slot),
    [2],
  );
  sockets.own(second);
  recorder.poll.close();
});

sysTest('what the callback throws is an uncaughtException, and the poll goes on', async (t) => {
  const throwing = (handler: string) => `${PRELUDE}
    const addon = loadAddon();
    ${handler}
    let calls = 0;
    const poll = new addon.Poll(new Int32Array(8), () => {
      calls++;
      if (calls === 2) { poll.close(); return; }
      poll.add(addon.socket(4), 1);
      throw new Error('thrown by onEvents');
    });
    poll.add(addon.socket(4), 0);
    process.on('exit', () => console.log('calls', calls));`;

  const handled = await runNode(
    throwing(`process.on('uncaughtException', (e) => console.log('caught', e.message));`),
  );
  t.equal(handled.stdout, 'caught thrown by onEvents\ncalls 2\n');
  t.equal(handled.code, 0);

  const unhandled = await runNode(throwing(''));
  t.equal(unhandled.stdout, 'calls 1\n');
  t.match(unhandled.stderr, /Error: thrown by onEvents/);
  t.equal(unhandled.code, 1);
});

sysTest('an events array whose memory was given away is an error, not a write into nowhere', async (t) => {
  const result = await runNode(`${PRELUDE}
    const addon = loadAddon();
    const events = new Int32Array(64);
    const poll = new addon.Poll(events, () => console.log('called'));
    poll.add(addon.socket(4), 0);
    structuredClone(events, { transfer: [events.buffer] });
    process.on('uncaughtException', (e) => { console.log(e.name, e.message); poll.close(); });`);
  t.equal(result.stdout, 'TypeError Poll: the events array has been detached\n');
  t.equal(result.code, 0);
});

sysTest('the process lives while something is watched, and ends by itself when nothing is', async (t) => {
  const idle = await runNode(`${PRELUDE}
    const addon = loadAddon();
    const fd = addon.socket(4);
    addon.bind(fd, 4, '127.0.0.1', 0);
    addon.listen(fd, 1);
    const slot = poller().watch(fd, { onPoll() {} });
    poller().unwatch(slot, fd);
    console.log('end of script');`);
  t.equal(idle.stdout, 'end of script\n');
  t.equal(idle.code, 0);

  const unused = await runNode(`${PRELUDE} poller(); console.log('end of script');`);
  t.equal(unused.stdout, 'end of script\n');
  t.equal(unused.code, 0);

  const careless = await runNode(`${PRELUDE}
    const addon = loadAddon();
    const fd = addon.socket(4);
    const poll = new addon.Poll(new Int32Array(8), () => {});
    poll.add(fd, 0);
    addon.close(fd);
    console.log(poll.remove(fd));`);
  t.equal(careless.stdout, `${-EBADF}\n`, 'closed first and removed then: an error, and yet removed');
  t.equal(careless.code, 0);

  const watching = await runNode(`${PRELUDE}
    const addon = loadAddon();
    const fd = addon.socket(4);
    addon.bind(fd, 4, '127.0.0.1', 0);
    addon.listen(fd, 1);
    const slot = poller().watch(fd, { onPoll() {} });
    // This timer keeps nothing alive: that it fires shows that the watched socket does.
    setTimeout(() => { console.log('still here'); poller().unwatch(slot, fd); }, 300).unref();`);
  t.equal(watching.stdout, 'still here\n');
  t.equal(watching.code, 0);
});

sysTest('a Poll that nobody holds is collected when it watches nothing, and not before', async (t) => {
  const result = await runNode(
    `${PRELUDE}
    const { setTimeout: sleep } = await import('node:timers/promises');
    const addon = loadAddon();
    const count = () => readdirSync('/proc/self/fd').length;
    const collect = async () => { for (let i = 0; i < 5; i++) { gc(); await sleep(10); } };
    const before = count();
    (() => { for (let i = 0; i < 50; i++) new addon.Poll(new Int32Array(8), () => {}); })();
    const made = count() - before;
    await collect();
    const left = count() - before;

    const fd = addon.socket(4);
    addon.bind(fd, 4, '127.0.0.1', 0);
    addon.listen(fd, 1);
    let calls = 0;
    (() => { new addon.Poll(new Int32Array(8), () => { calls++; }).add(fd, 0); })();
    await collect();
    const client = addon.socket(4);
    addon.connect(client, 4, '127.0.0.1', addon.localAddress(fd).port);
    for (let i = 0; i < 500 && calls === 0; i++) await sleep(10);
    console.log(JSON.stringify([made, left, calls]));
    process.exit(0);`,
    { flags: ['--expose-gc'] },
  );
  t.equal(result.stdout, '[50,0,1]\n');
  t.equal(result.code, 0, result.stderr);
});

sysTest('a Poll that was closed, inside its callback or outside, lets go of the callback', async (t) => {
  const result = await runNode(
    `${PRELUDE}
    const { setTimeout: sleep } = await import('node:timers/promises');
    const addon = loadAddon();
    const fd = addon.socket(4);
    const callbacks = [];
    let calls = 0;
    for (const inside of [true, false]) {
      (() => {
        const onEvents = () => { calls++; if (inside) poll.close(); };
        const poll = new addon.Poll(new Int32Array(8), onEvents);
        callbacks.push(new WeakRef(onEvents));
        if (inside) poll.add(fd, 0); else poll.close();
      })();
      for (let i = 0; i < 500 && calls === 0; i++) await sleep(10);
    }
    for (let i = 0; i < 5; i++) { gc(); await sleep(10); }
    console.log(calls, callbacks.map((ref) => ref.deref()).join());`,
    { flags: ['--expose-gc'] },
  );
  t.equal(result.stdout, '1 ,\n');
  t.equal(result.code, 0, result.stderr);
});

sysTest('making and closing many leaves nothing behind', async (t) => {
  const before = openDescriptors();
  for (let i = 0; i < 500; i++) new addon.Poll(new Int32Array(8), () => {}).close();
  t.equal(openDescriptors(), before);
});
