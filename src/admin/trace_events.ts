/**
 * TraceEvents: what happens to carriers and connections, as the events of the API, no more than so many a second.
 */

import { formatBytes } from '../core/format.ts';
import {
  CARRIER_CLOSE,
  CARRIER_DIAL,
  CARRIER_JOIN,
  CARRIER_LOSE,
  CARRIER_MOVE,
  CARRIER_RESEND,
  CARRIER_STALL,
  type CarrierTrace,
  CONNECTION_BEGIN,
  CONNECTION_END,
  CONNECTION_OPEN,
  type ConnectionTrace,
  type TraceChannel,
} from '../core/trace.ts';
import type { CarrierEvent, ConnectionEvent, DroppedEvent } from './documents.ts';
import { idOf } from './services.ts';

/** Between two flushes; of the rest it is said how many there were. */
const MOST_EVENTS = 200;

type Tell = (name: 'carrier' | 'connection' | 'dropped', event: unknown) => void;

export class TraceEvents {
  readonly #tell: Tell;
  readonly #stops: (() => void)[] = [];
  /** What was sent again since the last flush. */
  readonly #resent = new Map<string, { readonly trace: CarrierTrace; bytes: number }>();
  #count = 0;

  constructor(tell: Tell) {
    this.#tell = tell;
  }

  start(): void {
    const where = ({ remote, local }: CarrierTrace) =>
      [remote === null ? '' : `to ${remote}`, local === null ? '' : `from ${local}`].join(' ').trim();
    this.#hear(CARRIER_DIAL, (trace) => this.#carrier(trace, 'dialling', where(trace)));
    this.#hear(CARRIER_JOIN, (trace) => this.#carrier(trace, 'joined', where(trace)));
    this.#hear(CARRIER_STALL, (trace) => {
      const { inFlightBytes } = trace;
      this.#carrier(trace, 'stalled', `${formatBytes(inFlightBytes)} on their way`, inFlightBytes);
    });
    this.#hear(CARRIER_MOVE, (trace) => this.#carrier(trace, 'moving', ''));
    this.#hear(CARRIER_CLOSE, (trace) => this.#carrier(trace, 'closed', 'not wanted any more'));
    this.#hear(CARRIER_LOSE, (trace) => {
      const { error, inFlightBytes } = trace;
      this.#carrier(trace, 'lost', error ?? 'closed by the other side', inFlightBytes);
    });
    this.#hear(CARRIER_RESEND, (trace) => {
      const key = `${idOf(trace.service, `t${trace.trunk}`)} ${trace.index}`;
      const sum = this.#resent.get(key) ?? { trace, bytes: 0 };
      sum.bytes += trace.bytes;
      this.#resent.set(key, sum);
    });
    this.#hear(CONNECTION_BEGIN, (trace) => this.#connection(trace, 'begun'));
    this.#hear(CONNECTION_OPEN, (trace) => this.#connection(trace, 'open'));
    this.#hear(CONNECTION_END, (trace) => {
      const { durationMs, bytesForward, bytesBackward, error } = trace;
      this.#connection(trace, 'closed', { durationMs, bytesForward, bytesBackward, error });
    });
  }

  stop(): void {
    for (const stop of this.#stops.splice(0)) stop();
    this.#resent.clear();
    this.#count = 0;
  }

  /** Tells what was summed up. To be called once a second or so. */
  flush(): void {
    for (const { trace, bytes } of this.#resent.values())
      if (bytes > 0)
        this.#tell(
          'carrier',
          carrierEvent(trace, 'resent', `${formatBytes(bytes)} sent again over it`, bytes),
        );
    this.#resent.clear();
    const dropped = this.#count - MOST_EVENTS;
    this.#count = 0;
    if (dropped <= 0) return;
    const event: DroppedEvent = { at: new Date().toISOString(), events: dropped };
    this.#tell('dropped', event);
  }

  #hear<T>(channel: TraceChannel<T>, listener: (message: T) => void): void {
    channel.subscribe(listener);
    this.#stops.push(() => channel.unsubscribe(listener));
  }

  #carrier(
    trace: CarrierTrace,
    what: CarrierEvent['what'],
    detail: string,
    bytes: number | null = null,
  ): void {
    if (this.#count++ < MOST_EVENTS) this.#tell('carrier', carrierEvent(trace, what, detail, bytes));
  }

  #connection(
    { service, id, from, to }: ConnectionTrace,
    what: ConnectionEvent['what'],
    end: Partial<ConnectionEvent> = {},
  ): void {
    if (this.#count++ >= MOST_EVENTS) return;
    const event: ConnectionEvent = {
      at: new Date().toISOString(),
      id: idOf(service, id),
      what,
      from,
      to,
      durationMs: null,
      bytesForward: null,
      bytesBackward: null,
      error: null,
      ...end,
    };
    this.#tell('connection', event);
  }
}

function carrierEvent(
  { service, trunk, index }: CarrierTrace,
  what: CarrierEvent['what'],
  detail: string,
  bytes: number | null,
): CarrierEvent {
  return { at: new Date().toISOString(), trunk: idOf(service, `t${trunk}`), index, what, detail, bytes };
}
