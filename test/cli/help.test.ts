/** Goal: the help fits a screen of 80 x 40 and, like the README, leaves out no option. */
import { readFileSync } from 'node:fs';
import t from 'tap';
import { parseCommand } from '../../src/cli/arguments.ts';
import { helpText } from '../../src/cli/help.ts';
import { OPTIONS, type OptionSpec } from '../../src/cli/options.ts';

const specs: OptionSpec<unknown>[] = Object.values(OPTIONS);
const help = helpText();

t.test('it fits a screen', async (t) => {
  const lines = help.trimEnd().split('\n');
  t.ok(lines.length <= 39, `${lines.length} lines, and one for the prompt`);
  for (const line of lines) t.ok(line.length <= 80, `${line.length} columns: ${line}`);
  t.notMatch(help, /[^\n -~]/, 'nothing but ASCII, no tabs');
  t.notMatch(help, / \n/, 'no blanks at the ends of lines');
  t.ok(help.endsWith('\n'));
});

t.test('every option is in it, with its value, but for the rare ones', async (t) => {
  for (const { flag, short, value } of specs.filter(({ rare }) => !rare)) {
    const isMode = ['client', 'server', 'relay'].includes(flag);
    if (isMode) t.match(help, new RegExp(`tcp-proxy -${short} LISTEN`), flag);
    else t.ok(help.includes(`--${flag}${value === undefined ? '' : ` ${value}`}`), flag);
    if (short !== undefined) t.ok(help.includes(`-${short}`), `-${short}`);
  }
});

t.test('every option is in the README', async (t) => {
  // This file runs as dist/test/cli/help.test.js.
  const readme = readFileSync(new URL('../../../README.md', import.meta.url), 'utf8');
  for (const { flag, short } of specs) {
    t.ok(readme.includes(`--${flag}`) || (short !== undefined && readme.includes(`-${short}`)), `--${flag}`);
  }
});

t.test('no two options share a name, and the examples parse', async (t) => {
  const names = specs.flatMap(({ flag, short }) => (short === undefined ? [flag] : [flag, short]));
  t.equal(new Set(names).size, names.length);
  const examples = help
    .split('\n')
    .flatMap((line) => /^ {2}tcp-proxy (.*?)(?: {2,}.*)?$/.exec(line)?.[1] ?? []);
  t.ok(examples.length >= 2);
  for (const example of examples) t.equal(parseCommand(example.split(' ')).do, 'run', example);
});
