/** Goal: every house rule catches what it is for. The forbidden words are glued, or this file would break the rules. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { checkHouse } from '../../tools/check/house.ts';

const glue = (...parts: string[]) => parts.join('');

function check(test: Test, file: string, text: string): string[] {
  const root = test.testdir({});
  mkdirSync(dirname(join(root, file)), { recursive: true });
  writeFileSync(join(root, file), text);
  return checkHouse(root, [file]).map(({ line, problem }) => `${line}: ${problem}`);
}

t.test('places on the machine of whoever wrote it', async (t) => {
  for (const place of [glue('/ho', 'me/somebody'), glue('/Us', 'ers/somebody'), glue('/ro', 'ot/.ssh')]) {
    t.match(check(t, 'docs/a.md', `fine\nsee ${place}\n`), [new RegExp(`^2: names ${place}`)]);
  }
  t.match(check(t, 'a.sh', glue('cat ../sha', 'red/notes\n')), [/place on somebody's machine/]);
  t.same(check(t, 'docs/a.md', 'at /etc/hosts, a/home/b, ~/src/x, https://a.example/home/b\n'), []);
});

t.test('where packages came from', async (t) => {
  t.match(check(t, 'README.md', glue('from registry.exa', 'mple.org\n')), [/package registry/]);
  t.match(check(t, 'package-lock.json', '{\n  "resolved": "somewhere"\n}\n'), [/^2: .*address of a package/]);
});

t.test('tests left out', async (t) => {
  const tests = (line: string) => check(t, 'test/a.test.ts', `${line}\n`);
  t.match(tests(glue(`t.on`, `ly('x', async () => {});`)), [/one test only/]);
  t.match(tests(glue(`t.test('x', { on`, `ly: true }, f);`)), [/one test only/]);
  t.match(tests(glue(`t.sk`, `ip('x', f);`)), [/without a reason/]);
  t.match(tests(glue(`t.test('x', { sk`, `ip: true }, f);`)), [/without a reason/]);
  t.match(tests(glue(`t.test('x', { to`, `do: true }, f);`)), [/without a reason/]);
  t.same(tests(glue(`t.test('x', { sk`, `ip: 'needs Linux' }, f);`)), []);
  t.same(tests(glue(`t.test('x', { sk`, `ip: linux ? false : 'needs Linux' }, f);`)), []);
  t.same(tests(glue(`t.sk`, `ip('x', f); // comes with compression`)), []);
  t.same(tests(glue(`// comes with compression\nt.sk`, `ip('x', f);`)), []);
  t.same(check(t, 'src/a.ts', glue(`array.sk`, `ip(1);\n`)), [], 'only tests are meant');
});

t.test('files too long to hold in mind', async (t) => {
  t.same(check(t, 'src/core/a.ts', 'x\n'.repeat(400)), []);
  t.match(check(t, 'src/core/a.ts', 'x\n'.repeat(401)), [/has 401 lines/]);
  t.match(check(t, 'native/a.cc', 'x\n'.repeat(401)), [/has 401 lines/]);
  t.same(check(t, 'docs/a.md', 'x\n'.repeat(401)), [], 'prose may be long');
});
