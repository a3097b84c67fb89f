/** Goal: `make demo-wan` runs to its end by itself, and says why where it cannot. */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { run } from '../helpers/e2e_run.ts';
import { noWan } from '../helpers/wan.ts';

t.setTimeout(600_000);

const DEMO = fileURLToPath(new URL('../../tools/demo/wan.js', import.meta.url));

t.test('the race, without a terminal', async (t) => {
  const { code, out, err } = await run(t, process.execPath, [DEMO], { ms: 100_000 });
  if (noWan() !== null) {
    t.equal(code, 1);
    t.match(err, /^demo-wan: \S/);
    return;
  }
  t.equal(code, 0, err);
  t.match(out, /\n {2}\d s {3}one flow +\d+\.\d Mbit\/s .* striped +\d+\.\d Mbit\/s .* 4 connections: /);
  t.match(
    out,
    /In 15\.\ds, one TCP connection moved .*\n.* over 4 connections, moved .*: \d+\.\d times as much\.\n/,
  );
  const picture = /Goodput over time: (\S+\.svg)\n/.exec(out)?.[1] as string;
  t.match(readFileSync(picture, 'utf8'), /^<svg .*<polyline .*<\/svg>\n$/s);
});
