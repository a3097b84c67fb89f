/** Goal: thousands of short connections whose ends do as they like, at random, leave nothing behind in the proxies. */

import { connect, type Socket } from 'node:net';
import t from 'tap';
import { openPath } from '../helpers/e2e_proxy.ts';
import { dialThrough, Target } from '../helpers/e2e_tcp.ts';
import { WAYS } from '../helpers/e2e_ways.ts';

t.setTimeout(900_000);

const CONNECTIONS = 1500;
const AT_ONCE = 40;

/** Small and reproducible: the seed is printed. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

for (const way of WAYS) {
  t.test(way.name, async (t) => {
    const seed = Date.now() >>> 0;
    t.comment(`seed ${seed}`);
    const random = randomFrom(seed);
    const target = await Target.listen(t);
    const path = await openPath(t, way, target.port);

    /** Some data, perhaps; then FIN, RST, a close or nothing; now or within a few milliseconds. */
    const act = (end: Socket) => {
      if (random() < 0.6) end.write(Buffer.alloc(Math.floor(random() ** 4 * 500_000) + 1));
      const what = random();
      const then = () => {
        if (what < 0.4) end.end();
        else if (what < 0.7) end.resetAndDestroy();
        else if (what < 0.85) end.destroy();
      };
      if (random() < 0.5) then();
      else setTimeout(then, random() * 4);
    };
    target.onEnd = ({ socket }) => {
      setTimeout(() => socket.destroy(), 60);
      act(socket);
    };
    const one = () =>
      new Promise<void>((resolve) => {
        const socket = connect({ port: path.port, host: '127.0.0.1', allowHalfOpen: true });
        socket.on('error', () => {});
        // Nobody waits for ever for an end that does nothing.
        const limit = setTimeout(() => socket.destroy(), 60);
        socket.once('close', () => {
          clearTimeout(limit);
          resolve();
        });
        socket.resume();
        act(socket);
      });
    let left = CONNECTIONS;
    const worker = async () => {
      while (left-- > 0) await one();
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    await path.idle();
    target.onEnd = null;
    const [app, far] = await dialThrough(t, path.port, target);
    app.fin('still here');
    t.equal(await far.over(), 'FIN');
    t.equal(far.text, 'still here');
    far.fin();
    t.equal(await app.over(), 'FIN');
    for (const proxy of path.proxies) {
      t.equal(await proxy.end(), 0);
      const opened = proxy.count(/ open: /);
      t.equal(proxy.count(/ closed after /), opened, 'each that opened was closed, in the log too');
      t.notMatch(proxy.text, /bridge|TypeError|another error/, 'no error that nobody thought of');
    }
  });
}
