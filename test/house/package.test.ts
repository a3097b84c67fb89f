/** Goal: a package that lacks something, holds something private, or asks too much of a machine is not made. */
import { existsSync } from 'node:fs';
import t from 'tap';
import { compareVersions, needsOf } from '../../tools/package/binary.ts';
import { contentsProblems, prebuildPath } from '../../tools/package/contents.ts';

const BINARY = prebuildPath('linux', 'x64', 'glibc');
const GOOD = [
  'package.json',
  'README.md',
  'LICENSE',
  'CHANGELOG.md',
  BINARY,
  'dist/src/core/a.js',
  'dist/src/core/a.d.ts',
  'dist/src/page/index.html',
];
const problems = (files: string[]) =>
  contentsProblems(files, ['src/core/a.ts', 'src/page/index.html'], BINARY);

t.test('the contents', async (t) => {
  t.same(problems(GOOD), []);
  for (const file of GOOD) t.same(problems(GOOD.filter((other) => other !== file)), [`${file} is missing`]);
  for (const file of ['dist/src/core/gone.js', 'dist/test/a.test.js', 'src/core/a.ts', '.npmrc']) {
    t.same(problems([...GOOD, file]), [`${file} does not belong in the package`]);
  }
});

t.test('versions compare by number', async (t) => {
  t.ok(compareVersions('2.4', '2.28') < 0);
  t.ok(compareVersions('2.28', '2.4') > 0);
  t.equal(compareVersions('2.28', '2.28'), 0);
  t.ok(compareVersions('2.2.5', '2.2') > 0);
});

t.test(
  'what a binary needs',
  { skip: existsSync('/usr/bin/objdump') ? false : 'needs objdump' },
  async (t) => {
    const { glibc, unexpectedLibraries } = needsOf('/bin/sh');
    t.match(glibc, /^\d+\.\d+/);
    t.same(unexpectedLibraries, []);
  },
);
