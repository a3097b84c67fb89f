/** Goal: a configuration file can say all that the command line can, in each language, and every mistake is found at once. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { stringify as tomlOf } from 'smol-toml';
import t from 'tap';
import { stringify as yamlOf } from 'yaml';
import { parseCommand } from '../../src/cli/arguments.ts';
import { readPlan } from '../../src/cli/config/plan.ts';
import { jsonSchema } from '../../src/cli/config/schema.ts';
import { readEnvironment } from '../../src/cli/environment.ts';
import { OPTIONS, type OptionName, type OptionSpec, SETTABLE } from '../../src/cli/options.ts';
import type { Configuration, Values } from '../../src/cli/settings.ts';
import { folder, mistakesOf, NOTHING, planOf } from '../helpers/config_files.ts';

const DOCS = fileURLToPath(new URL('../../../docs/', import.meta.url));

function typedConfiguration(words: readonly string[]): Configuration {
  const command = parseCommand(words);
  if (command.do !== 'run') throw new Error(`${words.join(' ')} does not run`);
  const { do: _, ...configuration } = command;
  return configuration;
}

/** A value for each option, as it is typed. A new option has to be added here; the first test says so. */
const SAMPLES: Partial<Record<OptionName, string>> = {
  carriers: '7',
  key: '/etc/striper.key',
  via: '10.0.0.1,eth0',
  congestion: 'cubic',
  grace: '1500ms',
  connectTimeout: '3s',
  drainTimeout: '1m',
  maxConnections: '17',
  maxMessage: '1M',
  memory: '64M',
  logLevel: 'debug',
  logFormat: 'json',
  admin: '9090',
  compress: 'zstd:3',
  bufferSize: '64k',
  tlsName: 'server.example',
  tlsPin: `sha256/${Buffer.alloc(32).toString('base64')}`,
};
/** Switches that are good only beside another option. */
const BESIDE: Partial<Record<OptionName, readonly OptionName[]>> = {
  noEncrypt: ['key'],
  highCompression: ['compress'],
  bufferSize: ['compress'],
  adminToken: ['admin'],
  tlsKey: ['tlsCert'],
  tlsClientCa: ['tlsCert'],
};

/** Where an option is of use. */
function modeFor(name: OptionName): 'client' | 'server' {
  const { about } = OPTIONS[name] as { about?: string };
  return about === 'accepting the peer' || about === 'striped clients' ? 'server' : 'client';
}

function sampleOf(name: OptionName): string | true {
  const { value, parse }: OptionSpec<unknown> = OPTIONS[name];
  if (value === undefined) return true;
  return (
    SAMPLES[name] ??
    (value === 'FILE' ? `/etc/${name}` : String(Math.max(1, parse?.form?.number?.least ?? 1)))
  );
}

/** As it would be written in a file. */
function keyOf(name: OptionName): string | number | true {
  const sample = sampleOf(name);
  return sample !== true && /^\d+$/.test(sample) ? Number(sample) : sample;
}

t.test('every option of the command line is a key, and does the same there', async (t) => {
  for (const [name, spec] of SETTABLE) {
    const mode = modeFor(name);
    const given = [name, ...(BESIDE[name] ?? [])];
    const words = given.flatMap((one) => {
      const sample = sampleOf(one);
      return sample === true ? [`--${OPTIONS[one].flag}`] : [`--${OPTIONS[one].flag}`, sample];
    });
    const typed = typedConfiguration([mode === 'client' ? '-c' : '-s', '1', '2', ...words]);
    const keys = Object.fromEntries(given.map((one) => [OPTIONS[one].flag, keyOf(one)]));
    const ends = { mode, listen: 1, [mode === 'client' ? 'peer' : 'target']: 2 };
    const top = planOf(yamlOf({ ...keys, listeners: [ends] }));
    t.same(
      { ...top.listeners[0], name: undefined },
      { ...typed, name: undefined },
      `${spec.flag} at the top`,
    );
    if (spec.process === true) {
      t.match(
        mistakesOf(yamlOf({ listeners: [{ ...ends, ...keys }] })),
        [/about the whole process/],
        spec.flag,
      );
      for (const key of Object.keys(top.process) as (keyof typeof top.process)[])
        t.same(top.process[key], typed[key], `${spec.flag}: ${key}`);
    } else {
      const own = planOf(yamlOf({ listeners: [{ ...ends, ...keys }] }));
      t.same(
        { ...own.listeners[0], name: undefined },
        { ...typed, name: undefined },
        `${spec.flag} at a listener`,
      );
    }
    if (spec.variable === 'taken') continue;
    const { values } = readEnvironment(
      Object.fromEntries(
        given.map((one) => [
          `TCP_STRIPER_${OPTIONS[one].flag.replaceAll('-', '_').toUpperCase()}`,
          String(sampleOf(one)),
        ]),
      ),
    );
    const surrounded = parseCommand([mode === 'client' ? '-c' : '-s', '1', '2'], values);
    t.same({ ...surrounded, do: undefined }, { ...typed, do: undefined }, `${spec.flag} in the environment`);
  }
});

