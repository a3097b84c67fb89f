/**
 * A seeded simulation: an app and a target that do random things at the two ends of one or two bridges, over memory
 * pipes that cut anywhere. It checks while it runs, and says what went wrong in a word; the seed repeats it.
 *
 *     app <==memory==> bridge <==link==> bridge <==memory==> target      (the pair)
 *     app <==memory==> bridge <==memory==> target                        (the relay)
 */

import { PipeError } from '../../src/core/errors.ts';
import { SlabPool } from '../../src/core/pool.ts';
import { type BridgeEnd, IoBridge } from '../../src/pipe/bridge.ts';
import { CheckedPipe } from '../../src/pipe/checked.ts';
import type { IoPipe } from '../../src/pipe/pipe.ts';
import { Random } from './random.ts';
import { pass } from './settle.ts';

/** The pipes of one world: what actors hold, and what bridges join. */
export interface Wiring {
  readonly app: IoPipe;
  readonly target: IoPipe;
  readonly joined: readonly (readonly [IoPipe, IoPipe])[];
  /** Called at a random moment: a pipe that was connecting is connected. */
  readonly connect?: () => void;
}

/** Byte `i` of what everybody sends: position tells content, so that a lost or doubled byte shows. */
const PATTERN = new Random(4711).bytes(65_521);

/** One end of the world and what it has done. */
class Actor {
  readonly name: string;
  readonly pipe: CheckedPipe<'bytes' | 'messages'>;
  readonly #pool: SlabPool;
  readonly #random: Random;
  sentBytes = 0;
  receivedBytes = 0;
  finAsked = false;
  didReset = false;
  reading = true;
  wrong: string | null = null;

  constructor(name: string, pipe: IoPipe, pool: SlabPool, random: Random) {
    this.name = name;
    this.pipe = new CheckedPipe(pipe);
    this.#pool = pool;
    this.#random = random;
  }

  get over(): boolean {
    return this.didReset || this.pipe.broken !== null || (this.pipe.finReceived && this.pipe.finSent);
  }

  act(): void {
    const random = this.#random;
    const action = random.next();
    if (action < 0.45) this.write();
    else if (action < 0.85) this.read(random.int(1, 4));
    else if (action < 0.92) this.reading = !this.reading;
    else if (action < 0.95) this.fin();
    else if (action < 0.96) this.reset();
  }

  write(): void {
    if (!this.pipe.writable) return;
    const length = this.#random.chance(0.1)
      ? 0
      : this.#random.int(1, this.#random.chance(0.1) ? 60_000 : 500);
    const chunk = this.#pool.take(length);
    for (let i = 0; i < length; i++) {
      chunk.memory[chunk.start + i] = PATTERN[(this.sentBytes + i) % PATTERN.length] as number;
    }
    this.sentBytes += length;
    this.pipe.send(chunk);
  }

