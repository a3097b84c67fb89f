// Pairs of other programs with TLS 1.3 between them, each with one thread, AES-128-GCM as ours, and its own defaults otherwise.

import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Contender, everyMeasure, type LaunchPlace, type Side } from '../compare/contender.ts';
import { haproxyVersion } from '../compare/peers.ts';
import { freePort } from '../host/ports.ts';
import { find, missingProgram } from '../host/programs.ts';

const SUITE = 'TLS_AES_128_GCM_SHA256';

/** A key for both sides of ours. */
export function keyOptions(directory: string): string[] {
  const file = join(directory, 'striper.key');
  writeFileSync(file, `${randomBytes(32).toString('base64')}\n`, { mode: 0o600 });
  return ['--key', file];
}

/** A certificate with its key, in one file, as both programs take it. */
function certificate(directory: string): string {
  const [key, cert, both] = ['key', 'cert', 'both'].map((name) => join(directory, `${name}.pem`)) as [
    string,
    string,
    string,
  ];
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'];
  const files = ['-keyout', key, '-out', cert, '-days', '2', '-subj', '/CN=bench'];
  execFileSync(find('openssl') ?? 'openssl', ['req', '-x509', '-nodes', ...curve, ...files], {
    stdio: 'ignore',
  });
  writeFileSync(both, readFileSync(cert, 'utf8') + readFileSync(key, 'utf8'), { mode: 0o600 });
  return both;
}

async function pairOf(
  { listen, target, directory }: LaunchPlace,
  side: (role: 'client' | 'server', listen: number, target: number, certificate: string) => Side,
): Promise<Side[]> {
  const middle = await freePort();
  const pem = certificate(directory);
  return [side('client', listen, middle, pem), side('server', middle, target, pem)];
}

export const haproxyTls: Contender = {
  name: 'haproxy-tls',
  title: '2 x HAProxy, TLS 1.3 between',
  measures: everyMeasure,
  descriptorsEach: 2.5,
  missing: () => missingProgram('haproxy', 'haproxy') ?? missingProgram('openssl', 'openssl'),
  version: haproxyVersion,
  sides: (place) =>
    pairOf(place, (role, listen, target, pem) => {
      const file = join(place.directory, `haproxy-${role}.cfg`);
      const bind = role === 'server' ? ` ssl crt ${pem}` : '';
      const towards = role === 'client' ? ' ssl verify none' : '';
      writeFileSync(
        file,
        `global
  nbthread 1
  ssl-default-bind-options ssl-min-ver TLSv1.3
  ssl-default-server-options ssl-min-ver TLSv1.3
  ssl-default-bind-ciphersuites ${SUITE}
  ssl-default-server-ciphersuites ${SUITE}
defaults
  mode tcp
  timeout connect 5s
  timeout client 10m
  timeout server 10m
listen relay
  bind 127.0.0.1:${listen}${bind}
  server target 127.0.0.1:${target}${towards}
`,
      );
      return { name: role, listen, command: { program: find('haproxy') ?? '', args: ['-db', '-f', file] } };
    }),
};

export const stunnel: Contender = {
  name: 'stunnel',
  title: '2 x stunnel, TLS 1.3 between',
  // A thread per connection.
  measures: new Set(['bulk-up', 'bulk-down', 'iperf3-up', 'iperf3-down', 'latency']),
  missing: () => missingProgram('stunnel4', 'stunnel4') ?? missingProgram('openssl', 'openssl'),
  version: () => {
    const { stdout, stderr } = spawnSync(find('stunnel4') ?? 'stunnel4', ['-version'], { encoding: 'utf8' });
    return `stunnel ${/stunnel (\S+)/.exec(`${stdout}${stderr}`)?.[1] ?? 'unknown'}`;
  },
  sides: (place) =>
    pairOf(place, (role, listen, target, pem) => {
      const file = join(place.directory, `stunnel-${role}.conf`);
      writeFileSync(
        file,
        `foreground = quiet
pid =
debug = err
sslVersionMin = TLSv1.3
ciphersuites = ${SUITE}
[relay]
client = ${role === 'client' ? 'yes' : 'no'}
accept = 127.0.0.1:${listen}
connect = 127.0.0.1:${target}
${role === 'server' ? `cert = ${pem}` : ''}
`,
      );
      return { name: role, listen, command: { program: find('stunnel4') ?? '', args: [file] } };
    }),
};
