/**
 * /metrics: what a process does, for Prometheus and everything that reads its formats (text 0.0.4, and OpenMetrics 1.0.0 for
 * who asks for it). docs/admin.md lists the metrics.
 *
 * Nothing is counted in between: each scrape looks at the same snapshots as the API. Labels are bounded: reasons and
 * directions are fixed sets, carriers are named by their place, and trunks by the lowest free number, the first of them only.
 */

import { readdirSync } from 'node:fs';
import { Counter, Gauge, Registry } from 'prom-client';
import type { Answer } from './answer.ts';
import type { CarrierDocument, ServiceDocument, TrunkDocument } from './documents.ts';
import type { Route } from './routes.ts';
import type { AdminService, Watched } from './services.ts';
import { MOST_TRUNKS, type Snapshots } from './status.ts';

type Labels = Readonly<Record<string, string | number>>;
type Kind = 'counter' | 'gauge';
type Compression = AdminService['service']['compression'];

/** A metric, and how to tell its value of whatever it is about; null: not known. */
interface Family<T> {
  readonly name: string;
  readonly help: string;
  readonly kind: Kind;
  readonly value: (of: T) => number | null;
}

const counter = <T>(name: string, help: string, value: Family<T>['value']): Family<T> => ({
  name: `tcp_striper_${name}_total`,
  help,
  kind: 'counter',
  value,
});
const gauge = <T>(name: string, help: string, value: Family<T>['value']): Family<T> => ({
  name: `tcp_striper_${name}`,
  help,
  kind: 'gauge',
  value,
});

const OF_SERVICE: readonly Family<ServiceDocument>[] = [
  gauge('connections_open', 'App connections that are open.', ({ totals }) => totals.open),
  counter('connections', 'App connections that there have been.', ({ totals }) => totals.connections),
  counter(
    'connections_failed',
    'App connections whose far end was never reached.',
    ({ totals }) => totals.failed,
  ),
  counter('connections_broken', 'App connections that ended by a reset.', ({ totals }) => totals.broken),
  gauge('memory_capacity_bytes', 'What may wait in trunks (--memory).', ({ memory }) => memory.capacityBytes),
  gauge('memory_used_bytes', 'What waits in trunks, in slabs of memory.', ({ memory }) => memory.usedBytes),
];

const OF_TRUNK: readonly Family<TrunkDocument>[] = [
  gauge('trunk_streams', 'App connections in the trunk.', ({ streams }) => streams),
  counter(
    'trunk_sent_bytes',
    'Given to carriers, frames and repetitions included.',
    ({ sentBytes }) => sentBytes,
  ),
  counter('trunk_data_bytes', 'Of app connections, each byte counted once.', ({ dataBytes }) => dataBytes),
  counter(
    'trunk_repeated_bytes',
    'Of app connections, sent once more.',
    ({ repeatedBytes }) => repeatedBytes,
  ),
  counter('trunk_carriers_lost', 'Carriers that broke or fell silent.', ({ lost }) => lost),
  counter('trunk_stalls', 'Times that a carrier was overdue.', ({ stalls }) => stalls),
];

const isUp = ({ state }: CarrierDocument) => state === 'open' || state === 'busy' || state === 'stalled';

/** Counters begin at 0 again with a carrier that is dialled again, as those of a program do that is started again. */
const OF_CARRIER: readonly Family<CarrierDocument>[] = [
  gauge('carrier_up', '1 while the carrier is there.', (one) => (isUp(one) ? 1 : 0)),
  gauge('carrier_stalled', '1 while it is overdue and gets nothing new.', (one) =>
    one.state === 'stalled' ? 1 : 0,
  ),
  gauge(
    'carrier_in_flight_bytes',
    'Sent and not acknowledged by the peer.',
    ({ inFlightBytes }) => inFlightBytes,
  ),
  gauge('carrier_unsent_bytes', 'In the socket, not sent.', ({ unsentBytes }) => unsentBytes),
  gauge('carrier_cwnd_bytes', 'Congestion window.', ({ cwndBytes }) => cwndBytes),
  gauge('carrier_rtt_seconds', 'Smoothed round trip.', (one) => (isUp(one) ? one.srttMs / 1000 : null)),
  gauge('carrier_rate_bytes_per_second', 'The most that it has carried of late.', ({ rate }) => rate),
  counter('carrier_stalls', 'Times that it was overdue.', ({ stalls }) => stalls),
  counter('carrier_retransmits', 'Segments that the kernel sent again.', ({ retransmits }) => retransmits),
  counter('carrier_repeated_bytes', 'Sent over it after another.', ({ repeatedBytes }) => repeatedBytes),
];

const CONNECTION_BYTES = counter<number>(
  'connection_bytes',
  'Of app connections, those that are open included.',
  (n) => n,
);
const CARRIER_BYTES = counter<number>('carrier_bytes', 'Over the carrier.', (n) => n);
const COMPRESSION_RAW = counter<number>(
  'compression_raw_bytes',
  'Of compressed connections, as apps have them.',
  (n) => n,
);
const COMPRESSION_WIRE = counter<number>('compression_wire_bytes', 'Of the same, as they travel.', (n) => n);
const COMPRESSION_TIME = counter<number>(
  'compression_seconds',
  'Processor time for it, on all threads.',
  (n) => n,
);
const REFUSALS = counter<number>('refusals', 'Who was not served, by reason.', (n) => n);
const STRANGERS = gauge<number>('handshakes', 'Connections that have not proved who they are.', (n) => n);
const TRUNKS = gauge<number>('trunks', 'Trunks: of a server one for each client.', (n) => n);
const BUILD = gauge<number>('build_info', 'Always 1.', (n) => n);

