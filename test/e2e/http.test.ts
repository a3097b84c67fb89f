/** Goal: curl through the proxies: downloads, uploads, keep-alive, chunks, 100-continue, and failures that show as such. */

import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { openPath } from '../helpers/e2e_proxy.ts';
import { run, succeed, tool } from '../helpers/e2e_run.ts';
import { WAYS } from '../helpers/e2e_ways.ts';

const MIB = 1024 * 1024;
const body = randomBytes(24 * MIB);
const sha256 = (data: Buffer) => createHash('sha256').update(data).digest('hex');
const sum = sha256(body);
const curl = tool('curl', 'curl');

t.setTimeout(900_000);

/** GET / has a length, /chunks has none, /cut dies half-way; a POST is answered with the SHA-256 of what came. */
async function startServer(t: Test): Promise<{ server: Server; port: number; connections: () => number }> {
  let connections = 0;
  const server = createServer((request, response) => {
    if (request.method === 'POST') {
      const hash = createHash('sha256');
      request.on('data', (data) => hash.update(data));
      request.on('end', () => response.end(hash.digest('hex')));
    } else if (request.url === '/chunks') {
      for (let at = 0; at < body.length; at += MIB) response.write(body.subarray(at, at + MIB));
      response.end();
    } else if (request.url === '/cut') {
      response.writeHead(200, { 'content-length': body.length });
      response.write(body.subarray(0, 3 * MIB), () => response.socket?.resetAndDestroy());
    } else {
      response.writeHead(200, { 'content-length': body.length });
      response.end(body);
    }
  });
  server.on('connection', () => {
    connections++;
  });
  server.on('checkContinue', (request, response) => {
    response.writeContinue();
    server.emit('request', request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return { server, port: (server.address() as { port: number }).port, connections: () => connections };
}

t.test('curl', async (t) => {
  const { port, connections } = await startServer(t);
  const folder = t.testdir({});
  const file = join(folder, 'body');
  writeFileSync(file, body);
  for (const [number, way] of WAYS.entries()) {
    t.test(way.name, async (t) => {
      const path = await openPath(t, way, port);
      const url = `http://127.0.0.1:${path.port}`;
      const out = join(folder, `out${number}`);
      // Nothing from the environment: a proxy of the machine's would see these requests.
      const args = ['-q', '-sS', '--noproxy', '*'];

      t.test('downloads, with a length and in chunks', async (t) => {
        for (const page of ['/', '/chunks']) {
          await succeed(t, curl, [...args, '-o', out, `${url}${page}`]);
          t.equal(sha256(readFileSync(out)), sum, page);
        }
      });

      t.test('uploads, with 100-continue and in chunks', async (t) => {
        const upload = [...args, '-X', 'POST', '-T', file];
        const expect = ['-H', 'Expect: 100-continue', '--expect100-timeout', '30'];
        t.equal(await succeed(t, curl, [...upload, ...expect, `${url}/`]), sum);
        t.equal(await succeed(t, curl, [...upload, '-H', 'Transfer-Encoding: chunked', `${url}/`]), sum);
      });

      t.test('several requests share one connection', async (t) => {
        const before = connections();
        const urls = Array.from({ length: 5 }, () => ['-o', out, `${url}/chunks`]).flat();
        await succeed(t, curl, [...args, ...urls]);
        t.equal(connections() - before, 1);
        t.equal(sha256(readFileSync(out)), sum);
      });

      t.test('twenty at once', async (t) => {
        const parallel = ['--parallel', '--parallel-max', '20', '--parallel-immediate'];
        const urls = Array.from({ length: 20 }, () => ['-o', '/dev/null', `${url}/`]).flat();
        const sizes = await succeed(t, curl, [...args, ...parallel, '-w', '%{size_download}\\n', ...urls]);
        t.same(sizes.trim().split('\n'), Array(20).fill(`${body.length}`));
      });

      t.test('a server that dies half-way is a failure and no short file', async (t) => {
        const { code, err } = await run(t, curl, [...args, '-o', out, `${url}/cut`]);
        // 56: failure in receiving; 18: a partial file, which a length alone gives away.
        t.equal(code, 56, err);
      });

      await path.idle();
    });
  }
});
