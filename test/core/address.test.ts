/** Goal: every form of an address that people write is understood, every other one is answered with what is right. */
import fc from 'fast-check';
import t from 'tap';
import {
  AddressError,
  type Endpoint,
  formatAddress,
  formatEndpoint,
  formatEndpoints,
  parseEndpoint,
  takeEndpoint,
  takeEndpoints,
} from '../../src/core/address.ts';
import { propertyOptions } from '../helpers/random.ts';

t.test('one word', async (t) => {
  for (const [text, endpoint] of [
    ['127.0.0.1:22', { host: '127.0.0.1', port: 22 }],
    ['0.0.0.0:22222', { host: '0.0.0.0', port: 22222 }],
    ['localhost:0', { host: 'localhost', port: 0 }],
    ['a-b.example.org:65535', { host: 'a-b.example.org', port: 65535 }],
    ['example.org.:1', { host: 'example.org.', port: 1 }],
    ['my_host:80', { host: 'my_host', port: 80 }],
    ['münchen.example:80', { host: 'münchen.example', port: 80 }],
    ['例え.テスト:80', { host: '例え.テスト', port: 80 }],
    [':80', { host: '', port: 80 }],
    ['*:80', { host: '', port: 80 }],
    ['80', { host: '', port: 80 }],
    ['00080', { host: '', port: 80 }],
    ['[::1]:22', { host: '::1', port: 22 }],
    ['[::]:22', { host: '::', port: 22 }],
    ['[fe80::1%eth0]:22', { host: 'fe80::1%eth0', port: 22 }],
    ['[::ffff:1.2.3.4]:22', { host: '::ffff:1.2.3.4', port: 22 }],
    ['/run/app.sock', { path: '/run/app.sock' }],
    ['./app.sock', { path: './app.sock' }],
    ['dir/app.sock', { path: 'dir/app.sock' }],
    ['/with:colon/1:2', { path: '/with:colon/1:2' }],
    ['unix:app.sock', { path: 'app.sock' }],
    ['unix:/run/x', { path: '/run/x' }],
    ['unix:@name', { path: '\0name' }],
    [`/${'x'.repeat(106)}`, { path: `/${'x'.repeat(106)}` }],
  ] as const) {
    t.same(parseEndpoint(text), endpoint, text);
  }
});

t.test('mistakes are answered with what is right', async (t) => {
  for (const [text, answer] of [
    ['', /empty.*host:port/],
    ['localhost', /no port.*host:port/],
    ['::1', /no port.*\[ipv6\]:port/],
    ['[::1]', /no port/],
    ['localhost:', /0 to 65535/],
    ['localhost:http', /0 to 65535/],
    ['localhost:65536', /0 to 65535/],
    ['localhost:-1', /0 to 65535/],
    ['localhost:1e3', /0 to 65535/],
    ['localhost: 22', /0 to 65535/],
    ['65536', /0 to 65535/],
    ['999999', /0 to 65535/],
    ['1.2.3.400:22', /1\.2\.3\.400 is not an IPv4 address/],
    ['1.2.3:22', /1\.2\.3 is not an IPv4 address/],
    ['::1:22:zz', /brackets, \[::1\]:22/],
    ['a:b:22', /brackets/],
    ['[localhost]:22', /between the brackets belongs an IPv6/],
    ['[::1:22', /brackets/],
    ['[::1]22', /behind the bracket belongs a port/],
    ['[::1]:', /0 to 65535/],
    ['ex ample:22', /not a host name/],
    ['-host:22', /not a host name/],
    ['host-:22', /not a host name/],
    ['user@host:22', /not a host name/],
    ['http:80:x', /brackets/],
    [`${'a'.repeat(254)}:1`, /not a host name/],
    ['unix:', /path of the Unix socket is missing/],
    ['unix:@', /path of the Unix socket is missing/],
    ['/a\0b', /NUL/],
    [`/${'x'.repeat(107)}`, /at most 107 bytes/],
    [`/${'ü'.repeat(54)}`, /at most 107 bytes/],
  ] as const) {
    t.throws(() => parseEndpoint(text), { name: 'AddressError', message: answer }, JSON.stringify(text));
  }
});

t.test('what is wrong is quoted, but cannot write to the terminal', async (t) => {
  for (const evil of ['\u001b[2Jx', 'a\nb:22', 'x\u202ey', '[\u001b]:1', '\u001b:1', '\0:1', 'a b\r:1']) {
    try {
      parseEndpoint(evil);
      t.fail(`${JSON.stringify(evil)} was taken`);
    } catch (error) {
      t.ok(error instanceof AddressError);
      t.notMatch((error as Error).message, /[\u0000-\u001f\u202e]/);
    }
  }
});

