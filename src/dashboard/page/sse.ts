/**
 * Server-sent events out of text that comes in pieces (WHATWG HTML, section 9.2.6), as much of it as the admin server uses:
 * `event` and `data`. An event that grows past a bound is no document of a proxy, and ends the stream.
 */

export interface ServerEvent {
  readonly type: string;
  readonly data: string;
}

/** The largest document that is waited for. */
const MOST = 16 * 1024 * 1024;

export class EventParser {
  #rest = '';
  #type = '';
  #data: string[] = [];
  #length = 0;

  /** @throws RangeError when an event does not end */
  push(text: string): ServerEvent[] {
    const events: ServerEvent[] = [];
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() as string;
    for (const line of lines) this.#line(line.endsWith('\r') ? line.slice(0, -1) : line, events);
    if (this.#rest.length + this.#length > MOST) throw new RangeError('an event that does not end');
    return events;
  }

  #line(line: string, events: ServerEvent[]): void {
    if (line === '') {
      if (this.#data.length > 0) events.push({ type: this.#type || 'message', data: this.#data.join('\n') });
      this.#type = '';
      this.#data = [];
      this.#length = 0;
      return;
    }
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'event') this.#type = value;
    else if (field === 'data') {
      this.#data.push(value);
      this.#length += value.length;
    }
  }
}
