/**
 * Reads one test file's TAP as a tree of tests.
 *
 * A *test* is an innermost `t.test()` block: that is what a person wrote and named. Assertions are not counted, or a
 * property test with a thousand of them would drown the rest. Assertions beside inner blocks, or at the top of a
 * file, count together as one test more.
 */
import { Parser, type Result } from 'tap-parser';

export interface Failure {
  /** Where: names of the blocks, outermost first, then the assertion. */
  path: string[];
  /** What TAP said of it: diff, stack, and so on. */
  diag: object | null;
}

export interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}

export interface TapTree {
  /** Feed it the child's standard output. */
  parser: Parser;
  counts: Counts;
  failures: Failure[];
  /** Names of what was skipped or left to do, with the reason. */
  skips: string[];
  /** Resolves when the stream has ended; counts are final then. */
  done: Promise<void>;
  /** A plan or version line was seen: this was a test file at all. */
  sawTap: () => boolean;
}

export function readTap(): TapTree {
  const tree = {
    counts: { passed: 0, failed: 0, skipped: 0 },
    failures: [] as Failure[],
    skips: [] as string[],
  };
  const parser = new Parser();
  let sawTap = false;
  parser.on('version', () => {
    sawTap = true;
  });
  parser.on('plan', () => {
    sawTap = true;
  });
  parser.on('extra', () => {}); // what a test prints is shown by the runner, with the file's other output
  const done = new Promise<void>((resolve) => parser.on('complete', () => resolve()));
  watch(parser, [], tree);
  return { ...tree, parser, done, sawTap: () => sawTap };
}

function watch(parser: Parser, path: string[], tree: Pick<TapTree, 'counts' | 'failures' | 'skips'>): void {
  let hasBlocks = false;
  let block: Parser | null = null;
  const failedBlocks = new Set<string>();
  let hasSkips = false;
  let loose = 0;
  let looseFailed = 0;

  parser.on('child', (child: Parser) => {
    hasBlocks = true;
    block = child;
    watch(child, [...path, child.name], tree);
  });
  parser.on('assert', (result: Result) => {
    // The line after a block repeats what the block has said itself, unless the block saw nothing wrong. And tap
    // repeats that line when a test ends after its time was up.
    const repeats = block !== null && (result.ok || block.failures.length > 0);
    if (repeats && !result.ok) failedBlocks.add(result.name);
    block = null;
    if (repeats || (!result.ok && failedBlocks.has(result.name))) return;
    const where = [...path, result.name];
    if (result.skip || result.todo) {
      const reason = result.skip ? `skipped: ${result.skip}` : `to do: ${result.todo}`;
      tree.skips.push(`${where.join(' > ')} (${reason})`);
      tree.counts.skipped++;
      hasSkips = true;
      return;
    }
    loose++;
    if (result.ok) return;
    looseFailed++;
    tree.failures.push({ path: where, diag: result.diag });
  });
  parser.on('bailout', (reason: string) => {
    if (path.length > 0) return; // told to every level on its way up
    looseFailed++;
    tree.failures.push({ path: ['bail out'], diag: { reason } });
  });
  parser.on('complete', (results) => {
    // Faults of the stream itself: a plan that does not fit, a block that ended before its tests did.
    for (const failure of results.failures) {
      if (!('tapError' in failure) || !failure.tapError || 'ok' in failure) continue;
      looseFailed++;
      tree.failures.push({ path: [...path, failure.tapError], diag: failure });
    }
    if (looseFailed > 0) tree.counts.failed++;
    else if (loose > 0) tree.counts.passed++;
    // A block may assert by not throwing, as property tests do.
    else if (path.length > 0 && !hasBlocks && !hasSkips) tree.counts.passed++;
  });
}