t.test('one word or two', async (t) => {
  const take = (...words: string[]) => takeEndpoint(words);
  t.same(take('localhost:22'), [{ host: 'localhost', port: 22 }, []]);
  t.same(take('localhost', '22'), [{ host: 'localhost', port: 22 }, []]);
  t.same(take('localhost', '22', '33'), [{ host: 'localhost', port: 22 }, ['33']]);
  t.same(take('11111', 'server', '22'), [{ host: '', port: 11111 }, ['server', '22']]);
  t.same(take('::1', '22'), [{ host: '::1', port: 22 }, []]);
  t.same(take('[::1]', '22'), [{ host: '::1', port: 22 }, []]);
  t.same(take('1.2.3.4', '22', 'x'), [{ host: '1.2.3.4', port: 22 }, ['x']]);
  t.same(take('/run/x', '22'), [{ path: '/run/x' }, ['22']]);
  t.throws(() => take(), { message: /missing/ });
  t.throws(() => take('localhost'), { message: /no port/ });
  t.throws(() => take('localhost', 'ssh'), { message: /'localhost' has no port/ });
  t.throws(() => take('localhost', '99999'), { message: /0 to 65535/ });
  t.throws(() => take('1.2.3.400', '22'), { message: /not an IPv4/ });
});

t.test('what is printed can be read again', async () => {
  const host = fc.oneof(
    fc.ipV4(),
    fc.ipV6(),
    fc.domain(),
    fc.constantFrom('', 'localhost', 'fe80::1%eth0', '::ffff:1.2.3.4', 'my_host'),
  );
  const name = fc
    .string({ minLength: 1, maxLength: 20 })
    .filter((text) => text !== '@' && !text.startsWith('@'));
  const path = fc.oneof(
    name,
    name.map((text) => `/${text}`),
    name.map((text) => `./${text}`),
    name.map((text) => `.${text}`),
    name.map((text) => `unix:${text}`),
    name.map((text) => `\0${text}`),
  );
  const endpoint: fc.Arbitrary<Endpoint> = fc.oneof(
    fc.record({ host, port: fc.nat({ max: 65535 }) }),
    fc.record({ path }),
  );
  const survives = (one: Endpoint) => {
    const again = parseEndpoint(formatEndpoint(one));
    return again.host === one.host && again.port === one.port && again.path === one.path;
  };
  fc.assert(fc.property(endpoint, survives), propertyOptions(1000));
});

t.test('whatever is typed is an address or an AddressError', async () => {
  const typed = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 30 }),
    fc.string({ unit: fc.constantFrom(...':[]/.@*%-19af\0 '), maxLength: 20 }),
  );
  const answered = (text: string) => {
    try {
      parseEndpoint(text);
      return true;
    } catch (error) {
      return error instanceof AddressError;
    }
  };
  fc.assert(fc.property(typed, answered), propertyOptions(2000));
});

t.test('socket addresses', async (t) => {
  t.equal(formatAddress({ family: 4, host: '127.0.0.1', port: 80 }), '127.0.0.1:80');
  t.equal(formatAddress({ family: 6, host: '::1', port: 80 }), '[::1]:80');
  t.equal(formatAddress({ family: 'unix', path: '/run/x' }), '/run/x');
  t.equal(formatAddress({ family: 'unix', path: '\0name' }), 'unix:@name');
});

t.test('several, in a comma list', async (t) => {
  const a = { host: 'a', port: 1 };
  const b = { host: 'b', port: 2 };
  const six = { host: '::1', port: 3 };
  for (const [words, endpoints, rest] of [
    [['a:1'], [a], []],
    [['a:1,b:2'], [a, b], []],
    [['a:1,b:2,[::1]:3', 'more'], [a, b, six], ['more']],
    [['a,b:2', '1'], [a, b], []],
    [['a,b', '1', 'more'], [a, { host: 'b', port: 1 }], ['more']],
    [['/run/a,b.sock'], [{ path: '/run/a,b.sock' }], []],
    [['unix:a,b'], [{ path: 'a,b' }], []],
  ] as const) {
    t.same(takeEndpoints(words), [endpoints, rest], words.join(' '));
  }
  for (const words of [['a:1,'], [',a:1'], ['a:1,b'], ['a,b', 'c'], ['a:1 ,b:2'], []])
    t.throws(() => takeEndpoints(words), AddressError, words.join(' '));
  t.equal(formatEndpoints([a, six]), 'a:1 or [::1]:3');
});
