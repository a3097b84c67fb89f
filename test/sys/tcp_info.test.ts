import { EBADF, EOPNOTSUPP } from '../../src/sys/errno.ts';
import { TcpInfo } from '../../src/sys/tcp_info.ts';
import { eventually } from '../helpers/settle.ts';
import { addon, sysTest } from './support.ts';

const FIELDS = addon.tcpInfoFields;

/** First length of the kernel's answer that has the field whole, from the kernel's own header. */
const END_OF: [field: string, end: number][] = [
  ['state', 1],
  ['ca_state', 2],
  ['backoff', 5],
  ['rto', 12],
  ['snd_mss', 20],
  ['unacked', 28],
  ['lost', 36],
  ['retrans', 40],
  ['pmtu', 64],
  ['rtt', 72],
  ['rttvar', 76],
  ['snd_ssthresh', 80],
  ['snd_cwnd', 84],
  ['reordering', 92],
  ['rcv_space', 100],
  ['total_retrans', 104],
  ['pacing_rate', 112],
  ['max_pacing_rate', 120],
  ['bytes_acked', 128],
  ['bytes_received', 136],
  ['segs_out', 140],
  ['notsent_bytes', 148],
  ['min_rtt', 152],
  ['delivery_rate', 168],
  ['delivery_rate_app_limited', 168],
  ['busy_time', 176],
  ['rwnd_limited', 184],
  ['sndbuf_limited', 192],
  ['bytes_sent', 208],
  ['bytes_retrans', 216],
  ['snd_wnd', 232],
  ['rehash', 240],
  ['total_rto_time', 248],
];

sysTest('a field is there exactly when the kernel returned all of it', async (t, sockets) => {
  const { client } = await sockets.pair();
  const values = new Float64Array(FIELDS.length + 3);
  for (const [field, end] of END_OF) {
    const index = FIELDS.indexOf(field);
    t.ok(index >= 0, field);
    values.fill(-7);
    t.equal(addon.tcpInfo(client, values, end), end, 'the kernel answers as briefly as it was asked');
    t.ok(Number.isFinite(values[index]), `${field} with ${end} bytes`);
    t.equal(addon.tcpInfo(client, values, end - 1), end - 1);
    t.ok(Number.isNaN(values[index]), `${field} with ${end - 1} bytes`);
    t.ok(
      values.subarray(FIELDS.length).every((value) => value === -7),
      'nothing is written beyond the fields',
    );
  }
  t.equal(addon.tcpInfo(client, values, 0), 0);
  t.ok(values.subarray(0, FIELDS.length).every(Number.isNaN));
  // Every field that has not been looked at one by one: as the answer grows, fields appear and none goes away.
  let known = 0;
  for (let length = 0; length <= 280; length++) {
    const got = addon.tcpInfo(client, values, length);
    const now = values.subarray(0, FIELDS.length).filter((value) => !Number.isNaN(value)).length;
    t.ok(now >= known, `${now} fields in ${got} bytes`);
    known = now;
  }
  t.throws(() => addon.tcpInfo(client, values, 281), RangeError);
});

