/** The command line: a mistake is one line of printable words; what is taken is within its bounds. */

import { parseCommand } from '../../../src/cli/arguments.ts';
import { OPTIONS, type OptionSpec, UsageError } from '../../../src/cli/options.ts';
import { escapeText } from '../../../src/core/format.ts';
import { expect, type FuzzTarget } from '../target.ts';
import { expectPrintable, wordsOf } from './text.ts';

const specs: OptionSpec<unknown>[] = Object.values(OPTIONS);

export const command: FuzzTarget = {
  name: 'command',
  maxBytes: 256,
  dictionary: [
    ...specs.flatMap(({ flag, short }) => [
      ` --${flag} `,
      ` --${flag}=`,
      ...(short === undefined ? [] : [` -${short} `]),
    ]),
    ...[
      'keygen',
      'auto',
      '0',
      '1',
      '64',
      '65',
      '99999999999',
      '1e9',
      '-1',
      '10s',
      '1.5m',
      '500ms',
      '24h',
      '64k',
      '1G',
      '--',
    ],
    ...['127.0.0.1:80', '[::1]:80', ':80', 'a:1,b:2', '/tmp/x', 'unix:@x', 'fe80::1%lo', 'lo', 'debug', ' '],
  ],
  seeds: [
    '-c 80 host 90',
    '-s :22222 127.0.0.1:22 --key f --grace 5s --memory 64M',
    '-r /tmp/a /tmp/b --log-level debug',
    '-c 1 a:1,b:2 -n auto --via lo,10.0.0.1 --congestion cubic',
    'keygen x',
  ],
  run(input) {
    const words = input.toString('utf8').split(' ').filter(Boolean);
    let parsed: ReturnType<typeof parseCommand>;
    try {
      parsed = parseCommand(words);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      expect(error.message !== '', 'a mistake without words');
      // As main.ts prints it.
      expectPrintable(escapeText(error.message));
      return [wordsOf(error)];
    }
    if (parsed.do !== 'run') return [parsed.do];
    const { graceMs, connectTimeoutMs, drainTimeoutMs, memoryBytes, maxMessageBytes, dial, carriers } =
      parsed;
    for (const ms of [graceMs, connectTimeoutMs, drainTimeoutMs])
      expect(Number.isInteger(ms) && ms >= 0 && ms <= 0x7fff_ffff, `${ms} ms`);
    for (const bytes of [memoryBytes, maxMessageBytes])
      expect(Number.isSafeInteger(bytes) && bytes > 0, `${bytes} bytes`);
    expect(dial.length > 0, 'nobody to dial');
    if (typeof carriers === 'number') expect(carriers >= 0 && carriers <= 64, `${carriers} carriers`);
    for (const { port = 1 } of dial) expect(port >= 1 && port <= 65_535, `port ${port}`);
    return [`${parsed.mode} ${Math.sign(Number(carriers))}`];
  },
};
