// What the tests of src/sys share.

import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import type { SocketAddress } from '../../src/core/address.ts';
import { addonProblem, loadAddon, type NativeAddon } from '../../src/sys/addon.ts';
import { EAGAIN, EINPROGRESS } from '../../src/sys/errno.ts';
import { POLL_ERR, POLL_HUP, POLL_IN, POLL_OUT, POLL_RDHUP, poller } from '../../src/sys/poller.ts';
import { bindSocket, connectSocket, localAddressOf, openSocket } from '../../src/sys/socket.ts';
import { GUARD_MS } from '../helpers/settle.ts';

/** These tests are about the addon: without it they fail. */
export const addon: NativeAddon = (() => {
  const loaded = loadAddon();
  if (loaded === null) throw new Error(`these tests need the native addon: ${addonProblem()}`);
  return loaded;
})();

export const V4: SocketAddress = { family: 4, host: '127.0.0.1', port: 0 };
export const V6: SocketAddress = { family: 6, host: '::1', port: 0 };

/** Open descriptors of this process. */
export function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length;
}

/** A test that must leave as many descriptors open as it found; `sockets` closes its own. */
export function sysTest(name: string, body: (t: Test, sockets: Sockets) => Promise<void>): void {
  t.test(name, async (t) => {
    poller(); // opens a descriptor of its own, once
    firstChild ??= anyChild();
    await firstChild;
    const before = openDescriptors();
    const watched = poller().watched;
    const sockets = new Sockets();
    try {
      await body(t, sockets);
    } finally {
      sockets.closeAll();
    }
    for (let i = 0; i < 500 && openDescriptors() !== before; i++) await sleep(20);
    t.equal(openDescriptors(), before, 'no descriptor is left open');
    t.equal(poller().watched, watched, 'nothing is left in the poll');
  });
}

// Node keeps a descriptor on /dev/null from the first child on.
let firstChild: Promise<void> | undefined;

