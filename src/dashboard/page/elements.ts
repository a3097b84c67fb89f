/**
 * Making elements, and changing no more of them than has changed. Text is only ever set as text: what peers choose (names,
 * addresses, reasons) can make no markup.
 */

import { escapeText } from '../../core/format.ts';

type Attributes = Readonly<Record<string, string>>;

export function make<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[Name] {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

/** An element of the page by its id. @throws Error when the page has none: it and the script do not belong together */
export function part(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no #${id}`);
  return found;
}

export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text;
}

/** Text from outside, without what would reorder or hide what stands around it. */
export function setForeign(element: HTMLElement, text: string): void {
  const safe = escapeText(text, 300);
  setText(element, safe);
  if (element.title !== safe) element.title = safe;
}

export function setAttribute(element: Element, name: string, value: string | null): void {
  if (value === null) element.removeAttribute(name);
  else if (element.getAttribute(name) !== value) element.setAttribute(name, value);
}

/** Puts the elements of a list into their parent in this order, and moves only those that stand elsewhere. */
export function arrange(parent: Element, wanted: readonly Element[]): void {
  const keep = new Set(wanted);
  for (const child of [...parent.children]) if (!keep.has(child)) child.remove();
  wanted.forEach((element, i) => {
    if (parent.children[i] !== element) parent.insertBefore(element, parent.children[i] ?? null);
  });
}
