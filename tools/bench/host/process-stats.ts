// What Linux says in /proc of the CPU time and the memory of a process and of what it forked.

import { readdirSync, readFileSync } from 'node:fs';

// USER_HZ: what the kernel shows to programs, the same on every Linux that Node runs on, whatever CONFIG_HZ says. The
// sum of utime and stime is exact run time, rounded down to such a tick.
const ticksPerSecond = 100;

export interface Memory {
  rssBytes: number;
  pssBytes: number;
}

function statFields(pid: number): string[] | null {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The command name, field 2, may hold spaces and parentheses: count from its end. [0] is then field 3, the state.
    return text.slice(text.lastIndexOf(')') + 2).split(' ');
  } catch {
    return null;
  }
}

function field(fields: string[], number: number): number {
  return Number(fields[number - 3]);
}

export function isAlive(pid: number): boolean {
  const fields = statFields(pid);
  return fields !== null && fields[0] !== 'Z';
}

/** Children, their children, and so on. */
export function descendants(pid: number): number[] {
  const found: number[] = [];
  let threads: string[];
  try {
    threads = readdirSync(`/proc/${pid}/task`);
  } catch {
    return found;
  }
  for (const thread of threads) {
    let children = '';
    try {
      children = readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8');
    } catch {
      continue;
    }
    for (const word of children.split(' ')) {
      const child = Number(word);
      if (child > 0) found.push(child, ...descendants(child));
    }
  }
  return found;
}

/** User and system time of a process, all its threads, its living descendants and its children that have ended. */
export function cpuSeconds(pid: number): number {
  let ticks = 0;
  for (const one of [pid, ...descendants(pid)]) {
    const fields = statFields(one);
    if (fields === null) continue;
    for (const number of [14, 15, 16, 17]) ticks += field(fields, number); // utime stime cutime cstime
  }
  return ticks / ticksPerSecond;
}

/** Resident and proportional set size of a process and its descendants. */
export function memoryOf(pid: number): Memory {
  const sum: Memory = { rssBytes: 0, pssBytes: 0 };
  for (const one of [pid, ...descendants(pid)]) {
    const text = readFileSync(`/proc/${one}/smaps_rollup`, 'utf8');
    sum.rssBytes += kilobytes(text, 'Rss');
    sum.pssBytes += kilobytes(text, 'Pss');
  }
  return sum;
}

function kilobytes(text: string, name: string): number {
  const match = text.match(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm'));
  if (match === null) throw new Error(`no ${name} in smaps_rollup`);
  return Number(match[1]) * 1024;
}

/** CPU time that the whole machine has spent on work of any kind. */
export function machineBusySeconds(): number {
  const line = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0] ?? '';
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = line
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user + nice + system + irq + softirq) / ticksPerSecond;
}
