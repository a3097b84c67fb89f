// The other relays of the comparison, each with one thread or one worker, no log, and its own defaults otherwise.

import { spawnSync } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from '../host/ports.ts';
import { find, missingProgram } from '../host/programs.ts';
import { type Contender, everyMeasure, type LaunchPlace, type Side } from './contender.ts';
import { mostConnections } from './measure.ts';

// HAProxy wants two descriptors for each connection, and pipes for a quarter of them.
const descriptorsEach = 2.5;
// More than the idle measure opens.
const maxConnections = Math.min(10_500, mostConnections(descriptorsEach));

function ask(program: string, args: string[], pattern: RegExp): string {
  const { stdout, stderr } = spawnSync(find(program) ?? program, args, { encoding: 'utf8', timeout: 5000 });
  return `${stdout}${stderr}`.match(pattern)?.[1] ?? 'unknown';
}

export const haproxyVersion = () => `HAProxy ${ask('haproxy', ['-v'], /version (\S+)/)}`;

interface HaproxyOptions {
  splice?: boolean;
  /** One after the other: two are what a pair of proxies is to be compared with. */
  hops?: 1 | 2;
}

export function haproxy(name: string, { splice = false, hops = 1 }: HaproxyOptions = {}): Contender {
  return {
    name,
    title: `${hops === 2 ? '2 x ' : ''}HAProxy${splice ? ', splice' : ''}`,
    measures: everyMeasure,
    descriptorsEach,
    missing: () => missingProgram('haproxy', 'haproxy'),
    version: haproxyVersion,
    sides: async ({ listen, target, directory }) => {
      if (hops === 1) return [haproxySide('relay', listen, target, directory, splice)];
      const middle = await freePort();
      return [
        haproxySide('first', listen, middle, directory, splice),
        haproxySide('second', middle, target, directory, splice),
      ];
    },
  };
}

function haproxySide(name: string, listen: number, target: number, directory: string, splice: boolean): Side {
  const file = join(directory, `haproxy-${name}.cfg`);
  writeFileSync(
    file,
    `global
  nbthread 1
  maxconn ${maxConnections}
defaults
  mode tcp
  ${splice ? 'option splice-auto' : ''}
  timeout connect 5s
  timeout client 10m
  timeout server 10m
listen relay
  bind 127.0.0.1:${listen}
  server target 127.0.0.1:${target}
`,
  );
  return { name, listen, command: { program: find('haproxy') ?? '', args: ['-db', '-f', file] } };
}

const nginxStreamModule = '/usr/lib/nginx/modules/ngx_stream_module.so';

function nginxStream(): 'built in' | 'module' | null {
  const asked = spawnSync(find('nginx') ?? 'nginx', ['-V'], { encoding: 'utf8', timeout: 5000 });
  if (/--with-stream(\s|$)/.test(asked.stderr ?? '')) return 'built in';
  return existsSync(nginxStreamModule) ? 'module' : null;
}

// proxy_half_close (nginx 1.21.4): without it nginx takes one side's FIN for the end of both directions, and the answer
// that the target gives after the client's FIN is lost.
function nginxConfiguration({ listen, target, directory }: LaunchPlace): string {
  // Root's workers would become nobody, who may not read this directory; the comparison needs no such step.
  const user = process.getuid?.() === 0 ? 'user root root;' : '';
  return `${nginxStream() === 'module' ? `load_module ${nginxStreamModule};` : ''}
${user}
daemon off;
worker_processes 1;
pid ${join(directory, 'nginx.pid')};
error_log stderr crit;
events { worker_connections ${maxConnections * 2 + 100}; }
stream {
  access_log off;
  server {
    listen 127.0.0.1:${listen} backlog=4096;
    proxy_pass 127.0.0.1:${target};
    proxy_buffer_size 256k;
    proxy_half_close on;
    proxy_timeout 10m;
  }
}
`;
}

export const nginx: Contender = {
  name: 'nginx',
  title: 'nginx stream, 256 KiB',
  measures: everyMeasure,
  descriptorsEach,
  missing: () =>
    missingProgram('nginx', 'nginx') ??
    (nginxStream() === null
      ? { what: 'the stream module of nginx', remedy: 'Debian package libnginx-mod-stream' }
      : null),
  version: () => `nginx ${ask('nginx', ['-v'], /nginx\/(\S+)/)}`,
  sides: (place) => {
    const file = join(place.directory, 'nginx.conf');
    writeFileSync(file, nginxConfiguration(place));
    const args = ['-p', place.directory, '-e', 'stderr', '-c', file];
    return [{ name: 'relay', listen: place.listen, command: { program: find('nginx') ?? '', args } }];
  },
};

export const socat: Contender = {
  name: 'socat',
  title: 'socat, fork',
  // A process per connection: neither its memory at thousands of connections nor its rate is a comparison.
  measures: new Set(['bulk-up', 'bulk-down', 'latency']),
  missing: () => missingProgram('socat', 'socat'),
  version: () => `socat ${ask('socat', ['-V'], /socat version (\S+)/)}`,
  sides: ({ listen, target }) => {
    const from = `TCP4-LISTEN:${listen},bind=127.0.0.1,reuseaddr,fork,nodelay`;
    const args = [from, `TCP4:127.0.0.1:${target},nodelay`];
    return [{ name: 'relay', listen, command: { program: find('socat') ?? '', args } }];
  },
};
