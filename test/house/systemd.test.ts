/** Goal: the systemd units are valid, keep the process in, and run commands that tcp-proxy takes. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { parseCommand } from '../../src/cli/arguments.ts';

// This file runs as dist/test/house/systemd.test.js.
const FOLDER = fileURLToPath(new URL('../../../docs/systemd/', import.meta.url));
const UNITS = ['tcp-proxy-server.service', 'tcp-proxy-client.service'];
/** Of 10, the higher the worse, as systemd-analyze has it. docs/systemd/README.md names it. */
const MOST_EXPOSED = 1.5;

const noTool = spawnSync('systemd-analyze', ['--version']).status === 0 ? false : 'needs systemd-analyze';

function environment(side: string): Map<string, string> {
  const lines = readFileSync(join(FOLDER, `${side}.env`), 'utf8').split('\n');
  return new Map(
    lines
      .filter((line) => /^[A-Z]+=/.test(line))
      .map((line) => line.split(/=(.*)/s).slice(0, 2) as [string, string]),
  );
}

for (const unit of UNITS) {
  const text = readFileSync(join(FOLDER, unit), 'utf8');

  // With the reason in it, where systemd is missing.
  t.test(`${unit} for systemd`, { skip: noTool }, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'striper-units-'));
    t.teardown(() => rmSync(folder, { recursive: true, force: true }));
    const path = join(folder, unit);
    // The command is not installed where the tests run.
    writeFileSync(path, text.replaceAll('/usr/bin/tcp-proxy', process.execPath));
    const verified = spawnSync('systemd-analyze', ['verify', '--recursive-errors=no', path], {
      encoding: 'utf8',
    });
    t.equal(verified.stderr, '', 'nothing is wrong with it');
    t.equal(verified.status, 0);
    writeFileSync(path, text.replace('ProtectSystem=strict', 'ProtectSystem=stricter'));
    const broken = spawnSync('systemd-analyze', ['verify', '--recursive-errors=no', path], {
      encoding: 'utf8',
    });
    t.match(broken.stderr, /ProtectSystem|stricter/, 'and it would be said');
    writeFileSync(path, text);
    const exposure = execFileSync('systemd-analyze', ['security', '--offline=true', '--no-pager', path], {
      encoding: 'utf8',
    });
    const [, level] = /exposure level for \S+: ([\d.]+)/.exec(exposure) ?? [];
    t.ok(Number(level) <= MOST_EXPOSED, `exposure ${level}`);
  });

  t.test(`${unit}: what tcp-proxy is told`, async (t) => {
    const side = unit.includes('server') ? 'server' : 'client';
    const [, command = ''] = /^ExecStart=\/usr\/bin\/tcp-proxy (.*)$/m.exec(text) ?? [];
    const values = environment(side).set('CREDENTIALS_DIRECTORY', '/run/credentials/x');
    const words = command.split(' ').flatMap((word) => {
      const whole = word.replace(/\$\{(\w+)\}/g, (_, name) => values.get(name) ?? `no ${name}`);
      const [, name] = /^\$(\w+)$/.exec(whole) ?? [];
      return name === undefined ? [whole] : (values.get(name) ?? '').split(' ').filter(Boolean);
    });
    const parsed = parseCommand(words);
    t.match(parsed, { do: 'run', mode: side, keyFile: '/run/credentials/x/striper.key', status: false });
    t.match(text, /^LoadCredential=striper\.key:/m);
  });

  t.test(`${unit}: V8 could not start with memory that is never executable`, async (t) => {
    t.notMatch(text, /^MemoryDenyWriteExecute=/m);
  });
}
