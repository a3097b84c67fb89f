/** What a test run says: how each file went, and all that is known of what failed. */
import { inspect } from 'node:util';
import type { TestFile } from './select.ts';
import type { Counts, Failure } from './tap-tree.ts';

export interface FileReport {
  file: TestFile;
  /** It was run; not so what is stale or has not been compiled, which a second try would not change. */
  ran: boolean;
  /** What happened the first time, when this is the second try. */
  first: FileReport | null;
  counts: Counts;
  failures: Failure[];
  skips: string[];
  stderr: string;
}

/** The lines that say how one file went, as soon as it has ended. */
export function progress({ file, first, counts, failures, skips }: FileReport, ms: number): string {
  const said = [`${counts.passed} passed`];
  if (counts.failed > 0) said.push(`${counts.failed} FAILED`);
  if (counts.skipped > 0) said.push(`${counts.skipped} skipped`);
  const lines = [
    `${counts.failed > 0 ? 'FAIL' : 'ok  '} ${file.name}  ${said.join(', ')}  ${(ms / 1000).toFixed(1)} s`,
  ];
  for (const failure of failures) lines.push(`       failed: ${failure.path.join(' > ')}`);
  for (const skip of skips) lines.push(`       ${skip}`);
  if (first) {
    const reasons = first.failures.map(({ path }) => path.join(' > ')).join('; ');
    lines.push(
      `       ${counts.failed > 0 ? 'failed at the second try, too' : 'passed at the second try'}; the first time: ${reasons}`,
    );
  }
  return lines.join('\n');
}

/** All that is known of a failure; also of one that went away at the second try, as it will come back some day. */
export function describeFailures({ file, first, failures, stderr }: FileReport, when = ''): string[] {
  const lines = first ? describeFailures(first, ' the first time') : [];
  if (failures.length === 0) return lines;
  for (const { path, diag } of failures) {
    lines.push('', `FAILED${when} ${file.name}: ${path.join(' > ')}`);
    if (diag) lines.push(indent(details(diag).slice(0, 6000)));
  }
  if (stderr.trim())
    lines.push('', `What ${file.name} said on standard error${when}:`, indent(stderr.slice(-4000)));
  return lines;
}

/** What the end of a run says of files that were lucky, so that nobody takes them for sound. */
export function passedLate(reports: FileReport[]): string[] {
  const late = reports.filter(({ first, counts }) => first && counts.failed === 0);
  if (late.length === 0) return [];
  const names = late.map(({ file }) => file.name).join(', ');
  return [`${late.length} ${late.length > 1 ? 'files' : 'file'} passed only at the second try: ${names}`];
}

/** tap's diagnostics, without what the diff or the stack says better, and without tap's own part of the stack. */
function details(diag: object): string {
  return Object.entries(diag)
    .filter(([key]) => key !== 'at' && !(key === 'source' && 'diff' in diag))
    .map(([key, value]) => {
      const text =
        typeof value === 'string'
          ? value.replace(/^.*\bnode_modules\/.*\n?/gm, '')
          : inspect(value, { depth: 6 });
      return text.includes('\n') ? `${key}:\n${indent(text)}` : `${key}: ${text}`;
    })
    .join('\n');
}

const indent = (text: string) => text.trimEnd().replace(/^/gm, '    ');
