/** Goal: a key survives being copied, a bad one is refused with words, and nobody else gets to read it. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { newKey, readKeyFile, writeKeyFile } from '../../src/cli/key_file.ts';
import { Random, SEED } from '../helpers/random.ts';

function folder(t: Test): string {
  const made = mkdtempSync(join(tmpdir(), 'striper-key-'));
  t.teardown(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

/** A function that reads these bytes as a key file. */
function reader(t: Test): (content: string | Uint8Array) => Buffer {
  const path = join(folder(t), 'key');
  return (content) => {
    writeFileSync(path, content, { mode: 0o600 });
    return readKeyFile(path);
  };
}

t.test('a key of keygen: 32 bytes, another each time, for its owner only', async (t) => {
  const path = join(folder(t), 'key');
  const mask = process.umask(0o777);
  try {
    writeKeyFile(path);
  } finally {
    process.umask(mask);
  }
  t.equal(statSync(path).mode & 0o777, 0o600);
  const text = readFileSync(path, 'latin1');
  t.match(text, /^tcpstriper1_[0-9a-f]{72}\n$/);
  const key = readKeyFile(path);
  t.equal(key.toString('hex'), text.slice(12, 76));
  t.not(newKey(), newKey());
  t.throws(() => writeKeyFile(path), /exists already; a key is not overwritten/);
  t.equal(readFileSync(path, 'latin1'), text);
  t.throws(() => writeKeyFile(join(path, 'x')), /cannot write .*ENOTDIR/);
});

t.test('copied by hand: blanks, line ends and capitals do not count', async (t) => {
  const read = reader(t);
  const text = newKey();
  const key = read(text);
  const word = text.trim();
  for (const copy of [
    word,
    `${word}\r\n`,
    `\n\n  ${word} \t\n\n`,
    `${word.slice(0, 40)}\n${word.slice(40)}\n`,
    `${word.slice(0, 30)}  \r\n  ${word.slice(30)}`,
    `tcpstriper1_${word.slice(12).toUpperCase()}`,
  ])
    t.same(read(copy), key, JSON.stringify(copy));
});

t.test('copied badly: every lost, changed or doubled character is noticed', async (t) => {
  const read = reader(t);
  const word = newKey().trim();
  const random = new Random(SEED);
  for (let at = 12; at < word.length; at++) {
    const other = random.pick([...'0123456789abcdefgx'].filter((digit) => digit !== word[at]));
    for (const copy of [
      word.slice(0, at),
      word.slice(0, at) + word.slice(at + 1),
      word.slice(0, at) + other + word.slice(at + 1),
      word.slice(0, at) + word[at] + word.slice(at),
    ])
      t.throws(() => read(copy), { name: 'UsageError', message: /is damaged/ }, copy);
  }
});

t.test('keys from elsewhere: 32 random bytes or more, as they are, or as text', async (t) => {
  const read = reader(t);
  const bytes = new Random(SEED).bytes(64);
  bytes[0] = 0;
  t.same(read(bytes), bytes);
  t.same(read(bytes.subarray(0, 32)), bytes.subarray(0, 32));
  const hex = bytes.subarray(0, 32).toString('hex');
  for (const text of [hex, `${hex}\n`, `${hex}\r\n`, ` ${hex} `]) t.equal(read(text).toString(), hex);
  t.same(
    read(Buffer.concat([bytes, Buffer.from('\n')])).length,
    65,
    'a line end is a byte like others there',
  );
});

t.test('what is no key', async (t) => {
  const read = reader(t);
  for (const [content, words] of [
    ['', /is empty; make one with: tcp-proxy keygen FILE/],
    ['\n', /has 0 bytes; a key has at least 32 random ones/],
    ['secret\n', /has 6 bytes/],
    [new Random(SEED).bytes(31), /has 31 bytes/],
    ['x'.repeat(31), /has 31 bytes/],
    ['x'.repeat(32), /the same byte again and again/],
    [Buffer.alloc(64), /the same byte again and again/],
    [new Random(SEED).bytes(4097), /has more than 4096 bytes/],
    [Buffer.alloc(1 << 20, 'ab'), /has more than 4096 bytes/],
    ['tcpstriper1_', /is damaged/],
    [`${newKey()}${newKey()}`, /is damaged/],
  ] as const)
    t.throws(() => read(content), { name: 'UsageError', message: words }, `${content.length} bytes`);
});

