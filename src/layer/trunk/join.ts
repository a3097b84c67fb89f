/**
 * Runs a carrier's handshake over a fresh connection, within its time limit.
 *
 * Works on the bytes, below any layer, and reads none that is not the handshake's: what a stranger promises or sends is
 * neither allocated nor read. Calls back once; the pipe is the caller's again then, and discarded after an error.
 */

import type { Cancel, Clock } from '../../core/clock.ts';
import { asPipeError, PipeError } from '../../core/errors.ts';
import { escapeText } from '../../core/format.ts';
import { defaultPool } from '../../core/pool.ts';
import { deferEvent } from '../../pipe/base.ts';
import type { IoPipe } from '../../pipe/pipe.ts';
import { framed, GreetingReader, NotAPeer } from './greeting.ts';
import {
  ClientHandshake,
  encryptedOnly,
  HANDSHAKE_TIMEOUT_MS,
  type Hello,
  plainOnly,
  REFUSED_BUSY,
  Refusal,
  refusal,
  ServerHandshake,
  type Welcome,
} from './handshake.ts';

type Socket = IoPipe<'bytes'>;

/** A connection, and what goes over it: its bytes as they are, or encrypted. */
export interface Link {
  readonly socket: Socket;
  readonly pipe: Socket;
  /** What only the two ends of an encrypted one know, from `ready` on; null: it is in the clear. */
  readonly secret: (() => Buffer) | null;
  /** `pipe` becomes ready only with somebody who may join: by the key, or by a certificate that was asked for. */
  readonly proves?: boolean;
  /** Who is at the other end, where certificates tell one client from another; from `ready` on. */
  readonly peer?: () => string | null;
}

/** How connections are encrypted. */
export interface Encryption {
  readonly by: 'key' | 'certificates';
  /** Who gets through has proved who he is. */
  readonly proves: boolean;
  /** @param first what was read of it already */
  link(socket: Socket, first?: Buffer): Link;
}

/**
 * Who has not begun a HELLO after so many milliseconds is no client that stripes, which begins at once. Long enough for a
 * HELLO that is lost and sent again: adr/0007.
 */
export const SILENCE_MS = 1000;

/** Read of a stranger to say in the log what it is, in bytes. */
const LOOK_BYTES = 64;
/** Of what a client says before it hears that it is refused: a ClientHello at most. */
const UNREAD_BYTES = 4096;

const TOO_MANY = 'too many connections that have not proved who they are';

/** A handshake that is under way. */
export interface Joining {
  /** The pipe is discarded. */
  cancel(): void;
  /** It has to make room: a silent one is given over, if that is possible, and any other refused. */
  hurry(): void;
}

type Say = (message: Buffer) => void;

interface Side {
  /** Called once when the pipe is ready. */
  begin(say: Say): void;
  /** The pipe that it goes on over, after it began like TLS, is ready. */
  onReady?(): void;
  readonly timeoutMs?: number | undefined;
  /** @returns true when the handshake is complete; throws to end it */
  onMessage(message: Buffer, say: Say): boolean;
  /** Takes over who is something else, and began with these bytes. Null: that is an error. */
  readonly onOther: ((first: Buffer) => void) | null;
  /** What the handshake goes on over, with who began like TLS; or why it does not. */
  onTls(first: Buffer): Socket | PipeError;
  onOver(error: PipeError | null): void;
}

/** Client side. @returns cancels it; the pipe is then discarded */
export function joinAsClient(
  { pipe, secret }: Link,
  hello: Omit<Hello, 'keyed'>,
  key: Buffer | null,
  clock: Clock,
  done: (error: PipeError | null, welcome: Welcome | null) => void,
): Cancel {
  let handshake: ClientHandshake | null = null;
  let welcome: Welcome | null = null;
  return converse(pipe, clock, {
    begin(say) {
      handshake = new ClientHandshake(hello, key, secret?.());
      say(handshake.hello);
    },
    onMessage(message, say) {
      if (handshake === null) throw new PipeError('malformed', 'trunk', 'an answer before the question');
      if (welcome !== null) {
        handshake.onJoined(message);
        return true;
      }
      const answer = handshake.onWelcome(message);
      welcome = answer.welcome;
      if (answer.proof === null) return true;
      say(answer.proof);
      return false;
    },
    onOther: null,
    onTls: (first) => new NotAPeer(first),
    onOver: (error) => done(error, error === null ? welcome : null),
  }).cancel;
}

