/** Goal: what is compressed between the two arrives as it was, each option does what it says, and a side can forbid it. */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { newKey } from '../../src/cli/key_file.ts';
import { COMMAND, startProxy, type TcpProxy } from '../helpers/e2e_proxy.ts';
import { run, temporaryFolder } from '../helpers/e2e_run.ts';
import { dialThrough, Target } from '../helpers/e2e_tcp.ts';
import { until } from '../helpers/e2e_wait.ts';
import { Wiretap } from '../helpers/wiretap.ts';

t.setTimeout(600_000);

const WORDS = 'a line that comes again and again, as lines in logs do. ';

interface Pair {
  readonly client: TcpProxy;
  readonly server: TcpProxy;
  readonly tap: Wiretap;
}

async function pair(t: Test, target: Target, client: string[], server: string[] = []): Promise<Pair> {
  const env = { TCP_STRIPER_BACKEND: 'native' };
  const s = await startProxy(t, ['-s', '127.0.0.1:0', `127.0.0.1:${target.port}`, ...server], { env });
  const tap = await Wiretap.listen(t, s.port);
  const c = await startProxy(t, ['-c', '127.0.0.1:0', `127.0.0.1:${tap.port}`, ...client], { env });
  return { client: c, server: s, tap };
}

/** Sends it there and back. @returns bytes on the wire, both ways */
async function carried({ client, tap }: Pair, t: Test, target: Target, words: string): Promise<number> {
  const before = tap.bytes;
  const [app, far] = await dialThrough(t, client.port, target);
  app.fin(words);
  t.equal(await far.over(), 'FIN');
  t.equal(far.received, words.length);
  far.fin(words);
  t.equal(await app.over(), 'FIN');
  t.equal(app.received, words.length);
  return tap.bytes - before;
}

/** Whether the bytes have passed, given in hexadecimal. */
function hears({ tap }: Pair, bytes: string): boolean {
  return tap.heard.some((heard) => heard.includes(Buffer.from(bytes, 'hex')));
}

for (const options of [
  ['--compress', 'zstd'],
  ['--compress', 'zstd:9', '--high-compression'],
  ['--compress', 'lz4', '--buffer-size', '16k'],
  ['--compress', 'auto'],
]) {
  t.test(options.join(' '), async (t) => {
    const target = await Target.listen(t);
    const two = await pair(t, target, options);
    const words = WORDS.repeat(20_000);
    const wire = await carried(two, t, target, words);
    t.ok(wire < words.length / 2, `${wire} bytes on the wire for ${words.length} each way`);
    await until(
      () => /compressed \d+\.\d:1, .* saved/.test(two.client.text),
      () => two.client.text,
    );
    await until(
      () => /compressed \d+\.\d:1, .* saved/.test(two.server.text),
      () => two.server.text,
    );
  });
}

t.test('with a key, it is compressed and then encrypted', async (t) => {
  const key = join(temporaryFolder(t), 'key');
  writeFileSync(key, newKey(), { mode: 0o600 });
  const target = await Target.listen(t);
  const two = await pair(t, target, ['--compress', 'zstd', '--key', key], ['--key', key]);
  const words = WORDS.repeat(20_000);
  t.ok((await carried(two, t, target, words)) < words.length / 2);
  t.notOk(two.tap.hears(WORDS.slice(0, 20)));
});

t.test('each direction as its sender has it', async (t) => {
  const target = await Target.listen(t);
  const two = await pair(t, target, ['--compress', 'zstd'], ['--compress', 'lz4']);
  await carried(two, t, target, WORDS.repeat(100));
  t.ok(hears(two, '28b52ffd'), 'zstd');
  t.ok(hears(two, '04224d18'), 'LZ4');
});

t.test('nobody compresses who was not told to, and a server can forbid it', async (t) => {
  for (const [client, server, said] of [
    [[], [], false],
    [[], ['--compress', 'zstd'], false],
    [['--compress', 'off'], ['--compress', 'zstd'], false],
    [['--compress', 'zstd'], ['--compress', 'off'], true],
  ] as const) {
    const target = await Target.listen(t);
    const two = await pair(t, target, [...client], [...server]);
    const words = WORDS.repeat(2000);
    const wire = await carried(two, t, target, words);
    t.ok(wire > 2 * words.length, `${client} against ${server}`);
    t.equal(/the server \(-s\) takes nothing that is compressed with zstd/.test(two.client.text), said);
  }
});

t.test('what is corrupted on the way is that connection alone', async (t) => {
  const target = await Target.listen(t);
  const two = await pair(t, target, ['--compress', 'zstd']);
  const [idle, idleFar] = await dialThrough(t, two.client.port, target);
  const [app] = await dialThrough(t, two.client.port, target);
  two.tap.change = (bytes) => {
    const at = bytes.indexOf(Buffer.from('28b52ffd', 'hex'));
    // The first block's type: 3 is reserved (RFC 8878, 3.1.1.2.2).
    if (at >= 0) bytes[at + 6] = (bytes[at + 6] as number) | 6;
  };
  app.write(WORDS);
  t.match(await app.over(), /ECONNRESET|EPIPE/);
  two.tap.change = () => {};
  idle.fin('still here');
  t.equal(await idleFar.over(), 'FIN');
  t.equal(idleFar.text, 'still here');
  await until(
    () => /cannot be decompressed/.test(two.server.text),
    () => two.server.text,
  );
});

t.test('mistakes are answered', async (t) => {
  const mistakes = [
    '-n 0 --compress zstd',
    '--compress zst',
    '--compress zstd:99',
    '--compress lz4:0',
    '--compress',
  ];
  for (const options of mistakes) {
    const result = await run(t, process.execPath, [COMMAND, '-c', '1', '2', ...options.split(' ')]);
    t.equal(result.code, 2, options);
    t.match(result.err, /--compress/, options);
  }
  const env = { TCP_STRIPER_BACKEND: 'portable' };
  const result = await run(t, process.execPath, [COMMAND, '-c', '1', '2', '--compress', 'lz4'], { env });
  t.equal(result.code, 2);
  t.match(result.err, /this build has no lz4: use the native addon/);
});
