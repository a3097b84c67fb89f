/** Goal: what `tcp-proxy top` shows is what the admin server says, whatever that is; and its words are understood. */
import t from 'tap';
import { parseCommand } from '../../src/cli/arguments.ts';
import { UsageError } from '../../src/cli/options.ts';
import { viewOf } from '../../src/cli/top_view.ts';
import { RateMeter } from '../../src/observe/meter.ts';
import { renderStatus } from '../../src/observe/view.ts';

function carrier(index: number, sentBytes: number) {
  return {
    index,
    id: index,
    state: 'open',
    remote: '192.0.2.1:1',
    sentBytes,
    receivedBytes: 0,
    srttMs: 20,
    rate: null,
    stalls: 2,
  };
}

function status(sent: number) {
  return {
    mode: 'client',
    listen: ['127.0.0.1:1'],
    dial: ['192.0.2.1:1'],
    uptimeMs: 61_000,
    totals: { open: 300, connections: 400 },
    trunks: [{ id: 't1', carriers: [carrier(0, sent), carrier(1, 3 * sent)] }],
    connections: [
      { id: 'c7', from: '127.0.0.1:9', near: 'open', far: 'open', rateForward: 2000, rateBackward: 500 },
    ],
  };
}

t.test('rows, rates and shares', async (t) => {
  const meter = new RateMeter();
  viewOf(status(1000), meter, 0);
  const view = viewOf(status(2000), meter, 1000);
  const text = view === null ? '' : renderStatus(view, 200, 30).join('\n');
  t.match(text, /tcp-proxy client on 127\.0\.0\.1:1 -> 192\.0\.2\.1:1 {3}300 open, 400 served {3}up 1m01s/);
  t.match(text, /k0 +open +1\.00 KB\/s +25 % +20ms/);
  t.match(text, /k1 +open +3\.00 KB\/s +75 %/);
  t.match(text, /c7 +127\.0\.0\.1:9 +open > open +2\.50 KB\/s/);
  t.match(text, /\.\.\. and 299 less busy/);
});

t.test('text from there cannot meddle with the terminal', async (t) => {
  const evil = '\u001b[2J\u0007<b>';
  const view = viewOf(
    {
      ...status(1),
      mode: evil,
      listen: [evil, 7],
      connections: [{ id: evil, from: evil, near: evil, far: evil }],
      trunks: [{ id: evil, carriers: [{ ...carrier(0, 1), state: evil, remote: evil }, carrier(1, 1)] }],
    },
    new RateMeter(),
    0,
  );
  const text = view === null ? '' : renderStatus(view, 300, 30).join('\n');
  t.match(text, /\\x1b\[2J/);
  t.notMatch(text, /[\u0000-\u0009\u000b-\u001f]/);
});

t.test('what is no status is not shown, and what is missing is not made up', async (t) => {
  for (const other of [null, 7, 'x', [], {}, { trunks: [] }, { trunks: {}, connections: [] }])
    t.equal(viewOf(other, new RateMeter(), 0), null, JSON.stringify(other));
  const view = viewOf({ trunks: [{}, { carriers: 7 }, null], connections: [null] }, new RateMeter(), 0);
  const text = view === null ? '' : renderStatus(view, 200, 30).join('\n');
  t.notMatch(text, /NaN|undefined|null/);
});

t.test('its words', async (t) => {
  const local = { host: '127.0.0.1', port: 9977 };
  t.same(parseCommand(['top']), { do: 'top', admin: local, tokenFile: null });
  t.same(parseCommand(['top', ':80', '--admin-token', 'f']), {
    do: 'top',
    admin: { ...local, port: 80 },
    tokenFile: 'f',
  });
  t.match(parseCommand(['top', 'http://[::1]:80/']), { admin: { host: '::1', port: 80 } });
  t.match(parseCommand(['top', 'host:80']), { admin: { host: 'host', port: 80 } });
  for (const words of [
    ['top', '1', '2'],
    ['top', 'host'],
    ['top', 'https://a:1/'],
    ['top', '1', '--key', 'f'],
  ])
    t.throws(() => parseCommand(words), UsageError, words.join(' '));
});
