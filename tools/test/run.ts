/**
 * Runs the compiled tests and ends with one plain line: `N passed, N failed`.
 *
 *     node dist/tools/test/run.js [PATTERN ...] [--except PATTERN ...]
 *
 * Every test file is a tap program and runs by itself under `node FILE`; this only starts them (two at a time, the
 * end-to-end ones alone), reads their TAP, and adds up. tap's own runner would load each file through a compiler and
 * a coverage layer: a second per file, and a closing line that says something else.
 */
import { inspect, parseArgs } from 'node:util';
import { endAll, runFile } from './child.ts';
import { type Selection, selectTests, staleReason, type TestFile } from './select.ts';
import { type Counts, type Failure, readTap } from './tap-tree.ts';

export interface RunOptions extends Selection {
  root: string;
  fileTimeoutMs: number;
  silenceMs: number;
  lingerMs: number;
  jobs: number;
  print: (line: string) => void;
}

interface FileReport {
  file: TestFile;
  counts: Counts;
  failures: Failure[];
  skips: string[];
  stderr: string;
}

/** Runs what is selected; resolves with the exit code. */
export async function run(options: RunOptions): Promise<number> {
  const { print } = options;
  const files = selectTests(options.root, options);
  const reports: FileReport[] = [];
  const take = async (queue: TestFile[]) => {
    for (let file = queue.shift(); file; file = queue.shift()) {
      const started = Date.now();
      const report = await runOne(file, options);
      reports.push(report);
      print(progress(report, Date.now() - started));
    }
  };
  const together = files.filter((file) => !file.serial);
  await Promise.all(Array.from({ length: options.jobs }, () => take(together)));
  await take(files.filter((file) => file.serial));

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
  print(
    `${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ''}`,
  );
  return nothing || total.failed > 0 ? 1 : 0;
}

async function runOne(file: TestFile, options: RunOptions): Promise<FileReport> {
  const stale = staleReason(options.root, file);
  if (stale) return whole(file, stale);

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

  const report: FileReport = { file, counts: tap.counts, failures: tap.failures, skips: tap.skips, stderr };
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

function whole(file: TestFile, why: string): FileReport {
  return {
    file,
    counts: { passed: 0, failed: 1, skipped: 0 },
    failures: [{ path: [why], diag: null }],
    skips: [],
    stderr: '',
  };
}

function progress({ file, counts, failures, skips }: FileReport, ms: number): string {
  const said = [`${counts.passed} passed`];
  if (counts.failed > 0) said.push(`${counts.failed} FAILED`);
  if (counts.skipped > 0) said.push(`${counts.skipped} skipped`);
  const lines = [
    `${counts.failed > 0 ? 'FAIL' : 'ok  '} ${file.name}  ${said.join(', ')}  ${(ms / 1000).toFixed(1)} s`,
  ];
  for (const failure of failures) lines.push(`       failed: ${failure.path.join(' > ')}`);
  for (const skip of skips) lines.push(`       ${skip}`);
  return lines.join('\n');
}

function describeFailures({ file, failures, stderr }: FileReport): string[] {
  if (failures.length === 0) return [];
  const lines: string[] = [];
  for (const { path, diag } of failures) {
    lines.push('', `FAILED ${file.name}: ${path.join(' > ')}`);
    if (diag) lines.push(indent(details(diag).slice(0, 6000)));
  }
  if (stderr.trim()) lines.push('', `What ${file.name} said on standard error:`, indent(stderr.slice(-4000)));
  return lines;
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
    fileTimeoutMs: 60_000,
    silenceMs: 600_000,
    lingerMs: 5_000,
    jobs: 2,
    print: console.log,
  });
}
