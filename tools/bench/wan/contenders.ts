// Who carries the data: connections of the app itself, or of proxies between.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Child, type CommandLine } from '../host/children.ts';
import { root } from '../host/load-programs.ts';
import type { Network } from './network.ts';

/** Every host is a namespace of its own, so ports are free. */
export const targetPort = 5000;
const appPort = 5001;
const peerPort = 22222;
const startMs = 20_000;

/** Where the sending program connects, and from where. */
export interface Way {
  to: string[];
  port: number;
  flows: number;
  from: string[];
  mptcp: boolean;
  /** The processes between; the one that talks to the app comes first. */
  proxies: Child[];
}

export interface WanContender {
  name: string;
  title: string;
  /** One connection of it is nothing else than what another contender is: only bulk tells them apart. */
  bulkOnly?: boolean;
  missing?(): string | null;
  start(network: Network, congestion: string): Promise<Way>;
}

function plainFlows(count: number): WanContender {
  return {
    name: `flows-${count}`,
    title: count === 1 ? 'one flow' : `${count} free flows`,
    bulkOnly: count > 1,
    start: async ({ serverAddresses, clientAddresses }) => ({
      to: serverAddresses,
      port: targetPort,
      flows: count,
      from: clientAddresses,
      mptcp: false,
      proxies: [],
    }),
  };
}

function mptcp(subflows: number): WanContender {
  return {
    name: `mptcp-${subflows}`,
    title: `MPTCP, ${subflows} subflows`,
    missing: () => {
      const file = '/proc/sys/net/mptcp/enabled';
      return existsSync(file) && readFileSync(file, 'utf8').trim() === '1'
        ? null
        : 'this kernel has no MPTCP';
    },
    start: async (network) => {
      await network.allowSubflows(subflows);
      return {
        to: network.serverAddresses.slice(0, 1),
        port: targetPort,
        flows: 1,
        from: network.clientAddresses.slice(0, 1),
        mptcp: true,
        proxies: [],
      };
    },
  };
}

function proxy(env: Record<string, string>, ...args: string[]): CommandLine {
  // What is open at the end is of no use any more; its counters are.
  const end = ['--drain-timeout', '0', '--no-status', '--log-level', 'debug'];
  return {
    program: process.execPath,
    args: [join(root, 'dist/src/cli/main.js'), ...args, ...end],
    env: { TCP_STRIPER_LOG_FORMAT: 'text', ...env },
  };
}

const throughProxies = (...proxies: Child[]): Way => ({
  to: ['127.0.0.1'],
  port: appPort,
  flows: 1,
  from: [],
  mptcp: false,
  proxies,
});

const relay: WanContender = {
  name: 'relay',
  title: 'plain relay',
  start: async (network) => {
    const target = `${network.serverAddresses[0]}:${targetPort}`;
    const child = Child.start(network.on('client', proxy({}, '-r', `127.0.0.1:${appPort}`, target)));
    await child.complaint(/relay on /, startMs);
    return throughProxies(child);
  },
};

/** As -n takes them. */
export type Carriers = number | 'auto';

interface Striping {
  /** Of the carriers; that of the apps when it is not said. */
  congestion?: string;
  scheduler?: 'round-robin';
}

function pair(name: string, title: string, carriers: Carriers, striping: Striping = {}): WanContender {
  const env: Record<string, string> = {};
  if (striping.scheduler !== undefined) env.TCP_STRIPER_SCHEDULER = striping.scheduler;
  return {
    name,
    title,
    start: async (network, congestion) => {
      const { clientAddresses, serverAddresses } = network;
      const options = ['--congestion', striping.congestion ?? congestion];
      const peers = serverAddresses.map((address) => `${address}:${peerPort}`).join(',');
      const via = clientAddresses.length > 1 ? ['--via', clientAddresses.join(',')] : [];
      const serverArgs = ['-s', `0.0.0.0:${peerPort}`, `127.0.0.1:${targetPort}`, ...options];
      const server = Child.start(network.on('server', proxy(env, ...serverArgs)));
      await server.complaint(/server on /, startMs);
      const clientArgs = ['-c', `127.0.0.1:${appPort}`, peers, '-n', `${carriers}`, ...options, ...via];
      const client = Child.start(network.on('client', proxy(env, ...clientArgs)));
      // What there is to begin with has to do where nobody has said how many.
      const count = carriers === 'auto' ? '\\d+' : carriers;
      const all = `over ${count} connections?\\b|\\b(${count}) of \\1 connections? .*(is|are) up`;
      await client.complaint(new RegExp(all), startMs);
      return throughProxies(client, server);
    },
  };
}

/** The kernel has room for so many subflows. */
const mostSubflows = 8;

/** Everybody, for apps with this congestion control. */
export function allContenders(carriers: readonly Carriers[], congestion: string): WanContender[] {
  const all = [plainFlows(1), relay];
  for (const count of carriers) {
    if (count !== 'auto' && count > 1) {
      all.push(plainFlows(count));
      if (count <= mostSubflows) all.push(mptcp(count));
      const striping = { scheduler: 'round-robin' } as const;
      all.push(pair(`round-robin-${count}`, `round robin, -n ${count}`, count, striping));
    }
    all.push(pair(`striped-${count}`, `striped, -n ${count}`, count));
    // What apps that know nothing of it get from carriers that do.
    if (count === 4 && congestion !== 'bbr')
      all.push(pair(`striped-bbr-${count}`, `striped, -n ${count}, bbr`, count, { congestion: 'bbr' }));
  }
  return all;
}
