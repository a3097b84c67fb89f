/**
 * Throughput, processor time and ratio of each way to compress, on loopback and on a link of 20 Mbit/s; the latency of 64 bytes.
 * Everything in one run, in turns; medians of the rounds.
 */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { percentile } from '../compare/percentile.ts';
import { root } from '../host/load-programs.ts';
import { describeMachine } from '../host/machine.ts';
import { cpuSeconds } from '../host/process-stats.ts';
import { makeScratch, removeScratch } from '../host/scratch.ts';
import { echo, openEcho, openSink, send } from './app.ts';
import { type CommandCost, costOf } from './commands.ts';
import { type Contender, pair, ssh } from './contenders.ts';
import { type Input, makeInputs } from './inputs.ts';

const COMMAND = 'make bench-compress COMPRESS=--save';
const LINK_BITS = 20_000_000;
const LINK_MIB = 8;
const ECHOES = 2000;
const LOOPBACK = ['off', 'lz4', 'zstd:1', 'zstd:3', 'zstd:9', 'auto'].map(pair);
const LINKED = [...['off', 'lz4', 'zstd:3', 'zstd:9', 'auto'].map(pair), ssh];

interface Sample {
  readonly seconds: number;
  readonly nearCpu: number;
  readonly farCpu: number;
  /** As the sender's log has it when the connection has ended; empty where that says nothing. */
  readonly ratio: string;
}

export async function main(argv: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      rounds: { type: 'string', default: '3' },
      mib: { type: 'string', default: '64' },
      save: { type: 'boolean', default: false },
    },
  });
  const [rounds, mib] = [Number(values.rounds), Number(values.mib)];
  if (!(rounds >= 1 && mib >= 1)) throw new Error('--rounds and --mib: whole numbers from 1');
  const folder = makeScratch();
  try {
    const inputs = makeInputs(mib);
    const report = [
      '## On loopback, 64 bytes and back',
      await latencies(folder),
      ...(await inTurn(inputs, (input) => throughputs(input, rounds, folder))),
      ...(await inTurn(
        makeInputs(Math.min(mib, LINK_MIB)).filter(
          ({ name }) => name === 'JSON logs' || name === 'random bytes',
        ),
        (input) => overLink(input, rounds, folder),
      )),
    ].join('\n\n');
    console.log(report);
    if (values.save) writeFileSync(join(root, 'docs/benchmarks/compress.md'), page(report, rounds, mib));
    return 0;
  } finally {
    removeScratch(folder);
  }
}

async function inTurn<T>(things: readonly T[], work: (thing: T) => Promise<string>): Promise<string[]> {
  const texts: string[] = [];
  for (const thing of things) texts.push(await work(thing));
  return texts;
}

/** Each contender stays for all rounds: what is compared is not how programs start. */
async function samplesOf(
  contenders: readonly Contender[],
  { bytes }: Input,
  rounds: number,
  folder: string,
  bitsPerSecond: number | null,
): Promise<Map<string, Sample[]>> {
  const sink = await openSink();
  const running = [];
  const samples = new Map<string, Sample[]>();
  try {
    for (const contender of contenders) {
      running.push({
        name: contender.name,
        ...(await contender.start({ target: sink.port, folder, bitsPerSecond })),
      });
    }
    // One round more, which does not count: it warms up.
    for (let round = 0; round <= rounds; round++) {
      for (const { name, port, near, far } of running) {
        const [nearBefore, farBefore] = [cpuSeconds(near.pid), cpuSeconds(far.pid)];
        const seconds = await send(port, round === 0 ? bytes.subarray(0, bytes.length / 8) : bytes);
        if (round === 0) continue;
        const sample = {
          seconds,
          nearCpu: cpuSeconds(near.pid) - nearBefore,
          farCpu: cpuSeconds(far.pid) - farBefore,
          ratio: /.*compressed (\S+):1,/s.exec(near.stderr)?.[1] ?? '',
        };
        samples.set(name, [...(samples.get(name) ?? []), sample]);
      }
    }
  } finally {
    for (const { close } of running) await close();
    sink.close();
  }
  return samples;
}

