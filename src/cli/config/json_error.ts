/**
 * Where a text stops being JSON, which the engine's own parser says in some of its messages only.
 */

const TOKEN =
  /[\s]*(?:([{}[\],:])|("(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[\da-fA-F]{4}))*")|(-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null))/y;

/** What may come next. */
type State = 'value' | 'value or ]' | 'key' | 'key or }' | ':' | 'more' | 'end';

/** Offset of the first thing that cannot be there; the length of the text where it ends too early. */
export function jsonErrorAt(text: string): number {
  const open: ('{' | '[')[] = [];
  let state: State = 'value';
  for (let at = 0; ; at = TOKEN.lastIndex) {
    TOKEN.lastIndex = at;
    const blank = at + (/^\s*/.exec(text.slice(at))?.[0].length ?? 0);
    const [, mark, string, word] = TOKEN.exec(text) ?? [];
    const next = stateAfter(
      state,
      mark ?? (string === undefined ? (word === undefined ? '' : 'word') : 'string'),
      open,
    );
    if (next === null) return blank;
    state = next;
  }
}

/** Null: it cannot come here. */
function stateAfter(state: State, token: string, open: ('{' | '[')[]): State | null {
  const over = (): State => (open.length === 0 ? 'end' : 'more');
  const isClosing = (token === '}' || token === ']') && open.at(-1) === (token === '}' ? '{' : '[');
  const mayClose =
    state === 'more' || (state === 'value or ]' && token === ']') || (state === 'key or }' && token === '}');
  if (isClosing && mayClose) {
    open.pop();
    return over();
  }
  if (state === 'value' || state === 'value or ]') {
    if (token === '{' || token === '[') {
      open.push(token);
      return token === '{' ? 'key or }' : 'value or ]';
    }
    return token === 'string' || token === 'word' ? over() : null;
  }
  if (state === 'key' || state === 'key or }') return token === 'string' ? ':' : null;
  if (state === ':') return token === ':' ? 'value' : null;
  if (state === 'more' && token === ',') return open.at(-1) === '{' ? 'key' : 'value';
  return null;
}
