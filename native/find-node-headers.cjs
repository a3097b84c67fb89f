// Prints the directory with this Node's own node_api.h and uv.h, for CMakeLists.txt. node-api-headers, which cmake-js
// offers, has no uv.h. Looks where npm and node-gyp look, and downloads nothing.
const { execFileSync } = require('node:child_process');
const { existsSync } = require('node:fs');
const { homedir } = require('node:os');
const { dirname, join } = require('node:path');

function npmNodedir() {
  if (process.env.npm_config_nodedir) return process.env.npm_config_nodedir;
  try {
    const answer = execFileSync('npm', ['config', 'get', 'nodedir'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    return answer.trim();
  } catch {
    return '';
  }
}

const nodedir = npmNodedir();
const version = process.version.slice(1);
const cache = process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache');
const candidates = [
  ...(nodedir && nodedir !== 'undefined' && nodedir !== 'null' ? [join(nodedir, 'include', 'node')] : []),
  join(dirname(process.execPath), '..', 'include', 'node'),
  join(cache, 'node-gyp', version, 'include', 'node'),
];
const found = candidates.find((dir) => existsSync(join(dir, 'uv.h')) && existsSync(join(dir, 'node_api.h')));
if (found === undefined) {
  console.error(`no Node headers with uv.h in:\n  ${candidates.join('\n  ')}\nGive -DNODE_INCLUDE_DIR=, or run node-gyp install.`);
  process.exit(1);
}
process.stdout.write(found);
