/**
 * A table that fits: columns are as wide as what is in them, and where there is no room for all, those that matter least
 * are left out, whole. Half a number is worse than none.
 */

import { columnsOf } from '../core/format.ts';

export interface Column {
  readonly title: string;
  /** The lower, the longer it stays; 0 always does. */
  readonly rank: number;
  /** Numbers that change keep so much room, lest the columns behind them jump. */
  readonly least?: number;
}

const INDENT = '  ';
const BETWEEN = 2;

/** The lines of a table, the heading first. `rows` have a cell for each column. */
export function tableLines(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width: number,
): string[] {
  const widths = columns.map(({ title, least = 0 }, i) =>
    Math.max(title.length, least, ...rows.map((row) => columnsOf(row[i] as string))),
  );
  const kept = fitting(columns, widths, width);
  const line = (cells: readonly string[]) => {
    const padded = kept.map((i) => {
      const cell = cells[i] as string;
      return cell + ' '.repeat(Math.max(0, (widths[i] as number) - columnsOf(cell)));
    });
    return `${INDENT}${padded.join(' '.repeat(BETWEEN))}`.trimEnd();
  };
  return [columns.map(({ title }) => title), ...rows].map(line);
}

/** Indices of the columns that there is room for. */
function fitting(columns: readonly Column[], widths: readonly number[], width: number): number[] {
  let kept = columns.map((_, i) => i);
  const room = () => kept.reduce((sum, i) => sum + (widths[i] as number) + BETWEEN, INDENT.length - BETWEEN);
  while (room() > width) {
    const worst = Math.max(...kept.map((i) => (columns[i] as Column).rank));
    if (worst === 0) break;
    kept = kept.filter((i) => i !== kept.findLast((at) => (columns[at] as Column).rank === worst));
  }
  return kept;
}
