import { networkInterfaces } from 'node:os';
import type { OptionName } from '../../src/sys/addon.ts';
import { EINVAL, ENODEV, ENOENT, ENOPROTOOPT, EOPNOTSUPP } from '../../src/sys/errno.ts';
import { addon, sysTest, V4 } from './support.ts';

const { options, setOption, getOption } = addon;

sysTest('what is set is read back', async (t, sockets) => {
  const values: [OptionName, number][] = [
    ['reuseAddress', 1],
    ['reusePort', 1],
    ['keepAlive', 1],
    ['rcvLowAt', 4096],
    ['priority', 3],
    ['typeOfService', 0x10],
    ['bindAddressNoPort', 1],
    ['freeBind', 1],
    ['noDelay', 1],
    ['cork', 1],
    ['keepIdleSec', 33],
    ['keepIntervalSec', 7],
    ['keepCount', 5],
    ['userTimeoutMs', 12_345],
    ['notSentLowAt', 131_072],
    ['synCount', 3],
    ['maxSegment', 1200],
    ['windowClamp', 100_000],
  ];
  const fd = sockets.own(addon.socket(4));
  for (const [name, value] of values) {
    t.not(getOption(fd, options[name]), value, `${name} is something else at first`);
    t.equal(setOption(fd, options[name], value), 0, name);
    t.equal(getOption(fd, options[name]), value, name);
  }
});

sysTest('on IPv6 sockets', async (t, sockets) => {
  const fd = sockets.own(addon.socket(6));
  for (const [name, value] of [
    ['v6Only', 1],
    ['v6Only', 0],
    ['trafficClass', 0x20],
  ] as const) {
    t.equal(setOption(fd, options[name], value), 0, name);
    t.equal(getOption(fd, options[name]), value, name);
  }
});

sysTest('the kernel doubles buffer sizes', async (t, sockets) => {
  const fd = sockets.own(addon.socket(4));
  for (const name of ['sendBuffer', 'receiveBuffer'] as const) {
    t.equal(setOption(fd, options[name], 50_000), 0);
    t.equal(getOption(fd, options[name]), 100_000);
  }
});

sysTest('no limit of unsent bytes does not read as an error', async (t, sockets) => {
  const fd = sockets.own(addon.socket(4));
  t.equal(setOption(fd, options.notSentLowAt, -1), 0);
  t.equal(getOption(fd, options.notSentLowAt), 0xffffffff);
});

sysTest('every name in the table is an option of its own that the kernel knows', async (t, sockets) => {
  const { client } = await sockets.pair(V4);
  const six = sockets.own(addon.socket(6));
  const codes = Object.values(options);
  t.equal(new Set(codes).size, codes.length);
  for (const [name, code] of Object.entries(options)) {
    t.ok(getOption(name === 'v6Only' || name === 'trafficClass' ? six : client, code) >= 0, name);
  }
});

sysTest('what a socket cannot have is an errno', async (t, sockets) => {
  const unix = sockets.own(addon.socket(1));
  t.equal(setOption(unix, options.noDelay, 1), -EOPNOTSUPP);
  const four = sockets.own(addon.socket(4));
  t.equal(setOption(four, options.v6Only, 1), -ENOPROTOOPT);
  t.equal(setOption(four, options.keepIdleSec, 0), -EINVAL);
});

sysTest('congestion control by name', async (t, sockets) => {
  const fd = sockets.own(addon.socket(4));
  // Every kernel has reno, and lets everybody have it.
  t.equal(addon.setCongestion(fd, 'reno'), 0);
  t.equal(addon.getCongestion(fd), 'reno');
  t.equal(addon.setCongestion(fd, 'no-such-thing'), -ENOENT);
  t.equal(addon.setCongestion(fd, ''), -EINVAL);
  t.equal(addon.setCongestion(fd, 'x'.repeat(100)), -ENOENT);
  t.equal(addon.getCongestion(fd), 'reno');
});

sysTest('bound to a device, the traffic takes it or none', async (t, sockets) => {
  t.ok('lo' in networkInterfaces());
  const listener = sockets.listen(V4);
  const fd = sockets.own(addon.socket(4));
  t.equal(addon.bindToDevice(fd, 'no-such-if'), -ENODEV);
  t.equal(addon.bindToDevice(fd, `lo${'x'.repeat(20)}`), -ENODEV, 'a long name is not cut to another');
  t.equal(addon.bindToDevice(fd, 'lo'), 0);
  const { host, port } = listener.address as { host: string; port: number };
  t.ok(addon.connect(fd, 4, host, port) <= 0);
  await sockets.wait(fd, 4);
  t.equal(addon.socketError(fd), 0);
});
