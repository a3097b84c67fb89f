/** Goal: what a person sees: log lines, the summary, the status view, mistakes and their exit codes; and lost logs. */

import { spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import t, { type Test } from 'tap';
import { COMMAND, openPath, startProxy, TcpProxy } from '../helpers/e2e_proxy.ts';
import { background, freePort, tool } from '../helpers/e2e_run.ts';
import { dial, dialThrough, type End, listens, Target } from '../helpers/e2e_tcp.ts';
import { until } from '../helpers/e2e_wait.ts';
import { BACKENDS, RELAY } from '../helpers/e2e_ways.ts';

t.setTimeout(900_000);

const CONTROL = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/;

async function hello(t: Test, app: End, far: End): Promise<void> {
  app.fin('hello');
  t.equal(await far.over(), 'FIN');
  far.fin();
  t.equal(await app.over(), 'FIN');
  t.equal(far.text, 'hello');
}

/** Connects, and waits for the reset that answers. */
function refusal(port: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    socket.once('close', () => resolve());
  });
}

t.test('one line per event, with ids, and a summary', async (t) => {
  const target = await Target.listen(t);
  const { near } = await openPath(t, RELAY, target.port, { args: ['--log-level', 'info'] });
  await hello(t, ...(await dialThrough(t, near.port, target)));
  const [app, far] = await dialThrough(t, near.port, target);
  far.write('bye');
  await app.has(3);
  app.reset();
  await far.over();
  t.equal(await near.end(), 0);
  const time = String.raw`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`;
  const from = String.raw`127\.0\.0\.1:\d+ -> 127\.0\.0\.1:${target.port}`;
  const forms = [
    `${time} info  tcp-proxy relay on 127.0.0.1:${near.port} -> 127.0.0.1:${target.port} \\(native backend\\)`,
    `${time} info  c1 open: ${from}`,
    `${time} info  c1 closed after \\S+: ${from}: 5 B sent, 0 B received, congested 0/0 times`,
    `${time} info  c2 open: ${from}`,
    `${time} info  c2 closed after \\S+: ${from}: 0 B sent, 3 B received, .*; client: connection reset \\(ECONNRESET\\)`,
    `${time} info  served 2 connections \\(1 reset\\) in \\S+: 5 B sent, 3 B received`,
    String.raw`\(ended: 0\)`,
  ];
  t.equal(near.lines.length, forms.length, near.text);
  for (const [i, form] of forms.entries()) t.match(near.lines[i], new RegExp(`^${form}$`));
  t.notMatch(near.text, CONTROL, 'no escape codes when piped');
});

t.test('--log-level says how much', async (t) => {
  const { near } = await openPath(t, RELAY, await freePort(), { args: ['--log-level', 'debug'] });
  await refusal(near.port);
  await near.end();
  const quiet = new TcpProxy(t, ['-r', '127.0.0.1:0', '127.0.0.1:1', '--log-level', 'error']);
  await until(
    () => quiet.over || quiet.sockets > 0,
    () => 'it does not start',
  );
  await quiet.end();
  t.same(
    quiet.lines.filter((line) => !line.startsWith('(ended')),
    [],
  );
});

t.test('the status view is there on a terminal, and only there', async (t) => {
  const script = tool('script', 'bsdutils');
  const target = await Target.listen(t);
  const port = await freePort();
  const words = [process.execPath, COMMAND, '-r', `127.0.0.1:${port}`, `127.0.0.1:${target.port}`];
  const terminal = background(t, script, ['-q', '-e', '-c', `exec ${words.join(' ')}`, '/dev/null']);
  let screen = '';
  terminal.stdout?.on('data', (data) => {
    screen += data;
  });
  const shows = (what: RegExp) =>
    until(
      () => what.test(screen),
      () => `${what} is not on the screen: ${screen}`,
    );
  await shows(/0 open, 0 served +up/);
  const [app, far] = await dialThrough(t, port, target);
  far.write('x'.repeat(2000));
  await app.has(2000);
  await shows(/1 open, 1 served/);
  await shows(/id +from +legs +sent +received +congested +age/);
  await shows(/c1 +127\.0\.0\.1:\d+ +open > open +0 B +2\.00 KB +0\/0/);
  far.fin();
  await shows(/c1 .* fin out > fin in /);
  screen = '';
  app.fin();
  await shows(/c1 closed after/);
  await shows(/0 open, 1 served/);
  // Ctrl-C, as the terminal's driver turns it into a signal.
  terminal.stdin?.write('\u0003');
  await shows(/served 1 connection in/);
  const code = await new Promise((resolve) => {
    if (terminal.exitCode !== null) resolve(terminal.exitCode);
    else terminal.once('exit', resolve);
  });
  t.equal(code, 0);
  t.notMatch(screen.slice(screen.lastIndexOf('served 1 connection in')), /open, /, 'the view is taken away');
});

