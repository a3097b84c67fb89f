/**
 * The page: takes what the proxy tells, keeps the last minutes of it, and shows them once a second while somebody can see
 * them.
 */

import type { StatusDocument, TrunkDocument } from '../../admin/documents.ts';
import { formatDuration, plural } from '../../core/format.ts';
import { AppsChart } from './apps_chart.ts';
import type { Scene } from './axes.ts';
import { Banner } from './banner.ts';
import { ConnectionsTable } from './connections_table.ts';
import { part, setAttribute, setText } from './elements.ts';
import { Feed } from './feed.ts';
import { Happenings } from './happenings.ts';
import { TrunkHistory } from './history.ts';
import { readTheme } from './palette.ts';
import { SteadyVerdict } from './steady.ts';
import { TotalsRow } from './totals.ts';
import { TrunkChooser } from './trunk_chooser.ts';
import { TrunkView } from './trunk_view.ts';
import { urgency, type Verdict, verdictOf, verdictWithoutCarriers } from './verdict.ts';

/** What the charts say in words is renewed so seldom, for those who are being read it. */
const DESCRIBE_EVERY = 10;
/** That the proxy was restarted is said for so long. */
const RESTART_MS = 60_000;

/** Lengths of the time axis, in seconds: the charts of a page that was opened just now are not all but empty. */
const SPANS = [30, 45, 60, 90, 120, 180, 300];

class Page {
  readonly #banner = new Banner();
  readonly #steady = new SteadyVerdict();
  readonly #totals = new TotalsRow();
  readonly #connections = new ConnectionsTable();
  readonly #apps = new AppsChart(part('chart-apps'));
  readonly #view = new TrunkView(() => this.#draw());
  readonly #chooser = new TrunkChooser(() => this.#draw());
  readonly #happenings = new Happenings();
  readonly #histories = new Map<string, TrunkHistory>();
  #theme = readTheme();
  #status: StatusDocument | null = null;
  /** When #status came, by the browser's clock. */
  #atMs = 0;
  #verdicts = new Map<string, Verdict>();
  #shown: Verdict | null = null;
  #restartedAtMs = Number.NEGATIVE_INFINITY;
  #paused = false;
  #samples = 0;
  readonly #beganMs = Date.now();