export interface ServerJoin {
  readonly key: Buffer | null;
  readonly welcome: Welcome;
  /** Nobody may join, and this is why; null where some may. */
  readonly closed: Refusal | null;
  /** How long the whole handshake may take, in milliseconds. Default 5000. */
  readonly timeoutMs?: number;
  /** The encrypted connection below has proved who the other side is: it has still to say what it wants. */
  onProved?(): void;
  /** Says whether a client may join, by throwing a {@link Refusal} if not; with a key, only those who have proved it. */
  admit(hello: Hello, link: Link): void;
  onJoined(hello: Hello, link: Link): void;
  onFailed(error: PipeError): void;
  /** Of connections that begin like TLS. Null: only those in the clear are taken, and otherwise none of those. */
  readonly encryption: Encryption | null;
  /**
   * Takes over somebody who does not begin as a client that stripes does: `first` was read, and nothing else. Null: such
   * are refused.
   */
  readonly onOther: ((first: Buffer) => void) | null;
}

/** Server side. */
export function joinAsServer(socket: Socket, join: ServerJoin, clock: Clock): Joining {
  let link: Link = { socket, pipe: socket, secret: null };
  let handshake: ServerHandshake | null = null;
  let hello: Hello | null = null;
  return converse(socket, clock, {
    begin: () => {},
    onReady() {
      if (link.proves) join.onProved?.();
    },
    timeoutMs: join.timeoutMs,
    onMessage(message, say) {
      const { secret } = link;
      handshake ??= new ServerHandshake(join.key, secret?.());
      if (hello !== null) {
        handshake.onProof(message);
        join.admit(hello, link);
        say(handshake.joined());
        return true;
      }
      // Before the keys are compared: another key would not help.
      if (join.closed !== null) throw join.closed;
      const { encryption } = join;
      if (encryption?.by === 'certificates' && secret === null) throw encryptedOnly(encryption.by);
      hello = handshake.onHello(message);
      if (encryption !== null && secret === null) throw encryptedOnly(encryption.by);
      if (join.key === null) join.admit(hello, link);
      say(handshake.welcome(join.welcome));
      return join.key === null;
    },
    onOver(error) {
      if (error === null) join.onJoined(hello as Hello, link);
      else join.onFailed(error);
    },
    onOther: join.onOther,
    onTls(first) {
      if (link.secret !== null) return new NotAPeer(first);
      if (join.encryption === null) return plainOnly(join.key !== null, join.closed);
      link = join.encryption.link(socket, first);
      return link.pipe;
    },
  });
}

