/**
 * One direction of a TCP connection, as far as a sender can feel it: a window that grows by slow start and additive
 * increase and shrinks at a loss, selective acknowledgement, fast retransmission, the retransmission timer with backoff,
 * and what TCP_INFO says of all that. Bytes are only counted.
 */

import type { Cancel } from '../../src/core/clock.ts';
import type { Path } from './path.ts';
import type { World } from './world.ts';

export const MSS = 1448;
const HEADER_BYTES = 52;
const INITIAL_WINDOW = 10 * MSS;
/** The lowest timeout of Linux. */
const RTO_LEAST_MS = 200;
/** Multiplicative decrease of CUBIC. */
const BETA = 0.7;

interface Packet {
  readonly from: number;
  readonly to: number;
  /** In order of sending: a later one that is acknowledged says that this one is lost. */
  readonly order: number;
  readonly sentAt: number;
  readonly deliveredThen: number;
  readonly deliveredAtThen: number;
  readonly appLimited: boolean;
  acknowledged: boolean;
}

export class TcpFlow {
  readonly #world: World;
  readonly #path: Path;
  readonly #back: Path;
  readonly #onArrived: (upTo: number) => void;
  readonly #onRoom: () => void;
  /** Bytes that the app has written, and how far they were sent. */
  #written = 0;
  #next = 0;
  #cwnd = INITIAL_WINDOW;
  #ssthresh = Number.POSITIVE_INFINITY;
  #out: Packet[] = [];
  #outBytes = 0;
  #lost: { from: number; to: number }[] = [];
  #order = 0;
  #recoverUntil = -1;
  #roundEnd = 0;
  #roundMin = Number.POSITIVE_INFINITY;
  #srtt = 0;
  #rttVar = 0;
  #minRtt = Number.POSITIVE_INFINITY;
  #backoff = 0;
  #cancelTimer: Cancel | null = null;
  #delivered = 0;
  #deliveredAt = 0;
  #rate = 0;
  #rateAppLimited = true;
  /** At the receiver: what came out of order, and what did not. */
  readonly #early = new Map<number, number>();
  #contiguous = 0;
  closed = false;

  /**
   * @param onArrived bytes have come in order, up to this offset
   * @param onRoom what was written has been sent, or some of it
   */
  constructor(world: World, path: Path, back: Path, onArrived: (upTo: number) => void, onRoom: () => void) {
    this.#world = world;
    this.#path = path;
    this.#back = back;
    this.#onArrived = onArrived;
    this.#onRoom = onRoom;
    // The handshake has told how far away the peer is.
    this.#onRtt(path.delayMs + back.delayMs);
  }

  /** Bytes that were written and not sent for the first time: what TCP_NOTSENT_LOWAT looks at. */
  get notSent(): number {
    return this.#written - this.#next;
  }

  write(bytes: number): void {
    this.#written += bytes;
    this.#transmit();
  }

  close(): void {
    this.closed = true;
    this.#cancelTimer?.();
    this.#cancelTimer = null;
  }

