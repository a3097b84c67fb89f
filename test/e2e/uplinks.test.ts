/** Goal: carriers are spread over several uplinks and addresses, one that fails costs no byte, and what comes back is used. */

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { startProxy, type TcpProxy } from '../helpers/e2e_proxy.ts';
import { canUnshare, run, succeed, temporaryFolder, tool } from '../helpers/e2e_run.ts';
import { dial, type End, Pattern, Target } from '../helpers/e2e_tcp.ts';
import { sleep, until } from '../helpers/e2e_wait.ts';

t.setTimeout(900_000);

const LINKS = 2;
const PORT = 22222;

/**
 * Two hosts with two cables between them: a0 (10.77.0.1) to b0 (10.77.0.2), a1 (10.77.1.1) to b1 (10.77.1.2). Apps and
 * targets are Unix sockets, which every network namespace sees.
 */
class Hosts {
  readonly #t: Test;
  readonly a: string;
  readonly b: string;

  constructor(t: Test) {
    this.#t = t;
    tool('ip', 'iproute2');
    tool('ss', 'iproute2');
    [this.a, this.b] = [`striper-a-${process.pid}`, `striper-b-${process.pid}`];
    t.teardown(() => {
      for (const name of [this.a, this.b]) execFileSync(tool('ip', 'iproute2'), ['netns', 'del', name]);
    });
  }

  static async make(t: Test): Promise<Hosts> {
    const hosts = new Hosts(t);
    for (const name of [hosts.a, hosts.b]) {
      await hosts.ip('netns', 'add', name);
      await hosts.ip('-n', name, 'link', 'set', 'lo', 'up');
    }
    for (let i = 0; i < LINKS; i++) {
      const [a, b] = [`a${i}`, `b${i}`];
      await hosts.ip('link', 'add', a, 'netns', hosts.a, 'type', 'veth', 'peer', 'name', b, 'netns', hosts.b);
      for (const [host, device, end] of [
        [hosts.a, a, 1],
        [hosts.b, b, 2],
      ] as const) {
        await hosts.ip('-n', host, 'addr', 'add', `10.77.${i}.${end}/24`, 'dev', device);
        await hosts.ip('-n', host, 'link', 'set', device, 'up');
        // Routes may have a congestion control of their own: it is not to come before what was asked for.
        const route = [`10.77.${i}.0/24`, 'dev', device, 'src', `10.77.${i}.${end}`, 'congctl', 'cubic'];
        await hosts.ip('-n', host, 'route', 'replace', ...route);
      }
    }
    return hosts;
  }

