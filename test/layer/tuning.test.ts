/**
 * Goal: every socket of ours, accepted or connected, has the options that tuning.ts promises.
 */

import t from 'tap';
import { tuneApp, tuneCarrier, tuneJoined, tuneSocket } from '../../src/layer/tcp/tuning.ts';
import { loadAddon, type NativeAddon } from '../../src/sys/addon.ts';
import { EAGAIN, EINPROGRESS, ENOPROTOOPT } from '../../src/sys/errno.ts';

const addon = loadAddon() as NativeAddon;

const EXPECTED = {
  noDelay: 1,
  oobInline: 1,
  keepAlive: 1,
  keepIdleSec: 60,
  keepIntervalSec: 10,
  keepCount: 6,
} as const;

function optionsOf(fd: number): Record<string, number> {
  const names = Object.keys(EXPECTED) as (keyof typeof EXPECTED)[];
  return Object.fromEntries(names.map((name) => [name, addon.getOption(fd, addon.options[name])]));
}

t.test('an accepted connection inherits what its listening socket was given', async (t) => {
  const listening = addon.socket(4);
  const client = addon.socket(4);
  let accepted = -EAGAIN;
  t.teardown(() => {
    for (const fd of [listening, client, accepted]) if (fd >= 0) addon.close(fd);
  });
  tuneSocket(addon, listening, 4);
  t.equal(addon.bind(listening, 4, '127.0.0.1', 0), 0);
  t.equal(addon.listen(listening, 1), 0);
  const address = addon.localAddress(listening);
  if (typeof address === 'number') throw new Error(`no address: ${address}`);
  t.ok([0, -EINPROGRESS].includes(addon.connect(client, 4, address.host, address.port)));
  while (accepted === -EAGAIN) {
    accepted = addon.accept(listening);
    await new Promise((resolve) => setImmediate(resolve));
  }
  t.same(optionsOf(accepted), EXPECTED);
});

t.test('a connecting socket is given them', async (t) => {
  const fd = addon.socket(6);
  t.teardown(() => addon.close(fd));
  tuneSocket(addon, fd, 6);
  t.same(optionsOf(fd), EXPECTED);
});

t.test(
  'a carrier finds out in seconds that it is dead, and has the congestion control that was asked for',
  async (t) => {
    const fd = addon.socket(4);
    t.teardown(() => addon.close(fd));
    tuneSocket(addon, fd, 4);
    tuneCarrier(addon, fd, { congestion: 'reno' });
    const { notSentLowAt, userTimeoutMs, keepIdleSec, keepIntervalSec, keepAlive } = addon.options;
    const values = [notSentLowAt, userTimeoutMs, keepIdleSec, keepIntervalSec, keepAlive].map((option) =>
      addon.getOption(fd, option),
    );
    t.same(values, [131_072, 10_000, 10, 5, 1]);
    t.equal(addon.getCongestion(fd), 'reno');
    tuneCarrier(addon, fd, { congestion: 'no-such' });
    t.equal(addon.getCongestion(fd), 'reno', 'what is not to be had changes nothing');
  },
);

t.test('a carrier finds out within a second that a path is back, unless its peer is far away', async (t) => {
  const fd = addon.socket(4);
  t.teardown(() => addon.close(fd));
  const { rtoMaxMs } = addon.options;
  const before = addon.getOption(fd, rtoMaxMs);
  tuneJoined(addon, fd, 600_000);
  t.equal(addon.getOption(fd, rtoMaxMs), before);
  tuneJoined(addon, fd, 50_000);
  // Linux before 6.15 does not have it, and the rest goes on without.
  t.equal(addon.getOption(fd, rtoMaxMs), before === -ENOPROTOOPT ? before : 1000);
});

t.test('the socket of an app in a trunk holds little that the app does not read', async (t) => {
  const fd = addon.socket(4);
  t.teardown(() => addon.close(fd));
  tuneApp(addon, fd);
  t.equal(addon.getOption(fd, addon.options.notSentLowAt), 262_144);
});
