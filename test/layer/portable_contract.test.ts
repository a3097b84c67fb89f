/** Goal: node:net behind a DuplexPipe keeps the contract too. */
import t from 'tap';
import { testPipe } from '../contract/suite.ts';
import { SOCKET } from '../contract/traits.ts';
import { socketPair, TRANSPORTS, unixAddress, V4, V6 } from '../helpers/transports.ts';

// One write under way, and what the stream has read ahead.
const traits = { kind: 'bytes', ...SOCKET, noticesResetUnread: false } as const;

testPipe(t, 'portable, IPv4', ({ pool }) => socketPair(TRANSPORTS.portable(pool), V4), traits);

testPipe(t, 'portable, IPv6', ({ pool }) => socketPair(TRANSPORTS.portable(pool), V6), traits);

testPipe(t, 'portable, Unix', ({ pool }) => socketPair(TRANSPORTS.portable(pool), unixAddress()), {
  ...traits,
  reset: false,
});
