/**
 * Home: the one process that a trunk leads to, and by which addresses it is reached.
 *
 * A trunk lives in one process. What answers with another instance id in its WELCOME, or does not know the trunk, is
 * either the same server after a restart or another one: behind a name with several addresses, a balancer, or a second
 * machine in a comma list. A trunk is never split over two.
 */

/** So often may a restart look like something else before a balancer is the likelier reason. */
const STRANGE_ANSWERS = 8;

export class Home {
  #instance: Buffer | null = null;
  readonly #addresses = new Set<string>();
  readonly #elsewhere = new Set<string>();
  #strangeAnswers = 0;

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
    this.#strangeAnswers = 0;
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

  /** An address of its own leads elsewhere. @returns whether that has been so often enough to speak of a balancer */
  answersStrangely(): boolean {
    return ++this.#strangeAnswers === STRANGE_ANSWERS;
  }

  forget(): void {
    this.#instance = null;
    this.#addresses.clear();
    this.#elsewhere.clear();
  }
}