/** Names that every Prometheus client library uses. */
const PROCESS: readonly Family<NodeJS.Process>[] = [
  {
    name: 'process_cpu_seconds_total',
    help: 'Processor time, user and system.',
    kind: 'counter',
    value: () => {
      const { user, system } = process.cpuUsage();
      return (user + system) / 1e6;
    },
  },
  {
    name: 'process_resident_memory_bytes',
    help: 'Resident memory.',
    kind: 'gauge',
    value: () => process.memoryUsage.rss(),
  },
  {
    name: 'process_start_time_seconds',
    help: 'When it was started, since the epoch.',
    kind: 'gauge',
    value: () => performance.timeOrigin / 1000,
  },
  { name: 'process_open_fds', help: 'Open descriptors.', kind: 'gauge', value: openDescriptors },
  {
    name: 'nodejs_eventloop_active_seconds_total',
    help: 'Time that the event loop was busy; its rate is near 1 when the process has no more to give.',
    kind: 'counter',
    value: () => performance.eventLoopUtilization().active / 1000,
  },
];

export function metricsRoute(watched: Watched, snapshots: Snapshots): Route {
  return {
    method: 'GET',
    path: '/metrics',
    answer: async ({ accept }): Promise<Answer> => {
      const scrape = new Scrape(/\bapplication\/openmetrics-text\b/.test(accept));
      scrape.fill(watched, snapshots);
      return { status: 200, type: scrape.type, body: await scrape.text() };
    },
  };
}

/** One answer, which nobody needs afterwards. */
class Scrape {
  readonly #registry: Registry;
  readonly #metrics = new Map<string, Counter | Gauge>();

  constructor(openMetrics: boolean) {
    this.#registry = new Registry() as Registry;
    if (openMetrics)
      (this.#registry as unknown as Registry<typeof Registry.OPENMETRICS_CONTENT_TYPE>).setContentType(
        Registry.OPENMETRICS_CONTENT_TYPE,
      );
  }

  get type(): string {
    return this.#registry.contentType;
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  fill(watched: Watched, snapshots: Snapshots): void {
    const { version, backend, node } = watched.build;
    this.#put(BUILD, { version, backend, node }, 1);
    for (const family of PROCESS) this.#put(family, {}, process);
    for (const document of snapshots.services) this.#service(document);
    for (const each of watched.services()) this.#doors(each);
    for (const trunk of snapshots.trunks(MOST_TRUNKS)) this.#trunk(trunk);
  }

  #service(document: ServiceDocument): void {
    const labels = { service: document.name };
    for (const family of OF_SERVICE) this.#put(family, labels, document);
    const { bytesForward, bytesBackward } = document.totals;
    this.#put(CONNECTION_BYTES, { ...labels, direction: 'forward' }, bytesForward);
    this.#put(CONNECTION_BYTES, { ...labels, direction: 'backward' }, bytesBackward);
  }

  #doors({ name, service }: AdminService): void {
    const { compression, mode, refusals, strangers, trunkHost } = service;
    const labels = { service: name };
    if (trunkHost !== null) this.#put(TRUNKS, labels, trunkHost.size);
    if (trunkHost !== null) this.#compression(labels, compression);
    if (mode === 'server') this.#put(STRANGERS, labels, strangers);
    for (const [reason, count] of Object.entries(refusals ?? {}))
      this.#put(REFUSALS, { ...labels, reason }, count);
  }

  #compression(labels: Labels, compression: Compression): void {
    const [sent, received] = [
      { ...labels, direction: 'sent' },
      { ...labels, direction: 'received' },
    ];
    this.#put(COMPRESSION_RAW, sent, compression?.rawSent ?? 0);
    this.#put(COMPRESSION_RAW, received, compression?.rawReceived ?? 0);
    this.#put(COMPRESSION_WIRE, sent, compression?.wireSent ?? 0);
    this.#put(COMPRESSION_WIRE, received, compression?.wireReceived ?? 0);
    this.#put(COMPRESSION_TIME, sent, (compression?.compressNs ?? 0) / 1e9);
    this.#put(COMPRESSION_TIME, received, (compression?.decompressNs ?? 0) / 1e9);
  }

  #trunk(trunk: TrunkDocument): void {
    const labels = { service: trunk.service, trunk: trunk.id };
    for (const family of OF_TRUNK) this.#put(family, labels, trunk);
    for (const carrier of trunk.carriers) {
      // Its successor has the same place.
      if (carrier.state === 'closing') continue;
      const place = { ...labels, carrier: carrier.index };
      for (const family of OF_CARRIER) this.#put(family, place, carrier);
      this.#put(CARRIER_BYTES, { ...place, direction: 'sent' }, carrier.sentBytes);
      this.#put(CARRIER_BYTES, { ...place, direction: 'received' }, carrier.receivedBytes);
    }
  }

  #put<T>(family: Family<T>, labels: Labels, of: T): void {
    const { name, help, kind } = family;
    const value = family.value(of);
    if (value === null) return;
    let metric = this.#metrics.get(name);
    if (metric === undefined) {
      const options = { name, help, labelNames: Object.keys(labels), registers: [this.#registry] };
      metric = kind === 'counter' ? new Counter(options) : new Gauge(options);
      this.#metrics.set(name, metric);
    }
    metric.inc(labels, value);
  }
}

/** Linux only. */
function openDescriptors(): number | null {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return null;
  }
}
