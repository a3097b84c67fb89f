/**
 * Home: the one process that a trunk leads to, and by which addresses it is reached.
 *
 * A trunk lives in one process. What answers with another instance id in its WELCOME, or does not know the trunk, is
 * either the same server after a restart or another one: behind a name with several addresses, a balancer, or a second
 * machine in a comma list. A trunk is never split over two.
 */

export class Home {
  #instance: Buffer | null = null;
  readonly #addresses = new Set<string>();
  readonly #elsewhere = new Set<string>();

  /** Addresses that lead to another process, as formatAddress says them. */
  get elsewhere(): ReadonlySet<string> {
    return this.#elsewhere;
  }

  /** Whether a WELCOME comes from home. The first one says where that is. */
  isHere(instance: Buffer, address: string): boolean {
    this.#instance ??= instance;
    if (!this.#instance.equals(instance)) return false;
    this.#addresses.add(address);
    this.#elsewhere.delete(address);
    return true;
  }

  /** Whether the trunk was reached by this address before. */
  hasAddress(address: string): boolean {
    return this.#addresses.has(address);
  }

  /** @returns whether that is news */
  leadsElsewhere(address: string): boolean {
    if (this.#elsewhere.has(address)) return false;
    this.#elsewhere.add(address);
    return true;
  }

  forget(): void {
    this.#instance = null;
    this.#addresses.clear();
    this.#elsewhere.clear();
  }
}