  /** Field by field as the kernel names them. */
  get info(): Record<string, number> {
    const oldest = Math.min(
      this.#next,
      ...this.#lost.map(({ from }) => from),
      ...this.#out.map(({ from }) => from),
    );
    const unacked = Math.ceil((this.#next - oldest) / MSS);
    const [out, lost] = [this.#out.length, this.#lost.length];
    return {
      ca_state: this.#backoff > 0 ? 4 : this.#recoverUntil >= 0 ? 3 : 0,
      backoff: this.#backoff,
      rtt: this.#srtt * 1000,
      rttvar: this.#rttVar * 1000,
      min_rtt: this.#minRtt * 1000,
      snd_mss: MSS,
      snd_cwnd: Math.floor(this.#cwnd / MSS),
      unacked,
      sacked: unacked - out - lost,
      lost,
      retrans: 0,
      notsent_bytes: this.notSent,
      bytes_acked: this.#delivered,
      delivery_rate: this.#rate * 1000,
      delivery_rate_app_limited: this.#rateAppLimited ? 1 : 0,
    };
  }

  #transmit(mostPackets = Number.POSITIVE_INFINITY): void {
    for (let sent = 0; sent < mostPackets && !this.closed && this.#outBytes < this.#cwnd; sent++) {
      const lost = this.#lost.shift();
      if (lost !== undefined) this.#send(lost.from, lost.to);
      else if (this.#next < this.#written) {
        const to = Math.min(this.#written, this.#next + MSS);
        const from = this.#next;
        this.#next = to;
        this.#send(from, to);
        this.#onRoom();
      } else return;
    }
  }

  #send(from: number, to: number): void {
    const now = this.#world.now();
    if (this.#outBytes === 0) this.#deliveredAt = now;
    const packet: Packet = {
      from,
      to,
      order: this.#order++,
      sentAt: now,
      deliveredThen: this.#delivered,
      deliveredAtThen: this.#deliveredAt,
      appLimited: this.notSent === 0 && this.#outBytes + to - from < this.#cwnd,
      acknowledged: false,
    };
    this.#out.push(packet);
    this.#outBytes += to - from;
    this.#path.send(to - from + HEADER_BYTES, () => this.#arrive(packet));
    if (this.#cancelTimer === null) this.#setTimer();
  }

  #arrive(packet: Packet): void {
    if (this.closed) return;
    if (packet.to > this.#contiguous) {
      this.#early.set(packet.from, packet.to);
      for (;;) {
        const to = this.#early.get(this.#contiguous);
        if (to === undefined) break;
        this.#early.delete(this.#contiguous);
        this.#contiguous = to;
      }
      this.#onArrived(this.#contiguous);
    }
    this.#back.send(HEADER_BYTES, () => this.#acknowledge(packet));
  }

  #acknowledge(packet: Packet): void {
    if (this.closed || packet.acknowledged) return;
    packet.acknowledged = true;
    const bytes = packet.to - packet.from;
    const now = this.#world.now();
    const at = this.#out.indexOf(packet);
    this.#delivered += bytes;
    this.#deliveredAt = now;
    this.#sampleRate(packet, now);
    this.#onRtt(now - packet.sentAt);
    this.#backoff = 0;
    this.#leaveSlowStart(packet, now);
    if (at >= 0) {
      this.#out.splice(at, 1);
      this.#outBytes -= bytes;
      this.#grow(bytes);
      this.#findLost(packet.order);
    }
    if (this.#recoverUntil >= 0 && packet.order >= this.#recoverUntil) this.#recoverUntil = -1;
    this.#setTimer();
    // In recovery what leaves is bound to what arrives (RFC 6937), or the repair would overflow the queue again.
    this.#transmit(this.#recoverUntil >= 0 ? 2 : undefined);
  }

  #sampleRate(packet: Packet, now: number): void {
    const elapsed = Math.max(now - packet.deliveredAtThen, this.#minRtt);
    const rate = (this.#delivered - packet.deliveredThen) / elapsed;
    // As in tcp_rate_gen(): what the app limited counts only if it is more.
    if (packet.appLimited && rate < this.#rate) return;
    this.#rate = rate;
    this.#rateAppLimited = packet.appLimited;
  }

  #grow(bytes: number): void {
    if (this.#recoverUntil >= 0 || this.#outBytes + bytes < this.#cwnd / 2) return;
    this.#cwnd += this.#cwnd < this.#ssthresh ? bytes : (MSS * bytes) / this.#cwnd;
  }

  /** HyStart: when even the fastest packet of a round took longer, the queue fills, and has not overflowed yet. */
  #leaveSlowStart(packet: Packet, now: number): void {
    this.#roundMin = Math.min(this.#roundMin, now - packet.sentAt);
    if (packet.order < this.#roundEnd) return;
    const late = this.#roundMin > this.#minRtt + Math.min(16, Math.max(4, this.#minRtt / 8));
    if (late && this.#cwnd < this.#ssthresh && this.#cwnd >= 16 * MSS) this.#ssthresh = this.#cwnd;
    this.#roundMin = Number.POSITIVE_INFINITY;
    this.#roundEnd = this.#order;
  }

  #findLost(order: number): void {
    const lost = this.#out.filter((packet) => packet.order + 3 <= order);
    if (lost.length === 0) return;
    this.#giveUp(lost);
    if (this.#recoverUntil >= 0) return;
    this.#recoverUntil = this.#order;
    this.#cwnd = this.#ssthresh = Math.max(2 * MSS, this.#cwnd * BETA);
  }

  #giveUp(packets: Packet[]): void {
    for (const packet of packets) {
      this.#out.splice(this.#out.indexOf(packet), 1);
      this.#outBytes -= packet.to - packet.from;
      this.#lost.push({ from: packet.from, to: packet.to });
    }
  }

  #setTimer(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    if (this.#out.length === 0 || this.closed) return;
    const timeout = Math.max(RTO_LEAST_MS, this.#srtt + 4 * this.#rttVar) * 2 ** Math.min(this.#backoff, 8);
    this.#cancelTimer = this.#world.after(timeout, () => {
      this.#cancelTimer = null;
      this.#backoff++;
      this.#ssthresh = Math.max(2 * MSS, this.#cwnd / 2);
      this.#cwnd = MSS;
      this.#recoverUntil = this.#order;
      this.#giveUp([...this.#out]);
      this.#transmit();
    });
  }

  #onRtt(ms: number): void {
    this.#minRtt = Math.min(this.#minRtt, ms);
    this.#rttVar = this.#srtt === 0 ? ms / 2 : this.#rttVar + (Math.abs(this.#srtt - ms) - this.#rttVar) / 4;
    this.#srtt = this.#srtt === 0 ? ms : this.#srtt + (ms - this.#srtt) / 8;
  }
}
