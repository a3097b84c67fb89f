/**
 * Spliceable: the shortcut that lets a bridge move bytes between two sockets without seeing them.
 *
 *     socket --splice(2)--> kernel pipe --splice(2)--> socket
 *
 * A pipe offers it only when its bytes are exactly those of a socket, with nothing of its own in between; a pipe that
 * wraps another one therefore does not hand it on. All flags and events mean what they mean for recv() and send().
 */

import type { KernelPipe } from '../sys/kernel_pipe.ts';
import type { IoPipe } from './pipe.ts';

export interface Spliceable extends IoPipe<'bytes'> {
  /** False where splicing cannot work (the descriptor is gone, or the kernel refused); may turn false at any time. */
  readonly canSplice: boolean;

  /**
   * Like recv(), into an empty kernel pipe: moves up to its capacity and returns the bytes moved. Zero has the reasons
   * of a null from recv(), or `canSplice` has turned false.
   */
  spliceRecv(into: KernelPipe): number;

  /**
   * Like send(), from a kernel pipe: moves what it holds and returns the bytes moved. While some are left (`from.held`)
   * `writable` is off; call again when it is on.
   */
  spliceSend(from: KernelPipe): number;
}

export function isSpliceable(pipe: IoPipe): pipe is Spliceable {
  return (pipe as Partial<Spliceable>).canSplice === true;
}
