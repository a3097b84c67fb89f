/**
 * The one place that puts layers together.
 *
 *     relay    app --- bytes ---------------------------------------- bytes --- target
 *     client   app --- bytes ------------------ datagram over bytes ----------- peer
 *     server   peer -- datagram over bytes ---------------- bytes ------------- target
 */

import { DatagramPipe } from '../layer/datagram/pipe.ts';
import type { IoPipe } from '../pipe/pipe.ts';

export type ProxyMode = 'client' | 'server' | 'relay';

export interface StackOptions {
  /** The largest message accepted from the peer, in bytes. Default 256 KiB. */
  readonly maxMessageBytes?: number;
}

/** What a mode builds on the socket that it accepted, and on the one that it dialled. */
export interface Stack {
  accepted(socket: IoPipe<'bytes'>): IoPipe;
  dialled(socket: IoPipe<'bytes'>): IoPipe;
}

export function stackFor(mode: ProxyMode, options: StackOptions = {}): Stack {
  const plain = (socket: IoPipe<'bytes'>) => socket;
  const framed = (socket: IoPipe<'bytes'>) => new DatagramPipe(socket, options);
  if (mode === 'client') return { accepted: plain, dialled: framed };
  if (mode === 'server') return { accepted: framed, dialled: plain };
  return { accepted: plain, dialled: plain };
}
