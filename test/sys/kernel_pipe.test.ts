import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { NativeAddon } from '../../src/sys/addon.ts';
import { EAGAIN, ECONNRESET, EINVAL, EMFILE, EPIPE } from '../../src/sys/errno.ts';
import { type KernelPipe, KernelPipePool } from '../../src/sys/kernel_pipe.ts';
import { POLL_ERR, POLL_IN, POLL_OUT, POLL_RDHUP } from '../../src/sys/poller.ts';
import { addon, ok, openDescriptors, PRELUDE, runNode, type Sockets, sysTest, V4, V6 } from './support.ts';

/** Moves everything from one socket to the other through a kernel pipe, and the FIN after it. */
async function spliceAll(sockets: Sockets, from: number, to: number, pipe: KernelPipe): Promise<number> {
  let total = 0;
  for (;;) {
    const got = addon.splice(from, pipe.writeFd, pipe.capacity);
    if (got === -EAGAIN) {
      await sockets.wait(from, POLL_IN | POLL_RDHUP);
      continue;
    }
    if (ok(got, 'splice in') === 0) break;
    pipe.held += got;
    while (pipe.held > 0) {
      const put = addon.splice(pipe.readFd, to, pipe.held);
      if (put === -EAGAIN) await sockets.wait(to, POLL_OUT);
      else pipe.held -= ok(put, 'splice out');
    }
    total += got;
  }
  ok(addon.shutdownWrite(to), 'shutdownWrite');
  return total;
}

const hash = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

for (const [name, address] of [
  ['IPv4', V4],
  ['IPv6', V6],
] as const) {
  sysTest(`${name}: random data through splice, both ways at once, arrives unchanged`, async (t, sockets) => {
    const pool = new KernelPipePool(addon);
    const left = await sockets.pair(address);
    const right = await sockets.pair(address);
    const there = randomBytes(6_000_001);
    const back = randomBytes(7_000_003);
    const pipes = [pool.acquire(), pool.acquire()] as [KernelPipe, KernelPipe];
    t.equal(pool.out, 2);
    const send = async (fd: number, bytes: Buffer) => {
      await sockets.sendAll(fd, bytes);
      addon.shutdownWrite(fd);
    };
    const [, , movedThere, movedBack, gotThere, gotBack] = await Promise.all([
      send(left.client, there),
      send(right.server, back),
      spliceAll(sockets, left.server, right.client, pipes[0]),
      spliceAll(sockets, right.client, left.server, pipes[1]),
      sockets.recvAll(right.server),
      sockets.recvAll(left.client),
    ]);
    t.same([movedThere, movedBack], [there.length, back.length]);
    t.same([gotThere.end, gotBack.end], [0, 0]);
    t.equal(hash(gotThere.bytes), hash(there));
    t.equal(hash(gotBack.bytes), hash(back));
    for (const pipe of pipes) pool.release(pipe);
    t.same([pool.out, pool.idle], [0, 2]);
    pool.close();
  });
}

sysTest('splice: nothing there, no room, FIN, broken', async (t, sockets) => {
  const { client, server } = await sockets.pair();
  const pipe = addon.kernelPipe(65536);
  if (typeof pipe === 'number') throw new Error(`kernelPipe gave ${pipe}`);
  sockets.own(pipe.readFd);
  sockets.own(pipe.writeFd);
  const { splice } = addon;

  t.equal(splice(client, pipe.writeFd, 1000), -EAGAIN, 'no bytes in the socket');
  t.equal(splice(pipe.readFd, client, 1000), -EAGAIN, 'no bytes in the pipe');
  t.equal(splice(client, server, 1000), -EINVAL, 'one side must be a pipe');

  await sockets.sendAll(server, randomBytes(500_000));
  await sockets.wait(client, POLL_IN);
  let held = 0;
  for (;;) {
    const got = splice(client, pipe.writeFd, 1 << 20);
    if (got === -EAGAIN) break;
    held += ok(got, 'splice');
  }
  t.ok(held > 0 && held < 500_000, `a full pipe takes no more than ${held}`);
  t.ok(addon.recv(client, new Uint8Array(10), 0, 10) > 0, 'while the socket still has some');

  const second = await sockets.pair();
  addon.shutdownWrite(second.server);
  await sockets.wait(second.client, POLL_RDHUP);
  const other = addon.kernelPipe(65536);
  if (typeof other === 'number') throw new Error(`kernelPipe gave ${other}`);
  sockets.own(other.readFd);
  sockets.own(other.writeFd);
  t.equal(splice(second.client, other.writeFd, 1000), 0, 'FIN');

  const third = await sockets.pair();
  ok(addon.send(third.server, randomBytes(700), 0, 700), 'send');
  await sockets.wait(third.client, POLL_IN);
  sockets.reset(third.server);
  await sockets.wait(third.client, POLL_ERR);
  t.equal(splice(third.client, other.writeFd, 1 << 20), 700, 'what came before the reset');
  t.equal(splice(third.client, other.writeFd, 1 << 20), -ECONNRESET, 'then the reset, not FIN');
  t.equal(
    splice(other.readFd, third.client, 700),
    -EPIPE,
    'into a broken socket; SIGPIPE does not end the process',
  );
});

