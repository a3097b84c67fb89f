/**
 * The attackers, in a thread of their own: connections that say garbage, so many a second, and silent ones, which are opened
 * again when they are thrown out. They come from many addresses, so that no limit for one address is what helps.
 */

import { connect, type Socket } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';

export interface Attack {
  readonly port: number;
  readonly garbagePerSecond: number;
  readonly silent: number;
}

/** What the attackers saw, so far. */
export interface AttackCounts {
  readonly garbage: number;
  readonly silentOpened: number;
  readonly silentHeld: number;
}

const { port, garbagePerSecond, silent } = workerData as Attack;
const TICK_MS = 20;
/** Before a silent one comes back. */
const BACK_MS = 500;

const SHOUTS: readonly Buffer[] = [
  Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
  Buffer.from('SSH-2.0-scan\r\n'),
  // A ClientHello that is cut short, and one with a PSK that nobody has would look like this for as long.
  Buffer.concat([Buffer.from('16030100f8010000f40303', 'hex'), Buffer.alloc(240, 0x55)]),
  Buffer.from('\x4cTSTR\x01\x01\x03\0', 'latin1'),
  Buffer.alloc(4096, 0xa5),
];

let garbage = 0;
let silentOpened = 0;
const held = new Set<Socket>();
const started = performance.now();

function dial(): Socket {
  const socket = connect({ port, host: '127.0.0.1', localAddress: anyAddress() });
  socket.on('error', () => {});
  socket.on('data', () => {});
  return socket;
}

function anyAddress(): string {
  const part = () => 1 + Math.floor(Math.random() * 250);
  return `127.${part()}.${part()}.${part()}`;
}

function shout(): void {
  const socket = dial();
  socket.write(SHOUTS[garbage++ % SHOUTS.length] as Buffer);
}

function beSilent(): void {
  silentOpened++;
  const socket = dial();
  held.add(socket);
  socket.once('close', () => {
    held.delete(socket);
    setTimeout(beSilent, BACK_MS);
  });
}

for (let i = 0; i < silent; i++) setTimeout(beSilent, (i * 1000) / silent);
setInterval(() => {
  const due = ((performance.now() - started) / 1000) * garbagePerSecond;
  while (garbage < due) shout();
}, TICK_MS);
setInterval(() => {
  const counts: AttackCounts = { garbage, silentOpened, silentHeld: held.size };
  parentPort?.postMessage(counts);
}, 250);
