/**
 * What is compressed: the same bytes in each run on a machine.
 */

import { createCipheriv } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../host/load-programs.ts';

const MIB = 1024 * 1024;

export interface Input {
  readonly name: string;
  readonly bytes: Buffer;
}

/** @param mib of each of them */
export function makeInputs(mib: number): Input[] {
  const size = mib * MIB;
  return [
    // Of 9 MB, which is more than any codec here looks back.
    {
      name: 'program text',
      bytes: repeated(readFileSync(join(root, 'node_modules/typescript/lib/typescript.js')), size),
    },
    { name: 'JSON logs', bytes: jsonLogs(size) },
    { name: 'disk image', bytes: diskImage(size) },
    { name: 'random bytes', bytes: randomBytes(size) },
  ];
}

/** Seeded: AES-CTR of nothing. */
function randomBytes(size: number): Buffer {
  return createCipheriv('aes-128-ctr', Buffer.alloc(16, 'bench'), Buffer.alloc(16)).update(
    Buffer.alloc(size),
  );
}

function repeated(bytes: Buffer, size: number): Buffer {
  const all = Buffer.alloc(size);
  for (let at = 0; at < size; at += bytes.length) bytes.copy(all, at);
  return all;
}

/** A web server's, a line a request: what differs from line to line differs as it does there. */
function jsonLogs(size: number): Buffer {
  const random = randomNumbers();
  const pick = <T>(words: readonly T[]): T => words[Math.floor(random() ** 2 * words.length)] as T;
  const paths = Array.from(
    { length: 200 },
    (_, i) => `/api/v2/${pick(['users', 'orders', 'items'])}/${i * 37}`,
  );
  const agents = [
    'Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/145.0',
    'curl/8.5.0',
    'okhttp/4.12.0',
  ];
  const lines: string[] = [];
  let length = 0;
  for (let i = 0; length < size; i++) {
    const line = `${JSON.stringify({
      time: new Date(1.79e12 + i * 7 + Math.floor(random() * 7)).toISOString(),
      level: pick(['info', 'warn', 'error']),
      request: Math.floor(random() * 2 ** 48).toString(16),
      method: pick(['GET', 'POST', 'DELETE']),
      path: pick(paths),
      status: pick([200, 304, 404, 500]),
      bytes: Math.floor(random() ** 4 * 100_000),
      ms: Number((random() ** 3 * 900).toFixed(3)),
      client: `10.${Math.floor(random() * 4)}.${Math.floor(random() * 256)}.${Math.floor(random() * 256)}`,
      agent: pick(agents),
    })}\n`;
    lines.push(line);
    length += line.length;
  }
  return Buffer.from(lines.join('')).subarray(0, size);
}

/** As a file system lays it out: programs, then blocks that were never written, then text, and again. */
function diskImage(size: number): Buffer {
  const program = readFileSync(process.execPath);
  const image = Buffer.alloc(size);
  const stride = 4 * MIB;
  for (let at = 0, from = 0; at < size; at += stride, from += stride) {
    program.copy(image, at, from % program.length, (from % program.length) + (3 * stride) / 4);
  }
  return image;
}

/** From 0 to below 1: a linear congruential generator will do here. */
function randomNumbers(): () => number {
  let state = 42;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
