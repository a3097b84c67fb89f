/**
 * The ways that an app connection can take through our processes, and the selections of them that tests run over.
 */

/** How app connections travel: through one process or a pair, and on which backend. */
export interface Way {
  readonly name: string;
  readonly pair: boolean;
  readonly env: Readonly<Record<string, string>>;
  /** Options of both proxies. */
  readonly args?: readonly string[];
  /** Connections that a striped pair keeps between its two; they are there when it is idle, too. */
  readonly carriers?: number;
}

const native = { TCP_STRIPER_BACKEND: 'native' };
const portable = { TCP_STRIPER_BACKEND: 'portable' };

export const RELAY: Way = { name: 'relay, native', pair: false, env: native };
export const RELAY_COPYING: Way = {
  name: 'relay, native without splice',
  pair: false,
  env: { ...native, TCP_STRIPER_SPLICE: 'off' },
};
export const RELAY_PORTABLE: Way = { name: 'relay, portable', pair: false, env: portable };
/** The classic framing: one connection between the proxies per app connection. */
const CLASSIC = ['-n', '0'];
export const PAIR: Way = { name: 'pair, native', pair: true, env: native, args: CLASSIC };
export const PAIR_PORTABLE: Way = { name: 'pair, portable', pair: true, env: portable, args: CLASSIC };

function striped(carriers: number, backend: 'native' | 'portable'): Way {
  return {
    name: `pair, ${backend}, striped over ${carriers}`,
    pair: true,
    env: { TCP_STRIPER_BACKEND: backend },
    args: ['-n', String(carriers)],
    carriers,
  };
}

export const STRIPED = striped(4, 'native');
export const STRIPED_PORTABLE = striped(4, 'portable');

/** A pair frames its data, so that splicing does not apply to it. */
export const CLASSIC_WAYS: readonly Way[] = [RELAY, RELAY_COPYING, RELAY_PORTABLE, PAIR, PAIR_PORTABLE];
/** Everything that a user gets by choosing between relay and pair, and by having the addon or not. */
export const WAYS: readonly Way[] = [...CLASSIC_WAYS, STRIPED, STRIPED_PORTABLE];
/** One carrier is the smallest trunk, 64 the largest that may be asked for. */
export const OTHER_CARRIERS: readonly Way[] = [1, 2, 8, 64].map((carriers) => striped(carriers, 'native'));
/** Compressed in either way, and by the pair's own choice. */
const COMPRESSED: readonly Way[] = ['zstd', 'lz4', 'auto'].map((how) => ({
  ...STRIPED,
  name: `${STRIPED.name}, ${how}`,
  args: [...(STRIPED.args ?? []), '--compress', how],
}));
/** Where the number of carriers, or what becomes of the bytes, may matter to what a test is about. */
export const ALL_WAYS: readonly Way[] = [...WAYS, ...OTHER_CARRIERS, ...COMPRESSED];
/** For tests in which the way that bytes take does not matter. */
export const BACKENDS = [RELAY, RELAY_PORTABLE] as const;
export const PAIRS = [PAIR, PAIR_PORTABLE, STRIPED, STRIPED_PORTABLE] as const;
