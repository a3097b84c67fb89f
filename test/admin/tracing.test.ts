/** Goal: the OpenTelemetry example of the documentation makes the spans that it promises, of a real pair. */
import { once } from 'node:events';
import { type Attributes, type Span, type SpanStatus, trace } from '@opentelemetry/api';
import t from 'tap';
import { PipeError } from '../../src/core/errors.ts';
import { app, watchedPair } from '../helpers/admin_side.ts';
import { until } from '../helpers/e2e_wait.ts';

interface Recorded {
  readonly name: string;
  readonly attributes: Attributes;
  readonly events: string[];
  status: SpanStatus | null;
  ended: boolean;
}

/** As much of a tracer as the example uses; everything else would throw. */
function recorder(): {
  spans: Recorded[];
  startSpan: (name: string, options: { attributes: Attributes }) => Span;
} {
  const spans: Recorded[] = [];
  const startSpan = (name: string, { attributes }: { attributes: Attributes }) => {
    const recorded: Recorded = {
      name,
      attributes: { ...attributes },
      events: [],
      status: null,
      ended: false,
    };
    spans.push(recorded);
    const span = {
      setAttributes: (more: Attributes) => void Object.assign(recorded.attributes, more),
      addEvent: (event: string) => void recorded.events.push(event),
      setStatus(status: SpanStatus) {
        recorded.status = status;
      },
      end() {
        recorded.ended = true;
      },
    };
    return span as unknown as Span;
  };
  return { spans, startSpan };
}

t.test('a span for each connection and each carrier', async (t) => {
  const { spans, startSpan } = recorder();
  trace.setGlobalTracerProvider({ getTracer: () => ({ startSpan, startActiveSpan: startSpan as never }) });
  // This file runs as dist/test/admin/tracing.test.js.
  await import(new URL('../../../docs/monitoring/opentelemetry.mjs', import.meta.url).href);
  const of = (name: string, service: string) =>
    spans.filter((span) => span.name === name && (span.attributes['striper.service'] ?? '') === service);

  const { near } = await watchedPair(t, { near: 'near', far: 'far' });
  t.equal(of('carrier', 'near').length, 4);
  t.notOk(of('carrier', 'near').some(({ ended }) => ended));
  const socket = await app(t, near.port);
  socket.write('hello');
  await once(socket, 'data');
  socket.end();
  await until(
    () => of('connection', 'far').every(({ ended }) => ended) && of('connection', 'near')[0]?.ended === true,
    () => JSON.stringify(spans),
  );
  t.match(of('connection', 'near'), [
    {
      ended: true,
      status: null,
      events: ['open'],
      attributes: { 'striper.bytes_forward': 5, 'striper.bytes_backward': 5 },
    },
  ]);

  await app(t, near.port);
  await until(
    () => near.service.sessions.size === 1,
    () => 'it does not come',
  );
  for (const session of near.service.sessions) session.abort(new PipeError('cancelled', 'test', 'enough'));
  t.match(of('connection', 'near')[1], {
    ended: true,
    status: { message: 'enough' },
    attributes: { 'error.type': 'cancelled' },
  });

  near.service.trunkHost?.redial(1, 2);
  t.match(
    of('carrier', 'near').filter(({ ended }) => ended),
    [{ attributes: { 'striper.index': 2 }, status: { message: /dialled again/ } }],
  );
  near.service.stop();
  t.ok(
    spans.filter(({ attributes }) => attributes['striper.service'] === 'near').every(({ ended }) => ended),
    'all are over',
  );
});