t.test('no file, no regular file, no right to read it', async (t) => {
  const place = folder(t);
  t.throws(() => readKeyFile(join(place, 'none')), /there is no such file; make one with/);
  mkdirSync(join(place, 'folder'));
  t.throws(() => readKeyFile(join(place, 'folder')), /is a directory/);
  t.throws(() => readKeyFile('/dev/zero'), /has more than 4096 bytes/);
  t.throws(() => readKeyFile('/dev/null'), /is empty/);
  t.throws(() => readKeyFile(join(place, 'a\u001b[2Jb')), { message: /^[ -~]*$/ });
});

t.test('a file that others may read or write', async (t) => {
  const path = join(folder(t), 'key');
  writeFileSync(path, newKey());
  for (const mode of [0o644, 0o640, 0o604, 0o620, 0o602, 0o610]) {
    chmodSync(path, mode);
    t.throws(() => readKeyFile(path), {
      name: 'UsageError',
      message: new RegExp(`mode 0${mode.toString(8)}\\): chmod 600 `),
    });
  }
  for (const mode of [0o600, 0o400]) {
    chmodSync(path, mode);
    t.equal(readKeyFile(path).length, 32);
  }
});

function pipe(t: Test): string {
  const path = join(folder(t), 'pipe');
  execFileSync('mkfifo', ['-m', '600', path]);
  return path;
}

/** Runs a line of shell that writes to a pipe. */
function writer(t: Test, line: string): Promise<unknown> {
  const child = spawn('/bin/sh', ['-c', line], { stdio: 'ignore' });
  t.teardown(() => child.kill('SIGKILL'));
  return once(child, 'exit');
}

t.test('a pipe is as good as a file: written late, in pieces, or cut short', async (t) => {
  const text = newKey().trim();
  const path = pipe(t);
  const late = writer(
    t,
    `{ printf %s '${text.slice(0, 30)}'; sleep 0.2; printf %s '${text.slice(30)}'; } > '${path}'`,
  );
  t.equal(readKeyFile(path).toString('hex'), text.slice(12, 76));
  await late;
  const short = writer(t, `sleep 0.2; printf %s '${text.slice(0, 30)}' > '${path}'`);
  t.throws(() => readKeyFile(path), { message: /is damaged/ });
  await short;
});

t.test('a pipe that nobody writes to, or to no end, is waited for in words, and not for ever', async (t) => {
  const path = pipe(t);
  t.throws(() => readKeyFile(path, { waitMs: 100 }), {
    name: 'UsageError',
    message: /pipe: nobody has written a key to this pipe within 0\.1 s/,
  });
  const said: string[] = [];
  t.throws(() => readKeyFile(path, { waitMs: 2100, onSlow: (words) => said.push(words) }), {
    message: /within 2\.1 s/,
  });
  t.match(said, [/^waiting for the key to come from --key .*pipe$/]);
  const held = openSync(path, 'r+');
  t.teardown(() => closeSync(held));
  writeSync(held, 'x');
  t.throws(() => readKeyFile(path, { waitMs: 100 }), {
    message: /whoever writes to this pipe did not end within 0\.1 s/,
  });
});

t.test('as root, a file of somebody else that others may read is as bad as one of its own', async (t) => {
  if (process.getuid?.() !== 0) {
    t.pass('only root can give a file away');
    return;
  }
  const path = join(folder(t), 'key');
  writeKeyFile(path);
  const nobody = 65_534;
  chownSync(path, nobody, nobody);
  t.equal(readKeyFile(path).length, 32, 'its owner alone');
  for (const mode of [0o644, 0o640, 0o602, 0o666]) {
    chmodSync(path, mode);
    t.throws(() => readKeyFile(path), {
      name: 'UsageError',
      message: /others may read or change it .*chmod 600/,
    });
  }
});
