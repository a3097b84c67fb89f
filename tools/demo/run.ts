/**
 * `make run`: leaves a pair of proxies running on the README's ports, with the commands to try. Ctrl-C ends it.
 */

import { createServer } from 'node:http';
import { connect } from 'node:net';
import { StartError, startProxy } from './pair.ts';

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

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
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
  // The second time they end at once, and with 1.
  const stop = async (signal: 'SIGINT' | 'SIGTERM') => {
    const codes = await Promise.all([client.stop(signal), server.stop(signal)]);
    process.exit(codes.every((code) => code === 0) ? 0 : 1);
  };
  // Whoever started it (make, whose id is the argument) was killed, and could not hand that on.
  const starter = Number(process.argv[2] ?? process.ppid);
  setInterval(() => {
    if (!isAlive(starter)) process.kill(process.pid, 'SIGTERM');
  }, 1000).unref();
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
} catch (error) {
  // What the proxy has to say about it was shown as it came.
  if (error instanceof StartError)
    say(`
The pair could not start. It needs the ports ${APP_PORT} and ${PEER_PORT}: if they are in use, most likely another
\`make run\` has them, which Ctrl-C ends where it runs.`);
  else say(`Could not start: ${(error as Error).message}`);
  process.exit(1);
}
