/**
 * `make test-package`: does the tarball work for somebody who just installs it?
 *
 * On Node 20, 22 and 24: installs it with npm in an empty folder, where PATH holds nothing but that Node and a shell
 * (no compiler, no make, no Python), with install scripts switched off as npm 12 does. Then the command must answer,
 * load the binary from the package, and carry data both ways unharmed: as a relay, as a pair, and without the binary
 * too. At last a TypeScript project must be able to import the library.
 */
import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { carryThrough, startProxy } from './carry.ts';
import { checkConsumer } from './consumer.ts';
import { installNode } from './node_versions.ts';

const NODE_VERSIONS = ['20', '22', '24'];

const root = process.cwd();
const { name, version } = JSON.parse(
  execFileSync('npm', ['pkg', 'get', 'name', 'version'], { encoding: 'utf8' }),
);
const tarball = join(root, `${name}-${version}.tgz`);

/** A PATH with this Node and a shell, and nothing that could build an addon. */
function barePath(folder: string, node: string): string {
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  symlinkSync(node, join(bin, 'node'));
  symlinkSync(realpathSync('/bin/sh'), join(bin, 'sh'));
  for (const tool of ['cc', 'gcc', 'c++', 'g++', 'clang', 'make', 'python3', 'node-gyp']) {
    const found = execFileSync('/bin/sh', ['-c', `command -v ${tool} || true`], { env: { PATH: bin } });
    if (found.length > 0) throw new Error(`${tool} is still there: ${found}`);
  }
  return bin;
}

function install(folder: string, env: NodeJS.ProcessEnv): void {
  const npm = realpathSync(execFileSync('/bin/sh', ['-c', 'command -v npm'], { encoding: 'utf8' }).trim());
  writeFileSync(join(folder, 'package.json'), '{ "private": true, "type": "module" }\n');
  execFileSync(
    join(env.PATH!, 'node'),
    [npm, 'install', tarball, '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'],
    { cwd: folder, env, stdio: ['ignore', 'ignore', 'inherit'] },
  );
}

function expect(what: string, actual: unknown, wanted: unknown): void {
  if (actual !== wanted) throw new Error(`${what}: ${String(actual)}, not ${String(wanted)}`);
}

async function tryOn(nodeVersion: string): Promise<void> {
  const node = installNode(nodeVersion);
  const folder = mkdtempSync(join(tmpdir(), 'tcp-striper-try-'));
  try {
    const env = { PATH: barePath(folder, node), HOME: folder };
    const exact = execFileSync(node, ['--version'], { encoding: 'utf8' }).trim();
    install(folder, { ...process.env, PATH: env.PATH, npm_config_update_notifier: 'false' });
    const command = join(folder, 'node_modules/.bin/tcp-proxy');
    const answer = execFileSync(command, ['--version'], { env, encoding: 'utf8' }).trim();
    expect('tcp-proxy --version', answer, `tcp-proxy ${version}`);

    for (const backend of ['native', 'portable']) {
      // Without the binary in the package it must do the same over node:net.
      const prebuilds = join(folder, 'node_modules', name, 'prebuilds');
      if (backend === 'portable') renameSync(prebuilds, `${prebuilds}.away`);
      const relay = (target: number) =>
        startProxy(command, env, ['-r', '127.0.0.1:0', `127.0.0.1:${target}`]);
      expect('the relay uses', (await carryThrough([relay])).backend, backend);
      const server = (target: number) =>
        startProxy(command, env, ['-s', '127.0.0.1:0', `127.0.0.1:${target}`]);
      const client = (target: number) =>
        startProxy(command, env, ['-c', '127.0.0.1:0', `127.0.0.1:${target}`]);
      expect('the pair uses', (await carryThrough([server, client])).backend, backend);
    }
    checkConsumer(folder, name, env);
    console.log(`Node ${exact}: installs, runs, carries data with and without the binary, and type-checks`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

if (!readdirSync(root).includes(`${name}-${version}.tgz`)) throw new Error(`no ${tarball}: run make package`);
for (const nodeVersion of process.argv.length > 2 ? process.argv.slice(2) : NODE_VERSIONS)
  await tryOn(nodeVersion);
