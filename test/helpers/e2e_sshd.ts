/**
 * A private sshd: its own keys, port and configuration, in a temporary folder.
 */

import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { background, freePort, succeed, tool } from './e2e_run.ts';
import { dial } from './e2e_tcp.ts';

export interface Sshd {
  readonly port: number;
  readonly folder: string;
  /** What ssh needs to log in by key, without asking or remembering anything. */
  readonly options: readonly string[];
  readonly user: string;
}

export async function startSshd(t: Test, folder: string): Promise<Sshd> {
  const sshd = tool('sshd', 'openssh-server');
  const keygen = tool('ssh-keygen', 'openssh-client');
  for (const key of ['host', 'user']) {
    await succeed(t, keygen, ['-q', '-t', 'ed25519', '-N', '', '-f', join(folder, key)]);
  }
  copyFileSync(join(folder, 'user.pub'), join(folder, 'authorized'));
  chmodSync(join(folder, 'user'), 0o600);
  // Where sshd leaves its privileges; Debian's service makes it.
  if (process.getuid?.() === 0) mkdirSync('/run/sshd', { recursive: true, mode: 0o755 });
  const port = await freePort();
  const config = join(folder, 'sshd_config');
  const lines = [
    'ListenAddress 127.0.0.1',
    `Port ${port}`,
    `HostKey ${join(folder, 'host')}`,
    `AuthorizedKeysFile ${join(folder, 'authorized')}`,
    `PidFile ${join(folder, 'pid')}`,
    'UsePAM no',
    'StrictModes no',
    'PermitRootLogin prohibit-password',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'Subsystem sftp internal-sftp',
    'MaxStartups 100',
  ];
  writeFileSync(config, `${lines.join('\n')}\n`);
  const child = background(t, sshd, ['-D', '-e', '-f', config]);
  let said = '';
  child.stderr?.on('data', (data) => {
    said += data;
  });
  for (let tries = 0; ; tries++) {
    try {
      (await dial(t, port)).socket.destroy();
      break;
    } catch (error) {
      if (tries > 200) throw new Error(`sshd does not answer: ${said}`, { cause: error });
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  const options = Object.entries({
    IdentityFile: join(folder, 'user'),
    IdentitiesOnly: 'yes',
    IdentityAgent: 'none',
    StrictHostKeyChecking: 'no',
    UserKnownHostsFile: '/dev/null',
    GlobalKnownHostsFile: '/dev/null',
    BatchMode: 'yes',
    LogLevel: 'ERROR',
    ConnectTimeout: '20',
  }).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  return { port, folder, options: ['-F', 'none', ...options], user: userInfo().username };
}
