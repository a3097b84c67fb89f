/**
 * What the status view and the summary are told of the trunks of a proxy.
 */

import { type CarrierSnapshot, carrierSnapshot, type TrunkReport } from '../layer/trunk/snapshot.ts';
import type { Trunk } from '../layer/trunk/trunk.ts';
import type { CarrierSlot } from './slot.ts';

export interface CarrierStatus {
  /** Counts the trunks of this process, from 1. */
  readonly trunk: number;
  /** Its place in the trunk, from 0. One that is `closing` may have its successor beside it. */
  readonly index: number;
  readonly state: CarrierSnapshot['state'] | CarrierSlot['stage'] | 'closing';
  /** Which way it goes, in words; empty where there is one way only. */
  readonly way: string;
  /** Null while it is not there. */
  readonly carrier: CarrierSnapshot | null;
}

export function statusOf(trunk: Trunk, number: number): CarrierStatus[] {
  return [...trunk.carriers.values()].map((one) => {
    const carrier = carrierSnapshot(one);
    return {
      trunk: number,
      index: carrier.index,
      state: trunk.isRetired(one) ? 'closing' : carrier.state,
      way: '',
      carrier,
    };
  });
}

/** What there is in the slots, and then the carriers that have none any more and are not gone yet. */
export function statusOfClient(slots: Iterable<CarrierSlot>, trunk: Trunk | null): CarrierStatus[] {
  const retired = trunk === null ? [] : statusOf(trunk, 1).filter(({ state }) => state === 'closing');
  return [...[...slots].map(statusOfSlot), ...retired];
}

function statusOfSlot({ number: index, carrier, stage, way }: CarrierSlot): CarrierStatus {
  const snapshot = carrier === null ? null : carrierSnapshot(carrier);
  return { trunk: 1, index, state: snapshot === null ? stage : snapshot.state, way, carrier: snapshot };
}

/** What became of all carriers that a proxy has had. */
export interface TrunkTotals {
  readonly trunks: number;
  /** Bytes both ways on each of the carriers that the last trunk had at its end, or has now. */
  readonly shares: readonly number[];
  /** Bytes on all others. */
  readonly otherBytes: number;
  readonly lost: number;
  readonly stalls: number;
  readonly sentBytes: number;
  readonly dataBytes: number;
  readonly repeatedBytes: number;
  readonly peakEarlyBytes: number;
}

/** Adds up the reports of a proxy's trunks, in the order of their ends. */
export function totalsOf(reports: readonly TrunkReport[]): TrunkTotals {
  const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);
  const bytesOf = ({ carriers, lost }: TrunkReport) => sum(carriers.map(({ bytes }) => bytes)) + lost.bytes;
  const shares = reports.at(-1)?.carriers.map(({ bytes }) => bytes) ?? [];
  return {
    trunks: reports.length,
    shares,
    otherBytes: sum(reports.map(bytesOf)) - sum(shares),
    lost: sum(reports.map(({ lost }) => lost.count)),
    stalls: sum(reports.map(({ carriers, lost }) => sum(carriers.map(({ stalls }) => stalls)) + lost.stalls)),
    sentBytes: sum(reports.map(({ sentBytes }) => sentBytes)),
    dataBytes: sum(reports.map(({ dataBytes }) => dataBytes)),
    repeatedBytes: sum(reports.map(({ repeatedBytes }) => repeatedBytes)),
    peakEarlyBytes: Math.max(0, ...reports.map(({ peakEarlyBytes }) => peakEarlyBytes)),
  };
}

/** The reports of trunks that are over; those of long ago are added up, since a server may see any number of them. */
export class PastTrunks {
  #before: TrunkReport | null = null;
  #count = 0;
  #last: TrunkReport | null = null;

  add(report: TrunkReport): void {
    this.#count++;
    if (this.#last !== null) this.#before = merged(this.#before, this.#last);
    this.#last = report;
  }

  totals(living: readonly TrunkReport[]): TrunkTotals {
    const past = [this.#before, this.#last].filter((report) => report !== null);
    return { ...totalsOf([...past, ...living]), trunks: this.#count + living.length };
  }
}

function merged(a: TrunkReport | null, b: TrunkReport): TrunkReport {
  const { shares, otherBytes, lost, stalls, ...sums } = totalsOf(a === null ? [b] : [a, b]);
  const bytes = otherBytes + shares.reduce((total, value) => total + value, 0);
  return { ...sums, carriers: [], lost: { count: lost, bytes, stalls } };
}
