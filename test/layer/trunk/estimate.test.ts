/** Goal: what is believed of a carrier follows what it does, forgets what is over, and is not fooled by what is near. */

import t from 'tap';
import { CarrierEstimate } from '../../../src/layer/trunk/estimate.ts';
import type { TcpInfo } from '../../../src/sys/tcp_info.ts';

const KIB = 1024;

function info(minRttMs: number, mbytePerSecond: number, appLimited: boolean): TcpInfo {
  return {
    minRttUs: minRttMs * 1000,
    deliveryRateBytesPerSec: mbytePerSecond * 1e6,
    deliveryRateAppLimited: appLimited,
    cwndSegments: 10,
    sendMssBytes: 1448,
  } as unknown as TcpInfo;
}

/** A busy carrier of so many bytes per millisecond, which are acknowledged 16 KiB at a time; ends with nothing to do. */
function carry(estimate: CarrierEstimate, rate: number, rttMs: number, from: number, forMs: number): void {
  for (let now = from; now < from + forMs; now += (16 * KIB) / rate) {
    estimate.onFull();
    estimate.onAck(16 * KIB, rttMs, now);
  }
  estimate.onIdle();
}

t.test('a new carrier is a middling one, until it was busy', async (t) => {
  const estimate = new CarrierEstimate();
  t.ok(estimate.cold);
  t.equal(estimate.rate, 1000);
  estimate.onAck(100, 1, 0);
  t.equal(estimate.rate, 1000, 'a few bytes say nothing');
  carry(estimate, 200, 10, 10, 3000);
  t.ok(estimate.rate > 150 && estimate.rate < 250, `${estimate.rate}`);
});

t.test('the rate falls within two seconds, and rises at once', async (t) => {
  const estimate = new CarrierEstimate();
  carry(estimate, 5000, 10, 0, 1000);
  t.ok(estimate.rate > 4000, `${estimate.rate}`);
  carry(estimate, 500, 10, 1000, 2600);
  t.ok(estimate.rate < 700, `${estimate.rate}`);
  carry(estimate, 9000, 10, 3600, 100);
  t.ok(estimate.rate > 8000, `${estimate.rate}`);
});

t.test('a middlebox: the kernel sees a near and fast peer, ACKs tell the truth', async (t) => {
  const estimate = new CarrierEstimate();
  estimate.onInfo(info(0.02, 16_000, true), 0);
  estimate.onRtt(600);
  carry(estimate, 1250, 620, 10, 3000);
  estimate.onInfo(info(0.02, 16_000, true), 3010);
  t.equal(estimate.minRttMs, 600);
  t.ok(estimate.rate < 2000, `${estimate.rate}`);
  estimate.onInfo(info(0.02, 16_000, false), 3020);
  t.ok(estimate.rate < 2000, `busy as far as the kernel sees: ${estimate.rate}`);
});

t.test('without a middlebox the kernel knows the distance best', async (t) => {
  const estimate = new CarrierEstimate();
  estimate.onInfo(info(20, 10, true), 0);
  t.equal(estimate.minRttMs, 20, 'before anything was heard');
  estimate.onRtt(55);
  t.equal(estimate.minRttMs, 20);
});

t.test('a stall halves the rate each time, and is forgotten when it ends', async (t) => {
  const estimate = new CarrierEstimate();
  carry(estimate, 5000, 10, 0, 1000);
  const before = estimate.rate;
  estimate.onStall();
  t.equal(estimate.rate, before / 2);
  for (let i = 0; i < 40; i++) estimate.onStall();
  t.equal(estimate.rate, 1, 'it can still be divided by');
  t.ok(estimate.arrivalMs(64 * KIB, 0) > 60_000);
  estimate.onMoving();
  t.equal(estimate.rate, 1000);
});

t.test('a stall before anything is known leaves a guess that can be mended', async (t) => {
  const estimate = new CarrierEstimate();
  estimate.onStall();
  t.equal(estimate.rate, 1);
  estimate.onMoving();
  carry(estimate, 2000, 10, 100, 1000);
  t.ok(estimate.rate > 1500, `${estimate.rate}`);
});

t.test('who is not used because it was slow gets another chance', async (t) => {
  const estimate = new CarrierEstimate();
  carry(estimate, 10, 1700, 0, 5000);
  t.ok(estimate.rate < 20, `${estimate.rate}`);
  estimate.onUnused(6000);
  t.ok(estimate.rate < 20, 'not yet');
  estimate.onUnused(9100);
  t.equal(estimate.rate, 1000);
  t.ok(estimate.cold);
});
