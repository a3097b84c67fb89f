/** Which trunk is shown: a server has one for each of its clients. */

import type { TrunkDocument } from '../../admin/documents.ts';
import { escapeText, plural } from '../../core/format.ts';
import { arrange, make, part, setText } from './elements.ts';
import type { Verdict } from './verdict.ts';

export class TrunkChooser {
  readonly #select = part('trunk') as HTMLSelectElement;
  readonly #options = new Map<string, HTMLOptionElement>();
  #chosen: string | null = null;

  constructor(onChange: () => void) {
    this.#select.addEventListener('change', () => {
      this.#chosen = this.#select.value;
      onChange();
    });
  }

  /** Brings the list up to date. @returns the trunk to show: the chosen one as long as it is there; null: there is none */
  choose(trunks: readonly TrunkDocument[], verdicts: ReadonlyMap<string, Verdict>): TrunkDocument | null {
    part('trunk-field').hidden = trunks.length < 2;
    const ids = new Set(trunks.map(({ id }) => String(id)));
    for (const id of this.#options.keys()) if (!ids.has(id)) this.#options.delete(id);
    arrange(
      this.#select,
      trunks.map((trunk) => this.#option(trunk, verdicts.get(String(trunk.id)))),
    );
    const chosen = trunks.find(({ id }) => String(id) === this.#chosen) ?? trunks[0] ?? null;
    if (chosen !== null && this.#select.value !== String(chosen.id)) this.#select.value = String(chosen.id);
    return chosen;
  }

  #option({ id, peer, streams }: TrunkDocument, verdict: Verdict | undefined): HTMLOptionElement {
    const key = String(id);
    const option = this.#options.get(key) ?? make('option', { value: key });
    this.#options.set(key, option);
    const trouble = verdict?.tone === 'bad' || verdict?.tone === 'note' ? ', in trouble' : '';
    setText(option, `${id}: ${escapeText(peer, 60)}, ${plural(streams, 'stream')}${trouble}`);
    return option;
  }
}