  ip(...words: string[]): Promise<string> {
    return succeed(this.#t, tool('ip', 'iproute2'), words);
  }

  in(host: string): { wrapper: string[]; env: Record<string, string> } {
    return {
      wrapper: [tool('ip', 'iproute2'), 'netns', 'exec', host],
      env: { TCP_STRIPER_BACKEND: 'native' },
    };
  }

  /** Established connections to the server, as `10.77.0.1 10.77.1.2 bbr`, with the client's ports. */
  async carriers(): Promise<{ way: string; port: string; congestion: string }[]> {
    const words = ['netns', 'exec', this.a, 'ss', '-HtinO', 'state', 'established', 'dport', '=', `:${PORT}`];
    const lines = (await this.ip(...words)).split('\n').filter((line) => line !== '');
    return lines.map((line) => {
      const [, , local = '', peer = '', congestion = ''] = line.trim().split(/\s+/);
      const [, address, port] = /^(.*?)(?:%\w+)?:(\d+)$/.exec(local) ?? [];
      return { way: `${address} ${peer.split(':')[0]}`, port: String(port), congestion };
    });
  }

  async ways(): Promise<string[]> {
    return (await this.carriers()).map(({ way }) => way).sort();
  }
}

interface World {
  readonly hosts: Hosts;
  readonly target: Target;
  readonly client: TcpProxy;
  readonly server: TcpProxy;
  app(): Promise<[End, End]>;
}

async function world(t: Test, peers: string, ...options: string[]): Promise<World> {
  const hosts = await Hosts.make(t);
  const folder = temporaryFolder(t);
  const [near, far] = [join(folder, 'near'), join(folder, 'far')];
  const target = await Target.listen(t, { path: far });
  const server = await startProxy(t, ['-s', `0.0.0.0:${PORT}`, far, '-n', '4'], hosts.in(hosts.b));
  const client = await startProxy(t, ['-c', near, peers, '-n', '4', ...options], hosts.in(hosts.a));
  await until(
    async () => (await hosts.ways()).length === 4,
    () => `no four carriers:\n${client.text}`,
  );
  return {
    hosts,
    target,
    client,
    server,
    async app() {
      const app = await dial(t, { path: near });
      return [app, await target.next()];
    },
  };
}

const both = `10.77.0.2:${PORT},10.77.1.2:${PORT}`;

/** Sends until it is told to stop; what arrives is looked at as it comes. */
function flow(from: End, to: End): { stop(): Promise<void> } {
  const pattern = new Pattern();
  to.expected = pattern;
  let going = true;
  const over = (async () => {
    while (going) await from.sendPattern(pattern, 1 << 20);
  })();
  return {
    async stop() {
      going = false;
      await over;
      await to.has(from.sent);
    },
  };
}

if (!canUnshare()) {
  t.test('uplinks', { skip: 'it makes network namespaces: run it as root' }, async () => {});
} else {
  t.test('two interfaces and two addresses of the peer: every pair has a carrier', async (t) => {
    const { hosts, app } = await world(t, both, '--via', 'a0,a1');
    t.same(await hosts.ways(), [
      '10.77.0.1 10.77.0.2',
      '10.77.0.1 10.77.1.2',
      '10.77.1.1 10.77.0.2',
      '10.77.1.1 10.77.1.2',
    ]);
    const [near, far] = await app();
    near.fin('ping');
    await far.over();
    t.equal(far.text, 'ping');
  });

  t.test('two addresses, one address of the peer', async (t) => {
    const { hosts } = await world(t, `10.77.0.2:${PORT}`, '--via', '10.77.0.1', '--via', '10.77.1.1');
    t.same(await hosts.ways(), [
      ...Array(2).fill('10.77.0.1 10.77.0.2'),
      ...Array(2).fill('10.77.1.1 10.77.0.2'),
    ]);
  });

  t.test('a cable is pulled in the middle of a transfer, and put back', async (t) => {
    const { hosts, client, server, app } = await world(t, both, '--via', 'a0,a1');
    const ports = new Set((await hosts.carriers()).map(({ port }) => port));
    const [near, far] = await app();
    const flowing = flow(near, far);
    await far.has(8 << 20);
    await hosts.ip('-n', hosts.b, 'link', 'set', 'b1', 'down');
    const before = far.received;
    await far.has(before + (32 << 20));
    // The carriers of both uplinks that go over this cable are lost when nothing is acknowledged for 10 s.
    const lost = await client.line(
      /info +lost .*connections? to 10\.77\.0\.2:22222 or 10\.77\.1\.2:22222 .*via a\d/,
      0,
      40_000,
    );
    t.match(lost, /; \d of 4 connections (is|are) up/);
    await server.line(/info +lost .*from 10\.77\./, 0, 40_000);
    await hosts.ip('-n', hosts.b, 'link', 'set', 'b1', 'up');
    await until(
      async () => new Set(await hosts.ways()).size === 4,
      () => `they do not come back:\n${client.text}`,
      60_000,
    );
    await flowing.stop();
    t.equal(far.wrongAt, -1);
    t.equal(near.outcome, null);
    const fresh = (await hosts.carriers()).filter(({ port }) => !ports.has(port));
    t.ok(fresh.length >= 1, 'those that came back have other source ports');
    // In a line of its own, or with the last loss.
    await client.line(/4 of 4 connections (to .* )?are up/, client.lines.indexOf(lost));
  });

  t.test('an interface disappears: a warning, and the others go on', async (t) => {
    const { hosts, client, app } = await world(t, `10.77.0.2:${PORT}`, '--via', 'a0,a1', '--grace', '2s');
    await hosts.ip('-n', hosts.a, 'link', 'del', 'a1');
    await client.line(/warn +a connection is missing.*no network interface 'a1'; it has /, 0, 60_000);
    const [near, far] = await app();
    near.fin('still here');
    await far.over();
    t.equal(far.text, 'still here');
    // The other one of that interface breaks when TCP next has something to say on it.
    const left = ['10.77.0.1 10.77.0.2', '10.77.0.1 10.77.0.2'];
    for (let i = 0; i < 60 && (await hosts.ways()).length > left.length; i++) await sleep(500);
    t.same(await hosts.ways(), left);
    t.equal(client.count(/no network interface/), 1, 'said once');
  });

  t.test('an address of the peer that does not answer: its carriers go to the other', async (t) => {
    const hosts = await Hosts.make(t);
    const folder = temporaryFolder(t);
    const target = await Target.listen(t, { path: join(folder, 'far') });
    await startProxy(t, ['-s', `10.77.0.2:${PORT}`, join(folder, 'far'), '-n', '4'], hosts.in(hosts.b));
    const client = await startProxy(t, ['-c', join(folder, 'near'), both, '-n', '4'], hosts.in(hosts.a));
    await client.line(/a connection is missing, and is tried again: .*10\.77\.1\.2:22222: nothing listens/);
    await client.line(/10\.77\.1\.2:22222 does not work: its connections go to other addresses of the peer/);
    await until(
      async () => (await hosts.ways()).filter((way) => way === '10.77.0.1 10.77.0.2').length === 4,
      () => `no four carriers:\n${client.text}`,
    );
    const near = await dial(t, { path: join(folder, 'near') });
    near.fin('x');
    t.equal(await (await target.next()).over(), 'FIN');
  });

  t.test('congestion control, on both sides', async (t) => {
    const { hosts } = await world(t, `10.77.0.2:${PORT}`, '--congestion', 'reno');
    t.same(new Set((await hosts.carriers()).map(({ congestion }) => congestion)), new Set(['reno']));
    const words = [
      'netns',
      'exec',
      hosts.b,
      'ss',
      '-HtinO',
      'state',
      'established',
      'sport',
      '=',
      `:${PORT}`,
    ];
    const lines = (await hosts.ip(...words)).trim().split('\n');
    t.equal(lines.length, 4);
    // The server was told nothing, and took the best that this kernel has.
    const best = /\bbbr\b/.test(
      readFileSync('/proc/sys/net/ipv4/tcp_available_congestion_control', 'latin1'),
    );
    for (const line of lines) t.match(line, best ? / bbr / : / (cubic|reno) /);
  });

  t.test('what this machine does not have is refused at the start', async (t) => {
    const hosts = await Hosts.make(t);
    for (const [words, answer] of [
      [['--via', 'a7'], /--via: this machine has no network interface 'a7'; it has .*a0 \(10\.77\.0\.1\)/],
      [
        ['--via', '10.9.9.9'],
        /--via: no network interface of this machine has the address 10\.9\.9\.9; it has /,
      ],
      [['--congestion', 'warp'], /--congestion: this kernel has no congestion control 'warp'; it has .*reno/],
    ] as const) {
      const { wrapper } = hosts.in(hosts.a);
      const [program, ...before] = wrapper as [string, ...string[]];
      const command = [process.execPath, new URL('../../src/cli/main.js', import.meta.url).pathname];
      const args = [...before, ...command, '-c', '0', '10.77.0.2:1', ...words];
      const { code, err } = await run(t, program, args);
      t.equal(code, 2, words.join(' '));
      t.match(err, answer);
    }
  });
}
