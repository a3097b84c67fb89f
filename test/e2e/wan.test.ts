/** Goal: the WAN emulator does to packets what a scenario says, counts it right, and leaves nothing behind. */

import { readdirSync } from 'node:fs';
import t, { type Test } from 'tap';
import { run, succeed, tool } from '../helpers/e2e_run.ts';
import { sleep, until } from '../helpers/e2e_wait.ts';
import { type Agent, type Counts, noWan, SELFTEST, WAN, Wan, type WanReport } from '../helpers/wan.ts';

t.setTimeout(180_000);

const PORT = 5000;
/** What TCP carries of a packet of 1500 bytes, with timestamps. */
const PAYLOAD = 1448 / 1500;

async function flows(server: Agent, client: Agent, count: number, host = '10.77.1.2'): Promise<void> {
  await server.listen(PORT);
  for (let i = 0; i < count; i++) await client.dial(host, PORT);
  await until(
    async () => (await server.received()).length === count,
    () => 'the connections were not accepted',
  );
}

/** Mbit/s of each flow, on the wire. On a busy machine one window may be disturbed, so the best of a few counts. */
async function rates(server: Agent, wanted: number): Promise<number[]> {
  let seen: number[] = [];
  for (let tries = 0; tries < 4; tries++) {
    const { seconds, bytes } = await server.receive(1000);
    seen = bytes.map((count) => (count * 8) / seconds / 1e6 / PAYLOAD);
    if (seen.every((rate) => near(rate, wanted, 0.03))) break;
  }
  return seen;
}

const near = (seen: number, wanted: number, share: number) => Math.abs(seen - wanted) <= wanted * share;

function dropped({ dropped }: Counts): number {
  return Object.values(dropped).reduce((sum, { packets }) => sum + packets, 0);
}

function addsUp(t: Test, report: WanReport): void {
  for (const one of [...report.paths, ...report.flows]) {
    for (const counts of [one.up, one.down]) {
      t.equal(counts.in.packets, counts.out.packets + dropped(counts) + counts.inside.packets);
    }
  }
  for (const { up } of report.paths) t.equal(up.inside.bytes, up.queued.bytes + up.onTheWay.bytes);
}

const tcpFlows = ({ flows }: WanReport) => flows.filter(({ protocol }) => protocol === 'tcp');

t.test('scenarios, models and the network in simulated time', async (t) => {
  await succeed(t, WAN, ['list'], { ms: 170_000 });
  const { code, out } = await run(t, SELFTEST, []);
  for (const line of out.trim().split('\n')) t.ok(line.startsWith('ok '), line);
  t.equal(code, 0);
});

t.test('the scenarios that come with it, and what is wrong with one', async (t) => {
  const listed = (await succeed(t, WAN, ['list'])).trim().split('\n');
  t.ok(listed.length >= 10);
  for (const line of listed) {
    const name = line.split(' ')[0] as string;
    t.match(await succeed(t, WAN, ['check', name]), /path .*, uplink 1\n/, name);
  }
  t.match(await succeed(t, WAN, ['check', 'loss', '--set', 'loss=3%']), /loses 3 %/);
  const wrong = await run(t, WAN, ['check', 'loss', '--set', 'loss=much']);
  t.equal(wrong.code, 2);
  t.match(wrong.err, /loss\.wan:\d+: 'much' is no loss: expected a share such as 0\.5%/);
  t.match((await run(t, WAN, ['check', 'lost'])).err, /there is no scenario 'lost': `wan list` shows/);
  t.match((await run(t, WAN, ['run', 'loss'])).err, /expected -- COMMAND\.\.\. at the end/);
});

