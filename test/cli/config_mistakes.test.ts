/** Goal: all mistakes in a configuration file at once, each with its place, what is wrong and what is right. */
import { join } from 'node:path';
import t from 'tap';
import { readPlan } from '../../src/cli/config/plan.ts';
import { folder, mistakesOf, NOTHING, written } from '../helpers/config_files.ts';

t.test('all mistakes at once, in the order of the file, each with its place', async (t) => {
  t.match(
    mistakesOf(`log-level: loud
grce: 5s
mode: server
listeners:
  - mode: server
    listen: 0.0.0.0:22222
    target: 127.0.0.1:0
    via: eth0
  - mode: client
    listen: 0.0.0.0:22222
    target: server:22222
    carriers: "4"
    grace: soon
    max-message: 1k
    memory: 1G
    no-encrypt: yes
  - mode: relai
    listen: 3
  - name: a b
    mode: relay
    listen: 1.2.3.400:5
    grace: 1s
  - 17
`),
    [
      /^1:1: log-level: 'loud': write one of error, warn, info, debug$/,
      /^2:1: grce: there is no such key; did you mean 'grace'\?$/,
      /^3:1: mode: this belongs to a listener, in the list 'listeners'$/,
      /^7:5: listeners\[0\]\.target: port 0 cannot be dialled; the target needs its real port$/,
      /^8:5: listeners\[0\]\.via: this is for a client, which dials the peer, and this is a server$/,
      /^10:5: listeners\[1\]\.listen: 0\.0\.0\.0:22222 is that of listeners\[0\]\.listen, too/,
      /^11:5: listeners\[1\]\.target: a client dials its peer, a tcp-proxy server: write 'peer'$/,
      /^12:5: listeners\[1\]\.carriers: '4': write the number without quotes$/,
      /^13:5: listeners\[1\]\.grace: 'soon': write a time such as 500ms, 10s or 2m$/,
      /^14:5: listeners\[1\]\.max-message: '1k': write a number of bytes such as .* from 64k to 1G$/,
      /^15:5: listeners\[1\]\.memory: this is about the whole process: write it at the top/,
      /^16:5: listeners\[1\]\.no-encrypt: 'yes': write true or false$/,
      /^17:5: listeners\[2\]\.mode: 'relai': write client .*, server .* or relay$/,
      /^19:5: listeners\[3\]\.name: 'a b': write one word/,
      /^19:5: listeners\[3\]\.target: it is missing; write an address/,
      /^21:5: listeners\[3\]\.listen: '1\.2\.3\.400:5': 1\.2\.3\.400 is not an IPv4 address$/,
      /^22:5: listeners\[3\]\.grace: a relay has no peer that this could be about$/,
      /^23:5: listeners\[4\]: 17: a listener has keys: mode, listen, and a peer or a target$/,
    ],
  );
});

t.test('mistakes in TOML and JSON have their places, too', async (t) => {
  t.match(
    mistakesOf(
      `# a comment with [[brackets]] = "
log-level = 'loud' # "
text = """ [[listeners]]
grace = 1 """
[[listeners]]
mode = "relay"
listen = 1
target = 2
[[listeners]]
mode = "client" ; "peer" = 1`.replace(' ; ', '\n'),
      'toml',
    ),
    [/^2:1: log-level/, /^3:1: text: there is no such key/, /^9:1: listeners\[1\]\.listen: it is missing/],
  );
  t.match(
    mistakesOf(
      'listeners = [\n  { mode = "relay", listen = 1, target = 2 },\n  { mode = "client", listen = 2, peer = ["a:1",\n   "b"] },\n]',
      'toml',
    ),
    [/^4:4: listeners\[1\]\.peer\[1\]: 'b' has no port/],
  );
  t.match(mistakesOf('{"listeners": [\n {"mode": "relay", "listen": 1,\n  "targt": 2}]}', 'json'), [
    /^2:2: listeners\[0\]\.target: it is missing/,
    /^3:3: listeners\[0\]\.targt: there is no such key; did you mean 'target'\?/,
  ]);
});

t.test('what is no YAML, JSON or TOML at all', async (t) => {
  for (const [text, ending, answer] of [
    ['a: b: c', 'yaml', /^1:\d+: this is no YAML: /],
    [
      'listeners:\n  - mode: relay\n    listen: [::1]:22',
      'yaml',
      /^3:\d+: this is no YAML: .*write an address in brackets in quotes/,
    ],
    ['grace: 1\ngrace: 2', 'yaml', /^2:1: this is no YAML: Map keys must be unique/],
    ['a: &a [*a, *b]', 'yaml', /this is no YAML/],
    ['{"a": 1,}', 'json', /^1:9: this is no JSON/],
    ['{"a": [1, 2}', 'json', /^1:12: this is no JSON/],
    ['{\n "a": tru }', 'json', /^2:7: this is no JSON/],
    ['{"a": 1', 'json', /^1:8: this is no JSON/],
    ['// no comments', 'json', /^1:1: this is no JSON/],
    ['a = ', 'toml', /^1:\d+: this is no TOML/],
    ['a = 1\na = 2', 'toml', /^2:\d+: this is no TOML/],
  ] as const)
    t.match(mistakesOf(text, ending), [answer], text);
  for (const text of [
    '',
    '[]',
    '17',
    'null',
    '# nothing',
    'listeners:',
    'listeners: []',
    'listeners: {}',
    'listeners: x',
  ])
    t.equal(mistakesOf(text).length, 1, JSON.stringify(text));
  t.match(mistakesOf('"\\u202e\\e[31m": 1\nlisteners: []')[0], /\\u202e\\x1b\[31m: there is no such key/);
});

t.test('files that cannot be read', async (t) => {
  for (const [file, message] of [
    [join(folder, 'none.yaml'), /there is no such file/],
    [
      join(folder, 'c.conf'),
      /its name says in which language it is written: \.yaml, \.yml, \.json or \.toml/,
    ],
    [written('x'.repeat(2 ** 20 + 1)), /more than 1048576 bytes/],
  ] as const)
    t.throws(() => readPlan(file, NOTHING), { name: 'UsageError', message });
});
