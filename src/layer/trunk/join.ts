/**
 * Runs a carrier's handshake over its message pipe, within its time limit.
 *
 * Calls back once, with an error or a joined pipe; the pipe is the caller's again then (and discarded after an error).
 */

import type { Cancel, Clock } from '../../core/clock.ts';
import { asPipeError, PipeError } from '../../core/errors.ts';
import { defaultPool, type SlabPool } from '../../core/pool.ts';
import type { IoPipe } from '../../pipe/pipe.ts';
import {
  ClientHandshake,
  HANDSHAKE_MAX_BYTES,
  HANDSHAKE_TIMEOUT_MS,
  type Hello,
  Refusal,
  refusal,
  ServerHandshake,
  type Welcome,
} from './handshake.ts';

type MessagePipe = IoPipe<'messages'>;

interface Steps {
  /** Called once when the pipe is ready. */
  begin(): void;
  /** @returns true when the handshake is complete */
  onMessage(message: Buffer): boolean;
}

/** Client side. @returns cancels it; the pipe is then discarded */
export function joinAsClient(
  pipe: MessagePipe,
  hello: Omit<Hello, 'keyed'>,
  key: Buffer | null,
  clock: Clock,
  done: (error: PipeError | null, welcome: Welcome | null) => void,
): Cancel {
  const handshake = new ClientHandshake(hello, key);
  let result: Welcome | null = null;
  const steps: Steps = {
    begin: () => say(pipe, handshake.hello),
    onMessage(message) {
      const { welcome, proof } = handshake.onWelcome(message);
      say(pipe, proof);
      result = welcome;
      return true;
    },
  };
  return converse(pipe, clock, steps, (error) => done(error, result));
}

/**
 * Server side.
 *
 * @param admit says whether a client that is not authenticated yet may go on, by throwing a {@link Refusal} if not. Called
 *   again when it is authenticated: things may have changed in between
 */
export function joinAsServer(
  pipe: MessagePipe,
  key: Buffer | null,
  welcome: Welcome,
  admit: (hello: Hello) => void,
  clock: Clock,
  done: (error: PipeError | null, hello: Hello | null) => void,
): Cancel {
  const handshake = new ServerHandshake(key);
  let hello: Hello | null = null;
  const steps: Steps = {
    begin: () => {},
    onMessage(message) {
      if (hello === null) {
        hello = handshake.onHello(message);
        // With a key, whether a trunk exists is told only to those who have proved it.
        if (key === null) admit(hello);
        say(pipe, handshake.welcome(welcome));
        return false;
      }
      handshake.onProof(message);
      admit(hello);
      return true;
    },
  };
  return converse(pipe, clock, steps, (error) => {
    if (error instanceof Refusal) {
      if (pipe.writable) say(pipe, refusal(error.refusal, error.message));
    }
    done(error, hello);
  });
}

function converse(
  pipe: MessagePipe,
  clock: Clock,
  steps: Steps,
  done: (error: PipeError | null) => void,
): Cancel {
  let begun = false;
  let over = false;
  const finish = (error: PipeError | null) => {
    if (over) return;
    over = true;
    cancelTimer();
    pipe.onActivity = null;
    done(error);
    // A refusal has to arrive, so that the peer can tell its user: an orderly end, not a reset.
    if (error instanceof Refusal && pipe.broken === null) pipe.discard();
    else if (error !== null) pipe.discard(error);
  };
  const cancelTimer = clock.after(HANDSHAKE_TIMEOUT_MS, () => {
    finish(new PipeError('timeout', 'trunk', 'the peer did not finish its handshake in time'));
  });
  const look = () => {
    if (over) return;
    try {
      if (pipe.ready && !begun) {
        begun = true;
        steps.begin();
      }
      while (pipe.readable) {
        const chunk = pipe.recv();
        if (chunk === null) break;
        // What is longer is none of ours; its beginning says what it is.
        const message = Buffer.from(chunk.view().subarray(0, HANDSHAKE_MAX_BYTES + 1));
        chunk.release();
        if (steps.onMessage(message)) {
          finish(null);
          return;
        }
      }
      if (pipe.broken !== null) finish(pipe.broken);
      else if (pipe.finReceived)
        finish(new PipeError('truncated', 'trunk', 'the peer ended the connection in its handshake'));
    } catch (error) {
      finish(asPipeError(error, 'trunk'));
    }
  };
  pipe.onActivity = look;
  look();
  return () => finish(new PipeError('cancelled', 'trunk'));
}

function say(pipe: MessagePipe, message: Buffer, pool: SlabPool = defaultPool): void {
  // A handshake's few bytes fit into any socket's buffer; a pipe that has no room for them has failed.
  if (!pipe.writable) throw new PipeError('timeout', 'trunk', 'no room for the handshake');
  pipe.send(pool.copy(message));
}