t.test('YAML, JSON and TOML say the same', async (t) => {
  const data = {
    'log-level': 'warn',
    'no-status': true,
    grace: 2.5,
    listeners: [
      {
        name: 'a',
        mode: 'client',
        listen: ':1',
        peer: ['h:2', '[::1]:3'],
        via: ['eth0', '10.0.0.1'],
        carriers: 3,
      },
      { mode: 'relay', listen: '/run/x', target: 80 },
      { mode: 'server', listen: 7, target: 'h:8', carriers: 0, 'no-encrypt': false },
    ],
  };
  const yaml = planOf(yamlOf(data));
  t.same(planOf(JSON.stringify(data), 'json'), yaml);
  t.same(planOf(tomlOf(data), 'toml'), yaml);
  t.same(planOf(`\ufeff${yamlOf(data)}`, 'yml'), yaml, 'with a byte order mark');
  t.match(yaml, {
    process: { logLevel: 'warn', status: false },
    listeners: [
      {
        name: 'a',
        carriers: 3,
        graceMs: 2500,
        dial: [
          { host: 'h', port: 2 },
          { host: '::1', port: 3 },
        ],
      },
      { name: null, mode: 'relay', listen: { path: '/run/x' }, dial: [{ host: '', port: 80 }] },
      { carriers: 0, listen: { host: '', port: 7 } },
    ],
  });
});

const RELAY = 'listeners: [{mode: relay, listen: 1, target: 2}]';

t.test(
  'the command line counts more than the environment, that more than the listener, that more than the top',
  async (t) => {
    const value = (ms: number): Values => new Map([['connectTimeout', ms]]);
    const text = (top: string, own: string) => `${top}listeners: [{mode: relay, listen: 1, target: 2${own}}]`;
    const [top, own] = ['connect-timeout: 1s\n', ', connect-timeout: 2s'];
    for (const [file, environment, typed, ms] of [
      [text('', ''), new Map(), new Map(), 10_000],
      [text(top, ''), new Map(), new Map(), 1000],
      [text(top, own), new Map(), new Map(), 2000],
      [text(top, own), value(3000), new Map(), 3000],
      [text(top, own), value(3000), value(4000), 4000],
    ] as const)
      t.equal(planOf(file, 'yaml', { environment, typed }).listeners[0]?.connectTimeoutMs, ms);
    const level = (word: string): Values => new Map([['logLevel', word]]);
    t.equal(planOf(`log-level: warn\n${RELAY}`).process.logLevel, 'warn');
    t.equal(
      planOf(`log-level: warn\n${RELAY}`, 'yaml', { environment: level('error'), typed: level('debug') })
        .process.logLevel,
      'debug',
    );
  },
);

