/** Goal: every form of the command line that is documented works; every mistake is answered with what is right. */
import t from 'tap';
import { type Command, parseCommand } from '../../src/cli/arguments.ts';
import { UsageError } from '../../src/cli/options.ts';

const parse = (line: string): Command => parseCommand(line.split(' ').filter((word) => word !== ''));

function run(line: string): Extract<Command, { do: 'run' }> {
  const command = parse(line);
  if (command.do !== 'run') throw new Error(`'${line}' does not run`);
  return command;
}

t.test("the seed's own command lines, to the letter", async (t) => {
  t.match(run('-c 0.0.0.0:11111 127.0.0.1 22222'), {
    mode: 'client',
    listen: { host: '0.0.0.0', port: 11111 },
    dial: [{ host: '127.0.0.1', port: 22222 }],
  });
  t.match(run('-s 0.0.0.0:22222 127.0.0.1:22'), {
    mode: 'server',
    listen: { host: '0.0.0.0', port: 22222 },
    dial: [{ host: '127.0.0.1', port: 22 }],
  });
});

t.test('the three modes, by short and long option, before or behind the addresses', async (t) => {
  for (const [flags, mode] of [
    [['-c', '--client'], 'client'],
    [['-s', '--server'], 'server'],
    [['-r', '--relay'], 'relay'],
  ] as const) {
    for (const flag of flags) {
      for (const line of [`${flag} :80 host:90`, `:80 ${flag} host:90`, `:80 host:90 ${flag}`]) {
        const { mode: parsed, listen, dial } = run(line);
        t.same([parsed, listen, dial], [mode, { host: '', port: 80 }, [{ host: 'host', port: 90 }]], line);
      }
    }
  }
});

t.test('addresses in every form, in either place', async (t) => {
  for (const [words, endpoint] of [
    ['localhost:80', { host: 'localhost', port: 80 }],
    ['localhost 80', { host: 'localhost', port: 80 }],
    [':80', { host: '', port: 80 }],
    ['80', { host: '', port: 80 }],
    ['[::1]:80', { host: '::1', port: 80 }],
    ['[::1] 80', { host: '::1', port: 80 }],
    ['::1 80', { host: '::1', port: 80 }],
    ['/run/app.sock', { path: '/run/app.sock' }],
    ['unix:app.sock', { path: 'app.sock' }],
  ] as const) {
    const first = run(`-r ${words} other:1`);
    t.same([first.listen, first.dial], [endpoint, [{ host: 'other', port: 1 }]], `-r ${words} other:1`);
    const second = run(`-r other 1 ${words}`);
    t.same([second.listen, second.dial], [{ host: 'other', port: 1 }, [endpoint]], `-r other 1 ${words}`);
  }
  t.same(
    run('-r localhost:0 localhost:1').listen,
    { host: 'localhost', port: 0 },
    'any free port to listen on',
  );
});

t.test('what is not said has its default', async (t) => {
  t.same(run('-r 80 90'), {
    do: 'run',
    mode: 'relay',
    listen: { host: '', port: 80 },
    dial: [{ host: '', port: 90 }],
    carriers: 0,
    keyFile: null,
    encrypt: true,
    tls: null,
    via: [],
    compression: { choice: null, high: false, bufferBytes: undefined },
    congestion: undefined,
    graceMs: 30_000,
    connectTimeoutMs: 10_000,
    drainTimeoutMs: 30_000,
    maxConnections: undefined,
    limits: {},
    maxMessageBytes: 262_144,
    memoryBytes: 268_435_456,
    admin: null,
    logLevel: 'info',
    logFormat: 'auto',
    status: true,
  });
});

