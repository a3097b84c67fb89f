// What happens when descriptors run out, in processes that may have few.

import { readFileSync } from 'node:fs';
import { addon, PRELUDE, runNode, sysTest } from './support.ts';

sysTest('fdLimit is what the system says', async (t) => {
  const [soft, hard] = (
    /^Max open files\s+(\w+)\s+(\w+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? []
  )
    .slice(1)
    .map((text) => (text === 'unlimited' ? Number.POSITIVE_INFINITY : Number(text)));
  t.same(addon.fdLimit(), { soft, hard });
});

sysTest('out of descriptors: EMFILE from everything that makes one, and it recovers', async (t) => {
  const result = await runNode(
    `${PRELUDE}
    const { EMFILE, ENFILE, EAGAIN } = await import('node:os').then(({ constants }) => constants.errno);
    const addon = loadAddon();
    const listener = addon.socket(4);
    addon.bind(listener, 4, '127.0.0.1', 0);
    addon.listen(listener, 128);
    const { port } = addon.localAddress(listener);
    const open = [];
    let last;
    while ((last = addon.socket(4)) >= 0) {
      addon.connect(last, 4, '127.0.0.1', port);
      open.push(last);
    }
    const pool = new KernelPipePool(addon);
    const report = { opened: open.length, soft: addon.fdLimit().soft };
    report.socket = last === -EMFILE;
    report.accept = addon.accept(listener) === -EMFILE;
    report.kernelPipe = addon.kernelPipe(65536) === -EMFILE;
    report.pool = pool.acquire();
    try { new Poller(addon); } catch (error) { report.poll = error.message; }
    addon.close(open.pop());
    const accepted = addon.accept(listener);
    report.recovered = accepted >= 0;
    report.again = addon.accept(listener) === -EMFILE;
    console.log(JSON.stringify(report));`,
    { shell: 'ulimit -n 64' },
  );
  const report = JSON.parse(result.stdout);
  t.ok(report.opened > 10 && report.opened < 64);
  t.match(report, {
    soft: 64,
    socket: true,
    accept: true,
    kernelPipe: true,
    pool: null,
    poll: /Too many open files/i,
    recovered: true,
    again: true,
  });
  t.equal(result.code, 0);
});
