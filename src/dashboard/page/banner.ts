/** The sentence at the top, for eyes and for screen readers. */

import { part, setAttribute, setText } from './elements.ts';
import type { Tone, Verdict } from './verdict.ts';

/** Something new is read out after so long at the soonest: who is read to cannot skip. */
const APART_MS = 4000;

export class Banner {
  #said = '';
  #saidAt = Number.NEGATIVE_INFINITY;
  #pending: ReturnType<typeof setTimeout> | null = null;

  /** @param aside a line below it, or empty */
  show({ tone, show, say }: Verdict, aside = ''): void {
    setAttribute(part('verdict'), 'data-tone', tone);
    setText(part('sentence'), show);
    setText(part('aside'), aside);
    part('aside').hidden = aside === '';
    const mark: Record<Tone, string> = { good: '', note: '', bad: '▲ ', lost: '✕ ' };
    document.title = `${mark[tone]}${tone === 'good' ? '' : `${say.split(/[.:]/)[0]} · `}tcp-striper`;
    this.#announce(`${say} ${aside}`.trim());
  }

  #announce(text: string): void {
    if (this.#pending !== null) clearTimeout(this.#pending);
    this.#pending = null;
    if (text === this.#said) return;
    const wait = Math.max(0, this.#saidAt + APART_MS - performance.now());
    this.#pending = setTimeout(() => {
      this.#pending = null;
      this.#said = text;
      this.#saidAt = performance.now();
      setText(part('announce'), text);
    }, wait);
  }
}
