/** An app and a target with a bridge between them, over real sockets. */

import { SlabPool } from '../../src/core/pool.ts';
import type { Transport } from '../../src/layer/tcp/transport.ts';
import { type BridgeEnd, IoBridge } from '../../src/pipe/bridge.ts';
import type { IoPipe } from '../../src/pipe/pipe.ts';
import type { KernelPipePool } from '../../src/sys/kernel_pipe.ts';
import { PipeEnd } from './pipe_end.ts';
import { eventually, openDescriptors, passes } from './settle.ts';
import { type BytesPipe, nativeTransport, socketPair, TRANSPORTS } from './transports.ts';

export interface Bridged {
  readonly app: PipeEnd<'bytes'>;
  readonly target: PipeEnd<'bytes'>;
  readonly bridge: IoBridge;
  /** How it ended, once it has. */
  readonly end: BridgeEnd | null;
}

/** The ways to move bytes between two sockets. */
export const WAYS = ['splice', 'native', 'portable'] as const;
export type Way = (typeof WAYS)[number];

/** A place for bridges of one way, which sees to it that nothing is left of them. */
export class BridgeBench {
  readonly pool = new SlabPool();
  readonly transport: Transport;
  readonly kernelPipes: KernelPipePool | null;
  readonly #descriptors: number;
  readonly #pipes: BytesPipe[] = [];

  static async open(way: Way): Promise<BridgeBench> {
    const warm = await socketPair(TRANSPORTS[way === 'portable' ? 'portable' : 'native'](new SlabPool()));
    for (const pipe of warm) pipe.discard();
    await passes(5);
    return new BridgeBench(way);
  }

  private constructor(way: Way) {
    this.#descriptors = openDescriptors();
    if (way === 'portable') {
      this.transport = TRANSPORTS.portable(this.pool);
      this.kernelPipes = null;
    } else {
      const transport = nativeTransport(this.pool);
      this.transport = transport;
      this.kernelPipes = way === 'splice' ? transport.kernelPipes : null;
    }
  }

  /** Joins two pairs of sockets; `wrap` puts something around the bridge's own ends. */
  async bridge(wrap: (pipe: BytesPipe) => IoPipe = (pipe) => pipe): Promise<Bridged> {
    const [app, a] = await socketPair(this.transport);
    const [b, target] = await socketPair(this.transport);
    this.#pipes.push(app, target);
    return this.join(app, target, wrap(a), wrap(b));
  }

  join(app: BytesPipe, target: BytesPipe, a: IoPipe, b: IoPipe): Bridged {
    let end: BridgeEnd | null = null;
    const bridge = new IoBridge(a, b, {
      kernelPipes: this.kernelPipes,
      onEnd: (how) => {
        end = how;
      },
    });
    return {
      app: new PipeEnd(app, this.pool),
      target: new PipeEnd(target, this.pool),
      bridge,
      get end() {
        return end;
      },
    };
  }

  /** Gives up what is still open, and waits until all is back. */
  async close(): Promise<void> {
    for (const pipe of this.#pipes) pipe.discard();
    const out = () => this.kernelPipes?.out ?? 0;
    await eventually(
      'all slabs and kernel pipes back',
      () => this.pool.out === 0 && out() === 0,
      () => [this.pool.out, out()],
    );
    this.kernelPipes?.close();
    await eventually(
      'all descriptors back',
      () => openDescriptors() <= this.#descriptors,
      () => [this.#descriptors, openDescriptors()],
    );
  }
}
