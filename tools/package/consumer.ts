/** A TypeScript project that uses the installed library: every value that it exports must have a type. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export function checkConsumer(folder: string, name: string, env: NodeJS.ProcessEnv): void {
  const node = join(env.PATH!, 'node');
  const script = `console.log(Object.keys(await import('${name}')).join())`;
  const options = { cwd: folder, env, encoding: 'utf8' as const };
  const exported = execFileSync(node, ['--input-type=module', '-e', script], options).trim();
  if (!exported) throw new Error(`${name} exports nothing`);

  writeFileSync(
    join(folder, 'index.ts'),
    `import { ${exported} } from '${name}';\nexport const all = [${exported}];\n`,
  );
  const compilerOptions = {
    strict: true,
    target: 'es2023',
    module: 'nodenext',
    types: ['node'],
    noEmit: true,
    skipLibCheck: false,
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['index.ts'] }));
  // The project's own TypeScript and Node types; nothing else of this repository is within reach.
  const modules = join(process.cwd(), 'node_modules');
  mkdirSync(join(folder, 'node_modules/@types'), { recursive: true });
  for (const types of ['@types/node', 'undici-types'])
    symlinkSync(join(modules, types), join(folder, 'node_modules', types));
  const tsc = join(modules, 'typescript/bin/tsc');
  try {
    execFileSync(process.execPath, [tsc, '-p', folder], { encoding: 'utf8' });
  } catch (error) {
    throw new Error(`the types do not fit:\n${(error as { stdout: string }).stdout}`);
  }
}