function converse(socket: Socket, clock: Clock, side: Side): Joining {
  let pipe = socket;
  let reader = new GreetingReader();
  const timers: Cancel[] = [];
  let begun = false;
  let proved = false;
  let over = false;
  /** What the pipe had no room for: encrypted ones take one message at a time. */
  const unsaid: Buffer[] = [];
  /** How it ended; told as soon as everything is said. */
  let end: { readonly error: PipeError | null } | null = null;
  const say = (message: Buffer) => {
    unsaid.push(message);
    sayOn();
  };
  const sayOn = () => {
    while (pipe.writable && unsaid.length > 0) pipe.send(defaultPool.copy(framed(unsaid.shift() as Buffer)));
  };
  /** The pipe is somebody else's from here on. */
  const leave = () => {
    over = true;
    for (const cancel of timers) cancel();
    pipe.onActivity = null;
  };
  const finish = (error: PipeError | null) => {
    if (over || end !== null) return;
    if (isOurs(error)) say(refusal(error.refusal, error.message));
    end = { error };
    if (error === null || isOurs(error)) finishWhenSaid();
    else finishNow(error);
  };
  const finishWhenSaid = () => {
    if (end === null) return;
    sayOn();
    // Who is not ready was not listening yet.
    if (unsaid.length === 0 || !pipe.ready) finishNow(end.error);
    else if (pipe.broken !== null) finishNow(end.error ?? lost(pipe.broken));
  };
  const finishNow = (error: PipeError | null) => {
    if (over) return;
    leave();
    if (error !== null) dismiss(pipe, error);
    side.onOver(error);
  };
  const giveOver = (first: Buffer) => {
    leave();
    side.onOther?.(first);
  };
  const look = () => {
    if (over) return;
    if (end !== null) {
      finishWhenSaid();
      return;
    }
    let outcome: Outcome;
    try {
      if (pipe.ready && !begun && pipe.broken === null) {
        begun = true;
        side.begin(say);
      }
      if (pipe.ready && !proved && pipe !== socket) {
        proved = true;
        side.onReady?.();
      }
      sayOn();
      outcome = converseOn(pipe, reader, side, say);
    } catch (error) {
      outcome = asPipeError(error, 'trunk');
    }
    // Outside of the try: a mistake of who is called is not the peer's.
    if (outcome === 'more') return;
    if (outcome === 'tls') goOnWith(side.onTls(reader.seen));
    else if (outcome === 'joined') finish(null);
    else if (outcome === 'other') giveOver(reader.seen);
    else finish(outcome);
  };
  const goOnWith = (next: Socket | PipeError) => {
    if (next instanceof PipeError) {
      finish(next);
      return;
    }
    pipe = next;
    reader = new GreetingReader();
    pipe.onActivity = look;
  };
  const giveOverIfOther = () => {
    if (over || side.onOther === null || reader.begun || pipe !== socket) return;
    giveOver(reader.seen);
  };
  const { timeoutMs = HANDSHAKE_TIMEOUT_MS } = side;
  const onLate = () =>
    finishNow(end?.error ?? new PipeError('timeout', 'trunk', lateWords(reader, timeoutMs)));
  timers.push(clock.after(timeoutMs, onLate));
  if (side.onOther !== null) timers.push(clock.after(SILENCE_MS, giveOverIfOther));
  pipe.onActivity = look;
  // Nobody is called back before this has returned.
  deferEvent(look);
  return {
    cancel: () => finishNow(new PipeError('cancelled', 'trunk')),
    hurry() {
      giveOverIfOther();
      if (end !== null && end.error !== null) finishNow(end.error);
      finish(new Refusal(REFUSED_BUSY, TOO_MANY, false, 'handshakes'));
    },
  };
}

type Outcome = 'more' | 'joined' | 'other' | 'tls' | PipeError;

/** Reads as far as there is something to read. */
function converseOn(pipe: Socket, reader: GreetingReader, side: Side, say: Say): Outcome {
  while (pipe.readable) {
    const bytes = read(pipe, reader.wants);
    if (bytes === null) break;
    const message = reader.push(bytes);
    if (message === 'tls') return 'tls';
    if (message === 'stranger') {
      if (side.onOther !== null && !reader.begun) return 'other';
      return new NotAPeer(Buffer.concat([reader.seen, read(pipe, LOOK_BYTES) ?? Buffer.alloc(0)]));
    }
    if (message !== null && side.onMessage(message, say)) return 'joined';
  }
  if (pipe.broken === null && !pipe.finReceived) return 'more';
  if (side.onOther !== null && !reader.begun) return 'other';
  if (pipe.broken !== null) return lost(pipe.broken);
  return new PipeError('truncated', 'trunk', `the connection was ended in the handshake${soFar(reader)}`);
}

function lost(error: PipeError): PipeError {
  // These say by themselves where they come from.
  if (error.layer === 'trunk' || error.layer === 'tls') return error;
  return new PipeError(error.code, 'trunk', `${error.message}, in the handshake`, error);
}

function read(pipe: Socket, most: number): Buffer | null {
  const chunk = pipe.recv(most);
  if (chunk === null) return null;
  const bytes = Buffer.from(chunk.view());
  chunk.release();
  return bytes;
}

/** A refusal of ours has to arrive, so that the other side can tell its user: an orderly end, not a reset. */
function dismiss(pipe: Socket, error: PipeError): void {
  if (error instanceof Refusal && pipe.broken === null) {
    // What is left unread makes the kernel reset the connection, and the other side may not get to read why.
    if (isOurs(error)) pipe.recv(UNREAD_BYTES)?.release();
    pipe.discard();
  } else pipe.discard(error);
}

/** The other side has still to hear of it. */
function isOurs(error: PipeError | null): error is Refusal {
  return error instanceof Refusal && !error.byPeer;
}

function lateWords(reader: GreetingReader, timeoutMs: number): string {
  return `no handshake of a tcp-proxy that stripes within ${timeoutMs / 1000} s${soFar(reader)}`;
}

function soFar(reader: GreetingReader): string {
  if (reader.begun) return '';
  return reader.seen.length === 0
    ? ', and not a byte came'
    : `, only '${escapeText(reader.seen.toString('latin1'))}'`;
}
