/** FakeNetwork: a transport whose every connection does what the test planned, at its moment, and a name server. */

import { formatAddress, type SocketAddress } from '../../src/core/address.ts';
import type { Clock } from '../../src/core/clock.ts';
import { PipeError, type PipeErrorCode } from '../../src/core/errors.ts';
import type { LookupFamily } from '../../src/layer/tcp/resolve.ts';
import { PipeBase } from '../../src/pipe/base.ts';
import { BROKEN, READY, WRITABLE } from '../../src/pipe/pipe.ts';

/** What becomes of a connection: after so many milliseconds it is ready, or fails. Without a plan it hangs. */
export type Plan = { readonly afterMs: number; readonly fails?: PipeErrorCode };

export class FakePipe extends PipeBase<'bytes'> {
  readonly kind = 'bytes';
  readonly maxSend = Number.POSITIVE_INFINITY;
  readonly congestion = null;
  readonly readable = false;
  readonly finReceived = false;
  readonly finSent = false;
  readonly address: string;
  ready = false;
  broken: PipeError | null = null;
  discarded: { error: PipeError | undefined } | null = null;

  constructor(address: string) {
    super();
    this.address = address;
  }

  get writable(): boolean {
    return this.ready;
  }

  become(plan: Plan): void {
    if (this.discarded !== null) return;
    if (plan.fails === undefined) this.ready = true;
    else this.broken = new PipeError(plan.fails, 'tcp', `planned ${plan.fails}`);
    this.raise(this.ready ? READY | WRITABLE : BROKEN);
  }

  recv(): null {
    return null;
  }
  send(): void {}
  sendFin(): void {}

  discard(error?: PipeError): void {
    this.discarded ??= { error };
    this.ready = false;
    this.silence();
  }
}

export class FakeNetwork {
  readonly #clock: Clock;
  /** By address, as formatAddress says it. */
  readonly plans: Record<string, Plan>;
  /** Every attempt and what it was for: `250 [::1]:22`. */
  readonly attempts: string[] = [];
  readonly pipes: FakePipe[] = [];

  constructor(clock: Clock, plans: Record<string, Plan>) {
    this.#clock = clock;
    this.plans = plans;
  }

  connect(address: SocketAddress): FakePipe {
    const where = formatAddress(address);
    this.attempts.push(`${this.#clock.now()} ${where}`);
    const pipe = new FakePipe(where);
    this.pipes.push(pipe);
    const plan = this.plans[where];
    if (plan !== undefined) this.#clock.after(plan.afterMs, () => pipe.become(plan));
    return pipe;
  }

  /** Connections that nobody has let go of. */
  get open(): string[] {
    return this.pipes.filter((pipe) => pipe.discarded === null).map((pipe) => pipe.address);
  }
}

/** Answers for one family: addresses or an error code, after so many milliseconds; without one it never answers. */
export interface Names {
  readonly v6?: { readonly afterMs: number; readonly answer: readonly string[] | string };
  readonly v4?: { readonly afterMs: number; readonly answer: readonly string[] | string };
}

export function fakeLookup(clock: Clock, names: Names): LookupFamily {
  return (_host, family) =>
    new Promise((resolve, reject) => {
      const planned = family === 6 ? names.v6 : names.v4;
      if (planned === undefined) return;
      clock.after(planned.afterMs, () => {
        const { answer } = planned;
        if (typeof answer === 'string') reject(Object.assign(new Error(answer), { code: answer }));
        else resolve([...answer]);
      });
    });
}