/** Runs what it is told on a terminal that nobody reads before a line comes in; says its process id, then its exit code. */
const UNREAD = `
import os, pty, subprocess, sys, threading
ours, its = pty.openpty()
child = subprocess.Popen(sys.argv[1:], stdin=its, stdout=its, stderr=its)
os.close(its)
print(child.pid, flush=True)
def read():
    sys.stdin.readline()
    try:
        while data := os.read(ours, 65536):
            os.write(2, data)
    except OSError:
        pass
reader = threading.Thread(target=read, daemon=True)
reader.start()
code = child.wait()
if os.environ['READ'] == '1':
    reader.join(5)
print('exit', code, flush=True)
os._exit(0)
`;

for (const read of [true, false]) {
  t.test(
    `a terminal that is not read (Ctrl-S), ${read ? 'but again in the end' : 'to the end'}`,
    async (t) => {
      const python = tool('python3', 'python3');
      const target = await Target.listen(t);
      const port = await freePort();
      const args = ['-r', `127.0.0.1:${port}`, `127.0.0.1:${target.port}`];
      const words = ['-c', UNREAD, process.execPath, COMMAND, ...args];
      const terminal = background(t, python, words, { env: { READ: read ? '1' : '0' } });
      let said = '';
      let screen = '';
      terminal.stdout?.on('data', (data) => {
        said += data;
      });
      terminal.stderr?.on('data', (data) => {
        screen += data;
      });
      const pid = await until(
        () => /^(\d+)\n/.exec(said)?.[1],
        () => 'it does not start',
      );
      t.teardown(() => {
        if (!said.includes('exit')) process.kill(Number(pid), 'SIGKILL');
      });
      await until(
        () => listens(t, port),
        () => 'it does not listen',
      );
      (await target.next()).reset();
      const [app, far] = await dialThrough(t, port, target);
      // Some 300 bytes of log each: several times what a terminal holds.
      for (let i = 0; i < 15; i++) {
        const hellos = Array.from({ length: 100 }, async () =>
          hello(t, ...(await dialThrough(t, port, target))),
        );
        await Promise.all(hellos);
      }
      await hello(t, app, far);
      if (read) terminal.stdin?.write('\n');
      const shown = () => screen.includes('c2 closed after') && screen.includes('0 open, 1502 served');
      if (read) await until(shown, () => `the rest is not shown: ${screen.slice(-500)}`);
      process.kill(Number(pid), 'SIGTERM');
      await until(
        () => said.includes('exit 0\n'),
        () => `it does not end: ${said}`,
      );
      if (read) t.match(screen, /served 1502 connections .*\r\n$/);
    },
  );
}

for (const way of BACKENDS) {
  t.test(`lost logs: ${way.name}`, async (t) => {
    t.test('connections live on when nobody reads the log any more', async (t) => {
      const target = await Target.listen(t);
      const { near } = await openPath(t, way, target.port);
      const [app, far] = await dialThrough(t, near.port, target);
      near.child.stderr?.destroy();
      near.child.stdout?.destroy();
      for (let i = 0; i < 20; i++) await hello(t, ...(await dialThrough(t, near.port, target)));
      await hello(t, app, far);
      t.equal(await near.end(), 0);
    });

    t.test('standard error closed, or on a full disk', async (t) => {
      const target = await Target.listen(t);
      const full = openSync('/dev/full', 'w');
      t.teardown(() => closeSync(full));
      for (const [wrapper, stderr] of [
        [['sh', '-c', 'exec "$0" "$@" 2>&-'], 'ignore'],
        [['sh', '-c', 'exec "$0" "$@" >&- 2>&-'], 'ignore'],
        [[], full],
      ] as const) {
        const port = await freePort();
        const args = ['-r', `127.0.0.1:${port}`, `127.0.0.1:${target.port}`];
        const proxy = new TcpProxy(t, args, { env: way.env, wrapper, stdio: ['ignore', 'ignore', stderr] });
        await until(
          () => proxy.over || listens(t, port),
          () => 'it does not listen',
        );
        await until(
          () => target.count > 0,
          () => 'no connection came',
        );
        for (let i = 0; i < 20 && !proxy.over; i++) {
          const app = await dial(t, port);
          app.fin('hello');
          for (let far: End | null = null; far?.text !== 'hello'; ) {
            far = await target.next();
            await far.over();
            far.fin();
          }
          t.equal(await app.over(), 'FIN');
        }
        t.equal(await proxy.end(), 0);
      }
    });

    t.test('a log reader that has stopped holds nobody up, and the rest is counted, not kept', async (t) => {
      const { near } = await openPath(t, way, `/tmp/${'long'.repeat(24)}`);
      near.child.stderr?.pause();
      // A line of some 300 bytes each: twice what is kept.
      for (let i = 0; i < 80; i++) {
        await Promise.all(Array.from({ length: 100 }, () => refusal(near.port)));
      }
      t.equal(near.over, false);
      near.child.stderr?.resume();
      await near.line(/failed after/);
      await refusal(near.port);
      await near.line(/\(\d+ lines lost here: nobody read them in time\)/);
      t.equal(await near.end(), 0);
    });
  });
}

