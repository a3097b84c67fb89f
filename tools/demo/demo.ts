/**
 * `make demo`: the main job at work, on real data, explained as it happens. Ends by itself; exit code 1 if anything
 * that arrives is not what was sent.
 */

import { statSync } from 'node:fs';
import { formatBytes, formatDuration } from '../../src/core/format.ts';
import { breakOff, echo, type RoundTrip, sendFile } from './app.ts';
import { startProxy } from './pair.ts';
import { startTarget } from './target.ts';
import { startWire } from './wire.ts';

const CONNECTIONS = 200;
const ECHO_BYTES = 50_000;
/** What `-c` stripes over unless told otherwise. */
const CARRIERS = 4;

let failures = 0;

function say(text = ''): void {
  process.stdout.write(`${text}\n`);
}

function verdict(ok: boolean, text: string): void {
  if (!ok) failures++;
  say(`     ${ok ? 'ok  ' : 'FAIL'}  ${text}`);
}

function rate(bytes: number, ms: number): string {
  return `${formatBytes(bytes)} in ${formatDuration(ms)}, ${((bytes * 8) / ms / 1e6).toFixed(1)} Gbit/s`;
}

/** A real file of some size that every machine with this program has: the program that runs it. */
const file = process.execPath;
const target = await startTarget(file);
const server = await startProxy(['-s', '127.0.0.1:0', `127.0.0.1:${target.port}`]);
const client = await startProxy(['-c', '127.0.0.1:0', server.address]);
/** A second client, whose connections to the server run through something that can be cut. */
const wire = await startWire(server.port);
const fragile = await startProxy(['-c', '127.0.0.1:0', wire.address]);

say(`
Two proxies have been spliced into a connection. Neither end knows:

  app --tcp--> [tcp-proxy -c] ==4 tcp connections==> [tcp-proxy -s] --tcp--> target
               ${client.address.padEnd(14)}                       ${server.address.padEnd(14)}      127.0.0.1:${target.port}

1. A file goes up and comes back on one connection, striped over four: ${file}, ${formatBytes(statSync(file).size)}.
   The app ends its own direction first; the answer comes over the half-closed connection.`);
const trip: RoundTrip = await sendFile(client.port, file);
verdict(
  trip.sent === trip.arrived,
  `up    ${rate(trip.bytes, trip.upMs)}; SHA-256 at both ends ${trip.sent.slice(0, 16)}...`,
);
verdict(
  trip.sent === trip.returned,
  `down  ${rate(trip.bytes, trip.downMs)}; SHA-256 ${trip.returned.slice(0, 16)}...`,
);

say(`
2. ${CONNECTIONS} connections at once, each with ${formatBytes(ECHO_BYTES)} of its own that are echoed back.`);
const echoed = await Promise.all(Array.from({ length: CONNECTIONS }, () => echo(client.port, ECHO_BYTES)));
const right = echoed.filter(Boolean).length;
verdict(right === CONNECTIONS, `${right} of ${CONNECTIONS} got back what they sent`);

say(`
3. An app breaks off in the middle of a transfer. A proxy that turned this into an ordinary end would let the
   target take half a file for a whole one.`);
const before = target.endings.length;
await breakOff(client.port);
const ending = await nextEnding(before);
verdict(
  ending === 'ECONNRESET',
  `the target saw ${ending === 'ECONNRESET' ? 'a reset (ECONNRESET)' : `'${ending}', not a reset`}`,
);

say(`
4. Two of the four connections between the proxies are cut in the middle of a transfer, with what is on them. The
   app's own connection must not notice: what was lost is sent again on the others.`);
const startOfTrip = wire.bytes;
const cutting = sendFile(fragile.port, file);
await until(() => wire.count >= 4 && wire.bytes > startOfTrip + 20e6);
const cut = wire.cut(2);
const cutTrip = await cutting;
verdict(cut === 2, `cut ${cut} of ${CARRIERS} connections, the busiest`);
verdict(
  cutTrip.sent === cutTrip.arrived && cutTrip.sent === cutTrip.returned,
  `up and down ${rate(2 * cutTrip.bytes, cutTrip.upMs + cutTrip.downMs)}; SHA-256 at both ends ${cutTrip.arrived.slice(0, 16)}...`,
);
await until(() => wire.count === CARRIERS);
verdict(wire.count === CARRIERS, `${wire.count} connections again`);

target.close();
const codes = [await client.stop(), await fragile.stop(), await server.stop()];
wire.close();
say(`
5. The proxies are told to stop (SIGTERM).`);
verdict(
  codes.every((code) => code === 0),
  `exit codes ${codes.join(', ')}`,
);
say(`     -c ${afterLevel(client.lastLine())}`);
say(`     -s ${afterLevel(server.lastLine())}`);
say(
  failures === 0
    ? '\nEverything arrived as it was sent. `make run` leaves a pair running for you to try.'
    : `\n${failures} of the checks failed.`,
);
process.exit(failures === 0 ? 0 : 1);

/** The next connection's end that the target notices. */
async function nextEnding(seen: number): Promise<string> {
  await until(() => target.endings[seen] !== undefined);
  return target.endings[seen] ?? 'nothing';
}

/** The demo does not wait for ever; what did not happen is found by what comes next. */
async function until(happened: () => boolean): Promise<void> {
  for (let i = 0; i < 1000 && !happened(); i++) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** A log line without its time and level. */
function afterLevel(line: string): string {
  return line.replace(/^\S+ +\S+ +/, '');
}
