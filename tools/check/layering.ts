/**
 * Who may import whom.
 *
 *     core <- sys <- pipe <- layer/* <- proxy <- admin <- dashboard <- cli          observe: imports core; imported by proxy, admin and cli
 *
 * Each may import what stands to the left of it, and itself. A layer never imports a sibling layer, or stacking them
 * in another order would need changes in them; only src/proxy/stack.ts puts layers together. No import cycles, also
 * none of types alone: two files that need each other are one thing, or miss a third.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join, posix, relative, sep } from 'node:path';
import { readImports } from './imports.ts';

export interface Violation {
  file: string;
  line: number;
  problem: string;
}

const ORDER = ['core', 'sys', 'pipe', 'layer', 'proxy', 'admin', 'dashboard', 'cli'];
/** Who may import observe. */
const WATCHERS = ['proxy', 'admin', 'cli'];
const COMPOSER = 'src/proxy/stack.ts';
const ENTRY = 'src/index.ts';

/** One resolved import between files of the repository. */
interface Edge {
  from: string;
  to: string;
  line: number;
}

/** Checks src, test and tools under `root`. */
export function checkLayering(root: string): Violation[] {
  const violations: Violation[] = [];
  const edges: Edge[] = [];
  const { dependencies, devDependencies } = readPackage(root);

  for (const file of sources(root)) {
    const allowed = file.startsWith('src/') ? dependencies : new Set([...dependencies, ...devDependencies]);
    if (file.startsWith('src/') && file !== ENTRY && placeOf(file) === null) {
      violations.push({
        file,
        line: 1,
        problem: `belongs to no part: ${[...ORDER, 'observe'].join(', ')}`,
      });
    }
    for (const { specifier, line } of readImports(file, readFileSync(join(root, file), 'utf8'))) {
      const report = (problem: string) => violations.push({ file, line, problem });
      if (specifier === null) {
        if (file.startsWith('src/')) report('imports what is not a plain string, so nobody can check it');
      } else if (/^\.\.?(\/|$)/.test(specifier)) {
        const to = posix.normalize(posix.join(posix.dirname(file), specifier));
        if (!existsSync(join(root, to)) || !/\.\w+$/.test(to))
          report(`imports ${specifier}, which is not a file`);
        else edges.push({ from: file, to, line });
      } else {
        const problem = packageProblem(specifier, allowed);
        if (problem) report(problem);
      }
    }
  }
  for (const edge of edges) {
    const problem = edgeProblem(edge.from, edge.to);
    if (problem) violations.push({ file: edge.from, line: edge.line, problem });
  }
  return [...violations, ...composers(edges), ...cycles(edges)];
}

function packageProblem(specifier: string, allowed: Set<string>): string | null {
  if (specifier.startsWith('node:')) return null;
  if (isBuiltin(specifier)) return `imports ${specifier}: write node:${specifier}`;
  if (/^[/#]|^\w+:/.test(specifier)) return `imports ${specifier}: only relative paths and packages`;
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
  return allowed.has(name) ? null : `imports the package ${name}, which package.json does not list for it`;
}

/** What is wrong with one file importing another, or null. */
function edgeProblem(from: string, to: string): string | null {
  if (!from.startsWith('src/')) return null;
  if (!to.startsWith('src/')) return `imports ${to}: what is shipped needs nothing outside src`;
  if (from === ENTRY) return null;
  if (to === ENTRY) return `imports ${ENTRY}, which is for users of the library`;

  const a = placeOf(from);
  const b = placeOf(to);
  if (a === null || b === null || a.part === b.part) {
    if (a?.part === 'layer' && a.folder !== b?.folder) {
      return `imports ${to}: a layer imports no sibling; ${COMPOSER} puts layers together`;
    }
    return null;
  }
  if (a.part === 'observe')
    return b.part === 'core' ? null : `imports ${to}: observe is given counters, it imports core`;
  if (b.part === 'observe') {
    return WATCHERS.includes(a.part) ? null : `imports ${to}: observe is for ${WATCHERS.join(', ')}`;
  }
  return ORDER.indexOf(b.part) < ORDER.indexOf(a.part)
    ? null
    : `imports ${to}: ${a.part} stands below ${b.part}`;
}

/** src/layer/tcp/pipe.ts is in the part `layer`, folder `layer/tcp`. */
function placeOf(file: string): { part: string; folder: string } | null {
  const [, part, folder, ...rest] = file.split('/');
  if (part === undefined || folder === undefined) return null;
  if (part === 'layer') return rest.length > 0 ? { part, folder: `layer/${folder}` } : null;
  return ORDER.includes(part) || part === 'observe' ? { part, folder: part } : null;
}

/** Files above the layers that reach for more than one of them. */
function composers(edges: Edge[]): Violation[] {
  const violations: Violation[] = [];
  const first = new Map<string, string>();
  const reported = new Set<string>();
  for (const { from, to, line } of edges) {
    const folder = placeOf(to)?.folder;
    if (!from.startsWith('src/') || from === COMPOSER || from === ENTRY) continue;
    if (from.startsWith('src/layer/') || !folder?.startsWith('layer/')) continue;
    const other = first.get(from) ?? folder;
    first.set(from, other);
    if (other === folder || reported.has(from)) continue;
    reported.add(from);
    const problem = `imports from ${other} and from ${folder}: only ${COMPOSER} puts layers together`;
    violations.push({ file: from, line, problem });
  }
  return violations;
}

/** Import cycles within src, each told once. */
function cycles(edges: Edge[]): Violation[] {
  const next = new Map<string, Edge[]>();
  for (const edge of edges) {
    if (edge.from.startsWith('src/')) next.set(edge.from, [...(next.get(edge.from) ?? []), edge]);
  }
  const violations: Violation[] = [];
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): void => {
    path.push(file);
    for (const { to, line } of next.get(file) ?? []) {
      const start = path.indexOf(to);
      if (start >= 0) {
        const loop = [...path.slice(start), to].join(' -> ');
        violations.push({ file, line, problem: `closes an import cycle: ${loop}` });
      } else if (!done.has(to)) visit(to);
    }
    path.pop();
    done.add(file);
  };
  for (const file of next.keys()) if (!done.has(file)) visit(file);
  return violations;
}

function sources(root: string): string[] {
  return ['src', 'test', 'tools']
    .filter((folder) => existsSync(join(root, folder)))
    .flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((path) =>
        join(root, folder, path),
      ),
    )
    .map((path) => relative(root, path).split(sep).join('/'))
    .filter((path) => path.endsWith('.ts'))
    .sort();
}

function readPackage(root: string): { dependencies: Set<string>; devDependencies: Set<string> } {
  const text = readFileSync(join(root, 'package.json'), 'utf8');
  const { name, dependencies, devDependencies } = JSON.parse(text) as {
    name: string;
    dependencies?: object;
    devDependencies?: object;
  };
  return {
    dependencies: new Set(Object.keys(dependencies ?? {})),
    devDependencies: new Set([name, ...Object.keys(devDependencies ?? {})]),
  };
}
