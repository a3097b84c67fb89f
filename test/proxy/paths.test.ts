/** Goal: carriers are spread evenly over all ways, whatever their number; detours and what to avoid are respected. */
import t from 'tap';
import type { Endpoint } from '../../src/core/address.ts';
import { parseLocalEnd } from '../../src/layer/tcp/local_end.ts';
import { lookupInTurn, nameOfPath, Paths, wayBeside } from '../../src/proxy/paths.ts';

const NONE: ReadonlySet<string> = new Set();

const peer = (text: string): Endpoint => ({ host: text, port: 1 });

function ways(paths: Paths, slots: number, detour = 0, avoid = NONE): string[] {
  return Array.from({ length: slots }, (_, slot) => {
    const path = paths.of(slot, detour, avoid);
    return nameOfPath(path.peer, path.from);
  });
}

t.test('every pair is used before one is used twice', async (t) => {
  for (let via = 0; via <= 4; via++) {
    for (let peers = 1; peers <= 4; peers++) {
      const paths = new Paths(
        Array.from({ length: peers }, (_, i) => peer(`10.0.0.${i}`)),
        Array.from({ length: via }, (_, i) => ({ device: `eth${i}` })),
      );
      const pairs = Math.max(1, via) * peers;
      const seen = ways(paths, 3 * pairs);
      for (let round = 0; round < 3; round++)
        t.equal(new Set(seen.slice(round * pairs, (round + 1) * pairs)).size, pairs, `${via} x ${peers}`);
      t.equal(new Set(seen.slice(0, Math.max(via, peers)).map((way) => way.split(' via ')[0])).size, peers);
    }
  }
});

t.test('a detour goes to another address, from the same local end', async (t) => {
  const paths = new Paths([peer('a'), peer('b')], [{ device: 'eth0' }, { device: 'eth1' }]);
  t.same(ways(paths, 2), ['a:1 via eth0', 'b:1 via eth1']);
  t.same(ways(paths, 2, 1), ['b:1 via eth0', 'a:1 via eth1']);
});

t.test('what is to be avoided is avoided, unless there is nothing else', async (t) => {
  const paths = new Paths([peer('10.0.0.1'), peer('10.0.0.2')], []);
  t.same(ways(paths, 3, 0, new Set(['10.0.0.1:1'])), ['10.0.0.2:1', '10.0.0.2:1', '10.0.0.2:1']);
  t.same(ways(paths, 2, 0, new Set(['10.0.0.1:1', '10.0.0.2:1'])), ['10.0.0.1:1', '10.0.0.2:1']);
});

t.test('an address goes to addresses of its family', async (t) => {
  const paths = new Paths(
    [peer('10.0.0.1'), peer('fd00::1')],
    [parseLocalEnd('10.0.0.9'), parseLocalEnd('fd00::9')],
  );
  t.same(ways(paths, 4), [
    '10.0.0.1:1 via 10.0.0.9',
    '[fd00::1]:1 via fd00::9',
    '10.0.0.1:1 via 10.0.0.9',
    '[fd00::1]:1 via fd00::9',
  ]);
});

t.test('the addresses of a name take turns', async (t) => {
  const paths = new Paths([{ host: 'name', port: 7 }], []);
  const lookup = async () => ['10.0.0.1', '10.0.0.2', '10.0.0.3'];
  const first = async (slot: number, avoid = NONE) => {
    const found = await lookupInTurn(paths.of(slot, 0, avoid), avoid, lookup)('name', 4);
    t.equal(found.length, 3, 'none is left out');
    return found[0];
  };
  t.same(await Promise.all([0, 1, 2, 3].map((slot) => first(slot))), [
    '10.0.0.1',
    '10.0.0.2',
    '10.0.0.3',
    '10.0.0.1',
  ]);
  const bad = new Set(['10.0.0.2:7']);
  t.same(await Promise.all([0, 1, 2].map((slot) => first(slot, bad))), ['10.0.0.1', '10.0.0.3', '10.0.0.1']);
});

t.test('a line that names the peer does not name it again with each way', async (t) => {
  for (const [way, beside] of [
    ['10.0.0.1:1', ''],
    ['10.0.0.1:1 via eth0', 'via eth0'],
    ['10.0.0.2:1 via eth0', '10.0.0.2:1 via eth0'],
    ['10.0.0.1:11', '10.0.0.1:11'],
  ] as const)
    t.equal(wayBeside(way, '10.0.0.1:1'), beside, way);
});