  constructor() {
    new Feed({
      onStatus: (status) => this.#take(status),
      onCarrier: (event) => this.#happenings.add(event, Date.now()),
      onLost: (why) => this.#lose(why),
      onDenied: () => this.#deny(),
    });
    const redraw = () => {
      this.#theme = readTheme();
      this.#draw();
    };
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', redraw);
    document.addEventListener('visibilitychange', () => this.#draw());
    part('window').addEventListener('change', () => this.#draw());
    part('pause').addEventListener('click', () => this.#togglePause());
  }

  #take(status: StatusDocument): void {
    if (this.#status !== null && this.#status.startedAt !== status.startedAt) {
      this.#restartedAtMs = Date.now();
      this.#totals.forget();
      this.#gap();
    }
    this.#keep(status);
    if (!this.#paused || this.#status === null) {
      this.#status = status;
      this.#atMs = Date.now();
    }
    this.#state('live', this.#paused ? 'Paused' : 'Live');
    this.#judge(status);
    this.#draw();
    if (this.#samples++ % DESCRIBE_EVERY === 0 && !this.#paused && status.trunks.length > 0)
      this.#view.describe();
  }

  /** History is kept while paused, too, so that nothing is missing afterwards. */
  #keep(status: StatusDocument): void {
    const now = Date.now();
    this.#totals.add(status);
    this.#apps.add(this.#totals.rates, now);
    const ids = new Set(status.trunks.map(({ id }) => String(id)));
    for (const id of this.#histories.keys()) if (!ids.has(id)) this.#histories.delete(id);
    for (const trunk of status.trunks) this.#historyOf(trunk).add(trunk, status.uptimeMs, now);
  }

  #historyOf({ id }: TrunkDocument): TrunkHistory {
    const known = this.#histories.get(String(id));
    if (known !== undefined) return known;
    const history = new TrunkHistory();
    this.#histories.set(String(id), history);
    return history;
  }

  #gap(): void {
    for (const history of this.#histories.values()) history.gap(Date.now());
    this.#apps.add(null, Date.now());
  }

  /** The trunk that needs a look soonest is the one that is spoken of. */
  #judge(status: StatusDocument): void {
    this.#verdicts = new Map(
      status.trunks.map((trunk) => [String(trunk.id), verdictOf(this.#historyOf(trunk), trunk)]),
    );
    const { rates } = this.#totals;
    let worst = verdictWithoutCarriers(status, rates === null ? null : rates.forward + rates.backward);
    if (status.trunks.length === 1) worst = this.#verdicts.values().next().value as Verdict;
    if (status.trunks.length > 1) worst = ofMany(status, this.#verdicts);
    this.#shown = this.#steady.take(worst);
    const restarted = Date.now() - this.#restartedAtMs < RESTART_MS;
    const aside = restarted ? 'The proxy was restarted: this is another process.' : '';
    if (!this.#paused) this.#banner.show(this.#shown, aside);
  }

  #lose(why: string): void {
    this.#gap();
    this.#steady.reset();
    this.#state('lost', 'Not connected');
    const text = 'The proxy does not answer. It is tried again.';
    const since = this.#atMs === 0 ? '' : ` What you see is of ${new Date(this.#atMs).toLocaleTimeString()}.`;
    this.#banner.show(
      { tone: 'lost', show: text, say: text, carriers: [] },
      `${why.charAt(0).toUpperCase()}${why.slice(1)}.${since}`,
    );
  }

  #deny(): void {
    this.#state('lost', 'Not allowed');
    const text = 'The proxy asks for its token again: reload the page.';
    this.#banner.show({ tone: 'note', show: text, say: text, carriers: [] });
  }

  #togglePause(): void {
    this.#paused = !this.#paused;
    setText(part('pause'), this.#paused ? 'Resume' : 'Pause');
    this.#state(this.#paused ? 'paused' : 'live', this.#paused ? 'Paused' : 'Live');
  }

  #state(state: string, text: string): void {
    setAttribute(part('live'), 'data-state', this.#paused ? 'paused' : state);
    setText(part('live'), text);
  }

  #draw(): void {
    const status = this.#status;
    if (status === null || document.visibilityState === 'hidden') return;
    const { mode, listen, dial, version, backend, pid, trunks, uptimeMs } = status;
    setText(part('mode'), mode);
    part('mode').hidden = false;
    setText(part('route'), [listen.join(', '), dial.join(', ')].filter((text) => text !== '').join(' → '));
    const up = `up ${formatDuration(uptimeMs).replace(/\.\ds$/, 's')}`;
    if (!this.#paused)
      setText(part('build'), `tcp-striper ${version}, ${backend} backend, process ${pid}, ${up}`);
    const scene: Scene = {
      theme: this.#theme,
      now: this.#atMs / 1000,
      seconds: this.#seconds(),
      picked: this.#view.picked,
    };
    const trunk = this.#chooser.choose(trunks, this.#verdicts);
    part('trunk-part').hidden = trunk === null;
    part('apps-part').hidden = trunk !== null;
    if (trunk === null) this.#apps.draw(scene);
    else this.#drawTrunk(trunk, scene);
    if (this.#paused) return;
    this.#totals.draw(status);
    this.#connections.draw(status);
  }

  /** As long as was asked for; less as long as there is less to show. */
  #seconds(): number {
    const asked = Number((part('window') as HTMLSelectElement).value);
    const seen = (this.#atMs - this.#beganMs) / 1000;
    return Math.min(asked, SPANS.find((span) => span >= seen) ?? asked);
  }

  #drawTrunk(trunk: TrunkDocument, scene: Scene): void {
    const id = String(trunk.id);
    const history = this.#histories.get(id);
    const verdict = this.#verdicts.get(id);
    if (history === undefined || verdict === undefined) return;
    this.#view.draw(history, this.#happenings.of(id), verdict, scene);
  }
}

function ofMany({ trunks, trunksOmitted }: StatusDocument, verdicts: ReadonlyMap<string, Verdict>): Verdict {
  const told = trunks.map((trunk) => ({ trunk, verdict: verdicts.get(String(trunk.id)) as Verdict }));
  const [first] = told.toSorted((a, b) => urgency[b.verdict.tone] - urgency[a.verdict.tone]);
  const { trunk, verdict } = first as (typeof told)[number];
  if (verdict.tone === 'good') {
    const seen = trunksOmitted === 0 ? 'all' : `of the ${trunks.length} that are seen here, all`;
    const text = `${plural(trunks.length + trunksOmitted, 'trunk')}, and ${seen} carriers are well.`;
    return { tone: 'good', show: text, say: text, carriers: [] };
  }
  const others = told.filter((one) => one.verdict.tone === verdict.tone).length - 1;
  const more = others === 0 ? '' : ` ${plural(others, 'other trunk')} in trouble, too.`;
  const prefix = `Trunk ${trunk.id}: `;
  return {
    ...verdict,
    show: `${prefix}${lowerFirst(verdict.show)}${more}`,
    say: `${prefix}${lowerFirst(verdict.say)}${more}`,
  };
}

const lowerFirst = (text: string) => `${text.charAt(0).toLowerCase()}${text.slice(1)}`;

new Page();
