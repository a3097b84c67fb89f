/**
 * Why a certificate is not good enough, in words that are true on both sides and say what to change: the one that refuses
 * logs them, and tells the other.
 */

import type { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import { escapeText } from '../../core/format.ts';
import { nameOf } from './pem.ts';
import { pinOf } from './pins.ts';

/** Whose certificate is judged; the other side judges it. */
export type Whose = 'server' | 'client';

export interface Judged {
  readonly whose: Whose;
  /** Undefined: none was shown. */
  readonly certificate: X509Certificate | undefined;
  /** What OpenSSL says of its chain, as X509_V_ERR_ without that; null when it leads to one of our authorities. */
  readonly chainError: string | null;
}

export interface Demands {
  /** It has to be signed by an authority that we know, and be good today. */
  readonly signed: boolean;
  /** If it is signed, it has to be for this name or address too. Undefined: for any, as a client's. Null: nobody knows for which. */
  readonly name: string | null | undefined;
  /** It has to have one of these; empty: any. */
  readonly pins: readonly string[];
}

const MOST_NAMES = 60;
const NAMELESS =
  "the server's address is a path, which is no name that its certificate could be for: give the client --tls-name";

const UNKNOWN_ISSUER: ReadonlySet<string> = new Set([
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'CERT_SIGNATURE_FAILURE',
  'CERT_UNTRUSTED',
]);
const ALONE = 'DEPTH_ZERO_SELF_SIGNED_CERT';

/** @returns null when there is nothing to be said against it */
export function objectionTo(
  { whose, certificate, chainError }: Judged,
  demands: Demands,
  now: number,
): string | null {
  if (certificate === undefined) return missing(whose);
  // Before the chain: a name or a date is the more telling reason where several are wrong.
  if (demands.signed) {
    const objection = dates(whose, certificate, now) ?? chain(whose, certificate, chainError);
    if (objection !== null) return objection;
    if (demands.name === null) return NAMELESS;
    if (demands.name !== undefined && !isFor(certificate, demands.name))
      return wrongName(certificate, demands.name);
  }
  return demands.pins.length === 0 || demands.pins.includes(pinOf(certificate))
    ? null
    : wrongPin(whose, certificate);
}

/** Whether a certificate is for this name (RFC 9525: subjectAltName counts, the common name does not) or IP address. */
export function isFor(certificate: X509Certificate, name: string): boolean {
  // Without the zone of a link-local address, and the dot behind a full name.
  if (isIP(name) !== 0) return certificate.checkIP(name.split('%')[0] as string) !== undefined;
  const ascii = hostName(name);
  const options = { subject: 'never', wildcards: true, partialWildcards: false } as const;
  return ascii !== '' && certificate.checkHost(ascii, options) !== undefined;
}

/** As it stands in certificates and is said in SNI; empty when it is none. */
export function hostName(name: string): string {
  const bare = name.replace(/\.$/, '');
  return /^[\p{L}\p{N}\p{M}_.-]+$/u.test(bare) ? domainToASCII(bare) : '';
}

/** `2026-11-21 09:30 UTC` */
export function formatDate(date: string): string {
  const time = Date.parse(date);
  return Number.isNaN(time) ? date : `${new Date(time).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

/** What the other side vouches for. Stays the same when a certificate is renewed; null: an authority names nobody. */
export function namesIn(certificate: X509Certificate): string | null {
  const names = [certificate.subject ?? '', certificate.subjectAltName ?? ''];
  return names.every((name) => name === '') ? null : JSON.stringify(names);
}

function missing(whose: Whose): string {
  if (whose === 'server')
    return "the server (-s) shows no certificate: give it --tls-cert, or leave out the client's --tls-...";
  return 'the server (-s) wants a certificate of the client (-c): give the client --tls-cert and --tls-key';
}

function dates(whose: Whose, { validFrom, validTo }: X509Certificate, now: number): string | null {
  const clock = `or the ${other(whose)}'s clock is wrong`;
  if (now > Date.parse(validTo))
    return `the ${whose}'s certificate expired on ${formatDate(validTo)}: renew it (its --tls-cert), ${clock}`;
  if (now < Date.parse(validFrom))
    return `the ${whose}'s certificate is not valid before ${formatDate(validFrom)}: it has to wait, ${clock}`;
  return null;
}

function chain(whose: Whose, certificate: X509Certificate, code: string | null): string | null {
  if (code === null) return null;
  const option = whose === 'server' ? '--tls-ca' : '--tls-client-ca';
  const begin = `the ${whose}'s certificate`;
  if (code === ALONE)
    return `${begin}, of ${nameOf(certificate)}, is self-signed, and not in the ${other(whose)}'s ${option}: add it there, or give its --tls-pin`;
  if (UNKNOWN_ISSUER.has(code))
    return `${begin}, of ${nameOf(certificate)}, is not signed by the ${other(whose)}'s ${option}: add its authority there, or those between to its --tls-cert`;
  if (code === 'INVALID_PURPOSE')
    return `${begin}, of ${nameOf(certificate)}, is not meant for a TLS ${whose} (extended key usage): it needs another one`;
  if (code === 'CERT_HAS_EXPIRED' || code === 'CERT_NOT_YET_VALID')
    return `an authority that signed ${begin} is expired or not yet valid: renew it in --tls-cert or in ${option}`;
  return `${begin}, of ${nameOf(certificate)}, is not good (${code}): see its --tls-cert and the ${other(whose)}'s ${option}`;
}

function wrongName(certificate: X509Certificate, name: string): string {
  const names = escapeText((certificate.subjectAltName ?? '').replace(/DNS:|IP Address:/g, ''), MOST_NAMES);
  const those = names === '' ? 'names nobody (subjectAltName)' : `is for ${names}`;
  const advice = names === '' ? 'it needs the name' : 'give the client (-c) its --tls-name, or get another';
  return `the server's certificate ${those}, and not for ${escapeText(name, MOST_NAMES)}: ${advice}`;
}

function wrongPin(whose: Whose, certificate: X509Certificate): string {
  return `the ${whose}'s certificate has none of the ${other(whose)}'s --tls-pin: its own is ${pinOf(certificate)}`;
}

function other(whose: Whose): Whose {
  return whose === 'server' ? 'client' : 'server';
}
