/**
 * What apps and the target say to each other, and what must be true of it, whatever happens in between:
 *
 *     app     kind, seed, up, down | up bytes of the seed ........ FIN
 *     target                         down bytes of seed + 1 ...... hash of what came, FIN
 *
 * An end before the announced bytes is a failure that looks like success, and so is another hash. A reset is a failure that
 * one can see: whether it was due, soak.ts knows.
 */

import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { Random } from '../../test/helpers/random.ts';
import { hashOf, sendBytes } from './bytes.ts';
import { onRealEnd } from './ends.ts';

export const KINDS = ['bulk', 'answer', 'echo', 'short', 'app resets', 'target resets'] as const;
export type Kind = (typeof KINDS)[number];

/** How a connection went: as it should, with an error that one can see, or wrongly. */
export type Outcome =
  | { readonly went: 'well'; readonly bytes: number }
  | { readonly went: 'broken'; readonly words: string }
  | { readonly went: 'wrong'; readonly words: string };

const HEAD_BYTES = 13;
const HASH_BYTES = 32;
const ECHO_BYTES = 200;
const ECHO_ROUNDS = 40;

interface Head {
  readonly kind: Kind;
  readonly seed: number;
  readonly up: number;
  readonly down: number;
}

function written({ kind, seed, up, down }: Head): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head[0] = KINDS.indexOf(kind);
  head.writeUInt32BE(seed, 1);
  head.writeUInt32BE(up, 5);
  head.writeUInt32BE(down, 9);
  return head;
}

function read(head: Buffer): Head {
  const kind = KINDS[head[0] as number];
  if (kind === undefined) throw new Error(`no kind ${head[0]}`);
  return { kind, seed: head.readUInt32BE(1), up: head.readUInt32BE(5), down: head.readUInt32BE(9) };
}

/** The far end of all connections. */
export class TrafficTarget {
  readonly #server: Server;
  readonly #onWrong: (words: string) => void;
  readonly #sockets = new Set<Socket>();

  /** @param onWrong is told of what only the target can see */
  constructor(onWrong: (words: string) => void) {
    this.#onWrong = onWrong;
    this.#server = createServer({ allowHalfOpen: true }, (socket) => this.#take(socket));
  }

  async listen(): Promise<number> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return (this.#server.address() as AddressInfo).port;
  }

  get connections(): number {
    return this.#sockets.size;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #take(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on('close', () => this.#sockets.delete(socket));
    socket.on('error', () => {});
    let begin = Buffer.alloc(0);
    let atEnd: (ended: Socket) => void = (ended) => ended.end();
    const onData = (bytes: Buffer) => {
      begin = Buffer.concat([begin, bytes]);
      if (begin.length < HEAD_BYTES) return;
      socket.off('data', onData);
      atEnd = this.#serve(socket, read(begin), begin.subarray(HEAD_BYTES));
    };
    socket.on('data', onData);
    onRealEnd(socket, () => atEnd(socket));
  }

  /** @returns what to do at the end of what comes */
  #serve(socket: Socket, head: Head, first: Buffer): () => void {
    const { kind, seed, up, down } = head;
    const hash = createHash('sha256');
    let came = 0;
    const onBytes = (bytes: Buffer) => {
      came += bytes.length;
      if (kind === 'echo') socket.write(bytes);
      else hash.update(bytes);
      if (kind === 'target resets' && came >= up) socket.resetAndDestroy();
    };
    const answer = async () => {
      if (kind === 'answer') await sendBytes(socket, seed + 1, down);
      await sent;
      if (socket.writable) socket.end(hash.digest());
    };
    const sent = kind === 'bulk' ? sendBytes(socket, seed + 1, down) : Promise.resolve();
    onBytes(first);
    socket.on('data', onBytes);
    return () => {
      if (came !== up) this.#onWrong(`${kind}: the target saw an end after ${came} of ${up} bytes`);
      if (kind === 'echo') socket.end();
      else void answer();
    };
  }
}