t.test('every option changes what it says', async (t) => {
  for (const [line, part] of [
    ['--connect-timeout 500ms', { connectTimeoutMs: 500 }],
    ['--connect-timeout=2m', { connectTimeoutMs: 120_000 }],
    ['--drain-timeout 1.5s', { drainTimeoutMs: 1500 }],
    ['--drain-timeout 7', { drainTimeoutMs: 7000 }],
    ['--drain-timeout 0', { drainTimeoutMs: 0 }],
    ['--drain-timeout 1h', { drainTimeoutMs: 3_600_000 }],
    ['--max-connections 5', { maxConnections: 5 }],
    ['--memory 64M', { memoryBytes: 67_108_864 }],
    ['--max-message 64k', { maxMessageBytes: 65_536 }],
    ['--max-message 1M', { maxMessageBytes: 1_048_576 }],
    ['--max-message 65536', { maxMessageBytes: 65_536 }],
    ['--log-level debug', { logLevel: 'debug' }],
    ['--no-status', { status: false }],
    ['--grace 5s', { graceMs: 5000 }],
    ['--grace 0', { graceMs: 0 }],
    ['--congestion cubic', { congestion: 'cubic' }],
    ['--compress zstd', { compression: { choice: { name: 'zstd', level: null }, high: false } }],
    ['--compress zstd:19', { compression: { choice: { name: 'zstd', level: 19 } } }],
    ['--compress=lz4:-3', { compression: { choice: { name: 'lz4', level: -3 } } }],
    ['--compress auto', { compression: { choice: { name: 'auto', level: null } } }],
    ['--compress off', { compression: { choice: 'off' } }],
    ['--compress lz4 --high-compression', { compression: { high: true } }],
    ['--compress lz4 --buffer-size 16k', { compression: { bufferBytes: 16_384 } }],
    ['--via 10.0.0.1', { via: [{ family: 4, host: '10.0.0.1' }] }],
    [
      '--via eth0,wlan0 --via=fe80::1%eth2',
      {
        via: [{ device: 'eth0' }, { device: 'wlan0' }, { family: 6, host: 'fe80::1%eth2' }],
      },
    ],
    ['--via [2001:db8::1]', { via: [{ family: 6, host: '2001:db8::1' }] }],
    ['-n 4 --key /etc/key', { keyFile: '/etc/key', encrypt: true }],
    ['--key /etc/key --no-encrypt', { keyFile: '/etc/key', encrypt: false }],
    ['-n 0', { carriers: 0 }],
    ['-n0', { carriers: 0 }],
    ['-n 4', { carriers: 4 }],
    ['--carriers 64', { carriers: 64 }],
  ] as const) {
    t.match(run(`-c 80 90 ${line}`), part, line);
    t.match(run(`${line} -c 80 90`), part, `${line} in front`);
  }
  t.match(run('-cn0 80 90'), { mode: 'client' }, 'short options in one word');
});

t.test('what is said of compression has to mean something', async (t) => {
  for (const [line, words] of [
    ['-c 80 90 --compress zst', /write zstd, lz4, zstd:LEVEL/],
    ['-c 80 90 --compress zstd:', /write zstd, lz4/],
    ['-c 80 90 --compress zstd:20', /levels of zstd are -7 to -1 \(fast\), and 1 to 19/],
    ['-c 80 90 --compress lz4:0', /levels of lz4 are -10 to -1/],
    ['-c 80 90 --compress auto:3', /write zstd, lz4/],
    ['-c 80 90 --high-compression', /--high-compression goes with --compress/],
    ['-c 80 90 --buffer-size 64k', /--buffer-size goes with --compress/],
    ['-s 80 90 --high-compression', /--high-compression goes with --compress/],
    ['-s 80 90 --compress off --buffer-size 64k', /does nothing with --compress off/],
    ['-c 80 90 --compress auto --high-compression', /auto finds its own way/],
    ['-c 80 90 --compress zstd --buffer-size 512', /from 1k to 256k/],
  ] as const)
    t.throws(() => parse(line), { name: 'UsageError', message: words }, line);
  t.match(run('-s 80 90 --buffer-size 64k').compression, { choice: null, bufferBytes: 65_536 });
});

t.test('limits: each by its option, and a part is no more than the whole', async (t) => {
  for (const [line, limits] of [
    ['--max-handshakes 9', { maxHandshakes: 9 }],
    ['--max-handshakes-per-source 4', { maxHandshakesPerSource: 4 }],
    ['--handshake-timeout 2s', { handshakeTimeoutMs: 2000 }],
    ['--max-clients 10', { maxClients: 10 }],
    ['--max-clients-per-source 3', { maxClientsPerSource: 3 }],
    ['--max-streams 100', { maxStreams: 100 }],
    ['--max-stream-rate 50', { maxStreamRate: 50 }],
  ] as const)
    t.same(run(`-s 80 90 ${line}`).limits, limits, line);
  for (const line of [
    '--max-handshakes 4 --max-handshakes-per-source 5',
    '--max-clients-per-source 5 --max-clients 4',
  ])
    t.throws(
      () => parse(`-s 80 90 ${line}`),
      /-per-source 5 is more than all .* together may have \(4\)/,
      line,
    );
});

