/**
 * An example: what tcp-proxy does, as OpenTelemetry spans. One span for each app connection, and one for each carrier, with
 * its stalls as events.
 *
 *     npm install @opentelemetry/api @opentelemetry/auto-instrumentations-node
 *     OTEL_SERVICE_NAME=striper OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318 \
 *       node --import @opentelemetry/auto-instrumentations-node/register --import ./opentelemetry.mjs \
 *       "$(which tcp-proxy)" -c 127.0.0.1:11111 server 22222
 *
 * It knows the proxy by its diagnostics channels alone (docs/admin.md), so it can live anywhere.
 */

import { subscribe } from 'node:diagnostics_channel';
import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';

const tracer = trace.getTracer('tcp-striper');
/** Spans that are not over yet, by the names that the proxy has for what they are about. */
const open = new Map();

/** @param {string} channel @param {(message: any) => void} listener */
const on = (channel, listener) => subscribe(`tcp-striper:${channel}`, (message) => listener(message));

/** Attributes must not be null. */
const known = (attributes) => Object.fromEntries(Object.entries(attributes).filter(([, value]) => value !== null));

const connectionKey = ({ service, id }) => `connection ${service} ${id}`;
const carrierKey = ({ service, trunk, carrier }) => `carrier ${service} ${trunk} ${carrier}`;

function end(key, error, attributes) {
  const span = open.get(key);
  if (span === undefined) return;
  open.delete(key);
  span.setAttributes(known(attributes));
  if (error !== null) span.setStatus({ code: SpanStatusCode.ERROR, message: error });
  span.end();
}

on('connection:begin', (message) => {
  const attributes = known({ 'striper.service': message.service, 'striper.connection': message.id, 'client.address': message.from });
  open.set(connectionKey(message), tracer.startSpan('connection', { kind: SpanKind.SERVER, attributes }));
});
on('connection:open', (message) => {
  const span = open.get(connectionKey(message));
  span?.addEvent('open', known({ 'server.address': message.to }));
});
on('connection:end', (message) => {
  end(connectionKey(message), message.error, {
    'server.address': message.to,
    'striper.bytes_forward': message.bytesForward,
    'striper.bytes_backward': message.bytesBackward,
    'error.type': message.code,
  });
});

on('carrier:join', (message) => {
  const attributes = known({
    'striper.service': message.service,
    'striper.trunk': message.trunk,
    'striper.index': message.index,
    'network.local.address': message.local,
    'network.peer.address': message.remote,
  });
  open.set(carrierKey(message), tracer.startSpan('carrier', { kind: SpanKind.INTERNAL, attributes }));
});
on('carrier:stall', (message) => {
  open.get(carrierKey(message))?.addEvent('stall', { 'striper.in_flight_bytes': message.inFlightBytes });
});
on('carrier:move', (message) => open.get(carrierKey(message))?.addEvent('move'));
on('carrier:close', (message) => end(carrierKey(message), null, {}));
on('carrier:lose', (message) => {
  end(carrierKey(message), message.error, {
    'striper.sent_bytes': message.sentBytes,
    'striper.received_bytes': message.receivedBytes,
    'striper.in_flight_bytes': message.inFlightBytes,
  });
});
