/**
 * The framing between proxies has no magic, so whatever a stranger sends is messages to it, for a while. But some protocols
 * begin in a way in which no stream of messages plausibly does: `GET /` would be a message of 71 bytes that begins with
 * `ET /`.
 */

/** Bytes of a connection's beginning that are enough to tell. */
export const OPENING_BYTES = 24;

const OPENINGS: readonly (readonly [RegExp, string])[] = [
  [/^SSH-[12]\./, 'SSH'],
  [/^HTTP\/[12]/, 'HTTP'],
  [/^(GET|HEAD|POST|PUT|DELETE|OPTIONS|PATCH|TRACE|CONNECT|PRI) \S/, 'HTTP'],
  // A record of type handshake, its ClientHello or ServerHello (RFC 8446, sections 5.1 and 4); an alert.
  [/^\x16\x03[\x00-\x04]..[\x01\x02]\0..\x03[\x00-\x04]/s, 'TLS'],
  [/^\x15\x03[\x00-\x04]\0\x02[\x01\x02]/, 'TLS'],
  // A HELLO, after a silence that made its connection a classic one (docs/wire.md).
  [/^([\x08-\x7f]|[\x80-\xff][\x01-\x04])TSTR[\x01-\x05]/, 'striping (-n above 0), late'],
  [/^PROXY (TCP[46]|UNKNOWN)|^\r\n\r\n\0\r\nQUIT\n/, "the PROXY protocol (a load balancer's)"],
];

/** The name of the protocol that begins like this, or null. */
export function protocolOf(first: Buffer): string | null {
  const text = first.toString('latin1');
  return OPENINGS.find(([pattern]) => pattern.test(text))?.[1] ?? null;
}
