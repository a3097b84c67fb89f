/**
 * Packet captures without a packet: connections that a test has recorded, or made up, as a file that tshark reads.
 */

/** LINKTYPE_RAW: a packet begins with its IP header (https://www.tcpdump.org/linktypes.html). */
const RAW = 101;
const SEGMENT_BYTES = 1400;
const CLIENT = [10, 0, 0, 1];
const SERVER = [10, 0, 0, 2];
const SYN = 0x02;
const PSH_ACK = 0x18;
const ACK = 0x10;

/** What one side sent at one time. */
export interface Sent {
  readonly fromClient: boolean;
  readonly bytes: Buffer;
}

/** A pcap file of TCP connections, in segments of an Ethernet's size, to `serverPort`; the i-th from port 40000 + i. */
export function pcapOf(connections: readonly (readonly Sent[])[], serverPort: number): Buffer {
  const head = Buffer.alloc(24);
  head.writeUInt32LE(0xa1b2c3d4, 0);
  head.writeUInt16LE(2, 4);
  head.writeUInt16LE(4, 6);
  head.writeUInt32LE(0x40000, 16);
  head.writeUInt32LE(RAW, 20);
  const parts: Buffer[] = [head];
  for (const [i, connection] of connections.entries()) {
    const next = { client: 1000, server: 2000 };
    const put = (fromClient: boolean, flags: number, bytes: Buffer) => {
      const [seq, ack] = fromClient ? [next.client, next.server] : [next.server, next.client];
      const ports: [number, number] = fromClient ? [40_000 + i, serverPort] : [serverPort, 40_000 + i];
      const packet = packetOf(fromClient, ports, seq, ack, flags, bytes);
      const record = Buffer.alloc(16);
      record.writeUInt32LE(parts.length, 0);
      record.writeUInt32LE(packet.length, 8);
      record.writeUInt32LE(packet.length, 12);
      parts.push(record, packet);
      next[fromClient ? 'client' : 'server'] += bytes.length + (flags & SYN ? 1 : 0);
    };
    const none = Buffer.alloc(0);
    put(true, SYN, none);
    put(false, SYN | ACK, none);
    put(true, ACK, none);
    for (const { fromClient, bytes } of connection) {
      for (let at = 0; at < bytes.length; at += SEGMENT_BYTES)
        put(fromClient, PSH_ACK, bytes.subarray(at, at + SEGMENT_BYTES));
    }
  }
  return Buffer.concat(parts);
}

/** IPv4 (RFC 791) and TCP (RFC 9293) without options or checksums, which tshark does not check. */
function packetOf(
  fromClient: boolean,
  [from, to]: [number, number],
  seq: number,
  ack: number,
  flags: number,
  bytes: Buffer,
): Buffer {
  const header = Buffer.alloc(40);
  header[0] = 0x45;
  header.writeUInt16BE(40 + bytes.length, 2);
  header[8] = 64;
  header[9] = 6;
  header.set(fromClient ? CLIENT : SERVER, 12);
  header.set(fromClient ? SERVER : CLIENT, 16);
  header.writeUInt16BE(from, 20);
  header.writeUInt16BE(to, 22);
  header.writeUInt32BE(seq, 24);
  header.writeUInt32BE(flags & ACK ? ack : 0, 28);
  header[32] = 0x50;
  header[33] = flags;
  header.writeUInt16BE(0xffff, 34);
  return Buffer.concat([header, bytes]);
}
