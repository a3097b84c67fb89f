/** Addresses, as people write them: what is taken can be written again, and means the same. */

import { isIP } from 'node:net';
import {
  AddressError,
  type Endpoint,
  formatEndpoint,
  formatEndpoints,
  parseEndpoint,
  takeEndpoints,
} from '../../../src/core/address.ts';
import { formatLocalEnd, parseLocalEnd } from '../../../src/layer/tcp/local_end.ts';
import { expect, type FuzzTarget } from '../target.ts';
import { expectPrintable, wordsOf } from './text.ts';

/** What it parses to, or the beginning of what is wrong. */
function attempt<T>(parse: () => T): T | string {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof AddressError)) throw error;
    expectPrintable(error.message);
    return wordsOf(error);
  }
}

function checkEndpoint(endpoint: Endpoint): string {
  const text = formatEndpoint(endpoint);
  if (endpoint.path !== undefined) return 'path';
  const { host, port } = endpoint;
  expect(Number.isInteger(port) && port >= 0 && port <= 65_535, `port ${port}`);
  expect(!/[\s\0]/.test(host), `a blank in the host ${JSON.stringify(host)}`);
  const again = parseEndpoint(text);
  expect(again.host === host && again.port === port, `${text} is read as ${JSON.stringify(again)}`);
  return host === '' ? 'port' : `family ${isIP(host)}`;
}

export const address: FuzzTarget = {
  name: 'address',
  maxBytes: 200,
  dictionary: [
    '[::1]',
    ':80',
    '65535',
    '65536',
    'unix:',
    'unix:@',
    '/',
    '\\0',
    '%eth0',
    '::ffff:1.2.3.4',
    ',',
    ' ',
    '..',
    '\0',
  ],
  seeds: [
    'host:80',
    'host 80',
    '[2001:db8::1]:443',
    '::1 80',
    ':0',
    '80',
    '/run/x.sock',
    'unix:@name',
    'a:1,b:2',
    'fe80::1%lo',
    'a,b 7',
  ],
  run(input) {
    const text = input.toString('utf8');
    const one = attempt(() => parseEndpoint(text));
    const many = attempt(() => takeEndpoints(text.split(' ')));
    const local = attempt(() => parseLocalEnd(text));
    const outcomes = [typeof one === 'string' ? one : checkEndpoint(one)];
    if (typeof many === 'string') outcomes.push(many);
    else {
      const [endpoints, rest] = many;
      for (const endpoint of endpoints) outcomes.push(checkEndpoint(endpoint));
      expect(formatEndpoints(endpoints) !== '' || endpoints.length === 0, 'nothing is written');
      expect(rest.length < text.split(' ').length, 'no word was taken');
    }
    if (typeof local === 'string') outcomes.push(local);
    else {
      const again = parseLocalEnd(formatLocalEnd(local));
      expect(
        JSON.stringify(again) === JSON.stringify(local),
        `${formatLocalEnd(local)} is another end when read`,
      );
      outcomes.push('device' in local ? 'device' : `from ${local.family}`);
    }
    return outcomes;
  },
};
