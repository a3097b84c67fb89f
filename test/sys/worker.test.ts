// The addon in worker threads: loaded, used, and gone without a trace when the thread is.

import { Worker } from 'node:worker_threads';
import { addon, ok, openDescriptors, PRELUDE, runNode, type Sockets, sysTest } from './support.ts';

/** A worker that gets two ends of a connection, and a promise of what it says first. */
function start(script: string, workerData: unknown) {
  const worker = new Worker(
    `(async () => {
      const { parentPort, workerData } = require('node:worker_threads');
      ${PRELUDE}
      const addon = loadAddon();
      ${script}
    })()`,
    { eval: true, workerData },
  );
  const exited = new Promise<number>((resolve) => worker.once('exit', resolve));
  const message = new Promise<unknown>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new Error(`the worker ended with ${code} and said nothing`)));
  });
  message.catch(() => {}); // not every test waits for one
  return { worker, exited, message };
}

/** A connection whose ends nobody here watches. */
async function quietPair(sockets: Sockets): Promise<{ client: number; server: number }> {
  const ends = await sockets.pair();
  for (const fd of [ends.client, ends.server]) {
    sockets.forget(fd);
    sockets.own(fd);
  }
  return ends;
}

/** A byte goes to and fro for ever. */
const PING_PONG = `
  const byte = new Uint8Array(1);
  let rounds = 0;
  const target = (fd) => ({ onPoll() {
    while (addon.recv(fd, byte, 0, 1) === 1) {
      addon.send(fd, byte, 0, 1);
      if (++rounds === 200) parentPort.postMessage('busy');
    }
  } });
  for (const fd of [workerData.client, workerData.server]) poller().watch(fd, target(fd));
  addon.send(workerData.client, byte, 0, 1);
`;

sysTest(
  'several workers at once, each with its own poller, terminated while busy, 50 times',
  async (t, sockets) => {
    const before = openDescriptors();
    for (let round = 0; round < 17; round++) {
      const workers = [];
      for (let i = 0; i < 3; i++) workers.push(start(PING_PONG, await quietPair(sockets)));
      for (const { message } of workers) t.equal(await message, 'busy');
      await Promise.all(workers.map(({ worker }) => worker.terminate()));
      for (const { exited } of workers) t.equal(await exited, 1);
      sockets.closeAll();
    }
    for (let i = 0; i < 500 && openDescriptors() !== before; i++) await new Promise((r) => setTimeout(r, 20));
    t.equal(openDescriptors(), before, 'their epoll descriptors are closed');
  },
);

sysTest('terminated inside the callback, which never returns', async (t, sockets) => {
  for (let i = 0; i < 5; i++) {
    const { worker, exited, message } = start(
      `poller().watch(workerData.client, { onPoll() { parentPort.postMessage('stuck'); for (;;); } });`,
      await quietPair(sockets),
    );
    t.equal(await message, 'stuck');
    await worker.terminate();
    t.equal(await exited, 1);
  }
});

sysTest('process.exit inside the callback ends the worker only', async (t, sockets) => {
  const { exited, message } = start(
    `parentPort.postMessage('here');
    poller().watch(workerData.client, { onPoll() { process.exit(9); } });`,
    await quietPair(sockets),
  );
  t.equal(await message, 'here');
  t.equal(await exited, 9);
});

sysTest('what a target throws ends the worker with that error', async (t, sockets) => {
  const { worker, exited } = start(
    `poller().watch(workerData.client, { onPoll() { throw new Error('in the worker'); } });`,
    await quietPair(sockets),
  );
  const error = await new Promise<Error>((resolve) => worker.once('error', resolve));
  t.equal(error.message, 'in the worker');
  t.equal(await exited, 1);
});

sysTest('a worker ends by itself when it watches nothing, closed or not', async (t, sockets) => {
  for (const ending of [
    '',
    'poller().close();',
    'poller().unwatch(slot, workerData.client); poller().close();',
  ]) {
    const script = `
      const slot = poller().watch(workerData.client, { onPoll() {
        parentPort.postMessage('done');
        ${ending === '' ? 'poller().unwatch(slot, workerData.client);' : ending}
      } });`;
    const { exited, message } = start(script, await quietPair(sockets));
    t.equal(await message, 'done');
    t.equal(await exited, 0, ending);
  }
});

sysTest('many Polls, left open, when a worker ends', async (t, sockets) => {
  const before = openDescriptors();
  const ends = await quietPair(sockets);
  const { exited, message } = start(
    `for (let i = 0; i < 100; i++) {
      const poll = new addon.Poll(new Int32Array(8), () => {});
      if (i % 3 === 0) poll.add(workerData.client, i);
      if (i % 5 === 0) poll.close();
    }
    parentPort.postMessage('made');
    process.exit(0);`,
    ends,
  );
  t.equal(await message, 'made');
  t.equal(await exited, 0);
  sockets.closeAll();
  t.equal(openDescriptors(), before);
});

sysTest('the addon in a worker only, and again in the next', async (t) => {
  // In a process that has not loaded it itself, so that each worker loads and unloads the library.
  const result = await runNode(`
    import { Worker } from 'node:worker_threads';
    const script = ${JSON.stringify(`(async () => { ${PRELUDE}
      const fd = loadAddon().socket(4);
      const slot = poller().watch(fd, { onPoll() { poller().unwatch(slot, fd); loadAddon().close(fd); } });
    })()`)};
    const codes = [];
    for (let i = 0; i < 5; i++) {
      codes.push(await new Promise((resolve) => new Worker(script, { eval: true }).on('exit', resolve)));
    }
    console.log(codes.join());`);
  t.equal(result.stdout, '0,0,0,0,0\n');
  t.equal(result.code, 0, result.stderr);
});

sysTest('the main thread keeps its poller while workers come and go', async (t, sockets) => {
  const mine = await sockets.pair();
  const theirs = await quietPair(sockets);
  const { worker, message } = start(PING_PONG, theirs);
  t.equal(await message, 'busy');
  await worker.terminate();
  ok(addon.send(mine.server, Buffer.from('after'), 0, 5), 'send');
  t.equal((await sockets.recvSome(mine.client, 5)).toString(), 'after');
});