function anyChild(): Promise<void> {
  return new Promise((resolve) =>
    spawn('true', { stdio: ['ignore', 'pipe', 'pipe'] }).on('close', () => resolve()),
  );
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Fails the test that gave it when the result is an error, and says which call it was. */
export function ok(result: number, what: string): number {
  if (result < 0) throw new Error(`${what} gave ${result}`);
  return result;
}

interface Waiting {
  bits: number;
  resolve: (mask: number) => void;
}

/** A descriptor in the thread's poll, on which several parties can wait. */
export class Waiter {
  readonly fd: number;
  readonly #slot: number;
  #waiting: Waiting[] = [];

  constructor(fd: number) {
    this.fd = fd;
    this.#slot = ok(poller().watch(fd, this), 'watch');
  }

  onPoll(mask: number): void {
    const woken = this.#waiting.filter(({ bits }) => (bits & mask) !== 0);
    this.#waiting = this.#waiting.filter((entry) => !woken.includes(entry));
    for (const { resolve } of woken) resolve(mask);
  }

  /** The next event with one of these bits. Errors and hangups always count. */
  next(bits: number): Promise<number> {
    return new Promise((resolve) => this.#waiting.push({ bits: bits | POLL_ERR | POLL_HUP, resolve }));
  }

  close(): void {
    poller().unwatch(this.#slot, this.fd);
  }
}

/** Opens sockets, moves bytes through them, and closes what is still open at the end. */
export class Sockets {
  readonly #open = new Map<number, Waiter | null>();

  /** From now on closeAll closes this one too. */
  own(fd: number): number {
    this.#open.set(fd, null);
    return fd;
  }

  listen(address: SocketAddress, prepare?: (fd: number) => void): { fd: number; address: SocketAddress } {
    const fd = this.own(ok(openSocket(addon, address), 'socket'));
    prepare?.(fd);
    ok(bindSocket(addon, fd, address), 'bind');
    ok(addon.listen(fd, 128), 'listen');
    const bound = localAddressOf(addon, fd);
    if (typeof bound === 'number') throw new Error(`localAddress gave ${bound}`);
    return { fd, address: bound };
  }

  /** Connects, and accepts at the listener: both ends, established. */
  async connectTo(listener: number, address: SocketAddress): Promise<{ client: number; server: number }> {
    const client = this.own(ok(openSocket(addon, address), 'socket'));
    const result = connectSocket(addon, client, address);
    if (result !== -EINPROGRESS) ok(result, 'connect');
    let server = addon.accept(listener);
    if (server === -EAGAIN) {
      await this.wait(listener, POLL_IN);
      server = addon.accept(listener);
    }
    this.own(ok(server, 'accept'));
    await this.wait(client, POLL_OUT);
    ok(addon.socketError(client), 'socketError');
    return { client, server };
  }

  /** Two connected ends over TCP, or whatever the address says. */
  async pair(address: SocketAddress = V4): Promise<{ client: number; server: number }> {
    const listener = this.listen(address);
    const ends = await this.connectTo(listener.fd, listener.address);
    this.close(listener.fd);
    return ends;
  }

  /** The next event with one of these bits; what is so already counts when `fd` is waited for the first time. */
  wait(fd: number, bits: number): Promise<number> {
    let waiter = this.#open.get(fd) ?? null;
    if (waiter === null) {
      waiter = new Waiter(fd);
      this.#open.set(fd, waiter);
    }
    return waiter.next(bits);
  }

  async sendAll(fd: number, bytes: Uint8Array): Promise<void> {
    let at = 0;
    while (at < bytes.length) {
      const sent = addon.send(fd, bytes, at, bytes.length - at);
      if (sent === -EAGAIN) await this.wait(fd, POLL_OUT);
      else at += ok(sent, 'send');
    }
  }

  /** Reads until FIN or an error; `end` is 0 or the negative errno. */
  async recvAll(fd: number): Promise<{ bytes: Buffer; end: number }> {
    const buffer = new Uint8Array(65536);
    const parts: Buffer[] = [];
    for (;;) {
      const got = addon.recv(fd, buffer, 0, buffer.length);
      if (got > 0) parts.push(Buffer.from(buffer.subarray(0, got)));
      else if (got === -EAGAIN) await this.wait(fd, POLL_IN | POLL_RDHUP);
      else return { bytes: Buffer.concat(parts), end: got };
    }
  }

  /** Reads exactly so many bytes. */
  async recvSome(fd: number, count: number): Promise<Buffer> {
    const buffer = Buffer.alloc(count);
    let at = 0;
    while (at < count) {
      const got = addon.recv(fd, buffer, at, count - at);
      if (got === -EAGAIN) await this.wait(fd, POLL_IN);
      else if (ok(got, 'recv') === 0) throw new Error(`FIN after ${at} of ${count} bytes`);
      else at += got;
    }
    return buffer;
  }

  close(fd: number): void {
    this.forget(fd);
    ok(addon.close(fd), 'close');
  }

  reset(fd: number): void {
    this.forget(fd);
    ok(addon.reset(fd), 'reset');
  }

  /** The descriptor is somebody else's from now on. */
  forget(fd: number): void {
    this.#open.get(fd)?.close();
    this.#open.delete(fd);
  }

  closeAll(): void {
    for (const fd of [...this.#open.keys()]) this.close(fd);
  }
}

const DIST = new URL('../../', import.meta.url);

/** The URL of a compiled module, for a script that is to run elsewhere: `src/sys/poller.js`. */
export function moduleUrl(path: string): string {
  return new URL(path, DIST).href;
}

export const PACKAGE_ROOT = fileURLToPath(new URL('../', DIST));

/** Begins every script for another process or thread. */
export const PRELUDE = `
const { loadAddon, addonProblem } = await import('${moduleUrl('src/sys/addon.js')}');
const { Poller, poller } = await import('${moduleUrl('src/sys/poller.js')}');
const { KernelPipePool } = await import('${moduleUrl('src/sys/kernel_pipe.js')}');
const { readdirSync } = await import('node:fs');
`;

export interface ChildResult {
  code: number | null;
  signal: string | null;
  stdout: string;
  stderr: string;
}

/** Runs an ES module in a Node of its own. `shell` comes before it, for example `ulimit -n 64`. */
export function runNode(
  script: string,
  options: { env?: Record<string, string>; shell?: string; flags?: string[] } = {},
): Promise<ChildResult> {
  const { env = {}, shell = ':', flags = [] } = options;
  return new Promise((resolve, reject) => {
    const args = ['-c', `${shell}; exec "$@"`, 'sh', process.execPath, ...flags];
    const child = spawn('sh', [...args, '--input-type=module', '-e', script], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: GUARD_MS,
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}