const reason = noWan();
if (reason !== null) {
  // The reason is a text of noWan().
  t.test('real packets', { skip: reason }, async () => {});
} else {
  t.test('the rate of a link, and its queue', async (t) => {
    const wan = await Wan.start(t, '[path a]\nrate = 10mbit\nrtt = 20ms\nqueue = 100kB\n');
    const [client, server] = wan.agents();
    await flows(server, client, 1);
    await client.flood();
    await sleep(500);
    const [rate = 0] = await rates(server, 10);
    t.ok(near(rate, 10, 0.03), `${rate} Mbit/s`);
    addsUp(t, await wan.report());
    const report = await wan.stop();
    addsUp(t, report);
    const path = report.paths[0];
    const most = path?.up.queueHighWaterBytes ?? 0;
    t.ok(most > 50_000 && most <= 100_000, `${most} bytes in the queue`);
    t.ok(report.emulator.systemSeconds > 0);
  });

  t.test('the rate of each flow: two flows get twice, shaped or policed', async (t) => {
    for (const kind of ['shaper', 'policer']) {
      const wan = await Wan.start(t, `[path a]\nrtt = 20ms\nflow-rate = 8mbit\nflow-cap = ${kind}\n`);
      const [client, server] = wan.agents();
      await flows(server, client, 2);
      await client.flood();
      await sleep(700);
      const seen = await rates(server, 8);
      // What a policer drops makes TCP hesitate: less than the cap is right, more is not.
      const floor = kind === 'shaper' ? 8 * 0.97 : 4;
      for (const rate of seen) t.ok(rate >= floor && rate <= 8 * 1.03, `${kind}: ${rate} Mbit/s`);
      const drops = (await wan.stop()).paths[0]?.up.dropped.policer;
      t.equal(drops !== undefined, kind === 'policer', `${kind}: drops`);
    }
  });

  t.test('the delay, and its change on demand', async (t) => {
    const wan = await Wan.start(t, '[path a]\nup.delay = 30ms\ndown.delay = 10ms\n');
    const [client, server] = wan.agents();
    await server.listen(PORT);
    // The quickest of several: others may have had to wait for this machine.
    const quickest = async () => {
      let least = Number.POSITIVE_INFINITY;
      for (let i = 0; i < 12; i++) least = Math.min(least, (await client.dial('10.77.1.2', PORT)).ms);
      return least;
    };
    const before = await quickest();
    t.ok(before >= 40 && before < 41.5, `${before} ms`);
    t.equal((await wan.say('set', 'a', 'rtt', '=', '10ms')).out, 'ok\n');
    const after = await quickest();
    t.ok(after >= 10 && after < 11.5, `${after} ms`);
  });

  t.test('loss: its share of datagrams, and none without', async (t) => {
    const wan = await Wan.start(t, '[path a]\nup.loss = 10%\nup.delay = 5ms\n', '--seed', '7');
    const [client, server] = wan.agents();
    await server.listenUdp(PORT);
    await client.sendUdp('10.77.1.2', PORT, 3000, 4000);
    await until(
      async () => (await wan.report()).paths[0]?.up.inside.packets === 0,
      () => 'something stays inside',
    );
    const up = (await wan.report()).paths[0]?.up as Counts;
    t.equal(up.in.packets, 3000);
    const lost = up.dropped.loss?.packets ?? 0;
    // Four standard deviations of 16.
    t.ok(Math.abs(lost - 300) < 66, `${lost} lost`);
    const arrived = (await server.numbers()).length;
    // Those that a busy machine drops at the socket are no fault of the network.
    t.ok(arrived <= up.out.packets && arrived > up.out.packets * 0.8, `${arrived} of ${up.out.packets}`);
    t.equal(up.out.packets + lost, 3000);
  });

  t.test('reordering: all arrive, some late', async (t) => {
    const wan = await Wan.start(t, '[path a]\ndelay = 5ms\nreorder = 10%\nreorder-by = 3ms\n');
    const [client, server] = wan.agents();
    await server.listenUdp(PORT);
    await client.sendUdp('10.77.1.2', PORT, 400, 4000);
    await until(
      async () => (await server.numbers()).length === 400,
      () => 'not all arrived',
    );
    const numbers = await server.numbers();
    const late = numbers.filter((number, i) => i > 0 && number < (numbers[i - 1] ?? 0)).length;
    t.ok(late > 10, `${late} came after a later one`);
  });

  t.test('dealt flows take the paths in turn; one that is down loses its flows to the others', async (t) => {
    const wan = await Wan.start(t, 'flows = deal\n[path a]\ncopies = 4\nrtt = 4ms\n');
    const [client, server] = wan.agents();
    await flows(server, client, 8);
    const before = tcpFlows(await wan.report()).map(({ path }) => path);
    t.same(before, ['a.1', 'a.2', 'a.3', 'a.4', 'a.1', 'a.2', 'a.3', 'a.4']);
    await wan.say('down', 'a.2');
    for (let i = 0; i < 8; i++) await client.write(i, 1000);
    await until(
      async () => (await server.received()).every((bytes) => bytes === 1000),
      () => 'flows of a path that is down did not find another',
    );
    t.notOk(tcpFlows(await wan.report()).some(({ path }) => path === 'a.2'));
    await wan.say('up', 'a.2');
    await wan.say('down', 'a.1,a.3,a.4');
    await client.write(0, 1000);
    await until(
      async () => (await server.received())[0] === 2000,
      () => 'a path that is up again is not used',
    );
    addsUp(t, await wan.stop());
  });

  t.test('a blackhole swallows, and heals', async (t) => {
    const wan = await Wan.start(t, '[path a]\nrtt = 4ms\nrate = 20mbit\n');
    const [client, server] = wan.agents();
    await flows(server, client, 1);
    await client.flood();
    await sleep(200);
    await wan.say('blackhole', 'all');
    await sleep(100);
    const [before = 0] = await server.received();
    await sleep(200);
    t.same(await server.received(), [before]);
    await wan.say('heal', 'all');
    await until(
      async () => ((await server.received())[0] ?? 0) > before,
      () => 'it does not heal',
    );
    const report = await wan.stop();
    t.ok(Number(report.paths[0]?.up.dropped.blackhole?.packets) > 0);
    addsUp(t, report);
  });

  t.test(
    'a reset reaches both ends, of busy flows and of idle ones, and not those of other paths',
    async (t) => {
      const wan = await Wan.start(
        t,
        'flows = deal\n[path a]\nrtt = 20ms\nrate = 20mbit\n[path b]\nrtt = 20ms\n',
      );
      const [client, server] = wan.agents();
      await flows(server, client, 2);
      await wan.say('reset', 'b');
      await client.flood();
      await sleep(300);
      t.same(await server.outcomes().then(({ accepted }) => accepted), [null, 'ECONNRESET']);
      t.same([await client.resets(), await server.resets()], [1, 1]);
      await wan.say('reset', 'flow', '1');
      await until(
        async () => (await client.resets()) === 2 && (await server.resets()) === 2,
        () => 'no reset for the busy one',
      );
      await until(
        async () => (await client.outcomes()).dialled.every((outcome) => outcome === 'ECONNRESET'),
        () => 'it is not told to the program',
      );
      t.match((await wan.say('reset', 'flow', '9')).err, /there is no flow 9/);
    },
  );

  t.test('the source address decides the uplink', async (t) => {
    const wan = await Wan.start(t, '[path a]\nrtt = 4ms\n[path b]\nuplink = 2\nrtt = 6ms\n');
    const [client, server] = wan.agents();
    await server.listen(PORT);
    for (const host of ['10.77.1.2', '10.77.2.2']) {
      for (const local of ['10.77.1.1', '10.77.2.1']) await client.dial(host, PORT, local);
    }
    const { local } = await client.dial('10.77.2.2', PORT);
    t.match(local, /^10\.77\.2\.1:/, 'without a bound address, the uplink of the server’s');
    t.same(
      tcpFlows(await wan.report()).map(({ path }) => path),
      ['a', 'b', 'a', 'b', 'b'],
    );
  });

  t.test('events begin with the command, or when they are told to', async (t) => {
    const scenario = '[path a]\n[events]\nat 100ms blackhole a\n';
    for (const options of [[], ['--hold']]) {
      const wan = await Wan.start(t, scenario, ...options);
      const [client, server] = wan.agents();
      await server.listen(PORT);
      const dialling = client.dial('10.77.1.2', PORT).then(
        () => 'connected',
        () => 'gone',
      );
      if (options.length > 0) {
        t.equal(await dialling, 'connected');
        t.equal((await wan.say('go')).out, 'ok\n');
        t.match((await wan.say('go')).err, /have begun already/);
      }
      const blackholed = async () => {
        await client.write(0, 1);
        return Number((await wan.report()).paths[0]?.up.dropped.blackhole?.packets) > 0;
      };
      await until(blackholed, () => 'no blackhole');
    }
  });

  t.test(
    'it ends with its command or with a signal, and a start clears up after one that was killed',
    async (t) => {
      const ip = tool('ip', 'iproute2');
      const names = async () => (await succeed(t, ip, ['netns', 'list'])).match(/^\S+/gm) ?? ([] as string[]);
      const other = await Wan.start(t, '[path a]\n');
      const killed = await Wan.start(t, '[path a]\n');
      killed.child.kill('SIGKILL');
      await until(
        () => killed.child.signalCode !== null,
        () => 'it lives',
      );
      t.ok((await names()).includes(killed.client), 'what was killed leaves its namespaces');
      const next = await Wan.start(t, '[path a]\n');
      const seen = await names();
      t.notOk(seen.includes(killed.client) || seen.includes(killed.server));
      for (const name of [other.client, other.server, next.client, next.server])
        t.ok(seen.includes(name), name);
      const stray = next.agent(next.server);
      await stray.listen(PORT);
      next.child.kill('SIGTERM');
      await until(
        () => next.child.exitCode !== null,
        () => 'it does not end',
      );
      t.equal(next.child.exitCode, 128 + 15);
      await t.rejects(stray.received(), 'what ran on its hosts has ended');
      t.notOk((await names()).some((name) => name === next.client || name === next.server));
      t.notOk(readdirSync('/run').includes(`wan-${next.pid}.sock`));
      const code = await run(t, WAN, ['run', 'loss', '--', 'sh', '-c', 'ip -n $WAN_CLIENT_NS addr; exit 7']);
      t.equal(code.code, 7);
      t.match(code.out, /10\.77\.1\.1/);
      t.match(code.err, /seed \d+; client wan-client-\d+ 10\.77\.1\.1, server wan-server-\d+ 10\.77\.1\.2/);
    },
  );
}
