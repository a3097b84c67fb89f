/**
 * Goal: TCP's urgent data ("out of band") goes through in its place in the stream, and stops nothing. Reads end short
 * at the urgent mark, and splice(2) says that there is nothing although there is: both have stalled proxies before.
 *
 * Node cannot send urgent data, so that the app is a few lines of Python. Native only: node:net leaves the urgent byte
 * out of the stream, for lack of SO_OOBINLINE.
 */
import { spawn } from 'node:child_process';
import t, { type Test } from 'tap';
import { BridgeBench, type Way } from '../helpers/bridged.ts';
import { PipeEnd } from '../helpers/pipe_end.ts';
import { eventually } from '../helpers/settle.ts';
import { type BytesPipe, socketPair, V4 } from '../helpers/transports.ts';

/** In each round it waits until the target says that all has come: an urgent byte that is stuck is never freed by later ones. */
const APP = `
import socket, sys
s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))
for step in sys.argv[2].split(','):
    size, urgent = step.split('+')
    s.sendall(b'.' * int(size))
    for _ in range(int(urgent)):
        s.send(b'!', socket.MSG_OOB)
    s.recv(1)
s.close()
`;

interface Round {
  readonly bulk: number;
  readonly urgent: number;
}

async function run(t: Test, way: Way, rounds: readonly Round[], pause: boolean): Promise<void> {
  const bench = await BridgeBench.open(way);
  let accepted: BytesPipe | null = null;
  const listener = await bench.transport.listen(V4, {
    onConnection(pipe) {
      accepted = pipe;
    },
    onTrouble() {},
  });
  const port = 'port' in listener.address ? listener.address.port : 0;
  const steps = rounds.map(({ bulk, urgent }) => `${bulk}+${urgent}`).join(',');
  const app = spawn('python3', ['-c', APP, String(port), steps], { stdio: ['ignore', 'ignore', 'inherit'] });
  const exited = new Promise<number | null>((resolve) => app.on('close', resolve));
  await eventually('the app', () => accepted !== null);
  listener.close();
  const [b, far] = await socketPair(bench.transport);
  const world = bench.join(far, far, accepted as unknown as BytesPipe, b);
  const target = new PipeEnd(far, bench.pool);
  try {
    let expected = 0;
    for (const { bulk, urgent } of rounds) {
      expected += bulk + urgent;
      // A target that does not read at first lets urgent data pile up behind a full pipe.
      if (pause) for (let i = 0; i < 20; i++) await new Promise<void>((resolve) => setTimeout(resolve, 1));
      await target.recvBytes(expected);
      await target.send(Buffer.from('k'));
    }
    t.equal(await target.recvToEnd(), 'fin');
    await target.fin();
    t.equal(target.receivedBytes, expected);
    t.ok(
      target.bytes.equals(
        Buffer.concat(
          rounds.flatMap(({ bulk, urgent }) => [Buffer.alloc(bulk, '.'), Buffer.alloc(urgent, '!')]),
        ),
      ),
    );
  } finally {
    app.kill();
    await exited;
    far.discard();
    world.bridge.abort();
  }
  await bench.close();
}

const SMALL = [
  { bulk: 10, urgent: 1 },
  { bulk: 0, urgent: 1 },
  { bulk: 1, urgent: 3 },
  { bulk: 1000, urgent: 0 },
  { bulk: 100, urgent: 1 },
];
const BULK = [
  { bulk: 3_000_000, urgent: 1 },
  { bulk: 0, urgent: 1 },
  { bulk: 2_000_000, urgent: 2 },
  { bulk: 1_000_000, urgent: 0 },
  { bulk: 3_000_000, urgent: 1 },
];

for (const way of ['native', 'splice'] as const) {
  for (const pause of [false, true]) {
    const suffix = pause ? ', to a target that reads late' : '';
    t.test(`${way}: between a few bytes${suffix}`, (t) => run(t, way, SMALL, pause));
    t.test(`${way}: behind megabytes${suffix}`, (t) => run(t, way, BULK, pause));
  }
}
