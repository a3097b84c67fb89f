/** Runs on a host of a test's network, and does what the test calls for: see Wan.agent(). */

import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

interface Connection {
  socket: Socket;
  received: number;
  /** How it ended: FIN, or the code of the error. */
  outcome: string | null;
}

const dialled: Connection[] = [];
const accepted: Connection[] = [];
const numbers: number[] = [];

function watch(socket: Socket, list: Connection[]): number {
  const connection: Connection = { socket, received: 0, outcome: null };
  socket.on('data', (data) => {
    connection.received += data.length;
  });
  socket.on('end', () => {
    connection.outcome ??= 'FIN';
  });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    connection.outcome ??= error.code ?? error.message;
  });
  return list.push(connection) - 1;
}

function at(list: Connection[], index: number): Connection {
  const connection = list[index];
  if (connection === undefined) throw new Error(`there is no connection ${index}`);
  return connection;
}

const calls = {
  listen(port: number): Promise<void> {
    const server = createServer((socket) => watch(socket, accepted));
    return new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '0.0.0.0', () => resolve());
    });
  },

  /** Milliseconds until the connection was there, its place in the list, and its own address. */
  dial(host: string, port: number, localAddress?: string) {
    const started = process.hrtime.bigint();
    const socket = connect({
      host,
      port,
      noDelay: true,
      ...(localAddress === undefined ? {} : { localAddress }),
    });
    const index = watch(socket, dialled);
    return new Promise<{ ms: number; index: number; local: string }>((resolve, reject) => {
      socket.once('connect', () => {
        const ms = Number(process.hrtime.bigint() - started) / 1e6;
        resolve({ ms, index, local: `${socket.localAddress}:${socket.localPort}` });
      });
      socket.once('error', reject);
    });
  },

  /** From now on sends as much as the connections take. */
  flood(): void {
    const data = Buffer.alloc(64 * 1024);
    for (const { socket } of dialled) {
      const fill = () => {
        while (!socket.destroyed && socket.write(data)) {}
      };
      socket.on('drain', fill);
      fill();
    }
  },

  write(index: number, bytes: number): void {
    at(dialled, index).socket.write(Buffer.alloc(bytes));
  },

  /** Bytes that each accepted connection received in so long a time; the seconds that it was. */
  async receive(ms: number) {
    const before = accepted.map(({ received }) => received);
    const started = process.hrtime.bigint();
    await sleep(ms);
    const seconds = Number(process.hrtime.bigint() - started) / 1e9;
    return { seconds, bytes: accepted.map(({ received }, i) => received - (before[i] ?? 0)) };
  },

  received: () => accepted.map(({ received }) => received),
  outcomes: () => ({
    dialled: dialled.map(({ outcome }) => outcome),
    accepted: accepted.map(({ outcome }) => outcome),
  }),

  /**
   * Connections of this host that were reset, as its kernel counts them. Node itself may take a reset that comes right
   * behind data for an ordinary end.
   */
  resets(): number {
    const lines = readFileSync('/proc/self/net/snmp', 'latin1').split('\n');
    const [names = [], values = []] = lines
      .filter((line) => line.startsWith('Tcp:'))
      .map((line) => line.split(' '));
    return Number(values[names.indexOf('EstabResets')]);
  },

  /** Takes datagrams, which begin with a number. */
  listenUdp(port: number): Promise<void> {
    const socket: UdpSocket = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 });
    socket.on('message', (data) => numbers.push(data.readUInt32BE(0)));
    return new Promise((resolve) => socket.bind(port, '0.0.0.0', () => resolve()));
  },

  /** Numbered datagrams, a few at a time so that no buffer on this machine overflows. */
  async sendUdp(host: string, port: number, count: number, localPort: number): Promise<void> {
    const socket = createSocket('udp4');
    await new Promise<void>((resolve) => socket.bind(localPort, () => resolve()));
    for (let i = 0; i < count; i++) {
      const data = Buffer.alloc(100);
      data.writeUInt32BE(i);
      socket.send(data, port, host);
      if (i % 20 === 19) await sleep(1);
    }
    await sleep(10);
    socket.close();
  },

  /** The numbers of the datagrams, as they came. */
  numbers: () => numbers,
};

export type Calls = typeof calls;

process.on('message', async ({ id, name, args }: { id: number; name: keyof Calls; args: never[] }) => {
  try {
    const value = await (calls[name] as (...args: never[]) => unknown)(...args);
    process.send?.({ id, value });
  } catch (error) {
    process.send?.({ id, error: error instanceof Error ? error.message : String(error) });
  }
});
process.on('disconnect', () => process.exit(0));
