/**
 * TlsWire: a TLS client and a server in memory, with somebody on the path between them who sees and may change every byte.
 *
 *     client -- near <==> [ forward: change ] <==> far -- server
 *                         [ backward        ]
 */

import { PipeError } from '../../src/core/errors.ts';
import { SlabPool } from '../../src/core/pool.ts';
import { TlsPipe, type TlsPipeOptions } from '../../src/layer/tls/pipe.ts';
import { type MemoryPipe, memoryPair } from '../../src/pipe/memory.ts';
import { PipeEnd } from './pipe_end.ts';
import { CREDENTIALS } from './tls_pair.ts';

type Bytes = MemoryPipe<'bytes'>;

export class WireDirection {
  /** What went in, before anybody changed it. */
  seen = Buffer.alloc(0);
  /** Is given each piece with its offset, and says what goes on instead. */
  change: (bytes: Buffer, offset: number) => Buffer = (bytes) => bytes;
  readonly #from: Bytes;
  readonly #to: Bytes;
  readonly #pool: SlabPool;
  #over = false;

  constructor(from: Bytes, to: Bytes, pool: SlabPool) {
    this.#from = from;
    this.#to = to;
    this.#pool = pool;
  }

  /** An end as anybody can make one. */
  cut(): void {
    if (!this.#over) this.#to.sendFin();
    this.#over = true;
  }

  /** Says this in the sender's place. */
  say(bytes: Buffer): void {
    if (!this.#over && bytes.length > 0 && this.#to.writable) this.#to.send(this.#pool.copy(bytes));
  }

  pump(): void {
    for (let chunk = this.#from.recv(); chunk !== null; chunk = this.#from.recv()) {
      const bytes = Buffer.from(chunk.view());
      chunk.release();
      const offset = this.seen.length;
      this.seen = Buffer.concat([this.seen, bytes]);
      this.say(this.change(bytes, offset));
    }
    if (this.#from.finReceived && !this.#to.finSent && this.#to.broken === null) this.cut();
    if (this.#from.broken !== null) this.#to.discard(this.#from.broken);
  }
}

export class TlsWire {
  readonly pool = new SlabPool();
  readonly forward: WireDirection;
  readonly backward: WireDirection;
  readonly client: PipeEnd<'bytes'>;
  readonly server: PipeEnd<'bytes'>;
  readonly #ends: Bytes[];

  constructor(client: Partial<TlsPipeOptions> = {}, server: Partial<TlsPipeOptions> = {}) {
    const { pool } = this;
    const [near, nearWire] = memoryPair('bytes', { capacity: 2 ** 24 });
    const [farWire, far] = memoryPair('bytes', { capacity: 2 ** 24 });
    this.#ends = [nearWire, farWire];
    this.forward = new WireDirection(nearWire, farWire, pool);
    this.backward = new WireDirection(farWire, nearWire, pool);
    for (const end of this.#ends) {
      end.onActivity = () => {
        this.forward.pump();
        this.backward.pump();
      };
    }
    const both = { credentials: CREDENTIALS, pool };
    this.client = new PipeEnd(new TlsPipe(near, { role: 'client', ...both, ...client }), pool);
    this.server = new PipeEnd(new TlsPipe(far, { role: 'server', ...both, ...server }), pool);
  }

  async shakeHands(): Promise<void> {
    const done = ({ pipe }: PipeEnd) => pipe.ready || pipe.broken !== null;
    await this.client.until('a handshake', () => done(this.client));
    await this.server.until('a handshake', () => done(this.server));
  }

  end(): void {
    const error = new PipeError('cancelled', 'test');
    for (const pipe of [this.client.pipe, this.server.pipe, ...this.#ends]) pipe.discard(error);
  }
}
