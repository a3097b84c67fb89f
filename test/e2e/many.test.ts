/** Goal: a thousand connections at once, each with its own data both ways; none of it goes astray. */

import { createHash } from 'node:crypto';
import t, { type Test } from 'tap';
import { openPath } from '../helpers/e2e_proxy.ts';
import { dial, type End, Target } from '../helpers/e2e_tcp.ts';
import { until, within } from '../helpers/e2e_wait.ts';
import { BACKENDS, PAIRS } from '../helpers/e2e_ways.ts';

t.setTimeout(900_000);

const CONNECTIONS = 1000;

/** What connection `name` says: 100 to 40,000 bytes that nobody else says. */
function speech(name: string): string {
  const digest = createHash('sha256').update(name).digest('hex');
  return `${name}:${digest.repeat(1 + (Number.parseInt(digest.slice(0, 4), 16) % 600))}`;
}

for (const way of [...PAIRS, ...BACKENDS]) {
  t.test(`${CONNECTIONS} at once: ${way.name}`, async (t) => {
    const target = await Target.listen(t);
    const path = await openPath(t, way, target.port);
    const ends: End[] = [];
    let open = 0;
    target.onEnd = (end) => {
      ends.push(end);
      end.socket.once('end', () => {
        // Answers only when all are there: they really are at once.
        end.write(speech(`answer to ${end.text.split(':')[0]}`));
      });
      open++;
    };
    const apps: End[] = [];
    for (let i = 0; i < CONNECTIONS; i += 100) {
      const batch = Array.from({ length: 100 }, () => dial(t, path.port));
      apps.push(...(await Promise.all(batch)));
    }
    await until(
      () => open === CONNECTIONS,
      () => `${open} of ${CONNECTIONS} reached the target`,
    );
    await until(
      () => path.near.count(/ open: /) === CONNECTIONS,
      () => `${path.near.count(/ open: /)} of ${CONNECTIONS} are in the log`,
    );
    for (const [i, app] of apps.entries()) app.fin(speech(`app ${i}`));
    await answered(t, apps);
    const heard = new Set(ends.map((end) => end.text));
    t.ok(
      apps.every((_, i) => heard.has(speech(`app ${i}`))),
      'each speech arrived whole',
    );
    for (const end of ends) end.fin();
    await within(30_000, Promise.all(apps.map((app) => app.over())), 'all ends');
    t.ok(apps.every((app) => app.events[0] === 'FIN'));
    await path.idle();
    for (const proxy of path.proxies) {
      t.equal(await proxy.end(), 0);
      t.match(proxy.text, new RegExp(`served ${CONNECTIONS} connections in`));
    }
  });
}

async function answered(t: Test, apps: End[]): Promise<void> {
  const right = () => apps.filter((app, i) => app.text === speech(`answer to app ${i}`)).length;
  await until(
    () => right() === apps.length,
    () => `${right()} of ${apps.length} have their answer`,
    40_000,
  );
  t.equal(right(), apps.length, 'each got its own answer');
}
