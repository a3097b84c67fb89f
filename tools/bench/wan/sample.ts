// One sample: a contender on fresh networks, and what was seen of it. A long transfer from the client to the server, with
// small messages beside it, while the scenario happens; and on another network, in which nothing happens, messages alone
// and short transfers, each on a connection of its own.

import { Child } from '../host/children.ts';
import { load } from '../host/load-programs.ts';
import { cpuSeconds } from '../host/process-stats.ts';
import type { Part } from './arguments.ts';
import { type Case, returnsAtMs } from './cases.ts';
import { targetPort, type WanContender, type Way } from './contenders.ts';
import {
  bulkFigures,
  countersIn,
  type Figures,
  messageFigures,
  type Received,
  resumedAfterMs,
  trunkFigures,
  uploadFigures,
  uploadSizes,
} from './figures.ts';
import { Network } from './network.ts';

export interface Lengths {
  /** Of the long transfer: what it gets at first does not count. */
  warmUpMs: number;
  totalMs: number;
  /** Alone. */
  messages: number;
  /** Of each size at most so many, begun within so long. */
  uploads: number;
  uploadMs: number;
}

export interface Sample {
  figures: Figures;
  /** Packets that the machine lost because it was too busy: not to be trusted. */
  overrun: number;
}

const messageBytes = 200;
const messageEveryMs = 100;
const rivalPort = 5002;

/** A network with a contender on it, while it is measured. */
interface Scene {
  network: Network;
  way: Way;
  congestion: string;
  lengths: Lengths;
  start(host: 'client' | 'server', ...command: Parameters<typeof load>): Child;
}

export async function takeSample(
  one: Case,
  contender: WanContender,
  congestion: string,
  seed: number,
  lengths: Lengths,
  parts: readonly Part[],
): Promise<Sample> {
  const sample: Sample = { figures: {}, overrun: 0 };
  const stage = async (play: (scene: Scene) => Promise<Figures>) => {
    const { figures, overrun } = await onStage(one, contender, congestion, seed, lengths, play);
    Object.assign(sample.figures, figures);
    sample.overrun += overrun;
  };
  if (parts.includes('small') && contender.bulkOnly !== true) await stage(small);
  if (parts.includes('bulk')) await stage((scene) => bulk(scene, one));
  return sample;
}

async function onStage(
  one: Case,
  contender: WanContender,
  congestion: string,
  seed: number,
  lengths: Lengths,
  play: (scene: Scene) => Promise<Figures>,
): Promise<Sample> {
  const network = await Network.start(one, congestion, seed);
  const children: Child[] = [];
  const start: Scene['start'] = (host, ...command) => {
    const child = Child.start(network.on(host, load(...command)));
    children.push(child);
    return child;
  };
  let figures: Figures;
  try {
    const way = await contender.start(network, congestion);
    children.push(...way.proxies);
    figures = await play({ network, way, congestion, lengths, start });
  } finally {
    await Promise.all(children.filter(({ hasEnded }) => !hasEnded).map((child) => child.stop()));
    await network.end();
  }
  const { emulator } = network.report();
  return {
    figures,
    overrun: emulator.devices.reduce((total, { overrunPackets }) => total + overrunPackets, 0),
  };
}

const kindOf = ({ mptcp }: Way) => (mptcp ? ['mptcp'] : []);

async function startTarget({ way, lengths, start }: Scene, port: number): Promise<Child> {
  const kind = port === targetPort ? kindOf(way) : [];
  const target = start('server', 'wan_target', port, lengths.warmUpMs, lengths.totalMs, ...kind);
  await target.output(/ready\n/, 10_000);
  return target;
}

function startMessages({ way, start }: Scene, count: number, skip: number): Child {
  const whither = [way.to[0] ?? '', way.port, way.from[0] ?? ''];
  const what = [count, skip, messageEveryMs, messageBytes];
  return start('client', 'wan_messages', ...whither, ...what, ...kindOf(way));
}

async function printed<Shape>(child: Child, timeoutMs: number): Promise<Shape> {
  const [line] = await child.output(/^\{.*\}$/m, timeoutMs);
  return JSON.parse(line) as Shape;
}

async function small(scene: Scene): Promise<Figures> {
  const { way, lengths, start } = scene;
  await startTarget(scene, targetPort);
  // The first one finds the way, and makes the connection at the far end of a pair.
  const messages = startMessages(scene, lengths.messages + 1, 1);
  const alone = messageFigures('alone', await printed(messages, lengths.messages * messageEveryMs + 40_000));
  const whither = [way.to[0] ?? '', way.port, way.from[0] ?? ''];
  const sizes = uploadSizes.map(({ bytes }) => bytes).join(',');
  const words = [...whither, lengths.uploads, lengths.uploadMs, sizes, ...kindOf(way)];
  const uploads = start('client', 'wan_uploads', ...words);
  return { ...alone, ...uploadFigures(await printed(uploads, 300_000)) };
}

async function bulk(scene: Scene, one: Case): Promise<Figures> {
  const { network, way, lengths } = scene;
  const { warmUpMs, totalMs } = lengths;
  const target = await startTarget(scene, targetPort);
  const rival = one.rival ? await startRival(scene) : null;
  const before = way.proxies.map(({ pid }) => cpuSeconds(pid));
  const words = [way.to.join(','), way.port, way.flows, way.from.join(','), ...kindOf(way)];
  const client = scene.start('client', 'wan_client', ...words);
  await client.output(/connected\n/, 20_000);
  const begunAt = Number(process.hrtime.bigint()) / 1e9;
  await network.go();
  const messages = startMessages(scene, totalMs / messageEveryMs, warmUpMs / messageEveryMs);
  const received = await printed<Received>(target, totalMs + 70_000);
  const cpu = way.proxies.reduce((total, { pid }, i) => total + cpuSeconds(pid) - (before[i] ?? 0), 0);
  await client.stop();
  const figures: Figures = {
    ...bulkFigures(received, warmUpMs),
    ...messageFigures('busy', await printed(messages, totalMs + 40_000)),
  };
  if (one.bar === 'resume') figures.resumedAfterMs = resumedAfterMs(received, begunAt, returnsAtMs);
  if (rival !== null) {
    const { bytes, seconds } = await printed<Received>(rival, 40_000);
    figures.rivalMbitPerSecond = (bytes * 8) / seconds / 1e6;
  }
  // With the warm-up, since the CPU time is of all.
  const gigabytes = received.tenths.reduce((total, bytes) => total + bytes, 0) / 1e9;
  if (way.proxies.length > 0) figures.cpuSecondsPerGB = cpu / gigabytes;
  await Promise.all(way.proxies.map((child) => child.stop()));
  const counters = way.proxies.map(({ stderr }) => countersIn(stderr)).filter((one) => one !== null);
  return { ...figures, ...trunkFigures(counters) };
}

/** A plain flow of somebody else, from before the beginning on. */
async function startRival(scene: Scene): Promise<Child> {
  const { network, start } = scene;
  const target = await startTarget(scene, rivalPort);
  const [to = ''] = network.serverAddresses;
  await start('client', 'wan_client', to, rivalPort, 1).output(/connected\n/, 20_000);
  return target;
}
