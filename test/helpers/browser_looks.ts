/** What a test wants to know of a page and can only find out inside of it. The code is text, as it runs in the browser. */

import type { Page } from 'playwright-core';
import { until } from './e2e_wait.ts';

/** Whether a canvas has more on it than axes, which are grey. */
export function drawn(page: Page, selector: string): Promise<true> {
  const code = `(() => {
    const canvas = document.querySelector('${selector}');
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    let coloured = 0;
    for (let i = 0; i < data.length; i += 4) {
      const rgb = [data[i], data[i + 1], data[i + 2]];
      if (data[i + 3] > 0 && Math.max(...rgb) - Math.min(...rgb) > 60) coloured++;
    }
    return coloured > 50;
  })()`;
  return until(
    () => page.evaluate<boolean>(code),
    () => `there is nothing on ${selector}`,
  );
}

/** The accessible name of what has the focus, as far as this page goes; empty at the end of the page. */
export const NAME_OF_FOCUS = `(() => {
  const node = document.activeElement;
  if (node === null || node === document.body) return '';
  const by = node.getAttribute('aria-labelledby');
  const label = by === null ? node.labels?.[0]?.textContent : document.getElementById(by).textContent;
  return (node.getAttribute('aria-label') ?? label ?? node.textContent).trim() || 'nameless ' + node.outerHTML;
})()`;

/** Texts whose contrast to what they stand on is below 4.5:1 (WCAG 2.2, 1.4.3; relative luminance as defined there). */
export const LOW_CONTRAST = `(() => {
  const channels = (colour) => {
    const canvas = document.createElement('canvas');
    canvas.width = canvas.height = 1;
    const context = canvas.getContext('2d');
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    return [...context.getImageData(0, 0, 1, 1).data];
  };
  const luminance = (colour) => {
    const [r, g, b] = channels(colour).map((c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const backOf = (node) => {
    for (let at = node; at !== null; at = at.parentElement) {
      const { backgroundColor } = getComputedStyle(at);
      if (channels(backgroundColor)[3] === 255) return backgroundColor;
    }
    return 'white';
  };
  const bad = new Set();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text = walker.nextNode(); text !== null; text = walker.nextNode()) {
    const node = text.parentElement;
    if (text.data.trim() === '' || !node.checkVisibility() || node.closest('.hidden, script, option')) continue;
    const [a, b] = [luminance(getComputedStyle(node).color), luminance(backOf(node))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) bad.add(text.data.trim() + ' ' + ratio.toFixed(2));
  }
  return [...bad];
})()`;
