// A network of tools/wan for one sample: two hosts, and a scenario between them whose events wait until they are told.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Child, type CommandLine, run } from '../host/children.ts';
import { root } from '../host/load-programs.ts';
import { makeScratch, removeScratch } from '../host/scratch.ts';

const program = join(root, 'tools/wan/wan');

export interface Scenario {
  name: string;
  /** As --set takes them. */
  variables: string[];
}

/** What has passed so far. */
export interface NetworkCounts {
  flows: { client: string; server: string; up: { out: { bytes: number } } }[];
}

/** What of its report is looked at. */
export interface NetworkReport extends NetworkCounts {
  emulator: { packetsOver1msLate: number; devices: { overrunPackets: number }[] };
}

/** Builds the emulator, and reads the scenario: a mistake in it is told now, in the emulator's words. */
export async function checkScenario({ name, variables }: Scenario): Promise<string> {
  const sets = variables.flatMap((variable) => ['--set', variable]);
  return run({ program, args: ['check', name, ...sets] }, 300_000);
}

export class Network {
  readonly clientAddresses: string[];
  readonly serverAddresses: string[];
  readonly #child: Child;
  readonly #hosts: { client: string; server: string };
  readonly #scratch: string;

  private constructor(child: Child, said: RegExpMatchArray, scratch: string) {
    const [, client = '', clientAddresses = '', server = '', serverAddresses = ''] = said;
    this.#child = child;
    this.#hosts = { client, server };
    this.clientAddresses = clientAddresses.split(',');
    this.serverAddresses = serverAddresses.split(',');
    this.#scratch = scratch;
  }

  static async start({ name, variables }: Scenario, congestion: string, seed: number): Promise<Network> {
    const scratch = makeScratch();
    const sets = variables.flatMap((variable) => ['--set', variable]);
    const options = [
      '--hold',
      '--quiet',
      '--congestion',
      congestion,
      '--seed',
      `${seed}`,
      '--report',
      join(scratch, 'report.json'),
      ...sets,
    ];
    // `cat` ends when its input does.
    const child = Child.start({ program, args: ['run', name, ...options, '--', 'cat'] }, { tidies: true });
    const pattern = /client (\S+) (\S+), server (\S+) (\S+)\n/;
    const said = await child.complaint(pattern, 20_000);
    return new Network(child, said, scratch);
  }

  on(host: 'client' | 'server', { program, args, env }: CommandLine): CommandLine {
    const words = ['netns', 'exec', this.#hosts[host], program, ...args];
    return { program: 'ip', args: words, ...(env === undefined ? {} : { env }) };
  }

  /** The scenario's events begin. */
  async go(): Promise<void> {
    await this.#say('go');
  }

  async counts(): Promise<NetworkCounts> {
    return JSON.parse(await this.#say('report')) as NetworkCounts;
  }

  #say(word: string): Promise<string> {
    const env = { WAN_CONTROL: `/run/wan-${this.#child.pid}.sock` };
    return run({ program, args: ['say', word], env }, 10_000);
  }

  /** So many subflows of MPTCP between the hosts: every uplink, and on top further addresses of the client's. */
  async allowSubflows(count: number): Promise<void> {
    const ip = (host: 'client' | 'server', ...args: string[]) =>
      run(this.on(host, { program: 'ip', args }), 10_000);
    for (const host of ['client', 'server'] as const) {
      await ip(host, 'mptcp', 'limits', 'set', 'subflows', '8', 'add_addr_accepted', '8');
    }
    const own = this.clientAddresses;
    for (let i = 1; i < count; i++) {
      const uplink = own[i % own.length]?.split('.')[2];
      const fresh = i >= own.length;
      const address = fresh ? `10.77.${uplink}.${10 + i}` : `${own[i]}`;
      if (fresh) await ip('client', 'addr', 'add', `${address}/24`, 'dev', `wan${uplink}`);
      await ip('client', 'mptcp', 'endpoint', 'add', address, 'dev', `wan${uplink}`, 'subflow');
    }
  }

  async end(): Promise<void> {
    this.#child.endInput();
    const limit = setTimeout(() => void this.#child.stop(), 10_000);
    await this.#child.ended;
    clearTimeout(limit);
  }

  /** Once, when it has ended. */
  report(): NetworkReport {
    const report = JSON.parse(readFileSync(join(this.#scratch, 'report.json'), 'utf8')) as NetworkReport;
    removeScratch(this.#scratch);
    return report;
  }
}
