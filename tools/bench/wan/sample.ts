// One sample: a fresh network, a transfer from the client to the server for so long, and what was seen of it.

import { Child } from '../host/children.ts';
import { load } from '../host/load-programs.ts';
import { cpuSeconds } from '../host/process-stats.ts';
import { targetPort, type WanContender, type Way } from './contenders.ts';
import { Network, type Scenario } from './network.ts';

export interface Lengths {
  warmUpMs: number;
  totalMs: number;
}

export interface Transfer {
  figures: Record<string, number>;
  /** Bytes that arrived in each tenth of a second, from the first byte on. */
  tenths: number[];
  /** The network could not keep up with the machine: not to be trusted. */
  overrun: number;
}

interface Received {
  bytes: number;
  seconds: number;
  longestPauseMs: number;
  pauseAtMs: number;
  tenths: number[];
}

export async function takeTransfer(
  scenario: Scenario,
  contender: WanContender,
  congestion: string,
  seed: number,
  lengths: Lengths,
): Promise<Transfer> {
  const network = await Network.start(scenario, congestion, seed);
  const children: Child[] = [];
  let taken: Omit<Transfer, 'overrun'>;
  try {
    const way = await contender.start(network, congestion);
    children.push(...way.proxies);
    taken = await transfer(network, way, lengths, children);
  } catch (error) {
    await Promise.all(children.map((child) => child.stop()));
    await network.stop();
    throw error;
  }
  const { emulator } = await network.stop();
  const overrun = emulator.devices.reduce((sum, { overrunPackets }) => sum + overrunPackets, 0);
  return { ...taken, overrun };
}

async function transfer(
  network: Network,
  way: Way,
  { warmUpMs, totalMs }: Lengths,
  children: Child[],
): Promise<Omit<Transfer, 'overrun'>> {
  const kind = way.mptcp ? ['mptcp'] : [];
  const target = Child.start(
    network.on('server', load('wan_target', targetPort, warmUpMs, totalMs, ...kind)),
  );
  children.push(target);
  await target.output(/ready\n/, 10_000);
  const before = way.proxies.map(({ pid }) => cpuSeconds(pid));
  const words = [way.to.join(','), way.port, way.flows, way.from.join(','), ...kind];
  const client = Child.start(network.on('client', load('wan_client', ...words)));
  children.push(client);
  await client.output(/connected\n/, 20_000);
  await network.go();
  await target.output(/\n\{.*\}\n/, totalMs + 70_000);
  const cpu = way.proxies.reduce((sum, { pid }, i) => sum + cpuSeconds(pid) - (before[i] ?? 0), 0);
  await client.stop();
  const received = JSON.parse(target.stdout.slice(target.stdout.indexOf('{'))) as Received;
  const figures: Record<string, number> = {
    mbitPerSecond: (received.bytes * 8) / received.seconds / 1e6,
    longestPauseMs: received.longestPauseMs,
    pauseAtMs: received.pauseAtMs,
  };
  // With the warm-up, since the CPU time is of all.
  const gigabytes = received.tenths.reduce((sum, bytes) => sum + bytes, 0) / 1e9;
  if (way.proxies.length > 0) figures.cpuSecondsPerGB = cpu / gigabytes;
  const [near, ...others] = way.proxies;
  if (near !== undefined && others.length > 0) {
    const repeated = await repeatedShare(near);
    if (repeated !== null) figures.repeatedPercent = repeated * 100;
  }
  await Promise.all(way.proxies.map((child) => child.stop()));
  return { figures, tenths: received.tenths };
}

const units: Record<string, number> = { B: 1, KB: 1e3, MB: 1e6, GB: 1e9 };

/** What the trunk sent more than once, of all it sent, from the summary that the client's proxy ends with. */
async function repeatedShare(client: Child): Promise<number | null> {
  await client.stop();
  const said = client.stderr.match(/ of ([\d.]+) ([KMG]?B)\): .* ([\d.]+) ([KMG]?B) sent again/i);
  if (said === null) return null;
  const [, all, allUnit = '', again, againUnit = ''] = said;
  const bytes = (number: string | undefined, unit: string) =>
    Number(number) * (units[unit.toUpperCase()] ?? 1);
  return bytes(again, againUnit) / bytes(all, allUnit);
}
