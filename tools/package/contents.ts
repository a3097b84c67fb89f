/** What the npm package must hold, and that it holds nothing else. */

/** The binary's place and name, as node-gyp-build looks for them: Node-API, so one for all versions of Node. */
export function prebuildPath(platform: string, arch: string, libc: string): string {
  return `prebuilds/${platform}-${arch}/tcp-striper.napi.${libc}.node`;
}

/**
 * @param files what npm would pack
 * @param sources the TypeScript under src, as src/core/chunk.ts, and the other files of the dashboard's page
 * @param prebuild the path of the native binary
 * @returns what is wrong, one line each
 */
export function contentsProblems(files: string[], sources: string[], prebuild: string): string[] {
  const compiled = sources
    .filter((source) => source.endsWith('.ts'))
    .map((source) => `dist/${source.replace(/\.ts$/, '')}`);
  const copied = sources.filter((source) => !source.endsWith('.ts')).map((source) => `dist/${source}`);
  const expected = new Set([
    'package.json',
    'README.md',
    'LICENSE',
    'CHANGELOG.md',
    prebuild,
    ...copied,
    ...compiled.flatMap((base) => [`${base}.js`, `${base}.d.ts`]),
  ]);
  const present = new Set(files);
  return [
    ...[...expected].filter((file) => !present.has(file)).map((file) => `${file} is missing`),
    ...files.filter((file) => !expected.has(file)).map((file) => `${file} does not belong in the package`),
  ];
}
