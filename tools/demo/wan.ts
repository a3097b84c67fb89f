/**
 * `make demo-wan`: one flow and a striped connection race over a network that caps each flow. Shows it as it happens, ends
 * by itself, and leaves a picture.
 */

import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { killAllChildren } from '../bench/host/children.ts';
import { root } from '../bench/host/load-programs.ts';
import { raceChart } from './wan_chart.ts';
import { CARRIERS, WanRace } from './wan_race.ts';
import { type RaceView, raceLine, raceLines, summaryOf } from './wan_view.ts';

const RACE_MS = 15_000;
const DRAW_MS = 250;
const PICTURE = join(root, 'dist/demo-wan.svg');

/** Why it cannot be shown here, or null. */
function obstacle(): string | null {
  if (process.platform !== 'linux')
    return 'it emulates a network in the kernel of Linux, and this is another system';
  if (process.getuid?.() !== 0)
    return 'it makes network namespaces, which only root may: try sudo make demo-wan';
  if (!existsSync('/dev/net/tun'))
    return 'there is no /dev/net/tun: load the module (modprobe tun), or give it to the container (--device /dev/net/tun)';
  return null;
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

/** Draws over what it has drawn before, on a terminal; elsewhere, a line a second. */
function painter(): (view: RaceView) => void {
  const { stdout, env } = process;
  if (!stdout.isTTY || env.TERM === 'dumb') {
    let said = 0;
    return (view) => {
      const second = Math.floor((view.samples.at(-1)?.ms ?? 0) / 1000);
      if (second > said) say(raceLine(view));
      said = second;
    };
  }
  const fancy = /utf-?8/i.test(env.LC_ALL ?? env.LC_CTYPE ?? env.LANG ?? '');
  let drawn = 0;
  return (view) => {
    const lines = raceLines(view, stdout.columns || 80, fancy);
    const up = drawn === 0 ? '' : `\u001b[${drawn}A`;
    stdout.write(`${up}${lines.map((line) => `\r${line}\u001b[K\n`).join('')}`);
    drawn = lines.length;
  };
}

async function show(race: WanRace): Promise<RaceView> {
  const paint = painter();
  let shares: readonly number[] = [];
  let asking = false;
  for (;;) {
    await sleep(DRAW_MS);
    const samples = race.look();
    const view = { samples, shares, totalMs: RACE_MS };
    paint(view);
    if ((samples.at(-1)?.ms ?? 0) >= RACE_MS) return { ...view, shares: await race.shares() };
    if (asking) continue;
    asking = true;
    void race
      .shares()
      .then((now) => {
        shares = now;
      })
      .catch(() => {})
      .finally(() => {
        asking = false;
      });
  }
}

async function run(): Promise<void> {
  const why = obstacle();
  if (why !== null) throw new Error(why);
  process.on('exit', killAllChildren);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => process.exit(1));
  say(`
A network that gives each TCP flow 20 Mbit/s and no more, with a round trip of
50 ms (tools/wan, scenario flow-cap). Two transfers begin at the same time: one
as it is, one through a pair of tcp-proxy, over ${CARRIERS} connections.
`);
  const race = await WanRace.prepare();
  race.start();
  const view = await show(race);
  writeFileSync(PICTURE, raceChart(view.samples, 'Each flow gets 20 Mbit/s at most; round trip 50 ms'));
  say(`\n${summaryOf(view).join('\n')}\n\nGoodput over time: ${PICTURE}`);
  await race.end();
}

run().then(
  () => process.exit(0),
  (error: unknown) => {
    process.stderr.write(`demo-wan: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(1);
  },
);
