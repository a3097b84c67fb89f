/** One direction of a TLS connection: its records, and its keys, one after the other. */

import type { NativeRecordCipher, RecordCipherClass } from '../../sys/addon.ts';
import { nextSecret, type Suite, trafficKey } from './schedule.ts';

export class Protection {
  readonly cipher: NativeRecordCipher;
  readonly #suite: Suite;
  #secret: Buffer;

  /** Takes the secret over, and wipes it. @param records that were protected with it already */
  constructor(Cipher: RecordCipherClass, suite: Suite, secret: Buffer, records = 0) {
    this.#suite = suite;
    this.#secret = secret;
    const { key, iv } = trafficKey(suite, secret);
    this.cipher = new Cipher(suite.id, key, iv, records);
    key.fill(0);
  }

  /** Goes on with the next key (RFC 8446, section 7.2). */
  update(): void {
    const next = nextSecret(this.#suite, this.#secret);
    this.#secret.fill(0);
    this.#secret = next;
    const { key, iv } = trafficKey(this.#suite, next);
    this.cipher.rekey(key, iv);
    key.fill(0);
  }

  close(): void {
    this.#secret.fill(0);
    this.cipher.close();
  }
}
