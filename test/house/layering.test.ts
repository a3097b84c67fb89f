/** Goal: every rule of the layering check catches what it is for, and lets pass what is allowed. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { checkLayering } from '../../tools/check/layering.ts';

const PACKAGE = JSON.stringify({
  name: 'fixture',
  dependencies: { 'a-dependency': '1.0.0' },
  devDependencies: { 'a-tool': '1.0.0', '@scope/tool': '1.0.0' },
});

/** Writes a tree of files and returns what the check says of it, one line each. */
function check(test: Test, files: Record<string, string>): string[] {
  const root = test.testdir({ 'package.json': PACKAGE });
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
  return checkLayering(root).map(({ file, line, problem }) => `${file}:${line}: ${problem}`);
}

const NOTHING = 'export {};';

t.test('a tree that keeps the rules', async (t) => {
  const found = check(t, {
    'src/core/a.ts': `import { join } from 'node:path';\nimport './b.ts';`,
    'src/core/b.ts': NOTHING,
    'src/sys/a.ts': `import '../core/a.ts';\nimport 'a-dependency';\nimport 'a-dependency/part.js';`,
    'src/pipe/a.ts': `import '../sys/a.ts';\nimport '../core/a.ts';`,
    'src/layer/tcp/pipe.ts': `import '../../pipe/a.ts';\nimport '../../sys/a.ts';`,
    'src/layer/tls/codec.ts': NOTHING,
    'src/layer/tls/pipe.ts': `import './codec.ts';`,
    'src/proxy/stack.ts': `import '../layer/tcp/pipe.ts';\nimport '../layer/tls/pipe.ts';`,
    'src/proxy/relay.ts': `import './stack.ts';\nimport '../layer/tcp/pipe.ts';\nimport '../observe/a.ts';`,
    'src/observe/a.ts': `import '../core/a.ts';`,
    'src/cli/main.ts': `import '../proxy/relay.ts';\nimport '../observe/a.ts';`,
    'src/index.ts': `export * from './layer/tcp/pipe.ts';\nexport * from './layer/tls/pipe.ts';`,
    'test/core/a.test.ts': `import 'a-tool';\nimport '@scope/tool/x';\nimport '../../src/cli/main.ts';`,
    'tools/bench/a.ts': `import 'a-dependency';\nimport '../../src/index.ts';`,
  });
  t.same(found, []);
});

t.test('a lower part imports a higher one', async (t) => {
  const parts = ['core', 'sys', 'pipe', 'layer/tcp', 'proxy', 'admin', 'dashboard', 'cli'];
  for (const [i, low] of parts.entries()) {
    for (const high of parts.slice(i + 1)) {
      const up = '../'.repeat(low.split('/').length);
      const found = check(t, {
        [`src/${low}/low.ts`]: `\nimport '${up}${high}/high.ts';`,
        [`src/${high}/high.ts`]: NOTHING,
      });
      t.equal(found.length, 1, `${low} imports ${high}`);
      t.match(found[0], `src/${low}/low.ts:2: imports src/${high}/high.ts`);
    }
  }
});

t.test('every way to import is seen', async (t) => {
  const ways = [
    `import x from '../pipe/a.ts';`,
    `import type { X } from '../pipe/a.ts';`,
    `import { type X } from '../pipe/a.ts';`,
    `export { x } from '../pipe/a.ts';`,
    `export * from '../pipe/a.ts';`,
    `export type { X } from '../pipe/a.ts';`,
    `const x = await import('../pipe/a.ts');`,
    'const x = await import(`../pipe/a.ts`);',
    `type X = import('../pipe/a.ts').X;`,
    `import x = require('../pipe/a.ts');`,
    `const x = require('../pipe/a.ts');`,
  ];
  for (const way of ways) {
    const found = check(t, { 'src/core/a.ts': way, 'src/pipe/a.ts': NOTHING });
    t.same(found, ['src/core/a.ts:1: imports src/pipe/a.ts: core stands below pipe'], way);
  }
  t.match(check(t, { 'src/core/a.ts': 'await import(name);' }), [/not a plain string/]);
});

t.test('a comment or a string is not an import', async (t) => {
  const found = check(t, {
    'src/core/a.ts': `// import '../pipe/a.ts';\nexport const text = "import '../pipe/a.ts'";`,
    'src/pipe/a.ts': NOTHING,
  });
  t.same(found, []);
});

