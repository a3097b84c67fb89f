/** Carries data through proxies that run as processes of their own, and compares its SHA-256 at both ends. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

const BYTES = 16 << 20;
const DEADLINE_MS = 30_000;

export interface Proxy {
  port: number;
  backend: string;
  process: ChildProcess;
}

/** Starts the command on port 0; resolves when it says where it listens. */
export async function startProxy(command: string, env: NodeJS.ProcessEnv, args: string[]): Promise<Proxy> {
  // Ended at the latest then, whatever it is doing; its connections break, and nobody waits for ever.
  const child = spawn(command, args, {
    env: { ...env, TCP_STRIPER_LOG_FORMAT: 'text' },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: DEADLINE_MS,
    killSignal: 'SIGKILL',
  });
  let said = '';
  return new Promise((resolve, reject) => {
    const listen = (chunk: Buffer) => {
      said += chunk.toString();
      const found = /on 127\.0\.0\.1:(\d+) .*\((\w+) backend\)/.exec(said);
      if (found) resolve({ port: Number(found[1]), backend: found[2]!, process: child });
    };
    child.stdout.on('data', listen);
    child.stderr.on('data', listen);
    child.once('error', reject);
    child.once('exit', (code) =>
      reject(new Error(`${command} ${args.join(' ')}: exit code ${code}\n${said}`)),
    );
  });
}

/**
 * Sends data both ways through a chain of proxies, each started with the port that it leads to, the far end first.
 * The reply begins when the request has ended, so a half-closed connection has to work too.
 */
export async function carryThrough(
  chain: ((target: number) => Promise<Proxy>)[],
): Promise<{ backend: string; bytes: number }> {
  const request = randomBytes(BYTES);
  const reply = randomBytes(BYTES);
  let arrived = '';
  const target = createServer({ allowHalfOpen: true }, (socket) => {
    digestOf(socket).then(
      (digest) => {
        arrived = digest;
        socket.end(reply);
      },
      () => socket.resetAndDestroy(),
    );
  });
  target.listen(0, '127.0.0.1');
  await once(target, 'listening');

  const proxies: Proxy[] = [];
  try {
    let port = (target.address() as AddressInfo).port;
    for (const start of chain) {
      const proxy = await start(port);
      proxies.push(proxy);
      port = proxy.port;
    }
    const app = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    app.end(request);
    const returned = await digestOf(app);
    if (arrived !== sha256(request)) throw new Error('the target got something else than was sent');
    if (returned !== sha256(reply)) throw new Error('the app got something else than was answered');
    for (const { process: child } of proxies) {
      child.kill('SIGTERM');
      const [code] = await once(child, 'exit');
      if (code !== 0) throw new Error(`after SIGTERM: exit code ${code}`);
    }
    return { backend: [...new Set(proxies.map((proxy) => proxy.backend))].join(' and '), bytes: 2 * BYTES };
  } finally {
    for (const { process: child } of proxies) child.kill('SIGKILL');
    target.close();
  }
}

/** By events: `for await` would destroy the socket at its FIN, though the reply is still to be written. */
async function digestOf(socket: Socket): Promise<string> {
  const hash = createHash('sha256');
  socket.on('data', (chunk) => hash.update(chunk));
  await once(socket, 'end');
  return hash.digest('hex');
}

const sha256 = (data: Buffer) => createHash('sha256').update(data).digest('hex');
