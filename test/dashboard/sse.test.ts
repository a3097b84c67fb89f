/** Goal: events come out whole, however the network cuts them, and one that has no end is not waited for. */
import t from 'tap';
import { EventParser } from '../../src/dashboard/page/sse.ts';

const TEXT =
  'retry: 2000\n\nevent: status\ndata: {"a":1}\n\n: a remark\ndata: x\ndata:y\n\nevent: c\r\ndata: z\r\n\r\n';
const EVENTS = [
  { type: 'status', data: '{"a":1}' },
  { type: 'message', data: 'x\ny' },
  { type: 'c', data: 'z' },
];

t.test('cut at any place', async (t) => {
  for (let length = 1; length <= TEXT.length; length++) {
    const parser = new EventParser();
    const found = [];
    for (let at = 0; at < TEXT.length; at += length) found.push(...parser.push(TEXT.slice(at, at + length)));
    t.same(found, EVENTS, `pieces of ${length}`);
  }
});

t.test('an event without data is none, and an unfinished one is not given out', async (t) => {
  const parser = new EventParser();
  t.same(parser.push('event: x\n\ndata: y\n'), []);
  t.same(parser.push('\n'), [{ type: 'message', data: 'y' }]);
});

t.test('what has no end', async (t) => {
  const parser = new EventParser();
  const piece = `data: ${'x'.repeat(1 << 20)}\n`;
  t.throws(() => {
    for (let i = 0; i < 32; i++) parser.push(piece);
  }, /does not end/);
  const line = new EventParser();
  t.throws(() => {
    for (let i = 0; i < 32; i++) line.push('x'.repeat(1 << 20));
  }, /does not end/);
});
