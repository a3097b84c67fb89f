/** A key file: any bytes are a key, or a mistake in words; and a key of keygen is never taken for another. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newKey, readKeyFile } from '../../../src/cli/key_file.ts';
import { UsageError } from '../../../src/cli/options.ts';
import { expect, type FuzzTarget } from '../target.ts';
import { expectPrintable, wordsOf } from './text.ts';

let folder: string | null = null;

/** Made when it is needed, and gone with the process. */
function path(): string {
  if (folder === null) {
    const made = mkdtempSync(join(tmpdir(), 'striper-fuzz-'));
    process.once('exit', () => rmSync(made, { recursive: true, force: true }));
    folder = made;
  }
  return join(folder, 'key');
}

export const keyFile: FuzzTarget = {
  name: 'key_file',
  maxBytes: 5000,
  dictionary: ['tcpstriper1_', '\r\n', ' ', '\0', Buffer.alloc(64, 'ab'), Buffer.alloc(4096, 7)],
  seeds: [
    'tcpstriper1_630dcd2966c4336691125448bbb25b4ff412a49c732db2c8abc1b8581bd710dd740ef36e',
    Buffer.alloc(32, '0123456789abcdef'),
  ],
  run(input) {
    writeFileSync(path(), input, { mode: 0o600 });
    try {
      const key = readKeyFile(path());
      expect(key.length >= 32 && key.length <= 4096, `a key of ${key.length} bytes`);
      if (!input.includes('tcpstriper1_')) expect(input.includes(key), 'a key that is not in the file');
      return [`a key${key.length === 32 ? ' of 32' : ''}`];
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      expectPrintable(error.message);
      expect(
        !error.message.includes(newKey().slice(0, 12)) || !/[0-9a-f]{16}/.test(error.message),
        'it tells the key',
      );
      return [wordsOf(error)];
    }
  },
};
