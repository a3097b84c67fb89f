/**
 * The dashboard's files, for the admin server to hand out: read once, when somebody first asks, and kept in memory.
 *
 * None of them is made of what a peer says: all that is shown comes over the API.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

export interface Asset {
  readonly type: string;
  readonly body: Buffer;
}

/**
 * From itself alone, and nothing inline: what comes from a peer is text even if the page were to take it for markup.
 * Styles are set by script, which `style-src` does not mean.
 */
export const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join('; ');

const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
};

const SOURCE = new URL('../', import.meta.url);
const PAGE = 'dashboard/page/';
/** What the page's modules import from elsewhere. */
const SHARED = ['core/format.js'];

let assets: ReadonlyMap<string, Asset> | null = null;

/**
 * What is at a path: `/` is the page, and what it needs is below `/assets/`. Undefined: no file of the dashboard.
 *
 * The page asks for everything relative to where it is itself, so that it works behind a reverse proxy that puts it into
 * some folder; there it reads `events`.
 *
 * @throws Error when the installation is broken, and a file is missing
 */
export function dashboardAsset(path: string): Asset | undefined {
  assets ??= readAssets();
  return assets.get(path);
}

function readAssets(): ReadonlyMap<string, Asset> {
  const found = new Map<string, Asset>();
  const add = (path: string, body: Buffer) => {
    const ending = path === '/' ? 'html' : (path.split('.').at(-1) as string);
    found.set(path, { type: TYPES[ending] as string, body });
  };
  const names = readdirSync(new URL(PAGE, SOURCE)).filter((name) => /\.(js|css|svg)$/.test(name));
  for (const name of [...names.map((name) => PAGE + name), ...SHARED]) {
    add(`/assets/${name}`, withoutSourceMap(readFileSync(new URL(name, SOURCE))));
  }
  add('/', readFileSync(new URL(`${PAGE}index.html`, SOURCE)));
  const uplot = createRequire(fileURLToPath(import.meta.url));
  add('/assets/uplot.js', readFileSync(uplot.resolve('uplot/dist/uPlot.iife.min.js')));
  add('/assets/uplot.css', readFileSync(uplot.resolve('uplot/dist/uPlot.min.css')));
  return found;
}

/** A checkout has source maps, which are not served. */
function withoutSourceMap(body: Buffer): Buffer {
  return Buffer.from(body.toString('utf8').replace(/\n\/\/# sourceMappingURL=\S+\s*$/, '\n'));
}
