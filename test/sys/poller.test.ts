// Poller: slots, stale events, errors.

import { EBADF, EEXIST } from '../../src/sys/errno.ts';
import { POLL_IN, Poller, type PollTarget, poller } from '../../src/sys/poller.ts';
import { eventually } from '../helpers/settle.ts';
import { addon, ok, PRELUDE, runNode, sleep, sysTest } from './support.ts';

const byte = new Uint8Array(1);

sysTest('one poller per thread, and another after it was closed', async (t) => {
  const first = poller();
  t.equal(poller(), first);
  t.notOk(first.closed);
  first.close();
  const second = poller();
  t.not(second, first);
  const fd = addon.socket(4);
  t.ok(second.watch(fd, { onPoll() {} }) >= 0, 'the new one works');
  second.unwatch(0, fd);
  addon.close(fd);
});

sysTest('watch gives slots and errors, and counts', async (t, sockets) => {
  const poller = new Poller(addon);
  const target: PollTarget = { onPoll() {} };
  const [a, b] = [sockets.own(addon.socket(4)), sockets.own(addon.socket(4))];
  t.equal(poller.watch(-1, target), -EBADF);
  t.equal(poller.watched, 0);
  const slot = poller.watch(a, target);
  t.equal(slot, 0, 'the slot that the failed one had');
  t.equal(poller.watch(a, target), -EEXIST);
  t.equal(poller.watch(b, target), 1);
  t.equal(poller.watched, 2);
  poller.unwatch(slot, a);
  poller.unwatch(slot, a);
  poller.unwatch(99, a);
  t.equal(poller.watched, 1, 'unwatching twice counts once');
  t.equal(poller.watch(a, target), 0, 'a free slot is used again');
  poller.close();
  poller.close();
  t.equal(poller.watched, 0);
  t.ok(poller.closed);
  t.equal(poller.watch(a, target), -EBADF);
});

sysTest('a slot freed in a batch is given to nobody before its end', async (t, sockets) => {
  const poller = new Poller(addon);
  const ends = await Promise.all([sockets.pair(), sockets.pair()]);
  const late = await sockets.pair();
  const [first, second] = ends.map(({ client }) => {
    sockets.forget(client);
    return sockets.own(client);
  }) as [number, number];
  sockets.forget(late.client);
  sockets.own(late.client);

  const told: string[] = [];
  let armed = false;
  const lateMasks: number[] = [];
  let lateSlot = -1;
  const slots = new Map<number, number>();
  // Whichever is told first removes the other, whose event is in the same batch, and watches a third.
  const make = (fd: number, other: number): PollTarget => ({
    onPoll(mask) {
      if (!armed || (mask & POLL_IN) === 0) return;
      told.push(fd === first ? 'first' : 'second');
      poller.unwatch(slots.get(other) as number, other);
      lateSlot = poller.watch(late.client, { onPoll: (mask) => lateMasks.push(mask) });
    },
  });
  slots.set(first, poller.watch(first, make(first, second)));
  slots.set(second, poller.watch(second, make(second, first)));
  await sleep(30);
  armed = true;
  for (const { server } of ends) ok(addon.send(server, byte, 0, 1), 'send');
  await eventually('the third', () => lateMasks.length > 0);
  await sleep(30);

  t.equal(told.length, 1, 'the other one was unwatched, so that its event went nowhere');
  t.equal(lateSlot, 2, 'neither slot was free yet');
  t.ok(
    lateMasks.every((mask) => (mask & POLL_IN) === 0),
    'the third, to which nothing was sent, has not got what was for the other',
  );
  const removed = told[0] === 'first' ? second : first;
  t.equal(poller.watch(removed, { onPoll() {} }), slots.get(removed), 'after the batch the slot is free');
  poller.close();
});

sysTest('a target may unwatch itself, and one that is gone hears nothing', async (t, sockets) => {
  const poller = new Poller(addon);
  const fd = sockets.own(addon.socket(4));
  let calls = 0;
  const slot = poller.watch(fd, {
    onPoll() {
      calls++;
      poller.unwatch(slot, fd);
    },
  });
  await eventually('its event', () => calls > 0);
  await sleep(30);
  t.equal(calls, 1);
  const other = sockets.own(addon.socket(4));
  const otherSlot = poller.watch(other, { onPoll: () => calls++ });
  poller.unwatch(otherSlot, other);
  await sleep(30);
  t.equal(calls, 1);
  poller.close();
});

sysTest('closed in the middle of a batch, the rest of it is dropped', async (t, sockets) => {
  const poller = new Poller(addon);
  let calls = 0;
  for (let i = 0; i < 5; i++) {
    poller.watch(sockets.own(addon.socket(4)), {
      onPoll() {
        calls++;
        poller.close();
      },
    });
  }
  await eventually('the batch', () => calls > 0);
  await sleep(30);
  t.equal(calls, 1);
});

sysTest('what targets throw surfaces, each of it, after the others were served', async (t) => {
  const script = (handler: string) => `${PRELUDE}
    const addon = loadAddon();
    const log = (...text) => console.log(text.join(' '));
    ${handler}
    for (let i = 0; i < 4; i++) {
      const fd = addon.socket(4);
      const slot = poller().watch(fd, { onPoll() {
        poller().unwatch(slot, fd);
        log('served', i);
        if (i % 2 === 0) throw new Error('from ' + i);
      } });
    }`;
  const handled = await runNode(script(`process.on('uncaughtException', (e) => log('caught', e.message));`));
  t.equal(handled.stdout, 'served 0\nserved 1\nserved 2\nserved 3\ncaught from 0\ncaught from 2\n');
  t.equal(handled.code, 0);

  const unhandled = await runNode(script(''));
  t.equal(unhandled.stdout, 'served 0\nserved 1\nserved 2\nserved 3\n');
  t.match(unhandled.stderr, /Error: from 0/);
  t.equal(unhandled.code, 1);
});

sysTest('without the addon there is no poller', async (t) => {
  const result = await runNode(`${PRELUDE} try { poller(); } catch (e) { console.log(e.message); }`, {
    env: { TCP_STRIPER_BACKEND: 'portable' },
  });
  t.equal(result.stdout, 'there is no poller without the native addon\n');
});
