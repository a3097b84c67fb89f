/**
 * The race of `make demo-wan`: two transfers at the same time over one emulated network that caps each flow, one as it is
 * and one through a pair of proxies.
 *
 *     sender --tcp------------------------ cap ------------------------> receiver
 *     sender --tcp--> [tcp-proxy -c] ==4 tcp connections, 4 caps==> [tcp-proxy -s] --tcp--> receiver
 */

import { fileURLToPath } from 'node:url';
import { Child, type CommandLine } from '../bench/host/children.ts';
import { checkScenario, Network } from '../bench/wan/network.ts';

export const CARRIERS = 4;
/** The same for the plain flow and for the carriers: the race is about striping alone. */
const CONGESTION = 'cubic';
const SCENARIO = { name: 'flow-cap', variables: [] };
const PLAIN_PORT = 5000;
const STRIPED_PORT = 5001;
const PEER_PORT = 22222;
const START_MS = 20_000;

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** What has arrived since the start. */
export interface RaceSample {
  readonly ms: number;
  readonly plainBytes: number;
  readonly stripedBytes: number;
}

function node(...args: string[]): CommandLine {
  return { program: process.execPath, args };
}

function proxy(...args: string[]): CommandLine {
  const options = ['--congestion', CONGESTION, '--drain-timeout', '0', '--no-status', '--log-format', 'text'];
  return node(file('../../src/cli/main.js'), ...args, ...options);
}

export class WanRace {
  readonly #network: Network;
  readonly #receiver: Child;
  readonly #samples: RaceSample[] = [];
  /** By the receiver's clock. */
  #startedAt = 0;
  /** Lines of the receiver that were looked at. */
  #read = 0;

  private constructor(network: Network, receiver: Child) {
    this.#network = network;
    this.#receiver = receiver;
  }

  /** Builds the network and the pair. @returns once the connections between the proxies are up */
  static async prepare(): Promise<WanRace> {
    await checkScenario(SCENARIO);
    const network = await Network.start(SCENARIO, CONGESTION, 1);
    const ports = [PLAIN_PORT, STRIPED_PORT].map(String);
    const receiver = Child.start(network.on('server', node(file('wan_ends.js'), 'receive', ...ports)));
    const server = Child.start(
      network.on('server', proxy('-s', `0.0.0.0:${PEER_PORT}`, `127.0.0.1:${STRIPED_PORT}`)),
    );
    await server.complaint(/server on /, START_MS);
    const peer = `${network.serverAddresses[0]}:${PEER_PORT}`;
    const client = Child.start(
      network.on('client', proxy('-c', `127.0.0.1:${STRIPED_PORT}`, peer, '-n', String(CARRIERS))),
    );
    await client.complaint(new RegExp(`${CARRIERS} (of ${CARRIERS} )?connections`), START_MS);
    await receiver.output(/\n/, START_MS);
    return new WanRace(network, receiver);
  }

  start(): void {
    const lines = this.#lines();
    this.#startedAt = lines.at(-1)?.ms ?? 0;
    this.#read = lines.length;
    const ways = [`${this.#network.serverAddresses[0]}:${PLAIN_PORT}`, `127.0.0.1:${STRIPED_PORT}`];
    Child.start(this.#network.on('client', node(file('wan_ends.js'), 'send', ...ways)));
  }

  /** All that is known so far, ten samples a second. @throws Error when the receiver has ended */
  look(): readonly RaceSample[] {
    if (this.#receiver.hasEnded) throw new Error(`the receiver ended: ${this.#receiver.lastWords()}`);
    const lines = this.#lines();
    for (const { ms, bytes } of lines.slice(this.#read)) {
      const [plainBytes = 0, stripedBytes = 0] = [bytes[PLAIN_PORT], bytes[STRIPED_PORT]];
      this.#samples.push({ ms: ms - this.#startedAt, plainBytes, stripedBytes });
    }
    this.#read = lines.length;
    return this.#samples;
  }

  #lines(): { ms: number; bytes: Record<number, number> }[] {
    const lines = this.#receiver.stdout.split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line));
  }

  /** Bytes that each connection between the proxies has brought, as the network counts them. */
  async shares(): Promise<number[]> {
    const { flows } = await this.#network.counts();
    const carriers = flows.filter(({ server }) => server.endsWith(`:${PEER_PORT}`));
    return carriers.map(({ up }) => up.out.bytes);
  }

  async end(): Promise<void> {
    await this.#network.end();
    this.#network.report();
  }
}
