/**
 * `make run`: leaves a pair of proxies running on the README's ports, with the commands to try. Ctrl-C ends it.
 */

import { createServer } from 'node:http';
import { connect } from 'node:net';
import { startProxy } from './pair.ts';

const APP_PORT = 11111;
const PEER_PORT = 22222;

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Whether something on this machine listens there. */
function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** A page to fetch, for machines without an ssh server. */
function startPage(): Promise<number> {
  const server = createServer((request, response) => {
    response.end(
      `Hello from the target. You asked for ${request.method} ${request.url} through both proxies.\n`,
    );
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
  });
}

const ssh = await listens(22);
const targetPort = ssh ? 22 : await startPage();
const show = (name: string) => (line: string) => say(`${name}  ${line}`);
try {
  const server = await startProxy(['-s', `127.0.0.1:${PEER_PORT}`, `127.0.0.1:${targetPort}`], show('-s'));
  const client = await startProxy(
    ['-c', `127.0.0.1:${APP_PORT}`, '127.0.0.1', String(PEER_PORT)],
    show('-c'),
  );
  say(`
A pair of proxies is running:

  app --> 127.0.0.1:${APP_PORT} (tcp-proxy -c) ==> 127.0.0.1:${PEER_PORT} (tcp-proxy -s) --> 127.0.0.1:${targetPort}

Try, in another terminal:

  ${ssh ? `ssh -p ${APP_PORT} localhost\n  scp -P ${APP_PORT} FILE localhost:/tmp/` : `curl http://localhost:${APP_PORT}/`}

Their logs follow. Ctrl-C ends it.
`);
  // The second time they end at once.
  const stop = async () => {
    await Promise.all([client.stop(), server.stop()]);
    process.exit(0);
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
} catch (error) {
  say(`Could not start: ${(error as Error).message}`);
  process.exit(1);
}
