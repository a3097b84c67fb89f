/**
 * The colours of style.css for what is drawn on a canvas. Eight hues that stay apart for the colour-blind; beyond eight
 * they come again, and everywhere the number of the carrier or the dash of its line says the same.
 */

const HUES = 8;
const DASHES: readonly number[][] = [[], [7, 3], [2, 3], [9, 3, 2, 3]];

export interface Theme {
  readonly text: string;
  readonly soft: string;
  readonly grid: string;
  readonly card: string;
  readonly bad: string;
  readonly note: string;
  readonly noteBack: string;
  readonly carriers: readonly string[];
  readonly font: string;
}

export function readTheme(): Theme {
  const style = getComputedStyle(document.documentElement);
  const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
  return {
    text: colour('text'),
    soft: colour('soft'),
    grid: colour('grid'),
    card: colour('card'),
    bad: colour('bad'),
    note: colour('note'),
    noteBack: colour('note-back'),
    carriers: Array.from({ length: HUES }, (_, i) => colour(`carrier-${i}`)),
    font: getComputedStyle(document.body).fontFamily,
  };
}

export function colourOf({ carriers }: Theme, index: number): string {
  return carriers[index % HUES] as string;
}

/** For elements: follows the theme by itself. */
export function variableOf(index: number): string {
  return `var(--carrier-${index % HUES})`;
}

export function dashOf(index: number): number[] {
  return DASHES[(index + Math.floor(index / HUES)) % DASHES.length] as number[];
}

/** A colour of the theme, which are all #rrggbb, let through in part: from 0 to 1. */
export function faded(colour: string, opacity: number): string {
  return `${colour}${Math.round(opacity * 255)
    .toString(16)
    .padStart(2, '0')}`;
}
