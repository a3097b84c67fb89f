/**
 * The coverage-guided loop: inputs that reach new code are kept, and others are made of them.
 *
 *     corpus --pick--> mutate --> run in batches --> new code, or a new outcome? --> corpus
 *                                       |
 *                                       +--> the oracle says no: made small, and reported
 */

import { Random } from '../../test/helpers/random.ts';
import { Coverage, featuresOf } from './coverage.ts';
import { type Kept, minimise, smallest } from './minimise.ts';
import { mutate } from './mutate.ts';
import type { FuzzTarget } from './target.ts';

export interface Failure {
  readonly input: Buffer;
  /** The error, with its stack. */
  readonly words: string;
}

export interface FuzzRun {
  readonly target: FuzzTarget;
  readonly corpus: readonly Buffer[];
  readonly seed: number;
  /** When to stop: it is asked between batches. */
  readonly isOver: (runs: number, failures: number) => boolean;
  /** Whose code counts, by the URL of the compiled file. */
  readonly isWatched: (url: string) => boolean;
  /** Before each input: so that what hangs can be told by somebody else. */
  readonly onInput?: (input: Buffer) => void;
  readonly onFailure?: (failure: Failure) => void;
}

export interface FuzzResult {
  readonly runs: number;
  /** Blocks and outcomes. */
  readonly features: number;
  /** Of those, what the inputs given at the beginning reached. */
  readonly featuresBefore: number;
  readonly failures: readonly Failure[];
  /** Inputs that together reach everything. */
  readonly corpus: readonly Buffer[];
}

const BATCH = 128;
/** Of one target, different ones: then it is time to mend them. */
const MOST_FAILURES = 10;
/** An input that is kept is made shorter, with so many tries. */
const TRIM_TRIES = 16;

export function fuzz(run: FuzzRun): FuzzResult {
  return new Engine(run).run();
}

class Engine {
  readonly #options: FuzzRun;
  readonly #random: Random;
  readonly #coverage: Coverage;
  readonly #seen = new Set<string>();
  readonly #kept: Kept[] = [];
  readonly #failures = new Map<string, Failure>();
  readonly #dictionary: Buffer[];
  #runs = 0;

  constructor(options: FuzzRun) {
    this.#options = options;
    this.#random = new Random(options.seed);
    this.#dictionary = options.target.dictionary.map((word) => Buffer.from(word as string));
    this.#coverage = new Coverage(options.isWatched);
  }

  run(): FuzzResult {
    const { corpus, isOver, target } = this.#options;
    const seeds = target.seeds.map((seed) => Buffer.from(seed as string));
    for (const input of [...corpus, ...seeds, Buffer.alloc(0)]) this.#keepIfNew(input);
    const featuresBefore = this.#seen.size;
    while (!isOver(this.#runs, this.#failures.size) && this.#failures.size < MOST_FAILURES) this.#batch();
    this.#coverage.stop();
    const [runs, features, failures] = [this.#runs, this.#seen.size, [...this.#failures.values()]];
    const small = smallest(this.#kept).map(({ input }) => input);
    return { runs, features, featuresBefore, failures, corpus: small };
  }

  #batch(): void {
    const inputs: Buffer[] = [];
    const interesting = new Set<Buffer>();
    for (let i = 0; i < BATCH; i++) {
      const input = this.#mutant();
      inputs.push(input);
      if (this.#run(input)?.some((outcome) => !this.#seen.has(outcome))) interesting.add(input);
    }
    const reached = this.#coverage.take();
    const isNews = this.#coverage.isNews(reached);
    // What no input reaches alone (it ran between them, or once only) is not looked for again.
    this.#coverage.remember(reached);
    // Some input of this batch has reached it: which one, only running them alone tells.
    for (const input of isNews ? inputs : interesting) this.#keepIfNew(input);
  }

  #mutant(): Buffer {
    const { maxBytes } = this.#options.target;
    const corpus = this.#kept.map(({ input }) => input);
    // The last ones lead to where nobody has been yet.
    const recent = this.#random.chance(0.3) ? corpus.slice(-8) : corpus;
    const pieces = { dictionary: this.#dictionary, corpus, maxBytes };
    return mutate(this.#random.pick(recent), this.#random, pieces);
  }

  #keepIfNew(input: Buffer): void {
    const features = this.#featuresOf(input);
    const news = features === null ? [] : [...features].filter((feature) => !this.#seen.has(feature));
    if (news.length === 0) return;
    const small = minimise(input, (shorter) => this.#reaches(shorter, news), TRIM_TRIES);
    const all = this.#featuresOf(small) ?? new Set(news);
    for (const feature of all) this.#seen.add(feature);
    this.#kept.push({ input: small, features: all });
  }

  #reaches(input: Buffer, wanted: readonly string[]): boolean {
    const features = this.#featuresOf(input);
    return features !== null && wanted.every((feature) => features.has(feature));
  }

  /** Of this input alone; null when it fails. */
  #featuresOf(input: Buffer): Set<string> | null {
    this.#coverage.take();
    const outcomes = this.#run(input);
    const reached = this.#coverage.take();
    this.#coverage.remember(reached);
    return outcomes === null ? null : new Set([...featuresOf(reached), ...outcomes]);
  }

  /** @returns what came of it, as features; null when the oracle says no */
  #run(input: Buffer): string[] | null {
    const { onInput, target } = this.#options;
    this.#runs++;
    onInput?.(input);
    try {
      return target.run(Buffer.from(input)).map((outcome) => `outcome ${outcome}`);
    } catch (error) {
      this.#onFailure(input, error);
      return null;
    }
  }

  #onFailure(input: Buffer, error: unknown): void {
    const { onFailure, onInput, target } = this.#options;
    const signature = signatureOf(error);
    if (this.#failures.has(signature)) return;
    const small = minimise(input, (smaller) => {
      onInput?.(smaller);
      try {
        target.run(Buffer.from(smaller));
        return false;
      } catch (again) {
        return signatureOf(again) === signature;
      }
    });
    const failure = {
      input: small,
      words: error instanceof Error ? (error.stack ?? error.message) : String(error),
    };
    this.#failures.set(signature, failure);
    onFailure?.(failure);
  }
}

/** What two failures have in common that are the same: the words without what varies, and where it happened. */
function signatureOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const message = error.message.replace(/\d+/g, '#').replace(/'[^']*'|"[^"]*"/g, '...');
  const place = error.stack?.split('\n').find((line) => /^\s+at .*\/dist\//.test(line)) ?? '';
  return `${error.name}: ${message.slice(0, 80)} ${place.trim()}`;
}
