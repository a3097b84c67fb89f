// All samples of a run, and the ways to look at them: medians with spread, ratios and differences within a round.

import type { MeasureName } from './contender.ts';
import type { Figures } from './measure.ts';

export interface Sample extends Figures {
  contender: string;
  measure: MeasureName;
  round: number;
}

export interface Failure {
  contender: string;
  measure: MeasureName;
  round: number;
  reason: string;
}

export interface Summary {
  median: number;
  min: number;
  max: number;
  samples: number;
}

/** Names one figure of one contender, or of one of its sides. */
export interface Figure {
  contender: string;
  measure: MeasureName;
  name: string;
  side?: string;
}

export class Results {
  readonly samples: Sample[] = [];
  readonly failures: Failure[] = [];

  summary(figure: Figure): Summary | null {
    return summarise([...this.#byRound(figure).values()]);
  }

  /** The ratio a/b of each round, summed up: what the machine does to both in a round cancels out. */
  ratio(a: Figure, b: Figure): Summary | null {
    return this.#paired(a, b, (x, y) => x / y);
  }

  difference(a: Figure, b: Figure): Summary | null {
    return this.#paired(a, b, (x, y) => x - y);
  }

  /** Names of the sides that a contender was seen with; empty for `direct`. */
  sides(contender: string): string[] {
    const names = this.samples
      .filter((sample) => sample.contender === contender)
      .flatMap(({ sides }) => Object.keys(sides));
    return [...new Set(names)];
  }

  #paired(a: Figure, b: Figure, combine: (x: number, y: number) => number): Summary | null {
    const other = this.#byRound(b);
    const values: number[] = [];
    for (const [round, x] of this.#byRound(a)) {
      const y = other.get(round);
      if (y !== undefined) values.push(combine(x, y));
    }
    return summarise(values);
  }

  #byRound({ contender, measure, name, side }: Figure): Map<number, number> {
    const values = new Map<number, number>();
    for (const sample of this.samples) {
      if (sample.contender !== contender || sample.measure !== measure) continue;
      const value = (side === undefined ? sample.whole : sample.sides[side])?.[name];
      if (value !== undefined && Number.isFinite(value)) values.set(sample.round, value);
    }
    return values;
  }
}

function summarise(values: number[]): Summary | null {
  if (values.length === 0) return null;
  const sorted = values.toSorted((x, y) => x - y);
  const at = (index: number) => sorted[index] ?? NaN;
  const middle = (sorted.length - 1) / 2;
  return {
    median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2,
    min: at(0),
    max: at(sorted.length - 1),
    samples: sorted.length,
  };
}
