/** Goal: what the charts are made of is true, whatever becomes of carriers and documents, and stays within its bounds. */
import t from 'tap';
import { KEPT, TrunkHistory } from '../../src/dashboard/page/history.ts';
import { carrier, trunk } from '../helpers/mock_admin.ts';

const AT = 1_800_000_000_000;

t.test('rates are those of the time between two documents, by the clock of the proxy', async (t) => {
  const history = new TrunkHistory();
  history.add(trunk([carrier(0, { sentBytes: 5000, receivedBytes: 100 })]), 10_000, AT);
  history.add(trunk([carrier(0, { sentBytes: 8000, receivedBytes: 200 })]), 12_000, AT + 7000);
  const [track] = history.tracks;
  t.same(track?.columns.sent, [null, 1500], 'nothing is known of the time before the first one');
  t.same(track?.columns.received, [null, 50]);
  t.same(track?.columns.traffic, [null, 1550]);
  t.same(history.times, [AT / 1000, AT / 1000 + 7]);
});

t.test('two documents at once count as one', async (t) => {
  const history = new TrunkHistory();
  history.add(trunk([carrier(0)]), 10_000, AT);
  history.add(trunk([carrier(0, { sentBytes: 999 })]), 10_001, AT + 1000);
  t.equal(history.times.length, 1);
  history.add(trunk([carrier(0, { sentBytes: 1000 })]), 11_000, AT + 1001);
  t.same(history.tracks[0]?.columns.sent, [null, 1000]);
});

t.test('a carrier that was dialled again counts from zero, and keeps its place', async (t) => {
  const history = new TrunkHistory();
  history.add(trunk([carrier(2, { id: 2, sentBytes: 9000, retransmits: 40 })]), 1000, AT);
  history.add(trunk([carrier(2, { id: 7, sentBytes: 300, retransmits: 1 })]), 2000, AT + 1000);
  t.equal(history.tracks.length, 1);
  t.same(history.tracks[0]?.columns.sent, [null, 300]);
  t.same(history.tracks[0]?.columns.retransmits, [null, 1]);
});

t.test('while it is down there is no round trip and no window, and what it sent is none', async (t) => {
  const history = new TrunkHistory();
  history.add(trunk([carrier(0, { sentBytes: 100 })]), 1000, AT);
  const down = { id: null, state: 'dialling' as const, srttMs: 0, cwndBytes: null, retransmits: null };
  history.add(trunk([carrier(0, down)]), 2000, AT + 1000);
  const columns = history.tracks[0]?.columns;
  t.same(columns?.srttMs, [50, null]);
  t.same(columns?.inFlightBytes, [0, null]);
  t.same(columns?.cwndBytes, [180_000, null]);
  t.same(columns?.sent, [null, 0]);
  t.same(columns?.retransmits, [null, null]);
});

t.test('a carrier that comes later, and one that goes, stay in step with the others', async (t) => {
  const history = new TrunkHistory();
  history.add(trunk([carrier(0), carrier(1)]), 1000, AT);
  history.add(trunk([carrier(0)]), 2000, AT + 1000);
  history.add(trunk([carrier(0), carrier(5)]), 3000, AT + 2000);
  t.same(
    history.tracks.map(({ index, states }) => [index, states]),
    [
      [0, ['open', 'open', 'open']],
      [1, ['open', null, null]],
      [5, [null, null, 'open']],
    ],
  );
  for (const { columns } of history.tracks) {
    for (const column of Object.values(columns)) t.equal(column.length, 3);
  }
});

t.test('of two carriers in one place the first counts', async (t) => {
  const history = new TrunkHistory();
  for (const at of [1, 2])
    history.add(
      trunk([carrier(0, { id: 9 }), carrier(0, { id: 1, state: 'closing' })]),
      at * 1000,
      AT + at * 1000,
    );
  t.same(history.tracks[0]?.states, ['open', 'open']);
});

t.test('a gap ends the lines, and no rate reaches across it', async (t) => {
  const history = new TrunkHistory();
  history.add(trunk([carrier(0, { sentBytes: 100 })]), 1000, AT);
  history.gap(AT + 1000);
  history.add(trunk([carrier(0, { sentBytes: 5 })]), 500, AT + 30_000);
  history.add(trunk([carrier(0, { sentBytes: 25 })]), 1500, AT + 31_000);
  t.same(history.tracks[0]?.columns.sent, [null, null, null, 20]);
  t.same(history.tracks[0]?.states, ['open', null, 'open', 'open']);
});

t.test('it is bounded, and forgets carriers that nobody has seen for as long as it goes back', async (t) => {
  const history = new TrunkHistory();
  history.add(trunk([carrier(0), carrier(1)]), 0, AT);
  for (let i = 1; i <= KEPT + 50; i++) history.add(trunk([carrier(0)]), i * 1000, AT + i * 1000);
  t.equal(history.times.length, KEPT);
  t.same(
    history.tracks.map(({ index }) => index),
    [0],
  );
  const [track] = history.tracks;
  for (const column of [track?.states, ...Object.values(track?.columns ?? {})]) t.equal(column?.length, KEPT);
  t.equal(history.times.at(-1), AT / 1000 + KEPT + 50);
});
