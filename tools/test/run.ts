/**
 * Runs the compiled tests and ends with one plain line: `N passed, N failed`.
 *
 *     node dist/tools/test/run.js [PATTERN ...] [--except PATTERN ...]
 *
 * Every test file is a tap program and runs by itself under `node FILE`; this only starts them (two at a time, the
 * end-to-end ones alone), reads their TAP, and adds up. tap's own runner would load each file through a compiler and
 * a coverage layer: a second per file, and a closing line that says something else.
 *
 * An end-to-end file that fails is run once more, alone, when all others are done, and that counts: with real programs,
 * kernels and clocks in it, it can fail for what else the machine is doing. Unit tests have no such excuse.
 */
import { parseArgs } from 'node:util';
import { endAll, runFile } from './child.ts';
import { describeFailures, type FileReport, passedLate, progress } from './report.ts';
import { type Selection, selectTests, staleReason, type TestFile } from './select.ts';
import { readTap } from './tap-tree.ts';

export interface RunOptions extends Selection {
  root: string;
  fileTimeoutMs: number;
  silenceMs: number;
  lingerMs: number;
  jobs: number;
  print: (line: string) => void;
}

/** More failures than this are no accident, and are not tried again. */
const MAX_SECOND_TRIES = 6;

/** Runs what is selected; resolves with the exit code. */
export async function run(options: RunOptions): Promise<number> {
  const { print } = options;
  const files = selectTests(options.root, options);
  const take = async (queue: TestFile[], reports: FileReport[]) => {
    for (let file = queue.shift(); file; file = queue.shift()) reports.push(await runOne(file, options));
  };
  const together = files.filter((file) => !file.serial);
  const serial = files.filter((file) => file.serial);
  const reports: FileReport[] = [];
  const alone: FileReport[] = [];
  await Promise.all(Array.from({ length: options.jobs }, () => take(together, reports)));
  await take(serial, alone);
  reports.push(...(await tryAgain(alone, options)));

  for (const report of reports) for (const line of describeFailures(report)) print(line);
  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const { counts } of reports) {
    total.passed += counts.passed;
    total.failed += counts.failed;
    total.skipped += counts.skipped;
  }
  const nothing = total.passed + total.failed === 0;
  print('');
  if (nothing) print(files.length === 0 ? 'No test file matches.' : 'No test ran.');
  else print('A test is an innermost t.test() block; files that fail as a whole count as one.');
  for (const line of passedLate(reports)) print(line);
  print(
    `${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ''}`,
  );
  return nothing || total.failed > 0 ? 1 : 0;
}

/** Runs once more what failed, and returns all reports with those of the second try in place of the first. */
async function tryAgain(reports: FileReport[], options: RunOptions): Promise<FileReport[]> {
  const failed = reports.filter(({ ran, counts }) => ran && counts.failed > 0);
  if (failed.length === 0) return reports;
  if (failed.length > MAX_SECOND_TRIES) {
    options.print(
      `${failed.length} end-to-end files failed: too many for an accident, none gets a second try`,
    );
    return reports;
  }
  const again = new Map<FileReport, FileReport>();
  for (const first of failed) again.set(first, await runOne(first.file, options, first));
  return reports.map((report) => again.get(report) ?? report);
}

async function runOne(
  file: TestFile,
  options: RunOptions,
  first: FileReport | null = null,
): Promise<FileReport> {
  const started = Date.now();
  const stale = staleReason(options.root, file);
  const report = stale ? notRun(file, stale, first) : await runCompiled(file, options, first);
  options.print(progress(report, Date.now() - started));
  return report;
}

async function runCompiled(
  file: TestFile,
  options: RunOptions,
  first: FileReport | null,
): Promise<FileReport> {
  const tap = readTap();
  const { fault, exitCode, stderr } = await runFile({
    command: [process.execPath, '--enable-source-maps', file.compiled],
    cwd: options.root,
    fileTimeoutMs: options.fileTimeoutMs,
    silenceMs: options.silenceMs,
    lingerMs: options.lingerMs,
    onOutput: (chunk) => tap.parser.write(chunk),
  });
  tap.parser.end();
  await tap.done;

  const { counts, failures, skips } = tap;
  const report: FileReport = { file, ran: true, first, counts, failures, skips, stderr };
  const ran = tap.counts.passed + tap.counts.failed + tap.counts.skipped;
  const why =
    fault ??
    (tap.counts.failed > 0 ? null : exitCode !== 0 ? `it ended with exit code ${exitCode}` : null) ??
    (ran === 0 || !tap.sawTap() ? 'it holds no test' : null);
  if (why) {
    report.failures.push({ path: [why], diag: null });
    report.counts.failed++;
  }
  return report;
}

function notRun(file: TestFile, why: string, first: FileReport | null): FileReport {
  return {
    file,
    ran: false,
    first,
    counts: { passed: 0, failed: 1, skipped: 0 },
    failures: [{ path: [why], diag: null }],
    skips: [],
    stderr: '',
  };
}

if (process.argv[1] === import.meta.filename) {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { except: { type: 'string', multiple: true, default: [] }, root: { type: 'string' } },
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      endAll();
      process.exit(130);
    });
  }
  process.exitCode = await run({
    root: values.root ?? process.cwd(),
    patterns: positionals,
    except: values.except,
    fileTimeoutMs: 300_000,
    silenceMs: 900_000,
    lingerMs: 5_000,
    jobs: 2,
    print: console.log,
  });
}
