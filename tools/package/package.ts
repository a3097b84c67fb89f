/**
 * `make package`: the npm tarball, with the native binary inside.
 *
 * It is put together in build/package and packed from there, so that nothing stale or private can slip in, and what
 * only developers need (scripts, development dependencies) stays out of its package.json.
 */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { compareVersions, GLIBC_FLOOR, needsOf } from './binary.ts';
import { contentsProblems, prebuildPath } from './contents.ts';

const root = process.cwd();
const stage = join(root, 'build/package');

function fail(...problems: string[]): never {
  for (const problem of problems) console.error(`package: ${problem}`);
  process.exit(1);
}

/** Strips the binary, puts it where node-gyp-build finds it, and says what it asks of a machine. */
function placeBinary(): string {
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  const libc = header.glibcVersionRuntime ? 'glibc' : 'musl';
  const path = prebuildPath(process.platform, process.arch, libc);
  const target = join(stage, path);
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(join(root, 'build/Release/tcp_striper.node'), target);
  execFileSync('strip', ['--strip-unneeded', target]);

  const { glibc, unexpectedLibraries } = needsOf(target);
  if (unexpectedLibraries.length > 0) fail(`the binary needs ${unexpectedLibraries.join(', ')}`);
  if (libc === 'glibc') {
    console.log(`${path} runs on glibc ${glibc} and newer`);
    if (compareVersions(glibc, GLIBC_FLOOR) > 0) fail(`it should run on ${GLIBC_FLOOR}, as Node 20 does`);
  }
  return path;
}

function placeManifest(): void {
  const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  delete manifest.scripts;
  delete manifest.devDependencies;
  writeFileSync(join(stage, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
}

/** Runs npm in the staging folder and returns what it says of the one package there. */
function npmPack(...args: string[]): { filename: string; size: number; files: { path: string }[] } {
  const output = execFileSync(
    'npm',
    ['pack', '--json', '--loglevel=error', '--no-update-notifier', ...args],
    {
      cwd: stage,
      encoding: 'utf8',
    },
  );
  return Object.values(JSON.parse(output))[0] as ReturnType<typeof npmPack>;
}

rmSync(stage, { recursive: true, force: true });
mkdirSync(stage, { recursive: true });
placeManifest();
for (const file of ['README.md', 'LICENSE', 'CHANGELOG.md']) {
  if (existsSync(join(root, file))) copyFileSync(join(root, file), join(stage, file)); // else the check tells
}
for (const project of ['tools/package', 'tools/package/page.tsconfig.json']) {
  execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', project], {
    cwd: root,
    stdio: 'inherit',
  });
}
const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).filter((file) =>
  /\.(ts|html|css|svg)$/.test(file),
);
for (const file of sources.filter((name) => !name.endsWith('.ts')))
  copyFileSync(join(root, 'src', file), join(stage, 'dist/src', file));
const command = join(stage, 'dist/src/cli/main.js');
chmodSync(command, 0o755);
if (!readFileSync(command, 'utf8').startsWith('#!/usr/bin/env node\n')) fail('the command has no #! line');
const prebuild = placeBinary();

const packed = npmPack('--dry-run');
const problems = contentsProblems(
  packed.files.map((file) => file.path),
  sources.map((file) => `src/${file}`),
  prebuild,
);
if (problems.length > 0) fail(...problems);

const { messages, pkg } = await publint({ pkgDir: stage, strict: true });
if (messages.length > 0) fail(...messages.map((message) => formatMessage(message, pkg) ?? message.code));

const { filename, size } = npmPack('--pack-destination', root);
console.log(`${filename}: ${packed.files.length} files, ${(size / 1024).toFixed(0)} KiB`);
