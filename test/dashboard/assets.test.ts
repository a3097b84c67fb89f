/** Goal: the page is whole, asks nobody but the server that it came from, and runs nothing that is not a file of its own. */

import { posix } from 'node:path';
import t from 'tap';
import { dashboardAsset, PAGE_POLICY } from '../../src/dashboard/assets.ts';

function textAt(path: string): string {
  const asset = dashboardAsset(path);
  if (asset === undefined) throw new Error(`there is no ${path}`);
  return asset.body.toString('utf8');
}

/** What a file of the page asks for, as absolute paths. */
function askedBy(path: string, text: string): string[] {
  const patterns =
    /(?:href|src)="([^"#][^"]*)"|^(?:import|export|\})[^'"\n]*\bfrom ['"]([^'"]+)['"]|^import ['"]([^'"]+)['"]|url\(([^)]*)\)/gm;
  const found = [...text.matchAll(patterns)].map((match) =>
    match.slice(1).find((part) => part !== undefined),
  );
  return found.map((name) => posix.join(posix.dirname(path), name as string));
}

t.test('all that it asks for is there, and nothing else is asked for', async (t) => {
  const seen = new Set<string>();
  const visit = (path: string) => {
    if (seen.has(path)) return;
    seen.add(path);
    const text = textAt(path);
    if (!path.includes('uplot')) for (const name of askedBy(path, text)) visit(name);
  };
  visit('/');
  t.ok(seen.has('/assets/uplot.js'));
  t.ok(seen.has('/assets/dashboard/page/main.js'));
  t.ok(seen.has('/assets/core/format.js'), 'what it shares with the proxy');
  t.ok(seen.size > 15, `${seen.size} files`);
});

t.test('no file names another host, and none has anything inline', async (t) => {
  const html = textAt('/');
  t.notMatch(html, /<script(?![^>]*\bsrc=)/, 'no script without a file');
  t.notMatch(html, /<style|\sstyle=|\son[a-z]+=/i, 'no style and no handler inline');
  for (const path of ['/', '/assets/dashboard/page/style.css', '/assets/dashboard/page/main.js']) {
    t.notMatch(textAt(path), /https?:\/\/(?!www\.w3\.org\/2000\/svg)/, path);
  }
});

t.test('the policy lets nothing in', async (t) => {
  const policy = PAGE_POLICY;
  t.match(policy, /default-src 'none'/);
  t.match(policy, /script-src 'self'(;|$)/);
  t.match(policy, /frame-ancestors 'none'/);
  t.match(policy, /require-trusted-types-for 'script'/);
  t.notMatch(policy, /unsafe|\*|https?:|data:|blob:/);
});

t.test('there is nothing beside it', async (t) => {
  for (const path of [
    '',
    '/index.html',
    '/assets/',
    '/assets/dashboard/assets.js',
    '/assets/../package.json',
    '/assets/dashboard/page/tsconfig.json',
    '/assets/core/errors.js',
  ]) {
    t.equal(dashboardAsset(path), undefined, path);
  }
});
