/**
 * The options for certificates, as part of the table of all options (options.ts, which says what the fields mean).
 */

import { isIP } from 'node:net';
import { PIN_FORM, parsePin } from '../layer/tls/pins.ts';
import { hostName } from '../layer/tls/verdict.ts';
import { UsageError } from './usage_error.ts';

function parsePins(text: string, flag: string): string[] {
  return text.split(',').map((one) => {
    const pin = parsePin(one.trim());
    if (pin === null) throw new UsageError(`--${flag} ${text}: write ${PIN_FORM}`);
    return pin;
  });
}

function parseName(text: string, flag: string): string {
  if (isIP(text) !== 0 || hostName(text) !== '') return text;
  throw new UsageError(`--${flag} ${text}: write a host name, such as server.example, or an IP address`);
}

export const TLS_OPTIONS = {
  tlsCert: {
    flag: 'tls-cert',
    value: 'FILE',
    help: 'certificate to show; how: README, Certificates',
    about: 'striping',
  },
  tlsKey: {
    flag: 'tls-key',
    value: 'FILE',
    help: 'its private key (in the same file)',
    about: 'striping',
    rare: true,
  },
  tlsCa: {
    flag: 'tls-ca',
    value: 'FILE',
    help: "-c: who signs the server's certificate (system)",
    noFile: 'system',
    about: 'striped servers',
  },
  tlsName: {
    flag: 'tls-name',
    value: 'NAME',
    help: '-c: what it has to be for (the host of PEER)',
    about: 'striped servers',
    rare: true,
    parse: parseName,
  },
  tlsClientCa: {
    flag: 'tls-client-ca',
    value: 'FILE',
    help: '-s: who signs certificates of clients (none asked)',
    about: 'striped clients',
    rare: true,
  },
  tlsPin: {
    flag: 'tls-pin',
    value: 'PIN',
    help: "the other side's public key: sha256/BASE64 (any)",
    about: 'striping',
    rare: true,
    repeatable: true,
    parse: parsePins,
  },
} as const;
