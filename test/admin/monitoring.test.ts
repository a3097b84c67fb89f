/** Goal: the Grafana dashboard and the alert rules ask for metrics and labels that there really are, and mean what they say. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { parse } from 'yaml';
import { call } from '../helpers/admin_call.ts';
import { app, opened, watchedPair } from '../helpers/admin_side.ts';
import { tool } from '../helpers/e2e_run.ts';
import { labelsOfMetrics, namesOf } from '../helpers/promql.ts';

// This file runs as dist/test/admin/monitoring.test.js.
const root = new URL('../../../', import.meta.url);
const read = (path: string) => readFileSync(new URL(path, root), 'utf8');
const rules: { alert: string; expr: string; annotations: Record<string, string> }[] = parse(
  read('docs/monitoring/alerts.yaml'),
).groups.flatMap(({ rules }: { rules: unknown[] }) => rules);
const dashboard = JSON.parse(read('docs/monitoring/grafana.json'));

/** What Prometheus adds to all that it scrapes. */
const ADDED = ['job', 'instance'];

/** The metrics of both sides of a pair, with their labels. */
async function realMetrics(t: Test): Promise<Map<string, Set<string>>> {
  const pair = await watchedPair(t);
  const socket = await app(t, pair.near.port);
  socket.write('hello');
  await opened(pair, 1);
  // A carrier has a rate when something of it has been acknowledged.
  for (;;) {
    const texts = await Promise.all(
      [pair.nearAdmin, pair.farAdmin].map(({ port }) => call(port, '/metrics')),
    );
    const all = texts.map(({ text }) => text).join('\n');
    if (all.includes('tcp_striper_carrier_rate_bytes_per_second{')) return labelsOfMetrics(all);
    socket.write(Buffer.alloc(65_536));
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function problemsOf(query: string, metrics: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const { selectors, grouping } = namesOf(query);
  if (selectors.length === 0) return ['it asks for nothing'];
  const problems: string[] = [];
  const all = new Set(ADDED);
  for (const { metric, labels } of selectors) {
    if (metric === 'up') continue;
    const known = metrics.get(metric);
    if (known === undefined) problems.push(`there is no ${metric}`);
    for (const label of known ?? []) all.add(label);
    for (const label of labels)
      if (!ADDED.includes(label) && known?.has(label) === false) problems.push(`${metric} has no ${label}`);
  }
  for (const label of grouping) if (!all.has(label)) problems.push(`nothing in it has a ${label}`);
  return problems;
}

t.test('the check finds what is wrong', async (t) => {
  const metrics = labelsOfMetrics('# HELP a_total x\na_total{service="",trunk="t1"} 1\nb 2e-7\n');
  t.same(problemsOf('sum by (trunk) (rate(a_total{service=~"x.*",job="y"}[5m])) / on () b > 0', metrics), []);
  t.match(problemsOf('rate(c_total[5m])', metrics), ['there is no c_total']);
  t.match(problemsOf('a_total{carrier="1"}', metrics), ['a_total has no carrier']);
  t.match(problemsOf('sum by (carrier) (a_total)', metrics), ['nothing in it has a carrier']);
  t.match(problemsOf('b{trunk="1"} and a_total', metrics), ['b has no trunk']);
  t.match(problemsOf('1 + 1', metrics), ['it asks for nothing']);
});

t.test('every query of dashboard and alerts finds its metrics and labels', async (t) => {
  const metrics = await realMetrics(t);
  for (const { alert, expr, annotations } of rules) {
    t.same(problemsOf(expr, metrics), [], alert);
    const { selectors } = namesOf(expr);
    const known = new Set([...ADDED, ...selectors.flatMap(({ metric }) => [...(metrics.get(metric) ?? [])])]);
    for (const text of Object.values(annotations))
      for (const [, label] of text.matchAll(/\$labels\.(\w+)/g))
        t.ok(known.has(label as string), `${alert} speaks of ${label}`);
  }
  let queries = 0;
  for (const { title, targets } of dashboard.panels) {
    for (const { expr, legendFormat } of targets) {
      queries++;
      t.same(problemsOf(expr, metrics), [], title);
      const { selectors } = namesOf(expr);
      const known = new Set([
        ...ADDED,
        ...selectors.flatMap(({ metric }) => [...(metrics.get(metric) ?? [])]),
      ]);
      for (const [, label] of String(legendFormat).matchAll(/\{\{(\w+)\}\}/g))
        t.ok(known.has(label as string), `the legend of ${title} speaks of ${label}`);
    }
  }
  t.ok(queries >= 15, `${queries} queries`);
  for (const { name, query } of dashboard.templating.list) {
    const [, what = '', label = ''] = /^label_values\((.*), (\w+)\)$/.exec(query.query ?? '') ?? [];
    if (what === '') continue;
    t.same(problemsOf(what, metrics), [], name);
    const { metric = '' } = namesOf(what).selectors[0] ?? {};
    t.ok(ADDED.includes(label) || metrics.get(metric)?.has(label), `${name} are the ${label} of ${metric}`);
  }
});

t.test('every metric is in docs/admin.md, and nothing else', async (t) => {
  const metrics = await realMetrics(t);
  const text = read('docs/admin.md');
  const named = new Set(
    [...text.matchAll(/`(?:tcp_striper_|\.\.\._)([a-z_]+)(?:\{[^`]*\})?`/g)].map(([, name]) => name),
  );
  const there = [...metrics.keys()].flatMap((name) => /^tcp_striper_(.*)$/.exec(name)?.[1] ?? []);
  t.same([...named].sort(), there.sort());
});

t.test('the alerts fire when they should, and only then', async (t) => {
  let promtool: string;
  try {
    promtool = tool('promtool', 'prometheus');
  } catch (error) {
    t.comment(`left out: ${(error as Error).message}`);
    return;
  }
  const file = (path: string) => fileURLToPath(new URL(path, root));
  const ask = (...args: string[]) => {
    try {
      return execFileSync(promtool, args, { encoding: 'utf8', stdio: 'pipe', timeout: 60_000 });
    } catch (error) {
      const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
      return `FAILED ${stdout}${stderr}`;
    }
  };
  t.match(
    ask('check', 'rules', file('docs/monitoring/alerts.yaml')),
    new RegExp(`SUCCESS: ${rules.length} rules found`),
  );
  const tested = ask('test', 'rules', file('test/admin/alerts.promtool.yaml'));
  t.match(tested, /SUCCESS/);
  t.notMatch(tested, /FAILED/);
});
