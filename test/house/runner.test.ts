/** Goal: whatever goes wrong in a test file, the runner ends with a failure, and says what it was. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { run } from '../../tools/test/run.ts';

const TAP = `import t from 'tap';\n`;
const PASSING = `${TAP}t.test('fine', async (t) => t.ok(true));`;

/** A repository of its own, with these test files in it, already compiled. */
function repository(test: Test, files: Record<string, string>): string {
  const root = test.testdir({ 'package.json': '{"type":"module"}' });
  symlinkSync(join(process.cwd(), 'node_modules'), join(root, 'node_modules'));
  for (const [name, text] of Object.entries(files)) {
    for (const path of [`test/${name}.test.ts`, `dist/test/${name}.test.js`]) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      writeFileSync(join(root, path), text);
    }
  }
  return root;
}

async function runIn(root: string, patterns: string[] = [], except: string[] = []) {
  const lines: string[] = [];
  const exitCode = await run({
    root,
    patterns,
    except,
    fileTimeoutMs: 1000,
    silenceMs: 4000,
    lingerMs: 500,
    jobs: 2,
    print: (line) => lines.push(...line.split('\n')),
  });
  return { exitCode, output: lines.join('\n'), last: lines.at(-1) };
}

const runTest = (test: Test, text: string) => runIn(repository(test, { a: text }));

t.test('passing tests', async (t) => {
  const root = repository(t, { 'core/a': PASSING, 'sys/b': PASSING, 'e2e/c': PASSING });
  t.match(await runIn(root), { exitCode: 0, last: '3 passed, 0 failed' });
});

t.test('patterns choose by path', async (t) => {
  const root = repository(t, { 'core/a': PASSING, 'core/b': PASSING, 'e2e/c': PASSING });
  t.match(await runIn(root, ['core/a', 'e2e']), { exitCode: 0, last: '2 passed, 0 failed' });
  t.match(await runIn(root, [], ['test/e2e/']), { exitCode: 0, last: '2 passed, 0 failed' });
});

t.test('an empty selection is a failure', async (t) => {
  const found = await runIn(repository(t, { a: PASSING }), ['no-such-test']);
  t.match(found, { exitCode: 1, last: '0 passed, 0 failed', output: /No test file matches/ });
});

t.test('only skipped tests are a failure', async (t) => {
  const found = await runTest(t, `${TAP}t.test('x', { ${'skip'}: 'needs the moon' }, () => {});`);
  t.match(found, { exitCode: 1, last: '0 passed, 0 failed, 1 skipped', output: /needs the moon/ });
});

t.test('a test is an innermost block', async (t) => {
  const text = `${TAP}
    t.test('outer', async (t) => {
      t.test('one', async (t) => { for (let i = 0; i < 100; i++) t.ok(true); });
      t.test('two', async (t) => t.ok(false, 'the assertion'));
      t.test('three', async (t) => t.ok(true));
    });`;
  const found = await runTest(t, text);
  t.match(found, { exitCode: 1, last: '2 passed, 1 failed', output: /outer > two > the assertion/ });
});

t.test('a block may assert by not throwing', async (t) => {
  t.match(await runTest(t, `${TAP}t.test('x', async () => {});`), {
    exitCode: 0,
    last: '1 passed, 0 failed',
  });
});

t.test('assertions outside of blocks count', async (t) => {
  t.match(await runTest(t, `${TAP}t.ok(true);`), { exitCode: 0, last: '1 passed, 0 failed' });
  t.match(await runTest(t, `${TAP}t.ok(false);`), { exitCode: 1, last: '0 passed, 1 failed' });
});

t.test('an exception', async (t) => {
  const found = await runTest(t, `${TAP}t.test('x', async () => { throw new Error('the reason'); });`);
  t.match(found, { exitCode: 1, last: '0 passed, 1 failed', output: /the reason/ });
});

t.test('a file that does not load', async (t) => {
  const found = await runTest(t, `import './no-such-file.js';`);
  t.match(found, { exitCode: 1, last: '0 passed, 1 failed', output: /ERR_MODULE_NOT_FOUND/ });
});

