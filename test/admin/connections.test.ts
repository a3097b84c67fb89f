/** Goal: of many connections those are listed that matter most, in pieces that miss none and repeat none. */
import t from 'tap';
import { ConnectionList } from '../../src/admin/connections.ts';
import type { AdminService } from '../../src/admin/services.ts';
import type { Session } from '../../src/proxy/session.ts';

/** As much of a session as is looked at. */
function session(id: number): Session & { bytesForward: number } {
  const leg = { broken: null, finReceived: false, finSent: false, writable: true };
  return {
    id,
    from: { family: 4, host: '192.0.2.1', port: id },
    to: null,
    near: leg,
    far: null,
    state: 'dialling',
    startedAt: 0,
    bytesForward: 0,
    bytesBackward: 0,
    congestionsForward: 0,
    congestionsBackward: 0,
    compression: null,
  } as unknown as Session & { bytesForward: number };
}

function service(name: string, sessions: ReadonlySet<Session>): AdminService {
  return { name, service: { sessions } as unknown as AdminService['service'], dial: [], options: {} };
}

const ids = (list: readonly { id: string }[]) => list.map(({ id }) => id);

t.test('the busiest come first, and then the newest', async (t) => {
  const sessions = new Map([1, 2, 3, 4, 5, 6].map((id) => [id, session(id)]));
  const list = new ConnectionList(() => [service('', new Set(sessions.values()))]);
  t.same(ids(list.busiest(3)), ['c6', 'c5', 'c4'], 'at the first look nothing has moved');
  (sessions.get(2) as { bytesForward: number }).bytesForward = 1000;
  (sessions.get(4) as { bytesForward: number }).bytesForward = 9000;
  // A rate takes a look that is a second older.
  await new Promise((resolve) => setTimeout(resolve, 1000));
  t.same(ids(list.busiest(4)), ['c4', 'c2', 'c6', 'c5']);
  t.same(ids(list.busiest(1)), ['c4']);
  t.same(ids(list.busiest(0)), []);
  t.same(ids(list.busiest(100)), ['c4', 'c2', 'c6', 'c5', 'c3', 'c1']);
  const [first] = list.busiest(1);
  t.ok((first?.rateForward ?? 0) > 0 && (first?.rateForward ?? 0) <= 10_000, `${first?.rateForward} bytes/s`);
});

t.test('pages go through all services, while connections come and go', async (t) => {
  const [a, b] = [new Set([1, 2, 3].map(session)), new Set([1, 2].map(session))];
  const list = new ConnectionList(() => [service('a', a), service('b', b)]);
  const seen: string[] = [];
  let after: string | null = null;
  do {
    const page = list.page(after, 2);
    seen.push(...ids(page.connections));
    after = page.next;
    // The last one that was listed ends meanwhile.
    if (after === 'a.c2') for (const one of a) if (one.id === 2) a.delete(one);
  } while (after !== null);
  t.same(seen, ['a.c1', 'a.c2', 'a.c3', 'b.c1', 'b.c2']);
  t.equal(list.page(null, 1).total, 4);
  t.same(list.page('b.c2', 5), { connections: [], next: null, total: 4 });
});

t.test('an id is of one service, and of one connection there', async (t) => {
  const list = new ConnectionList(() => [
    service('a', new Set([session(1)])),
    service('b', new Set([session(2)])),
  ]);
  t.equal(list.get('a.c1')?.id, 'a.c1');
  for (const id of [
    'c1',
    'a.c2',
    'b.c1',
    'c.c1',
    'a.t1',
    'a.c01',
    'a.c',
    '',
    'a.c1.',
    'a.c1e0',
    '__proto__.c1',
  ])
    t.equal(list.get(id), null, id);
});