t.test('an option that would do nothing is a mistake, in whatever mode', async (t) => {
  const modes = ['-r', '-c -n 0', '-s -n 0', '-c', '-s', '-c -n 4', '-s -n 4'];
  const striped = ['-c', '-s', '-c -n 4', '-s -n 4'];
  const pairs = modes.filter((mode) => mode !== '-r');
  const servers = modes.filter((mode) => mode.startsWith('-s'));
  const uses: readonly (readonly [string, readonly string[]])[] = [
    ['--key f', striped],
    ['--congestion cubic', striped],
    ['--grace 1s', striped],
    ['--memory 64M', striped],
    ['--compress zstd', striped],
    ['--via 10.0.0.1', ['-c -n 0', '-c', '-c -n 4']],
    ['--max-message 1M', pairs],
    ['--max-handshakes 9', servers],
    ['--max-handshakes-per-source 9', servers],
    ['--handshake-timeout 1s', servers],
    ['--max-clients 9', ['-s', '-s -n 4']],
    ['--max-clients-per-source 9', ['-s', '-s -n 4']],
    ['--max-streams 9', ['-s', '-s -n 4']],
    ['--max-stream-rate 9', ['-s', '-s -n 4']],
    ['--connect-timeout 1s', modes],
    ['--drain-timeout 1s', modes],
    ['--max-connections 1', modes],
    ['--log-level warn', modes],
    ['--no-status', modes],
  ];
  for (const [option, good] of uses) {
    for (const mode of modes) {
      const line = `${mode} 80 90 ${option}`;
      if (good.includes(mode)) t.equal(run(line).do, 'run', line);
      else t.throws(() => parse(line), { name: 'UsageError' }, line);
    }
  }
});

t.test('a client stripes over four connections unless it is told', async (t) => {
  for (const [line, carriers] of [
    ['', 4],
    ['--key f', 4],
    ['-n 0', 0],
    ['-n 1', 1],
    ['-n auto', 'auto'],
    ['-n auto --key f', 'auto'],
  ] as const)
    t.equal(run(`-c 80 90 ${line}`).carriers, carriers, line);
});

t.test('a server takes both framings unless it is told', async (t) => {
  for (const [line, carriers] of [
    ['', undefined],
    ['-n 0', 0],
    ['-n 4', 4],
    ['--key f', undefined],
  ] as const)
    t.equal(run(`-s 80 90 ${line}`).carriers, carriers, line);
});

t.test('keygen', async (t) => {
  t.same(parse('keygen'), { do: 'keygen', file: null });
  t.same(parse('keygen a.key'), { do: 'keygen', file: 'a.key' });
  t.same(parse('keygen -'), { do: 'keygen', file: null });
  t.same(parse('keygen -- -key'), { do: 'keygen', file: '-key' });
  t.same(parse('keygen -h'), { do: 'help' });
});

t.test('help and version', async (t) => {
  for (const line of ['-h', '--help', '-r 80 90 -h', '--help -c -s'])
    t.same(parse(line), { do: 'help' }, line);
  for (const line of ['-V', '--version', '--version nonsense']) t.same(parse(line), { do: 'version' }, line);
});

t.test('behind -- there are only addresses', async (t) => {
  t.match(run('-r -- 80 90'), { listen: { port: 80 } });
  t.throws(() => parse('-r -- 80 90 -h'), { message: /too much: '-h'/ });
});