sysTest('the capacity is what the kernel gave', async (t, sockets) => {
  for (const [asked, given] of [
    [1, 4096],
    [70_000, 131_072],
    [1 << 20, 1 << 20],
  ] as const) {
    const pipe = addon.kernelPipe(asked);
    if (typeof pipe === 'number') throw new Error(`kernelPipe gave ${pipe}`);
    sockets.own(pipe.readFd);
    sockets.own(pipe.writeFd);
    t.equal(pipe.capacity, given);
  }
});

sysTest('the pool uses pipes again, keeps a few, and closes what is not empty', async (t) => {
  const before = openDescriptors();
  const pool = new KernelPipePool(addon, { maxIdle: 2, size: 65536 });
  const pipes = [1, 2, 3].map(() => pool.acquire() as KernelPipe);
  t.equal(pool.out, 3);
  t.equal(openDescriptors(), before + 6);
  t.ok(pipes.every(({ capacity, held }) => capacity === 65536 && held === 0));
  for (const pipe of pipes) pool.release(pipe);
  t.same([pool.out, pool.idle], [0, 2]);
  t.equal(openDescriptors(), before + 4, 'the third was closed');
  t.throws(() => pool.release(pipes[0] as KernelPipe), /not out/);

  const dirty = pool.acquire() as KernelPipe;
  t.ok(pipes.includes(dirty));
  dirty.held = 1;
  pool.release(dirty);
  t.equal(pool.idle, 1);
  t.equal(openDescriptors(), before + 2, 'bytes of one connection are not there for the next');

  const late = pool.acquire() as KernelPipe;
  pool.close();
  t.equal(pool.acquire(), null);
  t.equal(openDescriptors(), before + 2);
  pool.release(late);
  t.equal(pool.out, 0);
  t.equal(openDescriptors(), before, 'after close a released pipe is closed');
});

sysTest('options out of range', async (t) => {
  for (const options of [
    { size: 65535 },
    { size: 70000.5 },
    { size: 2 ** 31 },
    { maxIdle: -1 },
    { maxIdle: 0.5 },
  ]) {
    t.throws(() => new KernelPipePool(addon, options), RangeError, JSON.stringify(options));
  }
});

sysTest('a refusal or a tiny pipe: null, and the kernel is left alone for 100 ms', async (t) => {
  const before = openDescriptors();
  let now = 1000;
  let asked = 0;
  let answer: (size: number) => ReturnType<NativeAddon['kernelPipe']> = () => -EMFILE;
  const grudging: NativeAddon = {
    ...addon,
    kernelPipe(size) {
      asked++;
      return answer(size);
    },
  };
  const pool = new KernelPipePool(grudging, { now: () => now });
  t.equal(pool.acquire(), null);
  now += 99;
  t.equal(pool.acquire(), null);
  t.equal(asked, 1, 'not asked again');
  now += 1;
  answer = () => addon.kernelPipe(4096);
  t.equal(pool.acquire(), null);
  t.equal(asked, 2);
  t.equal(openDescriptors(), before, 'the tiny one was closed');
  answer = addon.kernelPipe;
  t.equal(pool.acquire(), null);
  now += 100;
  const pipe = pool.acquire();
  t.equal(pipe?.capacity, 1 << 20);
  t.equal(pool.out, 1);

  // An idle one is handed out in spite of a fresh refusal.
  answer = () => -EMFILE;
  const second = pool.acquire();
  t.equal(second, null);
  pool.release(pipe as KernelPipe);
  t.equal(pool.acquire(), pipe);
  pool.release(pipe as KernelPipe);
  pool.close();
});

sysTest('an ordinary user runs out of pipe memory, and then gets null', async (t) => {
  const softPages = Number(readFileSync('/proc/sys/fs/pipe-user-pages-soft', 'utf8'));
  // Root is exempt, so that the child becomes nobody, after it has loaded everything.
  const result = await runNode(
    `${PRELUDE}
    const addon = loadAddon();
    if (process.getuid() === 0) process.setuid(65534);
    const pool = new KernelPipePool(addon);
    const pipes = [];
    for (let pipe; pipes.length < 200 && (pipe = pool.acquire()) !== null; ) pipes.push(pipe);
    const count = pipes.length;
    const next = addon.kernelPipe(1 << 20);
    for (const pipe of pipes) pool.release(pipe);
    console.log(JSON.stringify({ count, next: next.capacity ?? next, capacities: pipes.map((p) => p.capacity) }));`,
    { shell: 'ulimit -n 1000' },
  );
  const { count, next, capacities } = JSON.parse(result.stdout) as {
    count: number;
    next: number;
    capacities: number[];
  };
  const limited = softPages > 0 && softPages / 256 < 200;
  if (limited) {
    // The last ones may be smaller than was asked for, and useful still.
    const total = capacities.reduce((sum, each) => sum + each, 0);
    t.ok(count > 0 && total <= softPages * 4096, `${count} pipes, ${total} bytes in all`);
    t.ok(next < 65536, `the next one got ${next}`);
  } else {
    t.equal(count, 200);
  }
  t.ok(capacities.every((each) => each >= 65536));
});