  read(mostChunks: number): void {
    if (!this.reading || this.didReset) return;
    for (let i = 0; i < mostChunks; i++) {
      const chunk = this.pipe.recv(this.#random.chance(0.5) ? this.#random.int(1, 1000) : undefined);
      if (chunk === null) return;
      for (let at = chunk.start; at < chunk.end; at++, this.receivedBytes++) {
        if (chunk.memory[at] !== PATTERN[this.receivedBytes % PATTERN.length]) {
          this.wrong ??= `${this.name}: a wrong byte at ${this.receivedBytes}`;
        }
      }
      chunk.release();
    }
  }

  fin(): void {
    if (this.finAsked || this.didReset || !this.pipe.ready || this.pipe.broken !== null) return;
    this.finAsked = true;
    this.pipe.sendFin();
  }

  reset(): void {
    if (this.over) return;
    this.didReset = true;
    this.pipe.discard(new PipeError('cancelled', this.name));
  }
}

/** Runs one world to its end. Returns what is wrong, or null. */
export async function simulate(
  seed: number,
  wire: (random: Random, pool: SlabPool) => Wiring,
): Promise<string | null> {
  const random = new Random(seed);
  const pool = new SlabPool({ keepBytes: 1 << 20 });
  const wiring = wire(random, pool);
  const app = new Actor('app', wiring.app, pool, random);
  const target = new Actor('target', wiring.target, pool, random);
  const ends: BridgeEnd[] = [];
  const checked: CheckedPipe<'bytes' | 'messages'>[] = [app.pipe, target.pipe];
  const bridges = wiring.joined.map(([a, b]) => {
    const [one, other] = [new CheckedPipe(a), new CheckedPipe(b)];
    checked.push(one, other);
    return new IoBridge(one, other, { onEnd: (end) => ends.push(end) });
  });
  let aborted = false;
  let connected = wiring.connect === undefined;

  const steps = random.int(5, 150);
  for (let i = 0; i < steps; i++) {
    random.pick([app, target]).act();
    if (!connected && random.chance(0.05)) {
      connected = true;
      wiring.connect?.();
    }
    if (!aborted && random.chance(0.0005)) {
      aborted = true;
      random.pick(bridges).abort();
    }
    if (random.chance(0.7)) await null;
    if (random.chance(0.15)) await pass();
  }
  wiring.connect?.();
  // Now everybody says its last word and listens to the other's.
  let before = -1;
  for (let idle = 0; !(app.over && target.over && ends.length === bridges.length); idle++) {
    const progress = app.receivedBytes + target.receivedBytes;
    if (progress > before) idle = 0;
    before = progress;
    if (idle > 200)
      return `hangs: ${describe(app)}; ${describe(target)}; ${ends.length} of ${bridges.length} bridges ended`;
    for (const actor of [app, target]) {
      actor.reading = true;
      actor.read(50);
      actor.fin();
    }
    await (random.chance(0.5) ? pass() : null);
  }
  const wrong =
    app.wrong ??
    target.wrong ??
    judge(app, target, aborted) ??
    judge(target, app, aborted) ??
    judgeBridges(bridges, ends, app, target, aborted);
  for (const actor of [app, target]) actor.pipe.discard();
  for (let i = 0; i < 5; i++) await pass();
  const violation = checked.flatMap((pipe) => pipe.violations)[0];
  if (violation !== undefined) return violation.message;
  return wrong ?? (pool.out === 0 ? null : `${pool.out} slabs are out`);
}

/** What `to` has seen, given what `from` did. */
function judge(from: Actor, to: Actor, aborted: boolean): string | null {
  if (to.receivedBytes > from.sentBytes) return `${to.name} received more than was sent`;
  if (to.pipe.finReceived) {
    if (!from.finAsked) return `${to.name} saw a FIN that nobody sent`;
    if (to.receivedBytes !== from.sentBytes)
      return `${to.name} saw the FIN after ${to.receivedBytes} of ${from.sentBytes}`;
  }
  const inPeace = to.pipe.finReceived && to.pipe.finSent;
  if (from.didReset && !to.didReset && to.pipe.broken === null && !inPeace)
    return `${to.name} missed the reset`;
  const cause = from.didReset || to.didReset || aborted;
  if (!cause && to.pipe.broken !== null) return `${to.name} broke for nothing: ${to.pipe.broken.message}`;
  if (!cause && !to.pipe.finReceived) return `${to.name} has seen no FIN`;
  return null;
}

function judgeBridges(
  bridges: IoBridge[],
  ends: BridgeEnd[],
  app: Actor,
  target: Actor,
  aborted: boolean,
): string | null {
  if (!bridges.every((bridge) => bridge.ended)) return 'a bridge has not ended';
  if (app.didReset || target.didReset || aborted) return null;
  const error = ends.find((end) => end.error !== null)?.error;
  if (error !== undefined && error !== null) return `a bridge ended with ${error.message}`;
  for (const { forward, backward } of bridges) {
    if (forward.bytes !== app.sentBytes || backward.bytes !== target.sentBytes)
      return 'a bridge counted wrongly';
  }
  return null;
}

function describe({ name, pipe, sentBytes, receivedBytes, finAsked, didReset }: Actor): string {
  const { readable, writable, finReceived, finSent, broken } = pipe;
  return `${name} ${JSON.stringify({ sentBytes, receivedBytes, finAsked, didReset, readable, writable, finReceived, finSent, broken })}`;
}
