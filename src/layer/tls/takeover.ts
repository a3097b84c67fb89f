/**
 * Takeover: from the handshake of node:tls to records that the addon protects.
 *
 *     client   ... reads Finished | writes its Finished |            records of the addon
 *     server   ... reads Finished | writes its tickets  |            records of the addon, counted on behind the tickets
 *                                 ^ `secure`            ^ settled: an empty write, which node:tls answers when all is out
 *
 * The handshake stays where certificates, keys and alerts are looked after; what is fast about it does not matter. Its traffic
 * secrets come as the lines of a key log. Both sides know by counting records what each of them has to go on with:
 * node:tls is given the records of the handshake one by one, and none behind them.
 */

import type { TLSSocket } from 'node:tls';
import type { SlabPool } from '../../core/pool.ts';
import type { IoPipe } from '../../pipe/pipe.ts';
import { loadAddon, type RecordCipherClass } from '../../sys/addon.ts';
import type { LowerStream } from './lower.ts';
import type { TlsRole } from './party.ts';
import { Protection } from './protection.ts';
import { RecordPipe } from './records.ts';
import { exported, Secrets, SUITES, type Suite } from './schedule.ts';

/** What protects records: the addon's, or null where node:tls has to. */
export function recordCipher(): RecordCipherClass | null {
  const cipher = loadAddon()?.RecordCipher;
  return cipher?.available === true ? cipher : null;
}

export interface TakeoverOptions {
  readonly role: TlsRole;
  readonly mostRecords?: number;
}

export class Takeover {
  readonly #cipher: RecordCipherClass;
  readonly #socket: TLSSocket;
  readonly #stream: LowerStream;
  readonly #isClient: boolean;
  readonly #mostRecords: number | undefined;
  readonly #secrets = new Secrets();
  #suite: Suite | null = null;

  /** Before the handshake begins. */
  constructor(cipher: RecordCipherClass, socket: TLSSocket, stream: LowerStream, options: TakeoverOptions) {
    this.#cipher = cipher;
    this.#socket = socket;
    this.#stream = stream;
    this.#isClient = options.role === 'client';
    this.#mostRecords = options.mostRecords;
    socket.on('keylog', (line: Buffer) => {
      // What a server says from here on is under the keys of the connection, no more of the handshake.
      if (this.#secrets.add(line)) stream.made.encrypted = 0;
    });
  }

  /**
   * The handshake is complete. Calls back when node:tls has nothing more to say.
   *
   * @returns false when it has to go on itself: an older TLS, or a suite that the addon does not know
   */
  settle(settled: () => void): boolean {
    const suite =
      this.#socket.getProtocol() === 'TLSv1.3' ? SUITES[this.#socket.getCipher().standardName] : null;
    if (suite === undefined || suite === null || !this.#secrets.complete || !this.#stream.fed.atEdge)
      return false;
    this.#suite = suite;
    this.#stream.whenFed(() => this.#socket.write(Buffer.alloc(0), () => settled()));
    return true;
  }

  /** Goes on over the lower pipe. The socket and its stream are done with. */
  records(lower: IoPipe<'bytes'>, pool: SlabPool): RecordPipe {
    const suite = this.#suite as Suite;
    const { client, server } = this.#secrets;
    // A client says nothing between its Finished and this.
    const tickets = this.#isClient ? 0 : this.#stream.made.encrypted;
    const [ours, theirs] = this.#isClient ? [client, server] : [server, client];
    return new RecordPipe(lower, {
      sending: new Protection(this.#cipher, suite, ours, tickets),
      receiving: new Protection(this.#cipher, suite, theirs),
      mostRecords: this.#mostRecords ?? suite.mostRecords,
      pool,
    });
  }

  exportKey(label: string, bytes: number): Buffer {
    return exported(this.#suite as Suite, this.#secrets.exporter, label, bytes);
  }
}
