/** Goal: psql, pgbench and the Redis tools get through the pair what they get without it, row by row, and no error. */

import { createHash, randomBytes } from 'node:crypto';
import t, { type Test } from 'tap';
import { startPostgres } from '../helpers/e2e_postgres.ts';
import { openPath } from '../helpers/e2e_proxy.ts';
import { background, freePort, run, succeed, temporaryFolder, tool } from '../helpers/e2e_run.ts';
import { listens } from '../helpers/e2e_tcp.ts';
import { until } from '../helpers/e2e_wait.ts';
import { PAIRS } from '../helpers/e2e_ways.ts';

t.setTimeout(900_000);

const sha256 = (data: string | Buffer) => createHash('sha256').update(data).digest('hex');

t.test('PostgreSQL', async (t) => {
  const postgres = await startPostgres(t);
  const psql = postgres.program('psql');
  const pgbench = postgres.program('pgbench');
  const quiet = ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1'];
  const ask = (t: Test, port: number, sql: string, input = '') =>
    succeed(t, psql, [...quiet, '-c', sql], { env: { ...postgres.env, PGPORT: `${port}` }, input });

  for (const way of PAIRS) {
    t.test(way.name, async (t) => {
      const path = await openPath(t, way, postgres.port);
      const env = { ...postgres.env, PGPORT: `${path.port}` };

      t.test('psql: many rows, one large value, and many rows in', async (t) => {
        const rows = 'copy (select g, md5(g::text) from generate_series(1, 200000) g) to stdout';
        t.equal(sha256(await ask(t, path.port, rows)), sha256(await ask(t, postgres.port, rows)));
        const value = "select repeat('0123456789abcdef', 1000000)";
        t.equal(sha256(await ask(t, path.port, value)), sha256(await ask(t, postgres.port, value)));
        await ask(t, path.port, 'drop table if exists taken; create table taken (n int, sum text)');
        const lines = Array.from({ length: 50_000 }, (_, n) => `${n}\t${sha256(`${n}`)}\n`).join('');
        await ask(t, path.port, 'copy taken from stdin', lines);
        t.ok((await ask(t, postgres.port, 'copy (select * from taken order by n) to stdout')) === lines);
      });

      t.test('psql: an error is an error, and Ctrl-C cancels a query', async (t) => {
        const wrong = await run(t, psql, [...quiet, '-c', 'select 1/0'], { env });
        t.same([wrong.code, wrong.err.trim()], [1, 'ERROR:  division by zero']);
        const child = background(t, psql, [...quiet, '-c', 'select pg_sleep(100)'], { env });
        let said = '';
        child.stderr?.on('data', (text) => {
          said += text;
        });
        const sleeping = "select count(*) from pg_stat_activity where query like 'select pg_sleep%'";
        await until(
          async () => (await ask(t, postgres.port, sleeping)).trim() === '1',
          () => `the query does not run: ${said}`,
        );
        child.kill('SIGINT');
        t.equal(await new Promise((resolve) => child.once('close', resolve)), 1);
        t.match(said, /canceling statement due to user request/);
      });

      t.test('pgbench: all transactions, none failed, and the books balance', async (t) => {
        await succeed(t, pgbench, ['-i', '-q', '-s', '2'], { env });
        for (const [transactions, args] of [
          [1600, ['-c', '8', '-j', '2', '-t', '200']],
          [800, ['-S', '-M', 'prepared', '-c', '8', '-t', '100']],
          [80, ['-S', '-C', '-c', '4', '-t', '20']],
        ] as const) {
          const out = await succeed(t, pgbench, ['-n', ...args], { env });
          t.match(out, `transactions actually processed: ${transactions}/${transactions}`);
          t.match(out, 'number of failed transactions: 0 ');
        }
        const sums =
          'select count(*), sum(delta) = (select sum(abalance) from pgbench_accounts) from pgbench_history';
        t.equal((await ask(t, postgres.port, sums)).trim(), '1600|t');
      });

      await path.idle();
    });
  }
});

t.test('Redis', async (t) => {
  const server = tool('redis-server', 'redis-server');
  const cli = tool('redis-cli', 'redis-tools');
  const benchmark = tool('redis-benchmark', 'redis-tools');
  const port = await freePort();
  const where = ['--bind', '127.0.0.1', '--port', `${port}`, '--dir', temporaryFolder(t)];
  const child = background(t, server, [...where, '--save', '', '--appendonly', 'no']);
  child.stdout?.resume();
  await until(
    () => child.exitCode !== null || listens(t, port),
    () => 'redis-server does not listen',
  );
  const ask = (t: Test, port: number, words: string[], input?: Buffer) =>
    succeed(t, cli, ['-p', `${port}`, ...words], input === undefined ? {} : { input });
  /** How often the server ran a command since CONFIG RESETSTAT. */
  const calls = async (t: Test, command: string) =>
    Number(
      new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(await ask(t, port, ['info', 'commandstats']))?.[1],
    );

  for (const way of PAIRS) {
    t.test(way.name, async (t) => {
      const path = await openPath(t, way, port);

      t.test('redis-benchmark: every command arrives once', async (t) => {
        await ask(t, port, ['flushall']);
        for (const args of [
          ['-c', '50', '-n', '5000'],
          ['-c', '20', '-n', '20000', '-P', '16'],
          ['-c', '10', '-n', '1000', '-d', '50000'],
        ]) {
          await ask(t, port, ['config', 'resetstat']);
          const done = await run(t, benchmark, ['-p', `${path.port}`, '-t', 'set,get', '--csv', ...args]);
          t.same([done.code, done.err.replace(/^WARNING: Could not fetch.*$/m, '').trim()], [0, '']);
          t.same([await calls(t, 'set'), await calls(t, 'get')], [Number(args[3]), Number(args[3])]);
        }
      });

      t.test('a value of 20 MB there and back', async (t) => {
        const value = Buffer.from(randomBytes(10_000_000).toString('hex'));
        t.equal(await ask(t, path.port, ['-x', 'set', 'big'], value), 'OK\n');
        t.equal(sha256((await ask(t, path.port, ['--raw', 'get', 'big'])).trimEnd()), sha256(value));
      });

      await path.idle();
    });
  }
});