t.test('a file without tests', async (t) => {
  t.match(await runTest(t, `console.log('hello');`), { exitCode: 1, output: /holds no test/ });
});

t.test('a crash', async (t) => {
  const text = `${TAP}t.test('x', async () => process.kill(process.pid, 'SIGSEGV'));`;
  t.match(await runTest(t, text), { exitCode: 1, last: '0 passed, 1 failed', output: /ended by SIGSEGV/ });
});

t.test('an exit in mid-test', async (t) => {
  const text = `${TAP}t.test('x', async (t) => { t.ok(true); process.reallyExit(0); });`;
  t.match(await runTest(t, text), { exitCode: 1, last: /[1-9] failed$/ });
});

t.test('a test that takes too long', async (t) => {
  const text = `${TAP}t.test('slow', async () => { await new Promise((r) => setTimeout(r, 2000)); });`;
  t.match(await runTest(t, text), {
    exitCode: 1,
    last: /^0 passed, [1-9] failed$/,
    output: /slow > timeout!/,
  });
});

t.test('a test that takes longer than it asked for', async (t) => {
  const text = `${TAP}t.test('slow', async (t) => {
    t.setTimeout(100);
    await new Promise((r) => setTimeout(r, 300));
  });
  t.test('other', async (t) => t.ok(true));`;
  t.match(await runTest(t, text), { exitCode: 1, last: '1 passed, 1 failed', output: /slow > timeout!/ });
});

t.test('a file that asked for more time gets it', async (t) => {
  const wait = 'await new Promise((r) => setTimeout(r, 1500)); t.ok(true);';
  const found = await runTest(t, `${TAP}t.setTimeout(3000);\nt.test('slow', async (t) => { ${wait} });`);
  t.match(found, { exitCode: 0, last: '1 passed, 0 failed' });
});

t.test('a file stuck where no timer runs', async (t) => {
  const text = `${TAP}t.test('x', async () => { for (;;); });`;
  t.match(await runTest(t, text), { exitCode: 1, last: /[1-9] failed$/, output: /no word from it/ });
});

t.test('a process left behind is ended, and is a failure', async (t) => {
  const root = repository(t, {
    a: `${TAP}import { spawn } from 'node:child_process';
      t.test('x', async (t) => {
        spawn('setsid', ['sleep', '987'], { detached: true, stdio: 'ignore' }).unref();
        t.ok(true);
      });`,
  });
  t.match(await runIn(root), { exitCode: 1, last: '1 passed, 1 failed', output: /sleep 987/ });
  const alive = readdirSync('/proc').filter((pid) => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'latin1').startsWith('sleep\x00987');
    } catch {
      return false;
    }
  });
  t.same(alive, []);
});

t.test("yesterday's build is not run", async (t) => {
  const root = repository(t, { a: PASSING });
  await new Promise((resolve) => setTimeout(resolve, 20));
  writeFileSync(join(root, 'test/a.test.ts'), `${PASSING}\n`);
  t.match(await runIn(root), { exitCode: 1, output: /make build/ });
  writeFileSync(join(root, 'test/new.test.ts'), PASSING);
  t.match(await runIn(root, ['new']), { exitCode: 1, output: /has not been compiled/ });
});

/** A file whose test goes wrong so many times, then passes; it counts its runs in a file beside it. */
const unlucky = (times: number, wrong = `t.ok(false, 'the assertion')`) => `${TAP}
  import { appendFileSync, statSync } from 'node:fs';
  t.test('lucky', async (t) => {
    const runs = import.meta.filename + '.runs';
    appendFileSync(runs, 'x');
    t.ok(true);
    if (statSync(runs).size <= ${times}) ${wrong};
  });`;

