/**
 * The codecs that there are: zstd and LZ4 by the addon; zstd by node:zlib where the addon lacks it and Node has it (22.15).
 */

import zlib from 'node:zlib';
import { loadAddon, type NativeAddon } from '../../sys/addon.ts';
import {
  type Codec,
  CodecRegistry,
  type CodecStream,
  type CompressorOptions,
  type Levels,
  MOST_WINDOW_LOG,
} from './codec.ts';
import { NATIVE_KINDS, NativeStream } from './native.ts';
import { NodeCodecStream, type ZlibStream } from './node_stream.ts';

/** Both ends of the levels of the zstd command; `--fast=7` is -7. Above 19 it takes memory that no peer should be asked for. */
const ZSTD_LEVELS: Levels = { least: -7, most: 19, usual: 3, high: 9 };
const LZ4_LEVELS: Levels = { least: -10, most: 12, usual: 1, high: 9 };

type Name = 'zstd' | 'lz4';

const FORMS = {
  zstd: { bit: 4, magic: Buffer.from('28b52ffd', 'hex'), levels: ZSTD_LEVELS },
  lz4: { bit: 8, magic: Buffer.from('04224d18', 'hex'), levels: LZ4_LEVELS },
} as const;

/** The names that `--compress` takes, whether this process has them or not. */
export const CODEC_NAMES = Object.keys(FORMS) as readonly Name[];

/** What levels mean, also where the codec is not to be had. */
export function levelsOf(name: string): Levels | null {
  return FORMS[name as Name]?.levels ?? null;
}

/** zstd streams of node:zlib, which the types of Node 20 do not know. */
interface ZstdOfNode {
  createZstdCompress?(options: { params: Record<number, number> }): ZlibStream;
  createZstdDecompress?(options: { params: Record<number, number> }): ZlibStream;
}
const ofNode = zlib as unknown as ZstdOfNode;
/** As zstd.h numbers them. */
const C_LEVEL = 100;
const C_WINDOW_LOG = 101;
const D_WINDOW_LOG_MAX = 100;
const E_FLUSH = 1;

/** History of a stream whose ratio is all that matters; otherwise it goes with the level, up to the same. */
function windowLogOf({ level, high }: CompressorOptions): number {
  return high || level > 15 ? MOST_WINDOW_LOG : 0;
}

function nativeCodec(addon: NativeAddon, name: Name): Codec {
  const { compressor, decompressor } = NATIVE_KINDS[name];
  return {
    name,
    ...FORMS[name],
    compressor: (options) => new NativeStream(addon, compressor, options.level, windowLogOf(options)),
    decompressor: () => new NativeStream(addon, decompressor, 0, MOST_WINDOW_LOG),
  };
}

/** zstd by node:zlib, or null where Node does not have it. */
export function zstdOfNode(): Codec | null {
  const { createZstdCompress, createZstdDecompress } = ofNode;
  if (createZstdCompress === undefined || createZstdDecompress === undefined) return null;
  const wrap = (stream: ZlibStream): CodecStream =>
    new NodeCodecStream(stream, { partial: E_FLUSH, full: E_FLUSH });
  return {
    name: 'zstd',
    ...FORMS.zstd,
    compressor(options) {
      const windowLog = windowLogOf(options);
      const window = windowLog === 0 ? {} : { [C_WINDOW_LOG]: windowLog };
      return wrap(createZstdCompress({ params: { [C_LEVEL]: options.level, ...window } }));
    },
    decompressor: () => wrap(createZstdDecompress({ params: { [D_WINDOW_LOG_MAX]: MOST_WINDOW_LOG } })),
  };
}

let known: CodecRegistry | undefined;

/** All that this process has, found once. A third one is added to it: docs/compression.md. */
export function availableCodecs(): CodecRegistry {
  known ??= findCodecs(loadAddon());
  return known;
}

/** For tests: without the addon, `null`. */
export function findCodecs(addon: NativeAddon | null): CodecRegistry {
  const registry = new CodecRegistry();
  const zstd = addon?.CodecStream.hasZstd ? nativeCodec(addon, 'zstd') : zstdOfNode();
  if (zstd !== null) registry.add(zstd);
  if (addon?.CodecStream.hasLz4) registry.add(nativeCodec(addon, 'lz4'));
  return registry;
}

/** Why a codec of {@link CODEC_NAMES} is not to be had, and what to do. */
export function missingCodec(name: string): string {
  const instead =
    name === 'zstd'
      ? 'use the native addon with libzstd inside, or Node 22.15 or newer, which has it'
      : 'use the native addon with liblz4 inside, or zstd, which Node 22.15 and newer has';
  return `this build has no ${name}: ${instead} (Debian, from source: apt-get install libzstd-dev liblz4-dev, then make build)`;
}
