/**
 * What is going on, in a sentence: which carrier is in trouble, by how much, and what became of its traffic.
 *
 * It is read out to those who cannot see it, so it comes in two forms: `show` has the numbers of this second, `say` has
 * none, and changes only when something else is the matter.
 */

import type { StatusDocument, TrunkDocument } from '../../admin/documents.ts';
import { plural } from '../../core/format.ts';
import { type CarrierTrack, isThere, type TrunkHistory } from './history.ts';
import { brief, formatRate, mean, median, rateUnit } from './numbers.ts';

/** `good`: all is well. `note`: worth a look. `bad`: a carrier is in trouble. `lost`: the proxy does not answer. */
export type Tone = 'good' | 'note' | 'bad' | 'lost';

export interface Verdict {
  readonly tone: Tone;
  readonly show: string;
  readonly say: string;
  /** The carriers that it is about. */
  readonly carriers: readonly number[];
}

/** Rates are compared over so many samples: long enough for a burst to even out, short enough to be told at once. */
const SPAN = 5;
/** Less than this, bytes per second, is no load that one could tell a slow carrier by. */
const LOAD = 30_000;
/** Below this share of what the others do, a carrier is slow. */
const SLOW = 0.5;
/** And without the proxy's own word for it, only what is far off from others that are much alike. */
const FAR = 0.25;
const ALIKE = 0.4;
/** Seen in so many of the last SPAN samples, it is stalled, and not just late once. */
const STALLED = 3;

type Trouble = 'down' | 'stalled' | 'slow' | 'little';

interface Case {
  readonly track: CarrierTrack;
  readonly trouble: Trouble;
  /** Bytes per second: its own rate, what the others do each, and its best of the last minutes. */
  readonly rate: number;
  readonly others: number;
  readonly best: number;
  /** There is one other only. */
  readonly pair: boolean;
}

/** What a trunk's carriers are up to. */
export function verdictOf(history: TrunkHistory, trunk: TrunkDocument): Verdict {
  // What an operator has taken out of use is not missed.
  const tracks = history.tracks.filter(({ index }) =>
    trunk.carriers.some((carrier) => carrier.index === index && carrier.state !== 'drained'),
  );
  const up = tracks.filter(({ now }) => isThere(now.state));
  const traffic = sum(up.map((track) => average(track, 'traffic')));
  if (tracks.length === 0 || up.length === 0) return noCarrier(tracks, trunk.streams);
  const cases = casesOf(tracks, up);
  if (cases.length === 0) return allWell(up.length, traffic, trunk.streams);
  const worst = (['down', 'stalled', 'slow', 'little'] as const).find((trouble) =>
    cases.some((one) => one.trouble === trouble),
  ) as Trouble;
  return told(
    cases.filter(({ trouble }) => trouble === worst),
    cases,
    up.length,
    traffic,
  );
}

/** Of a proxy without carriers: a relay, or one that speaks the classic framing. */
export function verdictWithoutCarriers(
  { totals, mode }: StatusDocument,
  bytesPerSecond: number | null,
): Verdict {
  const { open } = totals;
  const what = mode === 'server' ? 'No peer stripes over carriers now' : 'There are no carriers here';
  const show =
    open === 0
      ? `${what}, and no connection is open.`
      : `${plural(open, 'connection')} open, ${formatRate(bytesPerSecond ?? 0)}.`;
  return { tone: 'good', show, say: open === 0 ? show : 'Connections are open.', carriers: [] };
}

function noCarrier(tracks: readonly CarrierTrack[], streams: number): Verdict {
  const text =
    streams > 0
      ? 'No carrier is up. What is open waits for one to come back.'
      : 'No carrier is up: the peer is not reached.';
  return { tone: 'bad', show: text, say: text, carriers: tracks.map(({ index }) => index) };
}

function allWell(count: number, traffic: number, streams: number): Verdict {
  const all = count === 1 ? 'The one carrier is' : `All ${count} carriers are`;
  if (traffic < LOAD && streams === 0)
    return same('good', `${all} up. There is nothing to carry at the moment.`);
  if (traffic < LOAD) return same('good', `${all} up, and next to nothing is to be carried.`);
  return {
    tone: 'good',
    show: `${all} well: ${formatRate(traffic)} in all.`,
    say: `${all} well.`,
    carriers: [],
  };
}

const same = (tone: Tone, text: string): Verdict => ({ tone, show: text, say: text, carriers: [] });

function casesOf(tracks: readonly CarrierTrack[], up: readonly CarrierTrack[]): Case[] {
  const cases: Case[] = [];
  for (const track of tracks) {
    const others = up.filter((other) => other !== track);
    const found = isThere(track.now.state) ? troubleOf(track, others) : ('down' as const);
    if (found === null) continue;
    const way = wayOf(track, others);
    cases.push({
      track,
      trouble: found,
      rate: average(track, way),
      others: median(others.map((other) => average(other, way))),
      best: bestOf(track, way),
      pair: others.length === 1,
    });
  }
  return cases;
}

