/**
 * Coverage: which parts of our code have run, as V8 counts them (the Profiler domain of the inspector, for this thread).
 *
 * To ask takes V8 some milliseconds, so many inputs are run between two questions; only where there is news is asked for
 * each input. The ranges that V8 names depend on how often each has run, so news is told by the characters of the source that
 * they cover, which do not.
 */

import { type Profiler, Session } from 'node:inspector';

/** What has run since the question before. */
export interface Reached {
  /** By function: for each character whether it has run. */
  readonly covered: ReadonlyMap<string, Uint8Array>;
}

export class Coverage {
  readonly #session = new Session();
  readonly #isWatched: (url: string) => boolean;
  readonly #all = new Map<string, Uint8Array>();

  /** @param isWatched says whose code counts */
  constructor(isWatched: (url: string) => boolean) {
    this.#isWatched = isWatched;
    this.#session.connect();
    this.#session.post('Profiler.enable');
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  take(): Reached {
    const covered = new Map<string, Uint8Array>();
    // In the thread itself the answer comes before this returns.
    this.#session.post('Profiler.takePreciseCoverage', (error, answer) => {
      if (error !== null) throw error;
      for (const script of answer.result) if (this.#isWatched(script.url)) add(covered, script);
    });
    return { covered };
  }

  /** Something has run that never did before. */
  isNews({ covered }: Reached): boolean {
    for (const [name, characters] of covered) {
      const before = this.#all.get(name);
      if (before === undefined || characters.some((ran, i) => ran > (before[i] as number))) return true;
    }
    return false;
  }

  /** That is no news any more. */
  remember({ covered }: Reached): void {
    for (const [name, characters] of covered) {
      const before = this.#all.get(name);
      if (before === undefined) this.#all.set(name, characters);
      else for (const [i, ran] of characters.entries()) if (ran === 1) before[i] = 1;
    }
  }

  stop(): void {
    this.#session.post('Profiler.stopPreciseCoverage');
    this.#session.disconnect();
  }
}

/** Every fourth character that has run: no statement is shorter. */
export function featuresOf({ covered }: Reached): string[] {
  const features: string[] = [];
  for (const [name, characters] of covered)
    for (let i = 0; i < characters.length; i += 4) if (characters[i] === 1) features.push(`${name}+${i}`);
  return features;
}

function add(covered: Map<string, Uint8Array>, script: Profiler.ScriptCoverage): void {
  for (const { ranges } of script.functions) {
    const [whole] = ranges;
    if (whole === undefined || whole.count === 0) continue;
    const characters = new Uint8Array(whole.endOffset - whole.startOffset);
    // The inner ones come behind those that they are in.
    for (const { startOffset, endOffset, count } of ranges)
      characters.fill(count > 0 ? 1 : 0, startOffset - whole.startOffset, endOffset - whole.startOffset);
    covered.set(`${script.scriptId}:${whole.startOffset}`, characters);
  }
}
