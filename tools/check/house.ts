/**
 * House rules that no other tool knows: nothing in the repository depends on the machine it was written on, no test
 * is left out unseen, no file grows past what one can hold in mind.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Violation } from './layering.ts';

const MAX_LINES = 400;

/** Files that may be longer, each with the reason. */
export const LONG_FILES: Record<string, string> = {};

interface Rule {
  applies: (file: string) => boolean;
  /** The problem with this line, or null. */
  problem: (line: string, previous: string) => string | null;
}

const isTest = (file: string) => file.startsWith('test/') && file.endsWith('.ts');

// The patterns are written so that this file and its test do not break them.
const FOREIGN_PATH = /(?<![\w.~*-])\/(?:home|Users|root|work)\/[\w.-]+/;
const SHARED_PATH = /\.\.\/shared\b/;
const REGISTRY = /\bregistry\.[a-z-]+\.(?:org|com|net|dev|io)\b/;
const ONLY = /\.only\(|\bonly: true/;
const SKIP = /\.skip\(|\.todo\(|\b(?:skip|todo):/;
const SKIP_WITH_REASON = /\b(?:skip|todo):[^,}]*['"`]|\/\//;

const RULES: Rule[] = [
  {
    applies: () => true,
    problem: (line) => {
      const path = FOREIGN_PATH.exec(line) ?? SHARED_PATH.exec(line);
      return path ? `names ${path[0]}, a place on somebody's machine` : null;
    },
  },
  {
    applies: () => true,
    problem: (line) => (REGISTRY.test(line) ? 'names the host of a package registry' : null),
  },
  {
    applies: (file) => file.endsWith('package-lock.json'),
    problem: (line) =>
      /^\s*"resolved":/.test(line) ? 'holds the address of a package; npm ci needs none' : null,
  },
  {
    applies: isTest,
    problem: (line) => (ONLY.test(line) ? 'runs one test only' : null),
  },
  {
    applies: isTest,
    problem: (line, previous) =>
      SKIP.test(line) && !SKIP_WITH_REASON.test(line) && !/^\s*(\/\/|\*)/.test(previous)
        ? 'leaves a test out without a reason: give it as text, or in a comment'
        : null,
  },
];

/** Checks the files of the repository at `root`: what git tracks, and what it would track. */
export function checkHouse(root: string, files = listFiles(root)): Violation[] {
  const violations: Violation[] = [];
  for (const file of files) {
    const text = readFileSync(join(root, file), 'utf8');
    if (text.includes('\0')) continue; // not text
    const lines = text.split('\n');
    const rules = RULES.filter((rule) => rule.applies(file));
    lines.forEach((line, i) => {
      for (const rule of rules) {
        const problem = rule.problem(line, lines[i - 1] ?? '');
        if (problem) violations.push({ file, line: i + 1, problem });
      }
    });
    const problem = lengthProblem(file, lines.length - 1);
    if (problem) violations.push({ file, line: MAX_LINES, problem });
  }
  return violations;
}

function lengthProblem(file: string, lines: number): string | null {
  const counts = /^(src|test|tools|native)\/.*\.(ts|js|cjs|mjs|cc|h|sh)$/.test(file);
  if (!counts || lines <= MAX_LINES || file in LONG_FILES) return null;
  return `has ${lines} lines; above ${MAX_LINES}, ask what the second thing in it is`;
}

function listFiles(root: string): string[] {
  const args = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const files = execFileSync('git', args, { cwd: root, encoding: 'utf8' }).split('\0').filter(Boolean);
  return files.filter((file) => existsSync(join(root, file))).sort();
}
