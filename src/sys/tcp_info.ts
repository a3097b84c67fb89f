// TCP_INFO: what the kernel knows of one connection, sampled into a reused array.
//
// Sample every few milliseconds per connection, not per chunk: a sample is a system call and some 60 stores.

import type { NativeAddon } from './addon.ts';

const NO_MIN_RTT = 0xffffffff;
const NO_THRESHOLD = 0x7fffffff;
const UNLIMITED_RATE = 2 ** 64;

/**
 * One sample. Every getter is undefined before the first successful `sample`, and for what this kernel does not report.
 * Totals are since the connection began.
 */
export class TcpInfo {
  readonly #addon: NativeAddon;
  readonly #values: Float64Array;
  readonly #index: ReadonlyMap<string, number>;

  constructor(addon: NativeAddon) {
    this.#addon = addon;
    this.#values = new Float64Array(addon.tcpInfoFields.length).fill(Number.NaN);
    this.#index = indexOf(addon.tcpInfoFields);
  }

  /** Takes a sample of a TCP socket. False, with every getter undefined, if `fd` is none. */
  sample(fd: number): boolean {
    const length = this.#addon.tcpInfo(fd, this.#values);
    if (length < 0) this.#values.fill(Number.NaN);
    return length >= 0;
  }

  /** True when the delivery rate was limited by the application and not by the network: the path may carry more. */
  get deliveryRateAppLimited(): boolean | undefined {
    const bit = this.#field('delivery_rate_app_limited');
    return bit === undefined ? undefined : bit !== 0;
  }

  /** The TCP state as the kernel counts it: 1 established, 2 SYN sent, 8 close wait, 7 closed, 10 listening ... */
  get state(): number | undefined {
    return this.#field('state');
  }

  /** 0 open, 1 disorder, 2 CWR, 3 recovery, 4 loss. */
  get congestionState(): number | undefined {
    return this.#field('ca_state');
  }

  /** Timeouts in a row for the segment at the head, 0 when it moves. */
  get retransmitsInRow(): number | undefined {
    return this.#field('retransmits');
  }

  /** Zero-window or keepalive probes in a row without an answer. */
  get probesUnanswered(): number | undefined {
    return this.#field('probes');
  }

  /** How many times the retransmission timeout has been doubled. */
  get backoffShift(): number | undefined {
    return this.#field('backoff');
  }

  /** Retransmission timeout, microseconds. */
  get rtoUs(): number | undefined {
    return this.#field('rto');
  }

  /** Bytes per segment that we send. */
  get sendMssBytes(): number | undefined {
    return this.#field('snd_mss');
  }

  /** Bytes per segment that the peer sends, an estimate. */
  get receiveMssBytes(): number | undefined {
    return this.#field('rcv_mss');
  }

  /** What we told the peer, bytes. */
  get advertisedMssBytes(): number | undefined {
    return this.#field('advmss');
  }

  /** Path MTU, bytes. */
  get pathMtuBytes(): number | undefined {
    return this.#field('pmtu');
  }

  /** Sent and not acknowledged, segments. */
  get unackedSegments(): number | undefined {
    return this.#field('unacked');
  }

  /** Of these, acknowledged selectively. */
  get sackedSegments(): number | undefined {
    return this.#field('sacked');
  }

  /** Of these, thought to be lost. */
  get lostSegments(): number | undefined {
    return this.#field('lost');
  }

  /** Of these, retransmitted and still out. */
  get retransSegments(): number | undefined {
    return this.#field('retrans');
  }

  /** Segments retransmitted since the beginning. */
  get totalRetransSegments(): number | undefined {
    return this.#field('total_retrans');
  }

  /** How far segments may overtake each other before one counts as lost. */
  get reorderingSegments(): number | undefined {
    return this.#field('reordering');
  }

  /** Reorderings seen since the beginning. */
  get reorderingsSeen(): number | undefined {
    return this.#field('reord_seen');
  }

  /** Segments that the peer says it got twice. */
  get dsackDups(): number | undefined {
    return this.#field('dsack_dups');
  }

  /** Segments that came out of order. */
  get receivedOutOfOrderSegments(): number | undefined {
    return this.#field('rcv_ooopack');
  }

  /** Milliseconds since data was last sent. */
  get sinceDataSentMs(): number | undefined {
    return this.#field('last_data_sent');
  }

  /** Milliseconds since data last came. */
  get sinceDataReceivedMs(): number | undefined {
    return this.#field('last_data_recv');
  }

  /** Milliseconds since an acknowledgement last came. */
  get sinceAckReceivedMs(): number | undefined {
    return this.#field('last_ack_recv');
  }

  /** Smoothed round-trip time, microseconds; 0 before the first sample. */
  get srttUs(): number | undefined {
    return this.#field('rtt');
  }

  /** Its mean deviation, microseconds. */
  get rttVarUs(): number | undefined {
    return this.#field('rttvar');
  }

