// The relay that everybody writes first in Node: two sockets and `pipe`, both ways, with half-close. It is here to be
// compared with: `node node-pipe.js LISTEN_PORT TARGET_PORT`.

import { connect, createServer, type Socket } from 'node:net';

const [listenPort = 0, targetPort = 0] = process.argv.slice(2).map(Number);

function join(a: Socket, b: Socket): void {
  a.pipe(b);
  a.on('error', () => b.resetAndDestroy());
}

createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
  const far = connect({ host: '127.0.0.1', port: targetPort, allowHalfOpen: true, noDelay: true });
  join(near, far);
  join(far, near);
}).listen({ host: '127.0.0.1', port: listenPort, backlog: 4096 });
