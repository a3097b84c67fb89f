/**
 * As much of PromQL as it takes to say which metrics a query is about, and which labels it wants of them.
 */

export interface Selector {
  readonly metric: string;
  readonly labels: readonly string[];
}

export interface QueryNames {
  readonly selectors: readonly Selector[];
  /** Of `by (...)`, `on (...)` and the like. */
  readonly grouping: readonly string[];
}

const LISTS = ['by', 'without', 'on', 'ignoring', 'group_left', 'group_right'];
const WORDS = [...LISTS, 'and', 'or', 'unless', 'bool', 'offset'];
const TOKEN = /"(?:[^"\\]|\\.)*"|\[[^\]]*\]|[a-zA-Z_:$][\w:$]*|\d[\w.]*|=~|!~|!=|>=|<=|==|[^\s]/g;

/** @throws Error where it is not understood */
export function namesOf(query: string): QueryNames {
  const tokens: string[] = query.match(TOKEN) ?? [];
  const selectors: Selector[] = [];
  const grouping: string[] = [];
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i] as string;
    if (!/^[a-zA-Z_:]/.test(token)) continue;
    if (LISTS.includes(token)) {
      if (tokens[i + 1] !== '(') continue;
      const end = tokens.indexOf(')', i);
      grouping.push(...tokens.slice(i + 2, end).filter((word) => word !== ','));
      i = end;
    } else if (WORDS.includes(token) || tokens[i + 1] === '(') {
      // A function or an operator.
    } else if (LISTS.includes(tokens[i + 1] as string) && !token.includes('_')) {
      // `sum by (...)`
    } else {
      const labels: string[] = [];
      if (tokens[i + 1] === '{') {
        const end = tokens.indexOf('}', i);
        if (end < 0) throw new Error(`no } in ${query}`);
        for (let at = i + 2; at < end; at += 4) {
          if (!/^(=|=~|!=|!~)$/.test(tokens[at + 1] as string))
            throw new Error(`a strange selector in ${query}`);
          labels.push(tokens[at] as string);
        }
        i = end;
      }
      selectors.push({ metric: token, labels });
    }
  }
  return { selectors, grouping };
}

/** Each metric of an answer of /metrics with its labels. */
export function labelsOfMetrics(text: string): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const line of text.split('\n')) {
    const [, name, labels = ''] = /^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? [-+\d.eINFNa]+$/.exec(line) ?? [];
    if (name === undefined) continue;
    const all = found.get(name) ?? new Set();
    for (const [, label] of labels.matchAll(/(\w+)="(?:[^"\\]|\\.)*"/g)) all.add(label as string);
    found.set(name, all);
  }
  return found;
}