t.test('mistakes', async (t) => {
  for (const [line, answer] of [
    ['', /say what to be: -c .* -s .* or -r/],
    ['80 90', /say what to be/],
    ['-c -s 80 90', /only one of -c, -s and -r is possible, not -c and -s/],
    ['-c -s -r 80 90', /not -c and -s and -r/],
    ['-c', /two addresses are missing: tcp-proxy -c LISTEN PEER/],
    ['-s', /two addresses are missing: tcp-proxy -s LISTEN TARGET/],
    ['-c 80', /the peer's address is missing: tcp-proxy -c LISTEN PEER/],
    ['-r localhost 80', /the target's address is missing/],
    ['-r 80 90 100', /too much: '100'; the form is tcp-proxy -r LISTEN TARGET/],
    ['-r 80 localhost', /'localhost' has no port: write host:port/],
    ['-r localhost localhost', /'localhost' has no port/],
    ['-r 80 1.2.3.400:5', /1\.2\.3\.400 is not an IPv4 address/],
    ['-r 80 host:99999', /0 to 65535/],
    ['-r 80 host:0', /port 0 cannot be dialled; the target needs its real port/],
    ['-c 80 a:1,b:0', /port 0 cannot be dialled; the peer needs its real port/],
    ['-c 80 a:1,b', /'b' has no port/],
    ['-c 80 a:1,', /an address is empty/],
    ['-s 80 a:1,b:2', /only the peer of -c may have several addresses; -s has one target/],
    ['-s 80 90 --via eth0', /--via is for -c, which dials the peer/],
    ['-r 80 90 --grace 1s', /--grace is for -c and -s/],
    ['-r 80 90 --congestion bbr', /--congestion is for -c and -s/],
    ['-c 80 90 --congestion no/such', /--congestion no.such: write the name of a congestion control/],
    ['-c 80 90 --via 10.0.0', /--via: '10.0.0' is neither an IP address nor the name/],
    ['-c 80 90 --via eth0,', /--via: '' is neither/],
    ['-c 80 90 --via', /--via needs a value/],
    ['-c 80 1.2.3.4:1 --via ::1', /--via: ::1 is an IPv6 address, and cannot reach an IPv4 one/],
    ['-c 80 /run/x --via eth0', /--via: a Unix socket has no way through a network interface/],
    ['-c 80 host:0', /the peer needs its real port/],
    ['-r 80 90 --bogus', /unknown option '--bogus'/],
    ['-r 80 90 -x', /unknown option '-x'/],
    ['-r 80 90 --conect-timeout 3s', /unknown option '--conect-timeout'; did you mean --connect-timeout\?/],
    ['-r 80 90 --drain 3s', /did you mean --drain-timeout\?/],
    ['-r 80 90 --loglevel debug', /did you mean --log-level\?/],
    ['-r 80 90 --connect-timeout', /--connect-timeout needs a value/],
    ['-r 80 90 --connect-timeout=', /--connect-timeout needs a value/],
    ['-r 80 90 --connect-timeout soon', /--connect-timeout soon: write a time such as 500ms, 10s or 2m/],
    ['-r 80 90 --connect-timeout 0', /--connect-timeout 0: it has to be more than 0, such as 500ms/],
    ['-r 80 90 --connect-timeout 0ms', /more than 0/],
    ['-r 80 90 --connect-timeout 0.4ms', /more than 0/],
    ['-r 80 90 --connect-timeout -5', /write a time/],
    ['-r 80 90 --connect-timeout 25d', /write a time/],
    ['-r 80 90 --connect-timeout 1000h', /--connect-timeout 1000h: at most 24 days/],
    ['-r 80 90 --connect-timeout --no-status', /write a time/],
    ['-r 80 90 --connect-timeout 1s --connect-timeout 2s', /--connect-timeout is given twice/],
    ['-r -r 80 90', /--relay is given twice/],
    ['-r 80 90 --max-connections 0', /write a whole number from 1 to/],
    ['-r 80 90 --max-connections 1e3', /write a whole number/],
    ['-r 80 90 --max-connections many', /write a whole number/],
    ['-r 80 90 --max-message 1', /from 64k to 1G$/],
    ['-r 80 90 --max-message 63k', /from 64k to/],
    ['-r 80 90 --max-message 5G', /from 64k to 1G/],
    ['-s 80 90 --memory 1', /--memory 1: write a number of bytes .*, from 16M to 16384G$/],
    ['-r 80 90 --max-message 64kb', /such as 65536, 64k or 1M/],
    ['-r 80 90 --log-level loud', /write one of error, warn, info, debug/],
    ['-r 80 90 --no-status=yes', /--no-status takes no value/],
    ['-c 80 90 -n 65', /-.carriers 65: write a whole number from 0 to 64, or auto$/],
    ['-c 80 90 -n Auto', /-.carriers Auto: write a whole number from 0 to 64, or auto$/],
    ['-s 80 90 -n auto', /-n auto is for -c, which dials; -s takes as many connections as it is given/],
    ['-r 80 90 -n auto', /-n is for -c and -s; a relay \(-r\) has no peer/],
    ['-r 80 90 -n 0', /-n is for -c and -s; a relay \(-r\) has no peer/],
    ['-r 80 90 --key f', /--key is for -c and -s/],
    ['-r 80 90 --memory 64M', /--memory is for -c and -s; a relay \(-r\) has no peer/],
    ['-c 80 90 -n 0 --memory 64M', /--memory is about striping, and -n 0 does not stripe; leave out one/],
    ['-c 80 90 -n 0 --key f', /--key protects nothing here: .*; leave out -n 0/],
    ['-c 80 90 -n 0 --key f', /protects nothing here/],
    ['-s 80 90 -n 0 --key f', /protects nothing here: .*; leave out -n 0/],
    ['-c 80 90 -n 4 --key', /--key needs a value/],
    ['-c 80 90 --no-encrypt', /--no-encrypt goes with --key/],
    ['-r 80 90 --no-encrypt', /--no-encrypt is for -c and -s; a relay/],
    ['-c 80 90 -n 4 --key f --key g', /--key is given twice/],
    ['keygen a b', /too much: 'b'; the form is tcp-proxy keygen \[FILE\]/],
    ['-r 80 90 --__proto__', /unknown option/],
    ['-r 80 90 --constructor', /unknown option/],
  ] as const) {
    t.throws(
      () => parse(line),
      { name: 'UsageError', message: answer },
      line === '' ? 'nothing at all' : line,
    );
  }
});

t.test('no mistake makes more than one line, or moves the cursor', async (t) => {
  for (const evil of ['\u001b[2J', 'a\nb', '\u202e', '\0']) {
    for (const words of [
      ['-r', '80', `x${evil}:1`],
      ['-r', '80', '90', `x${evil}`],
      ['-r', '80', '90', `--x${evil}`],
    ]) {
      try {
        parseCommand(words);
        t.fail(`${JSON.stringify(words)} was taken`);
      } catch (error) {
        t.ok(error instanceof UsageError, JSON.stringify(words));
        t.notMatch((error as Error).message, /[\u0000-\u001f\u202e]/);
      }
    }
  }
});

t.test('certificates: what they say together', async (t) => {
  const pin = `sha256/${Buffer.alloc(32).toString('base64')}`;
  const none = { certFile: null, keyFile: null, caFile: null, clientCaFile: null, name: null, pins: [] };
  for (const [line, tls] of [
    ['-s 1 2 --tls-cert c --tls-key k', { ...none, certFile: 'c', keyFile: 'k' }],
    ['-s 1 2 --tls-cert c --tls-client-ca a', { ...none, certFile: 'c', clientCaFile: 'a' }],
    [`-s 1 2 --tls-cert c --tls-pin ${pin}`, { ...none, certFile: 'c', pins: [pin] }],
    ['-c 1 2 --tls-ca a', { ...none, caFile: 'a' }],
    ['-c 1 2 --tls-name n', { ...none, caFile: 'system', name: 'n' }],
    ['-c 1 2 --tls-cert c', { ...none, caFile: 'system', certFile: 'c' }],
    [`-c 1 2 --tls-pin ${pin} --tls-pin ${pin}`, { ...none, pins: [pin, pin] }],
    [`-c 1 2 --tls-pin ${pin} --tls-ca system`, { ...none, caFile: 'system', pins: [pin] }],
    ['-c 1 /a/socket --tls-ca a --tls-name n', { ...none, caFile: 'a', name: 'n' }],
    [`-c 1 /a/socket --tls-pin ${pin}`, { ...none, pins: [pin] }],
    ['-c 1 2 --key k --tls-ca a', { ...none, caFile: 'a' }],
  ] as const)
    t.same(run(line).tls, tls, line);
});

t.test('certificates: what does not go together', async (t) => {
  for (const [line, words] of [
    ['-s 1 2 --tls-client-ca a', /--tls-client-ca goes with --tls-cert FILE here: a server has to show/],
    [
      '-s 1 2 --tls-cert c --tls-ca a',
      /--tls-ca is for -c, which dials the peer; of -s it is --tls-client-ca/,
    ],
    ['-s 1 2 --tls-cert c --tls-name n', /--tls-name is for -c/],
    ['-c 1 2 --tls-client-ca a', /--tls-client-ca is for -s/],
    ['-c 1 2 --tls-key k', /--tls-key goes with --tls-cert FILE: a key alone shows nothing/],
    ['-c 1 2 --tls-pin x', /--tls-pin x: write sha256\/ and the 44 characters/],
    [
      '-c 1 2 --tls-name a/b',
      /--tls-name a\/b: write a host name, such as server\.example, or an IP address/,
    ],
    ['-c 1 /a/socket --tls-ca a', /--tls-name NAME is missing: the path of a Unix socket is no name/],
    ['-c 1 2,/a/socket --tls-ca a', /--tls-name NAME is missing/],
    ['-c 1 2 --key k --no-encrypt --tls-ca a', /--no-encrypt and --tls-ca contradict each other/],
    ['-c 1 2 -n 0 --tls-ca a', /--tls-ca protects nothing here: .*leave out -n 0/],
    ['-s 1 2 -n 0 --tls-cert c', /--tls-cert protects nothing here: .*leave out -n 0/],
    ['-r 1 2 --tls-cert c', /--tls-cert is for -c and -s; a relay \(-r\) has no peer/],
  ] as const)
    t.throws(() => run(line), { name: 'UsageError', message: words }, line);
});