t.test('a layer imports its sibling', async (t) => {
  const found = check(t, {
    'src/layer/tls/pipe.ts': `import '../tcp/pipe.ts';`,
    'src/layer/tcp/pipe.ts': NOTHING,
  });
  t.match(found, [/^src\/layer\/tls\/pipe\.ts:1: .* a layer imports no sibling/]);
});

t.test('somebody but stack.ts puts layers together', async (t) => {
  const layers = { 'src/layer/tls/pipe.ts': NOTHING, 'src/layer/tcp/pipe.ts': NOTHING };
  for (const file of ['src/proxy/relay.ts', 'src/cli/main.ts']) {
    const text = `import '../layer/tcp/pipe.ts';\nimport '../layer/tls/pipe.ts';`;
    t.same(check(t, { ...layers, [file]: text }), [
      `${file}:2: imports from layer/tcp and from layer/tls: only src/proxy/stack.ts puts layers together`,
    ]);
  }
});

t.test('observe is given counters', async (t) => {
  const files = { 'src/observe/a.ts': NOTHING, 'src/proxy/a.ts': NOTHING };
  t.match(check(t, { ...files, 'src/observe/b.ts': `import '../proxy/a.ts';` }), [
    /observe is given counters/,
  ]);
  t.match(check(t, { ...files, 'src/layer/tcp/a.ts': `import '../../observe/a.ts';` }), [
    /for proxy, admin, cli/,
  ]);
  t.match(check(t, { ...files, 'src/core/a.ts': `import '../observe/a.ts';` }), [/for proxy, admin, cli/]);
});

t.test('src imports from outside of it', async (t) => {
  const files = { 'test/helpers/a.ts': NOTHING, 'tools/bench/a.ts': NOTHING };
  for (const to of ['test/helpers/a.ts', 'tools/bench/a.ts']) {
    t.match(check(t, { ...files, 'src/cli/main.ts': `import '../../${to}';` }), [
      /needs nothing outside src/,
    ]);
    t.match(check(t, { ...files, 'src/index.ts': `export * from '../${to}';` }), [
      /needs nothing outside src/,
    ]);
  }
});

t.test('src imports the entry made for users', async (t) => {
  const found = check(t, { 'src/index.ts': NOTHING, 'src/cli/main.ts': `import '../index.ts';` });
  t.match(found, [/src\/cli\/main\.ts:1: imports src\/index\.ts/]);
});

t.test('import cycles, of types too', async (t) => {
  const found = check(t, {
    'src/core/a.ts': `import './b.ts';`,
    'src/core/b.ts': `\nimport './c.ts';`,
    'src/core/c.ts': `import type { A } from './a.ts';`,
    'src/core/self.ts': `import './self.ts';`,
  });
  t.same(found, [
    'src/core/c.ts:1: closes an import cycle: src/core/a.ts -> src/core/b.ts -> src/core/c.ts -> src/core/a.ts',
    'src/core/self.ts:1: closes an import cycle: src/core/self.ts -> src/core/self.ts',
  ]);
});

t.test('packages', async (t) => {
  const one = (file: string, specifier: string) => check(t, { [file]: `import '${specifier}';` });
  t.match(one('src/core/a.ts', 'a-tool'), [/package a-tool/], 'a development dependency is not shipped');
  t.match(one('src/core/a.ts', '@scope/tool/x'), [/package @scope\/tool/]);
  t.match(one('src/core/a.ts', 'unheard-of'), [/package unheard-of/]);
  t.match(one('test/a.test.ts', 'unheard-of'), [/package unheard-of/], 'tests too list what they need');
  t.match(one('src/core/a.ts', 'fs'), [/write node:fs/]);
  t.match(one('src/core/a.ts', 'file:///tmp/x.js'), [/only relative paths and packages/]);
  t.match(one('src/core/a.ts', '/tmp/x.js'), [/only relative paths and packages/]);
  t.match(one('src/core/a.ts', '#alias'), [/only relative paths and packages/]);
});

t.test('files in no part, and imports of no file', async (t) => {
  t.match(check(t, { 'src/stray.ts': NOTHING }), [/belongs to no part/]);
  t.match(check(t, { 'src/util/a.ts': NOTHING }), [/belongs to no part/]);
  t.match(check(t, { 'src/layer/a.ts': NOTHING }), [/belongs to no part/]);
  t.match(check(t, { 'src/core/a.ts': `import './gone.ts';` }), [/not a file/]);
  t.match(check(t, { 'src/core/a.ts': `import '../core';` }), [/not a file/]);
});
