/** The messages of a handshake, for both sides: whatever comes, an error in words, and nobody proves a key that it lacks. */

import { PipeError } from '../../../src/core/errors.ts';
import {
  ClientHandshake,
  HANDSHAKE_MAX_BYTES,
  plainAnswer,
  Refusal,
  refusal,
  ServerHandshake,
} from '../../../src/layer/trunk/handshake.ts';
import { expect, type FuzzTarget } from '../target.ts';
import { expectPrintable, wordsOf } from './text.ts';

const KEY = Buffer.alloc(32, 'a key that is not known');
const HELLO = {
  trunkId: Buffer.alloc(16, 7),
  carrierId: 3,
  mayCreate: true,
  windows: { stream: 65_536, trunk: 1 << 20 },
};
const WELCOME = { instance: Buffer.alloc(16, 9), windows: { stream: 3, trunk: 4 } };

/** What the message is given to: the first byte of the input says. */
const RECEIVERS: Record<string, (message: Buffer) => string> = {
  'server, hello'(message) {
    const { windows, carrierId, trunkId } = new ServerHandshake(null).onHello(message);
    expect(Math.max(windows.stream, windows.trunk) <= 2 ** 40, 'windows above 1 TiB');
    expect(carrierId >= 0 && carrierId <= 0xffff_ffff && trunkId.length === 16, 'ids out of range');
    return 'taken';
  },
  'server with a key, hello': (message) => taken(new ServerHandshake(KEY).onHello(message)),
  'server, proof'(message) {
    const server = new ServerHandshake(KEY);
    server.onHello(new ClientHandshake(HELLO, KEY).hello);
    server.welcome(WELCOME);
    server.onProof(message);
    return expectNever('the key was proved');
  },
  'client, welcome': (message) => taken(new ClientHandshake(HELLO, null).onWelcome(message)),
  'client with a key, welcome'(message) {
    new ClientHandshake(HELLO, KEY).onWelcome(message);
    return expectNever('the key was proved');
  },
  'client, joined': (message) => taken(new ClientHandshake(HELLO, KEY).onJoined(message)),
  'client, in the clear': (message) => {
    throw plainAnswer(message);
  },
};
const NAMES = Object.keys(RECEIVERS);

/** Whatever it is, it is no error. */
function taken(_what: unknown): string {
  return 'taken';
}

function expectNever(what: string): string {
  expect(false, what);
  return what;
}

/** Each receiver's own message, or nearly. */
function seeds(): Buffer[] {
  const server = new ServerHandshake(null);
  const keyed = new ServerHandshake(KEY);
  const client = new ClientHandshake(HELLO, null);
  const keyedClient = new ClientHandshake(HELLO, KEY);
  server.onHello(client.hello);
  keyed.onHello(keyedClient.hello);
  const welcome = keyed.welcome(WELCOME);
  const { proof } = keyedClient.onWelcome(welcome);
  const messages = [
    client.hello,
    keyedClient.hello,
    proof ?? welcome,
    server.welcome(WELCOME),
    welcome,
    server.joined(),
  ];
  return [...messages, refusal(5, 'no !!')].map((message, i) => Buffer.concat([Buffer.from([i]), message]));
}

export const handshake: FuzzTarget = {
  name: 'handshake',
  maxBytes: HANDSHAKE_MAX_BYTES + 1,
  dictionary: [
    'TSTR',
    'TSTR\x01\x01\x03\0',
    'TSTR\x04\x01\x05\0',
    Buffer.alloc(8, 0xff),
    '\x1b[2J',
    '\u202e',
  ],
  seeds: seeds(),
  run(input) {
    const name = NAMES[(input[0] ?? 0) % NAMES.length] as string;
    const message = input.subarray(1);
    try {
      return [`${name}: ${RECEIVERS[name]?.(message)}`];
    } catch (error) {
      if (!(error instanceof PipeError)) throw error;
      expectPrintable(error.message, 1000);
      return [
        `${name}: ${error.message.includes('in the clear') || (error instanceof Refusal && error.byPeer) ? error.code : wordsOf(error)}`,
      ];
    }
  },
};
