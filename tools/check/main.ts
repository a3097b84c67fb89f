/** `node dist/tools/check/main.js`: the checks that compilers and linters do not make. */
import { checkHouse } from './house.ts';
import { checkLayering } from './layering.ts';

const root = process.cwd();
const violations = [...checkLayering(root), ...checkHouse(root)];
for (const { file, line, problem } of violations) console.log(`${file}:${line}: ${problem}`);
if (violations.length > 0) {
  console.log(`${violations.length} broken rule${violations.length === 1 ? '' : 's'}`);
  process.exitCode = 1;
}
