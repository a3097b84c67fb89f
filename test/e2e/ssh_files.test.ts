/** Goal: files copied by scp, sftp, rsync and git over ssh arrive unharmed, through the relay and the pair. */

import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
import { openPath } from '../helpers/e2e_proxy.ts';
import { succeed, tool } from '../helpers/e2e_run.ts';
import { startSshd } from '../helpers/e2e_sshd.ts';
import { WAYS } from '../helpers/e2e_ways.ts';

t.setTimeout(900_000);

const ssh = tool('ssh', 'openssh-client');
const scp = tool('scp', 'openssh-client');
const sftp = tool('sftp', 'openssh-client');
const rsync = tool('rsync', 'rsync');
const git = tool('git', 'git');

const sha256 = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex');

t.test('files over ssh', async (t) => {
  const here = t.testdir({ keys: {}, tree: {} });
  const sshd = await startSshd(t, join(here, 'keys'));
  const big = join(here, 'big');
  writeFileSync(big, randomBytes(64 * 1024 * 1024));
  const sum = sha256(big);
  for (let i = 0; i < 200; i++) {
    const file = join(here, 'tree', `d${i % 9}`, `e${i % 4}`, `f${i}`);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, randomBytes((i * 7919) % 40_000));
  }
  const repository = join(here, 'repository');
  const identity = { GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1' };
  const author = ['-c', 'user.name=A Tester', '-c', 'user.email=tester@example.org'];
  await succeed(t, git, ['init', '-q', '-b', 'trunk', repository], { env: identity });
  writeFileSync(join(repository, 'data'), randomBytes(3_000_000));
  await succeed(t, git, ['-C', repository, 'add', '.'], { env: identity });
  await succeed(t, git, ['-C', repository, ...author, 'commit', '-q', '-m', 'first'], { env: identity });

  t.jobs = 3;
  for (const [number, way] of WAYS.entries()) {
    t.test(way.name, { buffered: true }, async (t) => {
      const path = await openPath(t, way, sshd.port);
      const at = `${sshd.user}@localhost`;
      const out = join(here, `out${number}`);
      mkdirSync(out);

      t.test('scp, 64 MiB there and back', async (t) => {
        const there = join(out, 'scp-there');
        const back = join(out, 'scp-back');
        await succeed(t, scp, ['-q', '-P', `${path.port}`, ...sshd.options, big, `${at}:${there}`]);
        t.equal(sha256(there), sum);
        await succeed(t, scp, ['-q', '-P', `${path.port}`, ...sshd.options, `${at}:${there}`, back]);
        t.equal(sha256(back), sum);
      });

      t.test('an sftp batch', async (t) => {
        const batch = join(out, 'batch');
        writeFileSync(batch, `put ${big} ${join(out, 'sftp-there')}\nget ${big} ${join(out, 'sftp-back')}\n`);
        await succeed(t, sftp, ['-q', '-b', batch, '-P', `${path.port}`, ...sshd.options, at]);
        t.same([sha256(join(out, 'sftp-there')), sha256(join(out, 'sftp-back'))], [sum, sum]);
      });

      t.test('rsync of a tree, and nothing left to transfer the second time', async (t) => {
        const shell = [ssh, '-p', `${path.port}`, ...sshd.options].join(' ');
        const args = ['-a', '--stats', '-e', shell, `${join(here, 'tree')}/`, `${at}:${join(out, 'tree')}/`];
        const transferred = /regular files transferred: (\d+)/;
        t.equal(transferred.exec(await succeed(t, rsync, args))?.[1], '200');
        t.equal(transferred.exec(await succeed(t, rsync, args))?.[1], '0');
        // And back with whole-file checksums: no difference is found.
        const compare = [
          '-a',
          '-n',
          '-c',
          '-i',
          '-e',
          shell,
          `${at}:${join(out, 'tree')}/`,
          `${join(here, 'tree')}/`,
        ];
        t.equal(await succeed(t, rsync, compare), '');
      });

      t.test('git clone and push', async (t) => {
        const env = { ...identity, GIT_SSH_COMMAND: [ssh, ...sshd.options].join(' ') };
        const clone = join(out, 'clone');
        const url = `ssh://${at}:${path.port}${repository}`;
        await succeed(t, git, ['clone', '-q', url, clone], { env });
        t.equal(sha256(join(clone, 'data')), sha256(join(repository, 'data')));
        writeFileSync(join(clone, 'more'), randomBytes(500_000));
        await succeed(t, git, ['-C', clone, 'add', '.'], { env });
        await succeed(t, git, ['-C', clone, ...author, 'commit', '-q', '-m', 'more'], { env });
        await succeed(t, git, ['-C', clone, 'push', '-q', 'origin', `trunk:way${number}`], { env });
        const head = await succeed(t, git, ['-C', clone, 'rev-parse', 'trunk'], { env });
        t.equal(await succeed(t, git, ['-C', repository, 'rev-parse', `way${number}`], { env }), head);
      });

      await path.idle();
    });
  }
});
