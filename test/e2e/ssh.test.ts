/** Goal: the main job. The seed's three commands, to the letter, carry real ssh sessions to a real sshd. */

import t, { type Test } from 'tap';
import { startProxy, type TcpProxy } from '../helpers/e2e_proxy.ts';
import { background, freePort, run, succeed, tool } from '../helpers/e2e_run.ts';
import { startSshd } from '../helpers/e2e_sshd.ts';
import { dial, Target } from '../helpers/e2e_tcp.ts';
import { until } from '../helpers/e2e_wait.ts';
import { PAIRS, type Way } from '../helpers/e2e_ways.ts';

t.setTimeout(900_000);

const ssh = tool('ssh', 'openssh-client');

/** Only the ports differ from what the seed's author wrote; theirs may be taken on this machine. */
async function seedPair(t: Test, sshPort: number, { env, args = [] }: Way): Promise<TcpProxy[]> {
  const [outer, inner] = [await freePort(), await freePort()];
  const client = await startProxy(t, ['-c', `0.0.0.0:${outer}`, '127.0.0.1', `${inner}`, ...args], { env });
  const server = await startProxy(t, ['-s', `0.0.0.0:${inner}`, `127.0.0.1:${sshPort}`, ...args], { env });
  return [client, server];
}

t.test('ssh through the pair', async (t) => {
  const sshd = await startSshd(t, t.testdir({}));
  for (const way of PAIRS) {
    t.test(way.name, async (t) => {
      const [client] = await seedPair(t, sshd.port, way);
      const port = `${client?.port}`;
      const args = ['-p', port, ...sshd.options, `${sshd.user}@localhost`];

      t.test('runs a command, with its output, its errors and its exit code', async (t) => {
        const done = await run(t, ssh, [...args, 'cat; echo oops >&2; exit 42'], { input: 'over there\n' });
        t.same([done.code, done.out, done.err], [42, 'over there\n', 'oops\n']);
      });

      t.test('an interactive session echoes keystrokes and answers', async (t) => {
        const child = background(t, ssh, ['-tt', ...args, 'sh']);
        let screen = '';
        child.stdout?.on('data', (data) => {
          screen += data;
        });
        const seen = (text: RegExp) =>
          until(
            () => text.test(screen),
            () => `${text} is not in: ${screen}`,
          );
        for (const [i, letter] of [...'echo $((6*7))'].entries()) {
          child.stdin?.write(letter);
          // The echo of each comes before the next is typed.
          if (i < 5) await seen(new RegExp('echo '.slice(0, i + 1)));
        }
        child.stdin?.write('\n');
        // Shells may put escape sequences around it.
        await seen(/\D42\r?\n/);
        child.stdin?.write('stty size; exit 7\n');
        const code = await new Promise((resolve) => child.once('close', resolve));
        t.equal(code, 7, screen);
      });

      t.test('many sessions at once', async (t) => {
        const all = Array.from({ length: 8 }, (_, i) =>
          run(t, ssh, [...args, `head -c 300000 /dev/zero | cksum; echo ${i}`]),
        );
        const out = (await Promise.all(all)).map((done) => done.out.split('\n')[1]);
        t.same(out, ['0', '1', '2', '3', '4', '5', '6', '7']);
      });

      t.test('forwards ports both ways it knows: -L and -D', async (t) => {
        const target = await Target.listen(t);
        target.onEnd = (end) => end.socket.pipe(end.socket);
        const [local, socks] = [await freePort(), await freePort()];
        const forward = ['-L', `127.0.0.1:${local}:127.0.0.1:${target.port}`, '-D', `127.0.0.1:${socks}`];
        background(t, ssh, ['-N', '-o', 'ExitOnForwardFailure=yes', ...forward, ...args]);
        const reach = async (where: number) => {
          for (let tries = 0; ; tries++) {
            try {
              return await dial(t, where);
            } catch (error) {
              if (tries > 200) throw error;
              await new Promise((resolve) => setTimeout(resolve, 50));
            }
          }
        };
        const app = await reach(local);
        app.fin('through -L');
        t.equal(await app.over(), 'FIN');
        t.equal(app.text, 'through -L');

        const through = await reach(socks);
        through.write(Buffer.from([5, 1, 0]));
        await through.has(2);
        through.write(Buffer.from([5, 1, 0, 1, 127, 0, 0, 1, target.port >> 8, target.port & 255]));
        await through.has(12);
        through.fin('through -D');
        t.equal(await through.over(), 'FIN');
        t.equal(through.text.slice(12), 'through -D');
      });
    });
  }
});

t.test('every form of an address that the help names reaches sshd', async (t) => {
  const sshd = await startSshd(t, t.testdir({}));
  const forms = (port: number) => [
    [`0.0.0.0:${port}`],
    ['127.0.0.1', `${port}`],
    [`:${port}`],
    [`${port}`],
    [`[::]:${port}`],
    ['localhost', `${port}`],
    [`*:${port}`],
  ];
  const targets = [
    [`127.0.0.1:${sshd.port}`],
    [`localhost:${sshd.port}`],
    [`:${sshd.port}`],
    ['localhost', `${sshd.port}`],
  ];
  for (let i = 0; i < forms(0).length; i++) {
    const port = await freePort();
    const words = [...(forms(port)[i] as string[]), ...(targets[i % targets.length] as string[])];
    const proxy = await startProxy(t, ['-r', ...words]);
    const out = await succeed(t, ssh, [
      '-p',
      `${port}`,
      ...sshd.options,
      `${sshd.user}@127.0.0.1`,
      'echo',
      'hello',
    ]);
    t.equal(out, 'hello\n', `-r ${words.join(' ')}`);
    t.equal(await proxy.end(), 0);
  }
});
