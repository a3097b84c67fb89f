/**
 * All that is fuzzed.
 */

import type { FuzzTarget } from './target.ts';
import { address } from './targets/address.ts';
import { command } from './targets/command.ts';
import { datagram } from './targets/datagram.ts';
import { frames } from './targets/frames.ts';
import { greeting } from './targets/greeting.ts';
import { handshake } from './targets/handshake.ts';
import { join } from './targets/join.ts';
import { keyFile } from './targets/key_file.ts';
import { leb128 } from './targets/leb128.ts';
import { trunk } from './targets/trunk.ts';

export const TARGETS: readonly FuzzTarget[] = [
  leb128,
  datagram,
  frames,
  trunk,
  handshake,
  greeting,
  join,
  address,
  command,
  keyFile,
];
