/** Goal: the codec of docs/compression.md works as it is written there. */

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { gunzipSync } from 'node:zlib';
import t from 'tap';
import { SlabPool } from '../../../src/core/pool.ts';
import type { Codec } from '../../../src/layer/compress/codec.ts';
import { availableCodecs } from '../../../src/layer/compress/codecs.ts';
import { CompressPipe } from '../../../src/layer/compress/pipe.ts';
import { FixedPolicy, methodOf } from '../../../src/layer/compress/policy.ts';
import { memoryPair } from '../../../src/pipe/memory.ts';
import { testPipe } from '../../contract/suite.ts';
import { MEMORY } from '../../contract/traits.ts';
import { PipeEnd } from '../../helpers/pipe_end.ts';

t.setTimeout(300_000);

// This file runs as dist/test/layer/compress/page.test.js.
const root = fileURLToPath(new URL('../../../../', import.meta.url));

/** The code of the page, with the package's name replaced by where it is here. */
function codeOf(page: string): string {
  const blocks = [...page.matchAll(/```ts\n(.*?)```/gs)].map((match) => match[1] as string);
  return blocks.join('\n').replace("'tcp-striper'", JSON.stringify(`${root}dist/src/index.js`));
}

const folder = t.testdir();
const code = codeOf(readFileSync(join(root, 'docs/compression.md'), 'utf8'));
t.ok(code.trim().split('\n').length <= 30, 'thirty lines');
writeFileSync(join(folder, 'gzip.ts'), code);
writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
const options = [
  '--module',
  'nodenext',
  '--target',
  'es2022',
  '--strict',
  '--skipLibCheck',
  '--types',
  'node',
];
const tsc = join(root, 'node_modules/typescript/bin/tsc');
const types = ['--typeRoots', join(root, 'node_modules/@types')];
execFileSync(process.execPath, [tsc, ...options, ...types, '--ignoreConfig', 'gzip.ts'], {
  cwd: folder,
  stdio: ['ignore', 'inherit', 'inherit'],
});
const { gzip } = (await import(pathToFileURL(join(folder, 'gzip.js')).href)) as { gzip: Codec };
const policy = new FixedPolicy(methodOf(gzip, 6, false));

t.test('it is one of those that there are, and what it sends is gzip', async (t) => {
  t.equal(availableCodecs().get('gzip'), gzip);
  const pool = new SlabPool();
  const [a, b] = memoryPair('bytes');
  const from = new PipeEnd<'bytes'>(new CompressPipe(a, { policy, sendPool: pool }), pool);
  const wire = new PipeEnd<'bytes'>(b, pool);
  const words = Buffer.from('again and again, '.repeat(5000));
  await Promise.all([wire.recvToEnd(), from.send(words).then(() => from.fin())]);
  t.ok(gunzipSync(wire.bytes).equals(words));
  t.ok(wire.receivedBytes < words.length / 10);
  from.pipe.discard();
  wire.pipe.discard();
});

testPipe(
  t,
  'the codec of the page',
  async ({ pool }) => {
    const pools = { sendPool: pool, receivePool: pool };
    const [a, b] = memoryPair('bytes', { capacity: 4000 });
    return [new CompressPipe(a, { policy, ...pools }), new CompressPipe(b, { policy, ...pools })];
  },
  { kind: 'bytes', ...MEMORY, mostUnderWay: 256 * 2 ** 20 },
);
