/** Recognition: looks at how the other end begins, before node:tls is given a byte of it. */

import type { PipeError } from '../../core/errors.ts';
import type { IoPipe } from '../../pipe/pipe.ts';
import type { RecogniseAnswer } from './party.ts';

/** Less than any answer in TLS has, so that none of what is behind a handshake is read with it. */
const LOOK_BYTES = 6;

export class Recognition {
  readonly #recognise: RecogniseAnswer;
  #first = Buffer.alloc(0);

  constructor(recognise: RecogniseAnswer) {
    this.#recognise = recognise;
  }

  /** Reads on. @returns why it is no TLS, or all that was read if it may be; null if nothing more has come yet */
  look(lower: IoPipe<'bytes'>): PipeError | Buffer | null {
    for (let chunk = lower.recv(LOOK_BYTES); chunk !== null; chunk = lower.recv(LOOK_BYTES)) {
      this.#first = Buffer.concat([this.#first, chunk.view()]);
      chunk.release();
      const answer = this.#recognise(this.#first);
      if (answer !== 'more') return answer ?? this.#first;
    }
    return null;
  }
}