async function throughputs(input: Input, rounds: number, folder: string): Promise<string> {
  const samples = await samplesOf([...LOOPBACK, ssh], input, rounds, folder, null);
  const { length } = input.bytes;
  const rows = [...samples].map(([name, all]) => {
    const rate = (sample: Sample) => length / 1e6 / sample.seconds;
    const cpu = (of: (sample: Sample) => number) => ((median(all.map(of)) * 1e9) / length).toFixed(2);
    return `| ${name} | ${spread(all.map(rate))} | ${cpu(({ nearCpu }) => nearCpu)} | ${cpu(({ farCpu }) => farCpu)} | ${all.at(-1)?.ratio} |`;
  });
  const commands = (
    [
      ['lz4', 1],
      ['zstd', 1],
      ['zstd', 3],
      ['zstd', 9],
    ] as const
  ).map(([program, level]) => {
    const costs = Array.from({ length: rounds }, () => costOf(program, level, input.bytes, folder));
    return commandRow(`${program} -${level}, the command`, costs, length);
  });
  return table(`## On loopback, ${input.name}`, '| | MB/s | sender, CPU s/GB | receiver | ratio |', [
    ...rows,
    ...commands,
  ]);
}

function commandRow(name: string, costs: readonly (CommandCost | null)[], length: number): string {
  const there = costs.filter((cost) => cost !== null);
  if (there.length === 0) return `| ${name} | not installed | | | |`;
  const rates = there.map(({ compressCpuSeconds }) => length / 1e6 / compressCpuSeconds);
  const perGb = (seconds: number[]) => ((median(seconds) * 1e9) / length).toFixed(2);
  const cells = [
    spread(rates),
    perGb(there.map((cost) => cost.compressCpuSeconds)),
    perGb(there.map((cost) => cost.decompressCpuSeconds)),
    median(there.map((cost) => cost.ratio)).toFixed(2),
  ];
  return `| ${[name, ...cells].join(' | ')} |`;
}

async function overLink(input: Input, rounds: number, folder: string): Promise<string> {
  const samples = await samplesOf(LINKED, input, rounds, folder, LINK_BITS);
  const rateOf = (all: readonly Sample[]) =>
    all.map(({ seconds }) => (input.bytes.length * 8) / 1e6 / seconds);
  const off = median(rateOf(samples.get('pair, off') ?? []));
  const rows = [...samples].map(([name, all]) => {
    const rates = rateOf(all);
    return `| ${name} | ${spread(rates)} | ${(median(rates) / off).toFixed(2)} |`;
  });
  return table(
    `## On a link of ${LINK_BITS / 1e6} Mbit/s, ${input.name}`,
    '| | Mbit/s of data | to off |',
    rows,
  );
}

async function latencies(folder: string): Promise<string> {
  const target = await openEcho();
  const rows: string[] = [];
  try {
    for (const contender of [...['off', 'lz4', 'zstd', 'auto'].map(pair), ssh]) {
      const place = { target: target.port, folder, bitsPerSecond: null };
      const { port, close } = await contender.start(place);
      try {
        const times = await echo(port, ECHOES);
        const cells = [50, 90, 99].map((percent) => percentile(times, percent).toFixed(3));
        rows.push(`| ${[contender.name, ...cells].join(' | ')} |`);
      } finally {
        await close();
      }
    }
  } finally {
    target.close();
  }
  return ['| | p50, ms | p90 | p99 |', '| --- | --- | --- | --- |', ...rows].join('\n');
}

function table(heading: string, head: string, rows: readonly string[]): string {
  const line = head.replaceAll(/[^|]+/g, ' --- ');
  return [heading, '', head, line, ...rows].join('\n');
}

function median(values: readonly number[]): number {
  return percentile(values, 50);
}

function spread(values: readonly number[]): string {
  const digits = median(values) < 100 ? 1 : 0;
  const [least, most] = [Math.min(...values), Math.max(...values)];
  return `${median(values).toFixed(digits)} (${least.toFixed(digits)}..${most.toFixed(digits)})`;
}

function page(report: string, rounds: number, mib: number): string {
  const { cpu, cores, kernel, node } = describeMachine();
  return `# What compressing costs, and brings

A pair with four carriers, in the clear, and \`ssh -C\` with a forwarded port; the apps at both ends are one further process, all on
one machine. ${rounds} rounds of ${mib} MiB (over the link ${Math.min(mib, LINK_MIB)}), in turns; medians (lowest..highest). The commands read and write files, on one
thread; their speed is of processor time. The slow link is a relay that passes ${LINK_BITS / 1e6} Mbit/s in all.

\`${COMMAND}\`, on ${cores} cores of ${cpu}, ${kernel}, Node ${node}, ${new Date().toISOString().slice(0, 10)}.

${report}
`;
}
