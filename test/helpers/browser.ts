/**
 * A real Chromium, headless, that the tests look at pages with. It is theirs alone: an empty profile, and no request to
 * anywhere but the page's own host, or the test fails.
 */

import { accessSync, constants } from 'node:fs';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import type { Test } from 'tap';
import { temporaryFolder } from './e2e_run.ts';
import { PATIENCE } from './e2e_wait.ts';

const CHROMIUM = '/usr/bin/chromium';
/** Nothing of a browser's own business: no updates, no reports, no first steps. */
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Why there is no browser here, or false. */
export function noBrowser(): string | false {
  try {
    accessSync(CHROMIUM, constants.X_OK);
    return false;
  } catch {
    return `there is no ${CHROMIUM}; on Debian: apt-get install chromium`;
  }
}

export interface View {
  readonly width: number;
  readonly height: number;
  readonly dark?: boolean;
  readonly still?: boolean;
}

export interface Seen {
  readonly page: Page;
  /** What the page logged as an error, threw, or was forbidden by its policy. */
  readonly complaints: string[];
  /** Requests to other hosts than its own. */
  readonly foreign: string[];
}

/** One browser for all tests of a file; it goes with the test. */
export async function startBrowser(t: Test): Promise<BrowserContext> {
  const context = await chromium.launchPersistentContext(temporaryFolder(t), {
    executablePath: CHROMIUM,
    headless: true,
    args: ARGUMENTS,
    timeout: PATIENCE * 30_000,
    reducedMotion: 'no-preference',
    deviceScaleFactor: 1,
  });
  t.teardown(() => context.close());
  context.setDefaultTimeout(PATIENCE * 10_000);
  return context;
}

/** Opens a page; it is closed with the test. */
export async function openPage(t: Test, context: BrowserContext, url: string, view: View): Promise<Seen> {
  const page = await context.newPage();
  t.teardown(() => page.close());
  const complaints: string[] = [];
  const foreign: string[] = [];
  const { host } = new URL(url);
  page.on('request', (request) => {
    if (new URL(request.url()).host !== host) foreign.push(request.url());
  });
  page.on('pageerror', (error) => complaints.push(String(error.stack ?? error)));
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  await page.setViewportSize({ width: view.width, height: view.height });
  await page.emulateMedia({
    colorScheme: view.dark ? 'dark' : 'light',
    reducedMotion: view.still ? 'reduce' : 'no-preference',
  });
  await page.goto(url);
  return { page, complaints, foreign };
}