t.test('an option at the top is for those that can use it; for none, it is a mistake', async (t) => {
  const three = `listeners:
  - {mode: relay, listen: 1, target: 2}
  - {mode: server, listen: 3, target: 4}
  - {mode: client, listen: 5, peer: 6}
  - {mode: client, listen: 7, peer: 8, carriers: 0}
`;
  const plan = planOf(`grace: 5s\nvia: eth0\n${three}`);
  t.same(
    plan.listeners.map(({ graceMs }) => graceMs),
    [30_000, 5000, 5000, 30_000],
  );
  t.same(
    plan.listeners.map(({ via }) => via.length),
    [0, 0, 1, 1],
  );
  t.match(mistakesOf(`grace: 5s\n${RELAY}`), [
    /^1:1: grace: grace would do nothing: it is about striping, and no listener/,
  ]);
  t.match(mistakesOf(RELAY, 'yaml', { environment: new Map([['grace', 1]]), typed: new Map() }), [
    /TCP_STRIPER_GRACE would do nothing/,
  ]);
  t.match(mistakesOf(RELAY, 'yaml', { environment: new Map(), typed: new Map([['grace', 1]]) }), [
    /--grace would do nothing/,
  ]);
  t.match(
    mistakesOf(`key: k\n${three}`),
    [/^1:1: key: key protects nothing here: .*leave out carriers: 0 \(for listeners\[3\]\)/],
    'a key is never left out in silence',
  );
});

t.test('files that are named are looked for beside the configuration', async (t) => {
  const { listeners } = planOf(
    'key: k/a.key\nlisteners: [{mode: server, listen: 1, target: 2}, {mode: server, listen: 2, target: 2, key: /b}]',
  );
  t.same(
    listeners.map(({ keyFile }) => keyFile),
    [join(folder, 'k/a.key'), '/b'],
  );
});

const ajv = new Ajv({ strict: false });
const isGood = ajv.compile(jsonSchema() as object);

t.test('what editors are told is what is so: docs/config.schema.json', async (t) => {
  const file = JSON.parse(readFileSync(join(DOCS, 'config.schema.json'), 'utf8'));
  t.same(
    file,
    JSON.parse(JSON.stringify(jsonSchema())),
    'make it anew: tcp-proxy schema > docs/config.schema.json',
  );
  for (const [text, good] of [
    [{ listeners: [{ mode: 'relay', listen: 1, target: 'h:2' }] }, true],
    [{ listeners: [{ mode: 'relay', listen: 1, target: 'h:2', grace: 1 }] }, false],
    [{ listeners: [{ mode: 'relay', listen: 1, peer: 'h:2' }] }, false],
    [{ listeners: [] }, false],
    [{ grace: 'soon', listeners: [{ mode: 'server', listen: 1, target: 2 }] }, false],
  ] as const)
    t.equal(isGood(text), good, JSON.stringify(text));
});

t.test('whatever is written: what runs is good to editors, and what they refuse does not run', async (t) => {
  const scalar = fc.oneof(
    fc.constantFrom('auto', '5s', '64k', '16M', 'debug', 'json', 'eth0', '10.0.0.1', '1e3', '', 'k'),
    fc.integer({ min: -2, max: 100_000_000 }),
    fc.double({ min: 0, max: 100, noNaN: true }),
    fc.boolean(),
    fc.string(),
  );
  const options = fc.dictionary(
    fc.constantFrom(...SETTABLE.map(([, { flag }]) => flag), 'nonsense'),
    scalar,
    { maxKeys: 3 },
  );
  const listener = fc.tuple(fc.constantFrom('client', 'server', 'relay'), options).map(([mode, more]) => ({
    mode,
    listen: 1,
    [mode === 'client' ? 'peer' : 'target']: 2,
    ...more,
  }));
  let right = 0;
  fc.assert(
    fc.property(fc.tuple(options, listener), ([top, one]) => {
      const data = { ...top, listeners: [one] };
      const mistakes = mistakesOf(JSON.stringify(data), 'json');
      if (mistakes.length === 0) right++;
      if (mistakes.length === 0 && !isGood(data)) throw new Error(ajv.errorsText(isGood.errors));
    }),
    { numRuns: 1500, verbose: 1 },
  );
  t.ok(right > 50, `${right} of them were right`);
});

t.test('the examples in the documentation', async (t) => {
  const examples = readdirSync(join(DOCS, 'examples')).filter((name) => /\.(ya?ml|json|toml)$/.test(name));
  t.ok(examples.length >= 3);
  for (const name of examples) {
    const plan = readPlan(join(DOCS, 'examples', name), NOTHING);
    t.ok(plan.listeners.length > 0, name);
  }
});