t.test('mistakes: exit code 2 and what is right; a port in use: 1 and the reason', async (t) => {
  const call = (...args: string[]) => {
    const { status, stderr, stdout } = spawnSync(process.execPath, [COMMAND, ...args], { encoding: 'utf8' });
    t.notMatch(stderr + stdout, CONTROL, `${JSON.stringify(args)}: no control characters`);
    return [status, stderr, stdout] as const;
  };
  const mistakes: [string[], RegExp][] = [
    [[], /say what to be/],
    [['-r'], /two addresses are missing/],
    [['-r', '1'], /the target's address is missing/],
    [['-c', '1'], /the peer's address is missing/],
    [['-r', '1', '2', '3'], /too much: '3'/],
    [['-r', '-s', '1', '2'], /only one of/],
    [['-r', '1', '0'], /port 0 cannot be dialled/],
    [['-r', '1', '99999'], /port must be a number from 0 to 65535/],
    [['-r', '1', 'host'], /'host' has no port/],
    [['-r', '1', '::1:5:x'], /brackets/],
    [['-r', '1', '1.2.3.400:5'], /not an IPv4 address/],
    [['-r', '1', '2', '--nonsense'], /unknown option '--nonsense'/],
    [['-r', '1', '2', '--max-conections', '3'], /did you mean --max-connections/],
    [['-r', '1', '2', '--max-connections', '0'], /whole number from 1/],
    [['-r', '1', '2', '--connect-timeout', 'soon'], /write a time such as/],
    [['-r', '1', '2', '--connect-timeout'], /needs a value/],
    [['-c', '1', '2', '-n', '-1'], /-n|carriers/],
    [['-r', '1', 'a\u001b[31mb:5'], /a\\x1b\[31mb/],
    [['-r', '1', '\u202egnp.exe:5'], /\\u202e/],
    [['-r', 'a\nb\r:5', '2'], /a\\x0ab\\x0d/],
    [['-r', '1', `/${'x'.repeat(200)}`], /at most 107 bytes/],
    [['\u001b]0;title\u0007'], /say what to be/],
    [['-r', '1', '2', '--\u001b[2J'], /\\x1b\[2J/],
  ];
  for (const [args, says] of mistakes) {
    const [status, stderr] = call(...args);
    t.equal(status, 2, JSON.stringify(args));
    t.match(stderr, says);
    t.match(stderr, /--help/);
  }
  t.same(call('--version').slice(0, 2), [0, '']);
  const [status, , help] = call('--help');
  t.equal(status, 0);
  t.ok(help.split('\n').length <= 40 && help.split('\n').every((line) => line.length <= 80), 'fits a screen');

  const target = await Target.listen(t);
  for (const env of [{ TCP_STRIPER_BACKEND: 'native' }, { TCP_STRIPER_BACKEND: 'portable' }]) {
    const taken = new TcpProxy(t, ['-r', `127.0.0.1:${target.port}`, '127.0.0.1:1'], { env });
    t.equal(await taken.exited, 1);
    t.match(
      taken.text,
      new RegExp(
        `cannot listen on 127.0.0.1:${target.port}: that address is in use \\(EADDRINUSE\\); choose another port, or end`,
      ),
    );
    const far = new TcpProxy(t, ['-r', '198.51.100.7:0', '127.0.0.1:1'], { env });
    t.equal(await far.exited, 1);
    t.match(far.text, /cannot listen on 198\.51\.100\.7:0: .*address cannot be used/);
  }
});

t.test('control characters in paths never reach the log', async (t) => {
  const { near } = await openPath(t, RELAY, '/tmp/\u001b[31mred\u0007\nnext line', {});
  await refusal(near.port);
  await near.line(/failed after .*\\x1b\[31mred\\x07\\x0anext line/);
  t.notMatch(near.text, CONTROL);
  t.ok(readFileSync(`/proc/${near.pid}/stat`), 'it is still there');
  t.equal((await startProxy(t, ['-r', '127.0.0.1:0', '127.0.0.1:1'])).over, false);
});
