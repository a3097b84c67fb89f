/**
 * Congestion control by name, in words: which ones this kernel has, and which of them this user may choose.
 */

import { readFileSync } from 'node:fs';
import { PipeError } from '../../core/errors.ts';
import { escapeText } from '../../core/format.ts';

/** `unknown`: the kernel does not have it, or has no such name; `forbidden`: it is for privileged users only. */
export function congestionError(name: string, why: 'unknown' | 'forbidden'): PipeError {
  const shown = `'${escapeText(name, 40)}'`;
  if (why === 'unknown') {
    const words = `this kernel has no congestion control ${shown}${offer('available', '; it has ')}`;
    return new PipeError('address-invalid', 'tcp', words);
  }
  const words = `this user may not choose the congestion control ${shown}${offer('allowed', ', but ')}`;
  return new PipeError('permission', 'tcp', `${words} (net.ipv4.tcp_allowed_congestion_control)`);
}

/** The kernel's list as words, or nothing where there is none. */
function offer(which: 'available' | 'allowed', before: string): string {
  try {
    const names = readFileSync(`/proc/sys/net/ipv4/tcp_${which}_congestion_control`, 'latin1').trim();
    return `${before}${names.split(/\s+/).join(', ')}`;
  } catch {
    return '';
  }
}