function troubleOf(track: CarrierTrack, others: readonly CarrierTrack[]): Trouble | null {
  const stalledNow = track.states.slice(-SPAN).filter((state) => state === 'stalled').length;
  // One that moves now and then is slow, however often it is late.
  const moves = average(track, 'sent') > LOAD || average(track, 'received') > LOAD;
  if (stalledNow >= STALLED && !moves) return 'stalled';
  const { rate, rateIsLimit } = track.now;
  const sent = others.map((other) => average(other, 'sent'));
  const rates = others.map(({ now }) => now.rate).filter((one) => one !== null);
  // It could do no more, the proxy says, and it did far less than the others. What each could do at its best is not enough
  // to go by: one that was idle before may have been fast for a moment.
  const mine = average(track, 'sent');
  const atWork = mine + sum(sent) > LOAD && track.now.inFlightBytes > 0;
  const isSlower = rates.length > 0 && rate !== null && rate < SLOW * median(rates);
  if (atWork && rateIsLimit && isSlower && mine < SLOW * median(sent)) return 'slow';
  for (const way of ['sent', 'received'] as const) {
    if (!farOff(track, others, way)) continue;
    const stalls = sum(track.columns.stalls.slice(-2 * SPAN));
    return stalls >= 1 || hasLongQueue(track) || halved(track, way) ? 'slow' : 'little';
  }
  return null;
}

/** Far below others that are much alike. */
function farOff(track: CarrierTrack, others: readonly CarrierTrack[], way: 'sent' | 'received'): boolean {
  const rates = others.map((other) => average(other, way));
  const middle = median(rates);
  if (others.length < 2 || middle < LOAD) return false;
  // One of the others may be in trouble, too.
  const alike = rates.filter((rate) => rate >= ALIKE * middle).length;
  return alike * 2 > others.length && alike >= 2 && average(track, way) < FAR * middle;
}

/** Its round trip is much longer than at its best: what is sent on it waits somewhere. */
function hasLongQueue({ columns }: CarrierTrack): boolean {
  const known = columns.srttMs.filter((ms) => ms !== null);
  const now = known.at(-1) ?? 0;
  return now > 2 * Math.min(...known) + 20;
}

/** It has carried at least twice as much. */
function halved(track: CarrierTrack, way: 'sent' | 'received'): boolean {
  return bestOf(track, way) > 2 * average(track, way) + LOAD;
}

/** The way that most goes, of all carriers together. */
function wayOf(track: CarrierTrack, others: readonly CarrierTrack[]): 'sent' | 'received' {
  const all = [track, ...others];
  const total = (way: 'sent' | 'received') => sum(all.map((one) => average(one, way)));
  return total('received') > total('sent') ? 'received' : 'sent';
}

/** What it did for some seconds at its best, not counting the last ones. */
function bestOf({ columns }: CarrierTrack, way: 'sent' | 'received'): number {
  const column = columns[way];
  let best = 0;
  for (let end = column.length - SPAN; end >= SPAN; end--) {
    best = Math.max(best, mean(column.slice(end - SPAN, end)) ?? 0);
  }
  return best;
}

function told(worst: readonly Case[], all: readonly Case[], up: number, traffic: number): Verdict {
  const { trouble } = worst[0] as Case;
  const indices = worst.map(({ track }) => track.index);
  const name = namesOf(indices);
  const one = worst.length === 1;
  const left = up - all.filter((each) => each.trouble !== 'down').length;
  const moved =
    left <= 0 || traffic < LOAD
      ? ''
      : `${one ? 'Its' : 'Their'} traffic has moved to the ${left === 1 ? 'other one' : 'others'}.`;
  const what = {
    down: `${name} ${one ? 'is' : 'are'} down, and dialled again`,
    stalled: `${name} ${one ? 'has' : 'have'} stalled`,
    slow: `${name} ${one ? 'is' : 'are'} slow`,
    little: `${name} ${one ? 'carries' : 'carry'} little`,
  }[trouble];
  const numbers = one && trouble !== 'down' ? comparison(worst[0] as Case) : '';
  const rest = all.filter((each) => !worst.includes(each)).map(({ track }) => track.index);
  const more =
    rest.length === 0 ? '' : `${namesOf(rest)} ${rest.length === 1 ? 'has' : 'have'} trouble, too.`;
  const tail = trouble === 'little' ? [more] : [moved, more];
  const sentence = (head: string) => [`${head}.`, ...tail].filter((part) => part !== '').join(' ');
  return {
    tone: trouble === 'little' ? 'note' : 'bad',
    show: sentence(`${what}${numbers}`),
    say: sentence(what),
    carriers: [...indices, ...rest],
  };
}

/** `: 0.4 Mbit/s, the others 20 each`. */
function comparison({ rate, others, best, pair }: Case): string {
  const most = Math.max(rate, others, best);
  if (most < LOAD) return '';
  const unit = rateUnit(most);
  const now = `${brief(rate, unit)} ${unit.name}`;
  // Against itself, if it was better before; against the others, if it always was like that.
  if (best > 2 * rate) return `: ${now}, down from ${brief(best, unit)}`;
  if (others <= 2 * rate) return `: ${now}`;
  const theirs = brief(others, unit);
  return pair ? `: ${now}, the other one ${theirs}` : `: ${now}, the others ${theirs} each`;
}

/** `Carrier 3`, `Carriers 1 and 3`, `Carriers 1, 2 and 3`. */
export function namesOf(indices: readonly number[]): string {
  if (indices.length === 1) return `Carrier ${indices[0]}`;
  return `Carriers ${indices.slice(0, -1).join(', ')} and ${indices.at(-1)}`;
}

/** Of two trunks, the one that needs a look sooner comes first. */
export const urgency: Record<Tone, number> = { lost: 3, bad: 2, note: 1, good: 0 };

function average(track: CarrierTrack, metric: 'sent' | 'received' | 'traffic'): number {
  return mean(track.columns[metric].slice(-SPAN)) ?? 0;
}

function sum(values: readonly (number | null)[]): number {
  return values.reduce((total: number, value) => total + (value ?? 0), 0);
}
