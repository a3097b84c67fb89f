/** Goal: dependencies are pinned, and which of them run code when they are installed is known and written down. */
import { readFileSync } from 'node:fs';
import t from 'tap';

// This file runs as dist/test/house/dependencies.test.js.
const read = (path: string) => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');

interface LockedPackage {
  readonly version?: string;
  readonly integrity?: string;
  readonly hasInstallScript?: boolean;
}

const lock = JSON.parse(read('package-lock.json')) as { packages: Record<string, LockedPackage> };
const packages = Object.entries(lock.packages).filter(([path]) => path !== '');

t.test('those with install scripts are those that docs/security.md lists', async (t) => {
  const [, section = ''] = /^## Dependencies\n([\s\S]*?)\n## /m.exec(read('docs/security.md')) ?? [];
  const [, listed = ''] = /Install scripts: (.*?)\.\n/s.exec(section) ?? [];
  const documented = [...listed.matchAll(/`([^`]+)`/g)].map(([, name]) => name).sort();
  const found = packages
    .filter(([, { hasInstallScript }]) => hasInstallScript)
    .map(([path]) => path.replace(/^.*node_modules\//, ''));
  t.not(listed, '', 'the section says so, also when there are none');
  t.same(documented, [...new Set(found)].sort());
});

t.test('every version is exact, and every download has a checksum', async (t) => {
  const { dependencies, devDependencies } = JSON.parse(read('package.json')) as Record<
    string,
    Record<string, string>
  >;
  for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies }))
    t.match(version, /^\d+\.\d+\.\d+$/, name);
  for (const [path, { integrity }] of packages) t.match(integrity, /^sha512-/, path);
});
