/** The flags of a pipe, as the bits of their events. */

import { BROKEN, FIN_SENT, type IoPipe, READABLE, READY, WRITABLE } from '../../pipe/pipe.ts';

export function flagsOf(pipe: IoPipe): number {
  return (
    (pipe.ready ? READY : 0) |
    (pipe.broken === null ? 0 : BROKEN) |
    (pipe.readable ? READABLE : 0) |
    (pipe.writable ? WRITABLE : 0) |
    (pipe.finSent ? FIN_SENT : 0)
  );
}