t.test('an end-to-end file that fails gets a second try, which counts', async (t) => {
  const root = repository(t, {
    'core/a': PASSING,
    'e2e/b': unlucky(1),
    'e2e/c': PASSING,
  });
  const found = await runIn(root);
  t.match(found, { exitCode: 0, last: '3 passed, 0 failed' });
  t.match(found.output, /passed at the second try; the first time: lucky > the assertion\n/);
  t.match(
    found.output,
    /\nFAILED the first time test\/e2e\/b\.test\.ts: lucky > the assertion\n +stack:/,
    'with all that is known of it',
  );
  t.match(
    found.output,
    /\n1 file passed only at the second try: test\/e2e\/b\.test\.ts\n3 passed, 0 failed$/,
  );
  const order = [...found.output.matchAll(/^(?:ok {2}|FAIL) test\/(\S+)\.test/gm)].map((line) => line[1]);
  t.same(order, ['core/a', 'e2e/b', 'e2e/c', 'e2e/b'], 'it is tried again when all others are done');
});

t.test('an end-to-end file that fails twice has failed, and is not tried a third time', async (t) => {
  const found = await runIn(repository(t, { 'e2e/a': unlucky(2), 'e2e/b': PASSING }));
  t.match(found, { exitCode: 1, last: '1 passed, 1 failed' });
  t.match(found.output, /failed at the second try, too; the first time: lucky > the assertion\n/);
  t.match(found.output, /FAILED the first time test\/e2e\/a/);
  t.match(found.output, /FAILED test\/e2e\/a/);
  t.notMatch(found.output, /only at the second try/);
});

t.test('a crash may be an accident, too', async (t) => {
  const found = await runIn(repository(t, { 'e2e/a': unlucky(1, `process.kill(process.pid, 'SIGSEGV')`) }));
  t.match(found, { exitCode: 0, last: '1 passed, 0 failed', output: /the first time: .*ended by SIGSEGV/ });
});

t.test('a unit test gets no second try', async (t) => {
  const found = await runIn(repository(t, { 'core/a': unlucky(1), 'e2e/b': PASSING }));
  t.match(found, { exitCode: 1, last: '1 passed, 1 failed' });
  t.notMatch(found.output, /second try|the first time/);
});

t.test('what is stale or was not compiled gets no second try', async (t) => {
  const root = repository(t, { 'e2e/stale': PASSING });
  await new Promise((resolve) => setTimeout(resolve, 20));
  writeFileSync(join(root, 'test/e2e/stale.test.ts'), `${PASSING}\n`);
  writeFileSync(join(root, 'test/e2e/new.test.ts'), PASSING);
  const found = await runIn(root);
  t.match(found, { exitCode: 1, last: '0 passed, 2 failed' });
  t.notMatch(found.output, /second try|the first time/);
});

t.test('six failures may be accidents, seven are not', async (t) => {
  const six = Object.fromEntries(Array.from('abcdef', (name) => [`e2e/${name}`, unlucky(1)]));
  t.match(await runIn(repository(t, six)), {
    exitCode: 0,
    last: '6 passed, 0 failed',
    output: /\n6 files passed only at the second try: test\/e2e\/a\.test\.ts, test\/e2e\/b/,
  });
  const seven = Object.fromEntries(Array.from('abcdefg', (name) => [`e2e/${name}`, unlucky(1)]));
  const found = await runIn(repository(t, seven));
  t.match(found, { exitCode: 1, last: '0 passed, 7 failed', output: /7 end-to-end files failed: too many/ });
  t.notMatch(found.output, /the first time/);
});

t.test('the command: last line and exit code', async (t) => {
  const root = repository(t, { good: PASSING, bad: `${TAP}t.ok(false);` });
  const command = (...args: string[]) =>
    spawnSync(process.execPath, ['dist/tools/test/run.js', '--root', root, ...args], { encoding: 'utf8' });
  const good = command('good');
  t.equal(good.status, 0);
  t.match(good.stdout, /\n1 passed, 0 failed\n$/);
  const bad = command();
  t.equal(bad.status, 1);
  t.match(bad.stdout, /\n1 passed, 1 failed\n$/);
});
