/** Goal: TcpPipe keeps the contract on every kind of socket. */
import t from 'tap';
import { testPipe } from '../contract/suite.ts';
import { SOCKET } from '../contract/traits.ts';
import { nativeTransport, socketPair, unixAddress, V4, V6 } from '../helpers/transports.ts';

const traits = { kind: 'bytes', ...SOCKET, mostHeld: 1 } as const;

testPipe(t, 'native, IPv4', ({ pool }) => socketPair(nativeTransport(pool), V4), traits);

testPipe(t, 'native, IPv6', ({ pool }) => socketPair(nativeTransport(pool), V6), traits);

// Linux resets the peer of a Unix socket only when unread data is thrown away with it.
testPipe(t, 'native, Unix', ({ pool }) => socketPair(nativeTransport(pool), unixAddress()), {
  ...traits,
  reset: false,
});
