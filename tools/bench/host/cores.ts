// Which CPUs the relay and the load run on. Pinned, the CPU time per GB of nginx spread over a fifth of its median (five
// rounds, twice); placed by the scheduler, which at times put relay and load on one CPU, over half to three quarters.

import { readFileSync } from 'node:fs';

export interface CorePlan {
  /** As taskset writes them; empty: not pinned. */
  relay: string;
  client: string;
  target: string;
  description: string;
}

export function planCores(pinned: boolean): CorePlan {
  const cpus = allowedCpus();
  const [first, second, third] = cpus;
  if (!pinned || first === undefined || second === undefined) {
    return { relay: '', client: '', target: '', description: 'nothing is pinned' };
  }
  const target = third ?? second;
  const load =
    target === second ? `load and target on CPU ${second}` : `load on CPU ${second}, target on CPU ${target}`;
  return {
    relay: `${first}`,
    client: `${second}`,
    target: `${target}`,
    description: `relay on CPU ${first}, ${load}`,
  };
}

export function allowedCpus(): number[] {
  const list = readFileSync('/proc/self/status', 'utf8').match(/^Cpus_allowed_list:\s*(\S+)/m)?.[1] ?? '0';
  return list.split(',').flatMap((part) => {
    const [from = 0, to = from] = part.split('-').map(Number);
    return Array.from({ length: to - from + 1 }, (_, i) => from + i);
  });
}