  /** Least round-trip time of the last minutes, microseconds; undefined before the first sample. */
  get minRttUs(): number | undefined {
    const value = this.#field('min_rtt');
    return value === NO_MIN_RTT ? undefined : value;
  }

  /** Round-trip time as a receiver estimates it, microseconds; 0 before there is one. */
  get receiverRttUs(): number | undefined {
    return this.#field('rcv_rtt');
  }

  /** Congestion window, segments of `sendMssBytes`. */
  get cwndSegments(): number | undefined {
    return this.#field('snd_cwnd');
  }

  /** Slow-start threshold, segments; Infinity while it was never set. */
  get ssthreshSegments(): number | undefined {
    const value = this.#field('snd_ssthresh');
    return value === NO_THRESHOLD ? Number.POSITIVE_INFINITY : value;
  }

  /** Bytes per second; Infinity when not paced. */
  get pacingRateBytesPerSec(): number | undefined {
    const value = this.#field('pacing_rate');
    return value === UNLIMITED_RATE ? Number.POSITIVE_INFINITY : value;
  }

  /** Bytes per second; Infinity when there is no limit. */
  get maxPacingRateBytesPerSec(): number | undefined {
    const value = this.#field('max_pacing_rate');
    return value === UNLIMITED_RATE ? Number.POSITIVE_INFINITY : value;
  }

  /** Latest measured goodput, bytes per second; 0 before there is one. */
  get deliveryRateBytesPerSec(): number | undefined {
    return this.#field('delivery_rate');
  }

  /** In the send queue and not yet sent even once, bytes. */
  get notSentBytes(): number | undefined {
    return this.#field('notsent_bytes');
  }

  /** Acknowledged by the peer's kernel since the beginning. Counts the SYN on the connecting side. */
  get bytesAcked(): number | undefined {
    return this.#field('bytes_acked');
  }

  /** Received in order since the beginning. Counts the peer's FIN. */
  get bytesReceived(): number | undefined {
    return this.#field('bytes_received');
  }

  /** Payload sent since the beginning, retransmissions included. */
  get bytesSent(): number | undefined {
    return this.#field('bytes_sent');
  }

  /** Payload retransmitted since the beginning. */
  get bytesRetransmitted(): number | undefined {
    return this.#field('bytes_retrans');
  }

  /** Segments sent. */
  get segmentsOut(): number | undefined {
    return this.#field('segs_out');
  }

  /** Segments received. */
  get segmentsIn(): number | undefined {
    return this.#field('segs_in');
  }

  /** Segments with payload sent. */
  get dataSegmentsOut(): number | undefined {
    return this.#field('data_segs_out');
  }

  /** Segments with payload received. */
  get dataSegmentsIn(): number | undefined {
    return this.#field('data_segs_in');
  }

  /** Segments that reached the peer, as far as it said. */
  get deliveredSegments(): number | undefined {
    return this.#field('delivered');
  }

  /** Microseconds in which there was data to send or in flight. */
  get busyUs(): number | undefined {
    return this.#field('busy_time');
  }

  /** Of these, held back by the peer's receive window. */
  get receiveWindowLimitedUs(): number | undefined {
    return this.#field('rwnd_limited');
  }

  /** Of these, held back by our send buffer. */
  get sendBufferLimitedUs(): number | undefined {
    return this.#field('sndbuf_limited');
  }

  /** What the peer's receive window admits, bytes. */
  get sendWindowBytes(): number | undefined {
    return this.#field('snd_wnd');
  }

  /** What our receive window admits, bytes. */
  get receiveWindowBytes(): number | undefined {
    return this.#field('rcv_wnd');
  }

  /** What the application reads per round trip, as the kernel tunes its buffer, bytes. */
  get receiveSpaceBytes(): number | undefined {
    return this.#field('rcv_space');
  }

  /** How often the kernel gave the flow a new hash, hoping for a better path. */
  get rehashes(): number | undefined {
    return this.#field('rehash');
  }

  /** Retransmission timeouts since the beginning. */
  get totalTimeouts(): number | undefined {
    return this.#field('total_rto');
  }

  /** Milliseconds spent in them. */
  get totalTimeoutMs(): number | undefined {
    return this.#field('total_rto_time');
  }

  #field(name: string): number | undefined {
    const index = this.#index.get(name);
    const value = index === undefined ? Number.NaN : (this.#values[index] as number);
    return Number.isNaN(value) ? undefined : value;
  }
}

// One map for all samples of a thread; the addon has one list.
let known: { fields: readonly string[]; index: ReadonlyMap<string, number> } | undefined;

function indexOf(fields: readonly string[]): ReadonlyMap<string, number> {
  if (known?.fields !== fields)
    known = { fields, index: new Map(fields.map((name, index) => [name, index])) };
  return known.index;
}
