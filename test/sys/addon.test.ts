import { copyFileSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { addonProblem, loadAddon, type NativeAddon } from '../../src/sys/addon.ts';
import { errnoName, errnoText } from '../../src/sys/errno.ts';
import { addon, PACKAGE_ROOT, PRELUDE, runNode, V4 } from './support.ts';

const require = createRequire(import.meta.url);

t.test('the addon loads, once', async (t) => {
  t.equal(loadAddon(), addon);
  t.equal(addonProblem(), null);
  t.ok(Object.isFrozen(addon.options));
  t.ok(Object.isFrozen(addon.tcpInfoFields));
});

t.test('TCP_STRIPER_BACKEND', async (t) => {
  const report = `${PRELUDE}
    try { console.log(JSON.stringify([loadAddon() !== null, addonProblem()])); }
    catch (error) { console.log(error.message); process.exitCode = 3; }`;

  const portable = await runNode(report, { env: { TCP_STRIPER_BACKEND: 'portable' } });
  t.same(JSON.parse(portable.stdout), [false, "TCP_STRIPER_BACKEND is 'portable'"]);

  const native = await runNode(report, { env: { TCP_STRIPER_BACKEND: 'native' } });
  t.same(JSON.parse(native.stdout), [true, null]);

  const mistaken = await runNode(report, { env: { TCP_STRIPER_BACKEND: 'Native' } });
  t.equal(mistaken.code, 3);
  t.match(mistaken.stdout, /'Native'.*'native' or 'portable'/);

  // node-gyp-build looks for the binary where this variable says, and then next to the executable.
  const nowhere = { TCP_STRIPER_PREBUILD: join(tmpdir(), 'tcp-striper-no-such-directory') };
  const missing = await runNode(report, { env: { ...nowhere, TCP_STRIPER_BACKEND: '' } });
  const [loaded, problem] = JSON.parse(missing.stdout);
  t.equal(loaded, false);
  t.match(problem, /No native build was found/);

  const insisted = await runNode(report, { env: { ...nowhere, TCP_STRIPER_BACKEND: 'native' } });
  t.equal(insisted.code, 3);
  t.match(insisted.stdout, /'native', but the native addon does not load: No native build was found/);
});

t.test('loaded twice, from two files, it works twice', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'tcp-striper-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  const original: string = require('node-gyp-build').resolve(PACKAGE_ROOT);
  const copy = join(directory, 'copy.node');
  copyFileSync(original, copy);
  const second: NativeAddon = require(copy);
  t.not(second, addon);

  const counts = [0, 0];
  const polls = [addon, second].map(
    (each, index) =>
      new each.Poll(new Int32Array(8), (count) => {
        counts[index] = (counts[index] ?? 0) + count;
      }),
  );
  const fds = [addon, second].map((each) => each.socket(4));
  fds.forEach((fd, index) => {
    t.equal(polls[index]?.add(fd, 7), 0);
  });
  // A new socket is "hung up", which is an event.
  await new Promise((resolve) => setTimeout(resolve, 50));
  t.same(counts, [1, 1]);
  fds.forEach((fd, index) => {
    t.equal(polls[index]?.remove(fd), 0);
    t.equal(addon.close(fd), 0);
    polls[index]?.close();
  });
});

t.test('the same file loaded again after it left the cache', async (t) => {
  const file: string = require('node-gyp-build').resolve(PACKAGE_ROOT);
  const first: NativeAddon = require(file);
  delete require.cache[file];
  const again: NativeAddon = require(file);
  t.not(again, first);
  const fd = again.socket(V4.family as 4);
  t.ok(fd > 2);
  t.equal(first.close(fd), 0);
});

t.test('both builders build every source file', async (t) => {
  const native = join(PACKAGE_ROOT, 'native');
  const listed = readFileSync(join(native, 'sources.txt'), 'utf8').trim().split('\n');
  const present = readdirSync(native).filter((name) => name.endsWith('.cc'));
  t.same(listed, present.sort());
  t.match(readFileSync(join(PACKAGE_ROOT, 'binding.gyp'), 'utf8'), 'native/sources.txt');
  t.match(readFileSync(join(native, 'CMakeLists.txt'), 'utf8'), 'file(STRINGS sources.txt');
});

t.test('errors have names and words', async (t) => {
  t.equal(errnoName(-111), 'ECONNREFUSED');
  t.equal(errnoText(-111), 'connection refused');
  t.equal(errnoName(-4711), 'errno 4711');
  t.equal(errnoText(-4711), 'errno 4711');
  // libuv does not know this one, the constants do.
  t.equal(errnoName(-39), 'ENOTEMPTY');
});
