// Who carries the transfer: connections of the app itself, or of proxies between.

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
  /** What it is measured against: as many free connections as it has. */
  ceiling?: string;
  missing?(): string | null;
  start(network: Network, congestion: string): Promise<Way>;
}

export const flowsName = (count: number) => `flows-${count}`;

export function plainFlows(count: number): WanContender {
  return {
    name: flowsName(count),
    title: count === 1 ? 'one flow' : `${count} free flows`,
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

export function mptcp(subflows: number): WanContender {
  return {
    name: `mptcp-${subflows}`,
    title: `MPTCP, ${subflows} subflows`,
    ceiling: flowsName(subflows),
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

function proxy(...args: string[]): CommandLine {
  // What is open at the end is of no use any more; the summary is.
  const end = ['--drain-timeout', '0', '--no-status'];
  return { program: process.execPath, args: [join(root, 'dist/src/cli/main.js'), ...args, ...end] };
}

const throughProxies = (...proxies: Child[]): Way => ({
  to: ['127.0.0.1'],
  port: appPort,
  flows: 1,
  from: [],
  mptcp: false,
  proxies,
});

export const relay: WanContender = {
  name: 'relay',
  title: 'plain relay',
  start: async (network) => {
    const target = `${network.serverAddresses[0]}:${targetPort}`;
    const child = Child.start(network.on('client', proxy('-r', `127.0.0.1:${appPort}`, target)));
    await child.complaint(/relay on /, startMs);
    return throughProxies(child);
  },
};

export function striped(carriers: number): WanContender {
  return {
    name: `striped-${carriers}`,
    title: `striped, -n ${carriers}`,
    ceiling: flowsName(carriers),
    start: async (network, congestion) => {
      const { clientAddresses, serverAddresses } = network;
      const options = ['-n', `${carriers}`, '--congestion', congestion];
      const peers = serverAddresses.map((address) => `${address}:${peerPort}`).join(',');
      const via = clientAddresses.length > 1 ? ['--via', clientAddresses.join(',')] : [];
      const serverArgs = ['-s', `0.0.0.0:${peerPort}`, `127.0.0.1:${targetPort}`, ...options];
      const server = Child.start(network.on('server', proxy(...serverArgs)));
      await server.complaint(/server on /, startMs);
      const clientArgs = ['-c', `127.0.0.1:${appPort}`, peers, ...options, ...via];
      const client = Child.start(network.on('client', proxy(...clientArgs)));
      const all = `over ${carriers} connections?\\b|\\b${carriers} of ${carriers} connections? .*(is|are) up`;
      await client.complaint(new RegExp(all), startMs);
      return throughProxies(client, server);
    },
  };
}
