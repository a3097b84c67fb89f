// What takes part in the comparison: a relay made of one process or, for a pair of proxies, of two.

import { readFileSync } from 'node:fs';
import { Child, type CommandLine } from '../host/children.ts';
import { awaitListening } from '../host/ports.ts';
import { cpuSeconds, type Memory, memoryOf } from '../host/process-stats.ts';
import type { Missing } from '../host/programs.ts';

export type MeasureName =
  | 'bulk-up'
  | 'bulk-down'
  | 'iperf3-up'
  | 'iperf3-down'
  | 'rate'
  | 'latency'
  | 'idle'
  | 'stalled'
  | 'steady'
  | `wan:${string}`;

/** One process (with what it forks) on the way from the client to the target. */
export interface Side {
  name: string;
  listen: number;
  command: CommandLine;
}

export interface LaunchPlace {
  /** Where the client will connect; for `direct`, ignored. */
  listen: number;
  target: number;
  /** An empty directory of this launch's own, for configuration files. */
  directory: string;
}

export interface Contender {
  name: string;
  title: string;
  measures: ReadonlySet<MeasureName>;
  /** Whether a native addon must be in each process: without it our relay works, but is not what we want to measure. */
  needsAddon?: boolean;
  /** Descriptors that each of its sides takes per connection; 2 when not said. */
  descriptorsEach?: number;
  missing(): Missing | null;
  version(): string;
  /** The sides in the order in which data from the client meets them. */
  sides(place: LaunchPlace): Side[] | Promise<Side[]>;
}

export const everyMeasure: ReadonlySet<MeasureName> = new Set([
  'bulk-up',
  'bulk-down',
  'iperf3-up',
  'iperf3-down',
  'rate',
  'latency',
  'idle',
  'stalled',
  'steady',
]);

export const direct: Contender = {
  name: 'direct',
  title: 'no relay',
  // Idle memory of no process is nothing to measure; stalled tells what the kernel's own socket buffers take.
  measures: new Set(['bulk-up', 'bulk-down', 'iperf3-up', 'iperf3-down', 'rate', 'latency', 'stalled']),
  missing: () => null,
  version: () => '',
  sides: () => [],
};

interface RunningSide {
  name: string;
  child: Child;
}

export class RunningContender {
  readonly port: number;
  readonly descriptorsEach: number;
  readonly sides: readonly RunningSide[];

  private constructor(port: number, sides: readonly RunningSide[], descriptorsEach = 2) {
    this.port = port;
    this.sides = sides;
    this.descriptorsEach = descriptorsEach;
  }

  static async start(contender: Contender, place: LaunchPlace, cpus: string): Promise<RunningContender> {
    const sides = await contender.sides(place);
    const running = sides.map(({ name, command }) => ({ name, child: Child.start(command, { cpus }) }));
    const started = new RunningContender(
      sides[0]?.listen ?? place.target,
      running,
      contender.descriptorsEach,
    );
    try {
      for (const [i, { name, child }] of running.entries()) {
        const port = sides[i]?.listen ?? 0;
        if (!(await awaitListening(port, () => !child.hasEnded))) {
          throw new Error(`${name} does not listen on port ${port}: ${child.lastWords()}`);
        }
        if (contender.needsAddon && !hasAddon(child.pid))
          throw new Error(`${name} runs without the native addon`);
      }
    } catch (error) {
      await started.stop();
      throw error;
    }
    return started;
  }

  cpuSeconds(): number[] {
    return this.sides.map(({ child }) => cpuSeconds(child.pid));
  }

  memory(): Memory[] {
    return this.sides.map(({ child }) => memoryOf(child.pid));
  }

  async stop(): Promise<void> {
    await Promise.all(this.sides.map(({ child }) => child.stop()));
  }
}

function hasAddon(pid: number): boolean {
  return /\.node$/m.test(readFileSync(`/proc/${pid}/maps`, 'utf8'));
}
