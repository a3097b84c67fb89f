/**
 * --help: what is needed often, on one screen of 80 x 40; --help=all has the rest, too.
 */

import { OPTION_LIST, OPTIONS } from './options.ts';

const HEAD = `usage: tcp-proxy -c LISTEN PEER    near the client: accept apps, dial the peer
       tcp-proxy -s LISTEN TARGET  near the server: accept peers, dial target
       tcp-proxy -r LISTEN TARGET  a plain relay, without a peer
       tcp-proxy --config FILE     listeners and options from a file
       tcp-proxy check FILE        look such a file through; schema: its schema
       tcp-proxy keygen [FILE]     make a key for --key, or a token for --admin
       tcp-proxy top [ADMIN]       watch a proxy that has --admin

An address is host:port, "host port" as two words, :port, port, [ipv6]:port, or
the path of a Unix socket. LISTEN without a host is every address, PEER and
TARGET without one this machine.
`;

const TAIL = `
ssh to a server through a pair of proxies:
  tcp-proxy -s 0.0.0.0:22222 127.0.0.1:22        on the server
  tcp-proxy -c 127.0.0.1:11111 server 22222      on your machine
  ssh -p 11111 localhost

SIGTERM and Ctrl-C: finish what is open, then exit; a second one exits at once.
Exit codes: 0 done, 1 failed or ended by a second signal, 2 wrong usage.
`;

const MODES: readonly string[] = [OPTIONS.client.flag, OPTIONS.server.flag, OPTIONS.relay.flag];

/** @param all with the rare options, which take it beyond a screen */
export function helpText(all = false): string {
  const rows = OPTION_LIST.map(([, spec]) => spec)
    .filter((spec) => !MODES.includes(spec.flag) && (all || spec.rare !== true))
    .map((spec) => {
      const short = spec.short === undefined ? '    ' : `-${spec.short}, `;
      const value = spec.value === undefined ? '' : ` ${spec.value}`;
      return [`  ${short}--${spec.flag}${value}`, spec.help] as const;
    });
  const width = Math.max(...rows.map(([name]) => name.length));
  const lines = rows.map(([name, help]) => `${name.padEnd(width)}  ${help}`);
  return `${HEAD}\n${lines.join('\n')}\n${TAIL}`;
}
