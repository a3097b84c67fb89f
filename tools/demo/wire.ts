/**
 * A network between the proxies that can fail: forwards TCP connections, and cuts those that it is told to.
 */

import { connect, createServer, type Socket } from 'node:net';

export interface Wire {
  /** Where it listens, `host:port`. */
  readonly address: string;
  /** How many connections there are. */
  readonly count: number;
  /** Bytes that went through each of those that there are. */
  readonly bytes: number;
  /** Resets the busiest connections, `count` of them; returns how many it found. */
  cut(count: number): number;
  close(): void;
}

export function startWire(toPort: number): Promise<Wire> {
  const links = new Set<[Socket, Socket]>();
  const moved = (link: [Socket, Socket]) => link[0].bytesRead + link[1].bytesRead;
  const server = createServer((near) => {
    const far = connect(toPort, '127.0.0.1');
    const link: [Socket, Socket] = [near, far];
    links.add(link);
    const over = () => {
      links.delete(link);
      for (const socket of link) socket.resetAndDestroy();
    };
    for (const socket of link) {
      socket.setNoDelay(true);
      socket.on('error', over);
      socket.on('close', over);
    }
    near.pipe(far);
    far.pipe(near);
  });
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      resolve({
        address: `127.0.0.1:${port}`,
        get count() {
          return links.size;
        },
        get bytes() {
          return [...links].reduce((sum, link) => sum + moved(link), 0);
        },
        cut(count) {
          const busiest = [...links].sort((a, b) => moved(b) - moved(a)).slice(0, count);
          for (const [near] of busiest) near.destroy(new Error('cut'));
          return busiest.length;
        },
        close() {
          for (const [near] of [...links]) near.destroy();
          server.close();
        },
      });
    });
  });
}
