/**
 * make soak: a pair under load and faults for an hour, or HOURS=n, or MINUTES=n. Prints a line a minute, and a verdict: bytes,
 * ends, memory and descriptors.
 */

import { SEED } from '../../test/helpers/random.ts';
import { type Row, soak } from './soak.ts';
import { LEAST_SAMPLES, problemsOf } from './verdict.ts';

const LOAD_MS = 50_000;
/** More than a handshake may take. */
const REST_MS = 6000;
/** So often the server is killed, in minutes; not in the last half, which its memory is judged by. */
const RESTART_EVERY = 3;

function minutes(): number {
  const { HOURS = '', MINUTES = '' } = process.env;
  const wanted = MINUTES === '' ? 60 * Number(HOURS === '' ? 1 : HOURS) : Number(MINUTES);
  if (!(wanted >= 1 && Number.isFinite(wanted))) throw new Error('HOURS or MINUTES: at least one minute');
  return Math.round(wanted);
}

const mb = (bytes: number) => (bytes / 1e6).toFixed(1).padStart(7);

function line({ cycle, connections, broken, bytes, client, server, faults }: Row): string {
  const size = ({ rssBytes, heapBytes, externalBytes, descriptors }: Row['client']) =>
    `${mb(rssBytes)} ${mb(heapBytes)} ${mb(externalBytes)} ${String(descriptors).padStart(4)}`;
  const counts = [...faults].map(([what, count]) => `${count} ${what}`).join(', ');
  const done = `${String(cycle).padStart(4)} ${String(connections).padStart(8)} ${String(broken).padStart(7)} ${(bytes / 1e9).toFixed(2).padStart(7)}`;
  return `${done} |${size(client)} |${size(server)} | ${counts}`;
}

async function main(): Promise<number> {
  const cycles = minutes();
  console.log(`a soak of ${cycles} minutes, seed ${SEED}; memory in MB, at rest`);
  console.log('                              |          client             |          server             |');
  console.log(
    ' min    conns  resets      GB |    rss    heap   other   fd |    rss    heap   other   fd | faults',
  );
  const { rows, wrong } = await soak({
    seed: SEED,
    cycles,
    loadMs: LOAD_MS,
    restMs: REST_MS,
    restarts: (cycle) => cycle % RESTART_EVERY === 1 && cycle <= cycles / 2,
    onCycle: (row) => console.log(line(row)),
  });
  const problems = [
    ...wrong,
    ...problemsOf(
      'client',
      rows.map(({ client }) => client),
    ),
    ...problemsOf(
      'server',
      rows.map(({ server }) => server),
    ),
  ];
  for (const problem of problems) console.log(`WRONG: ${problem}`);
  const judged =
    rows.length >= LEAST_SAMPLES ? 'memory and descriptors are flat' : 'too short to judge memory by';
  if (problems.length === 0)
    console.log(`All bytes were right, all ends were those that were meant; ${judged}.`);
  return problems.length === 0 ? 0 : 1;
}

process.exitCode = await main();
