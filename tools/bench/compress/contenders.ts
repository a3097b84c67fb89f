/**
 * Who carries the bytes: the pair with each way to compress, and ssh -C with a forwarded port.
 */

import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Child } from '../host/children.ts';
import { awaitListening, freePort } from '../host/ports.ts';
import { find } from '../host/programs.ts';
import { SlowLink } from './slow_link.ts';

const PROXY = fileURLToPath(new URL('../../../src/cli/main.js', import.meta.url));
const PATIENCE_MS = 20_000;

/** Where apps go in, and what it runs on. */
export interface Carried {
  readonly port: number;
  /** Who sends, and who receives. */
  readonly near: Child;
  readonly far: Child;
  close(): Promise<void>;
}

export interface Place {
  readonly target: number;
  readonly folder: string;
  /** Of the link between the two; null: loopback as it is. */
  readonly bitsPerSecond: number | null;
}

export interface Contender {
  readonly name: string;
  start(place: Place): Promise<Carried>;
}

/** @param compress as --compress takes it */
export function pair(compress: string): Contender {
  return {
    name: compress === 'off' ? 'pair, off' : `pair, ${compress}`,
    async start({ target, bitsPerSecond }) {
      const [listen, middle] = [await freePort(), await freePort()];
      const start = (...args: string[]) =>
        Child.start({
          program: process.execPath,
          args: [PROXY, ...args, '--no-status', '--log-format', 'text'],
        });
      const far = start('-s', `127.0.0.1:${middle}`, `127.0.0.1:${target}`);
      await far.complaint(/tcp-proxy server on/, PATIENCE_MS);
      const link = bitsPerSecond === null ? null : await SlowLink.open(middle, bitsPerSecond);
      const peer = `127.0.0.1:${link?.port ?? middle}`;
      const near = start('-c', `127.0.0.1:${listen}`, peer, '--compress', compress);
      await near.complaint(/striping to/, PATIENCE_MS);
      return carried(listen, near, far, link);
    },
  };
}

export const ssh: Contender = {
  name: 'ssh -C',
  async start({ target, folder, bitsPerSecond }) {
    const port = await freePort();
    const far = Child.start({
      program: find('sshd') ?? 'sshd',
      args: ['-D', '-e', '-f', configure(folder, port)],
    });
    await expectListening(port, far);
    const link = bitsPerSecond === null ? null : await SlowLink.open(port, bitsPerSecond);
    const listen = await freePort();
    const near = Child.start({
      program: 'ssh',
      args: sshArguments(folder, link?.port ?? port, listen, target),
    });
    await expectListening(listen, near);
    return carried(listen, near, far, link);
  },
};

function carried(port: number, near: Child, far: Child, link: SlowLink | null): Carried {
  const close = async () => {
    await near.stop();
    await far.stop();
    link?.close();
  };
  return { port, near, far, close };
}

async function expectListening(port: number, child: Child): Promise<void> {
  if (await awaitListening(port, () => !child.hasEnded, PATIENCE_MS)) return;
  throw new Error(`nothing listens on port ${port}: ${child.lastWords()}`);
}

/** A private sshd. @returns its configuration */
function configure(folder: string, port: number): string {
  const file = (name: string) => join(folder, `${port}-${name}`);
  for (const name of ['host', 'user'])
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', file(name)]);
  copyFileSync(file('user'), join(folder, 'user'));
  execFileSync('chmod', ['600', join(folder, 'user')]);
  // Where sshd leaves its privileges; Debian's service makes it.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  const lines = [
    'ListenAddress 127.0.0.1',
    `Port ${port}`,
    `HostKey ${file('host')}`,
    `AuthorizedKeysFile ${file('user')}.pub`,
    `PidFile ${file('pid')}`,
    'UsePAM no',
    'StrictModes no',
    'PermitRootLogin prohibit-password',
  ];
  writeFileSync(file('config'), `${lines.join('\n')}\n`);
  return file('config');
}

function sshArguments(folder: string, port: number, listen: number, target: number): string[] {
  const options = Object.entries({
    IdentityFile: join(folder, 'user'),
    IdentitiesOnly: 'yes',
    StrictHostKeyChecking: 'no',
    UserKnownHostsFile: '/dev/null',
    BatchMode: 'yes',
    LogLevel: 'ERROR',
  }).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  const forward = `127.0.0.1:${listen}:127.0.0.1:${target}`;
  const to = `${userInfo().username}@127.0.0.1`;
  return ['-F', 'none', ...options, '-C', '-N', '-L', forward, '-p', String(port), to];
}