sysTest('values after a transfer', async (t, sockets) => {
  const { client, server } = await sockets.pair();
  const bytes = new Uint8Array(3_000_000);
  await Promise.all([sockets.sendAll(client, bytes), sockets.recvSome(server, bytes.length)]);
  // The last acknowledgement may still be on its way.
  const info = new TcpInfo(addon);
  for (let i = 0; i < 100; i++) {
    t.equal(info.sample(client), true);
    if (info.unackedSegments === 0) break;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  t.equal(info.state, 1, 'established');
  t.equal(info.congestionState, 0);
  t.equal(info.bytesSent, bytes.length + (info.bytesRetransmitted ?? 0));
  t.equal(info.bytesAcked, bytes.length + 1, 'and the SYN');
  t.equal(info.notSentBytes, 0);
  t.equal(info.unackedSegments, 0);
  t.equal(info.backoffShift, 0);
  t.ok((info.cwndSegments ?? 0) >= 2);
  t.ok((info.sendMssBytes ?? 0) >= 536);
  t.ok((info.pathMtuBytes ?? 0) > (info.sendMssBytes ?? 0));
  t.ok((info.srttUs ?? 0) > 0 && (info.srttUs ?? 0) < 1_000_000, `srtt ${info.srttUs} us on loopback`);
  t.ok((info.minRttUs ?? 0) > 0 && (info.minRttUs ?? 0) <= (info.srttUs ?? 0) * 8);
  t.ok((info.rttVarUs ?? 0) > 0);
  t.ok((info.rtoUs ?? 0) >= 200_000);
  t.ok((info.deliveryRateBytesPerSec ?? 0) > 1_000_000);
  t.type(info.deliveryRateAppLimited, 'boolean');
  t.ok((info.sendBufferLimitedUs ?? -1) >= 0);
  t.ok((info.sendWindowBytes ?? 0) > 0);
  t.ok((info.dataSegmentsOut ?? 0) >= bytes.length / 65536);
  t.ok((info.ssthreshSegments ?? 0) > 0, 'set or not: a kernel may leave slow start without a loss');
  t.equal(info.maxPacingRateBytesPerSec, Number.POSITIVE_INFINITY);

  const other = new TcpInfo(addon);
  t.equal(other.sample(server), true);
  t.equal(other.bytesReceived, bytes.length);
  t.equal(other.bytesSent, 0);
});

sysTest('what is queued and not sent is seen', async (t, sockets) => {
  const { client } = await sockets.pair();
  const bytes = new Uint8Array(1 << 20);
  let queued = 0;
  for (let sent = 0; sent >= 0; sent = addon.send(client, bytes, 0, bytes.length)) queued += sent;
  const info = new TcpInfo(addon);
  t.equal(info.sample(client), true);
  t.ok((info.notSentBytes ?? 0) > 0);
  t.equal((info.bytesSent ?? 0) + (info.notSentBytes ?? 0), queued);
  // The kernel counts these in its own ticks, of up to 10 ms.
  await eventually(
    'the peer does not read',
    () => info.sample(client) && (info.receiveWindowLimitedUs ?? 0) > 0,
  );
  t.ok((info.busyUs ?? 0) > 0);
});

sysTest('before a sample, and after one that failed, everything is undefined', async (t, sockets) => {
  const { client } = await sockets.pair();
  const getters = Object.entries(Object.getOwnPropertyDescriptors(TcpInfo.prototype)).filter(
    ([, { get }]) => get,
  );
  t.ok(getters.length > 40);
  const info = new TcpInfo(addon);
  const all = () => getters.map(([name]) => [name, info[name as keyof TcpInfo]] as const);
  t.same(
    all().filter(([, value]) => value !== undefined),
    [],
  );
  t.equal(info.sample(client), true);
  t.ok(info.cwndSegments);
  // On the newest kernels every one is there, so that a name that the addon does not have would show.
  const values = new Float64Array(FIELDS.length);
  if (addon.tcpInfo(client, values) === 280) {
    const missing = all().filter(([name, value]) => value === undefined && name !== 'minRttUs');
    t.same(missing, []);
  }
  t.equal(info.sample(-1), false);
  t.same(
    all().filter(([, value]) => value !== undefined),
    [],
  );
});

sysTest(
  'a socket without a round trip has no least one; a Unix socket has no TCP_INFO',
  async (t, sockets) => {
    const fd = sockets.own(addon.socket(4));
    const info = new TcpInfo(addon);
    t.equal(info.sample(fd), true);
    t.equal(info.state, 7, 'closed');
    t.equal(info.minRttUs, undefined);
    const unix = sockets.own(addon.socket(1));
    const values = new Float64Array(FIELDS.length).fill(4);
    t.equal(addon.tcpInfo(unix, values), -EOPNOTSUPP);
    t.equal(addon.tcpInfo(-1, values), -EBADF);
    t.ok(
      values.every((value) => value === 4),
      'untouched',
    );
  },
);

sysTest('the kernel\'s ways to say "none" are not taken for numbers', async (t) => {
  const sampled = (values: Record<string, number>) => {
    const fields = Object.keys(values);
    const info = new TcpInfo({
      ...addon,
      tcpInfoFields: fields,
      tcpInfo(_fd, out) {
        out.set(fields.map((field) => values[field] as number));
        return 280;
      },
    });
    t.ok(info.sample(0));
    return info;
  };
  const none = sampled({
    min_rtt: 0xffffffff,
    snd_ssthresh: 0x7fffffff,
    pacing_rate: 2 ** 64,
    max_pacing_rate: 2 ** 64,
  });
  t.equal(none.minRttUs, undefined);
  t.equal(none.ssthreshSegments, Number.POSITIVE_INFINITY);
  t.equal(none.pacingRateBytesPerSec, Number.POSITIVE_INFINITY);
  t.equal(none.maxPacingRateBytesPerSec, Number.POSITIVE_INFINITY);
  t.equal(none.cwndSegments, undefined, 'a field that the addon does not name');
  const some = sampled({
    min_rtt: 9,
    snd_ssthresh: 7,
    pacing_rate: 1e6,
    max_pacing_rate: 2e6,
    delivery_rate_app_limited: 0,
  });
  t.equal(some.minRttUs, 9);
  t.equal(some.ssthreshSegments, 7);
  t.equal(some.pacingRateBytesPerSec, 1e6);
  t.equal(some.maxPacingRateBytesPerSec, 2e6);
  t.equal(some.deliveryRateAppLimited, false);
});
