/**
 * Before, during and after an attack: the latency of a legitimate user, and the memory of the server that is attacked.
 */

import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { writeKeyFile } from '../../../src/cli/key_file.ts';
import { type Size, TcpProxy } from '../../soak/proxy.ts';
import { percentile } from '../compare/percentile.ts';
import { describeMachine } from '../host/machine.ts';
import type { Attack, AttackCounts } from './attack.ts';
import { type Latencies, useFor } from './user.ts';

const PAGE = fileURLToPath(new URL('../../../../docs/benchmarks/hostile.md', import.meta.url));
const COMMAND = 'make bench-hostile HOSTILE=--save';
const GARBAGE = 10_000;
const SILENT = 1000;
/** What the last strangers are given to be thrown out in: the deadline of a handshake, and some. */
const REST_MS = 7000;
/** The bar: the 99th percentile at most doubles, and memory is back to within so much. */
const MOST_SLOWER = 2;
const MOST_LEFT_BYTES = 16e6;

interface Phase {
  readonly name: string;
  readonly latencies: Latencies;
  /** At its end. */
  readonly size: Size;
}

export async function main(argv: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...argv],
    options: { seconds: { type: 'string', default: '60' }, save: { type: 'boolean', default: false } },
  });
  const attackMs = 1000 * Number(values.seconds);
  if (!(attackMs > 0)) throw new Error('--seconds: how long the attack takes');
  const folder = mkdtempSync(join(tmpdir(), 'striper-hostile-'));
  const target = createServer((socket) => void socket.on('error', () => {}).pipe(socket)).listen(
    0,
    '127.0.0.1',
  );
  await once(target, 'listening');
  const key = join(folder, 'key');
  writeKeyFile(key);
  const targetPort = (target.address() as AddressInfo).port;
  const server = new TcpProxy(['-s', '127.0.0.1:0', `127.0.0.1:${targetPort}`, '--key', key, '--no-status']);
  let client: TcpProxy | null = null;
  try {
    await server.start();
    client = new TcpProxy(['-c', '127.0.0.1:0', `127.0.0.1:${server.port}`, '--key', key, '--no-status']);
    await client.start();
    return await measure(server, client.port, attackMs, values.save);
  } finally {
    await client?.kill();
    await server.kill();
    target.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function measure(server: TcpProxy, port: number, attackMs: number, save: boolean): Promise<number> {
  const calmMs = Math.min(attackMs, 12_000);
  // What warms up is not what is compared.
  await useFor(port, calmMs / 4);
  const phase = async (name: string, ms: number): Promise<Phase> => {
    const latencies = await useFor(port, ms);
    return { name, latencies, size: await server.size() };
  };
  const before = await phase('before', calmMs);
  const lines = server.said;
  const attack: Attack = { port: server.port, garbagePerSecond: (GARBAGE * 1000) / 60_000, silent: SILENT };
  const thread = new Worker(new URL('./attack.js', import.meta.url), { workerData: attack });
  let counts: AttackCounts = { garbage: 0, silentOpened: 0, silentHeld: 0 };
  thread.on('message', (seen: AttackCounts) => {
    counts = seen;
  });
  const during = await phase('during', attackMs);
  await thread.terminate();
  await new Promise((resolve) => setTimeout(resolve, REST_MS));
  const after = await phase('after', calmMs);
  const said = server.said - lines;
  const report = table([before, during, after], counts, said, attackMs);
  console.log(report);
  const problems = problemsOf(before, during, after);
  for (const problem of problems) console.log(`MISSED: ${problem}`);
  if (save) writeFileSync(PAGE, page(report, problems));
  return problems.length === 0 ? 0 : 1;
}

function table(phases: readonly Phase[], counts: AttackCounts, said: number, attackMs: number): string {
  const ms = (value: number) => value.toFixed(2);
  const mb = (bytes: number) => (bytes / 1e6).toFixed(1);
  const rows = phases.map(({ name, latencies: { ping, connect }, size }) => {
    const cells = [
      percentile(ping, 50),
      percentile(ping, 99),
      percentile(connect, 50),
      percentile(connect, 99),
    ].map(ms);
    return `| ${[name, ...cells, mb(size.rssBytes), mb(size.heapBytes), size.descriptors].join(' | ')} |`;
  });
  return [
    '| | echo p50, ms | p99 | new connection p50, ms | p99 | server RSS, MB | heap, MB | descriptors |',
    '| --- | --- | --- | --- | --- | --- | --- | --- |',
    ...rows,
    '',
    `In ${attackMs / 1000} s: ${counts.garbage} connections with garbage; silent ones opened ${counts.silentOpened} times, of which`,
    `${counts.silentHeld} were open at the end of it (as they see it: the server keeps 256). The server wrote ${said} lines to its log.`,
  ].join('\n');
}

function problemsOf(before: Phase, during: Phase, after: Phase): string[] {
  const problems: string[] = [];
  for (const what of ['ping', 'connect'] as const) {
    const [calm, attacked] = [before, during].map(({ latencies }) => percentile(latencies[what], 99)) as [
      number,
      number,
    ];
    if (attacked > MOST_SLOWER * calm)
      problems.push(
        `p99 of ${what} went from ${calm.toFixed(2)} to ${attacked.toFixed(2)} ms, more than ${MOST_SLOWER} x`,
      );
  }
  for (const what of ['rssBytes', 'heapBytes'] as const) {
    const left = after.size[what] - before.size[what];
    if (left > MOST_LEFT_BYTES) problems.push(`${what}: ${(left / 1e6).toFixed(1)} MB more than before`);
  }
  if (after.size.descriptors > before.size.descriptors + 3)
    problems.push(`${after.size.descriptors} descriptors, ${before.size.descriptors} before`);
  return problems;
}

function machine(): string {
  const { cpu, cores, kernel, node } = describeMachine();
  return `${cores} cores of ${cpu}, ${kernel}, Node ${node}, ${new Date().toISOString().slice(0, 10)}`;
}

function page(report: string, problems: readonly string[]): string {
  return `# Garbage connections

What 10,000 connections with garbage in a minute, and 1,000 silent ones, do to a legitimate user of a pair with \`--key\` and \`-n 4\`.
The attackers come from many addresses of the loopback network, so that limits for one address do not help; silent ones that are
thrown out come back after half a second. All of it, attackers and user included, is on one machine. Memory is measured behind a
garbage collection.

\`${COMMAND}\`, on ${machine()}.

${report}

The bar: during the attack the 99th percentile at most doubles, and memory returns to where it was (to within
${MOST_LEFT_BYTES / 1e6} MB). ${problems.length === 0 ? 'Met.' : `Missed: ${problems.join('; ')}.`}
`;
}