/** One connection of an app, from beginning to end. */
export async function oneConnection(port: number, random: Random): Promise<Outcome> {
  const head = chosen(random);
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const over = new Promise<string>((resolve) => {
    let code = '';
    socket.on('error', (error: NodeJS.ErrnoException) => {
      code = error.code ?? error.message;
    });
    socket.on('close', () => resolve(code));
  });
  const hash = createHash('sha256');
  let tail = Buffer.alloc(0);
  let came = 0;
  let ended = false;
  socket.on('data', (bytes) => {
    came += bytes.length;
    if (head.kind === 'echo') return;
    const all = Buffer.concat([tail, bytes]);
    const body = Math.max(0, all.length - HASH_BYTES);
    hash.update(all.subarray(0, body));
    tail = Buffer.from(all.subarray(body));
  });
  onRealEnd(socket, () => {
    ended = true;
  });
  socket.write(written(head));
  if (head.kind === 'echo') await echo(socket, head.seed);
  else await sendBytes(socket, head.seed, head.kind === 'app resets' ? head.up >> 1 : head.up);
  if (head.kind === 'app resets') socket.resetAndDestroy();
  else if (socket.writable) socket.end();
  const code = await over;
  return judged(head, { code, ended, came, got: hash.digest('hex'), tail: tail.toString('hex') });
}

interface Seen {
  readonly code: string;
  readonly ended: boolean;
  readonly came: number;
  readonly got: string;
  readonly tail: string;
}

function judged({ kind, seed, up, down }: Head, { code, ended, came, got, tail }: Seen): Outcome {
  if (kind === 'app resets') return { went: 'well', bytes: up >> 1 };
  if (kind === 'target resets') {
    if (ended) return { went: 'wrong', words: 'the target reset, and the app saw an end' };
    return { went: 'well', bytes: up };
  }
  if (!ended)
    return { went: 'broken', words: `${kind}: ${code} after ${came} bytes of ${down}, with ${up} to send` };
  const due = kind === 'echo' ? up : down + HASH_BYTES;
  if (came !== due) return { went: 'wrong', words: `${kind}: an end after ${came} of ${due} bytes` };
  if (kind === 'echo') return { went: 'well', bytes: 2 * up };
  if (got !== hashOf(seed + 1, down)) return { went: 'wrong', words: `${kind}: other bytes came` };
  if (tail !== hashOf(seed, up)) return { went: 'wrong', words: `${kind}: other bytes arrived` };
  return { went: 'well', bytes: up + down };
}

function chosen(random: Random): Head {
  const kind = random.pick(KINDS);
  const seed = random.int(0, 0x7fff_ffff);
  const large = () => random.pick([1, 1000, 65_536, 300_000, 2_000_000, 8_000_000]) + random.int(0, 5000);
  const small = () => random.int(0, 2000);
  if (kind === 'echo') return { kind, seed, up: ECHO_BYTES * ECHO_ROUNDS, down: 0 };
  if (kind === 'short') return { kind, seed, up: small(), down: 0 };
  if (kind === 'bulk') return { kind, seed, up: large(), down: large() };
  return { kind, seed, up: kind === 'answer' ? small() : large(), down: kind === 'answer' ? large() : 0 };
}

/** Says something and waits for it to come back, again and again; what comes back is what was said, or this rejects. */
async function echo(socket: Socket, seed: number): Promise<void> {
  for (let i = 0; i < ECHO_ROUNDS; i++) {
    const word = Buffer.alloc(ECHO_BYTES, `${seed} ${i} `);
    const back = collect(socket, ECHO_BYTES);
    socket.write(word);
    const got = await back;
    if (got === null) return;
    if (!got.equals(word)) throw new Error('echo: other bytes came back');
  }
}

/** So many bytes, or null when the connection is over before. */
function collect(socket: Socket, length: number): Promise<Buffer | null> {
  return new Promise((resolve) => {
    const pieces: Buffer[] = [];
    let came = 0;
    const done = (result: Buffer | null) => {
      socket.off('data', onData);
      socket.off('close', onClose);
      resolve(result);
    };
    const onData = (bytes: Buffer) => {
      pieces.push(bytes);
      came += bytes.length;
      if (came >= length) done(Buffer.concat(pieces));
    };
    const onClose = () => done(null);
    if (socket.closed || socket.destroyed) return done(null);
    socket.on('data', onData);
    socket.on('close', onClose);
  });
}
