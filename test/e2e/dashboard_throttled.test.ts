/**
 * Goal: of four carriers one is throttled, and whoever looks at the page is told which, within a minute.
 *
 * The network is a real one: 50 ms, 20 Mbit/s for each carrier, and from some moment on less for one of them. What the page
 * showed then is kept in dist/screenshots; docs/screenshots has it from one such run.
 */

import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { noBrowser, openPage, startBrowser } from '../helpers/browser.ts';
import { startProxy } from '../helpers/e2e_proxy.ts';
import { background, freePort, tool } from '../helpers/e2e_run.ts';
import { PATIENCE, sleep, until } from '../helpers/e2e_wait.ts';
import { noWan, Wan } from '../helpers/wan.ts';

const SCENARIO = `
about = four paths of 20 Mbit/s
flows = deal

[path link]
copies = 4
rate = 20mbit
rtt = 50ms
`;
const SCREENSHOTS = fileURLToPath(new URL('../../screenshots/', import.meta.url));
/** So long all goes well, and then not, for the charts to have something to show. */
const WELL_MS = 14_000;
const THROTTLED_MS = 9000;
const ADMIN = '127.0.0.1:9090';

/** Without a network or a browser of its own it is left out, and says so. */
const skip = noWan() ?? noBrowser();

const inside = (host: string) => ({ wrapper: [tool('ip', 'iproute2'), 'netns', 'exec', host] });

t.setTimeout(PATIENCE * 120_000);
t.test('one of four carriers is throttled', { skip }, async (t) => {
  const wan = await Wan.start(t, SCENARIO);
  const [client, server] = wan.agents();
  await server.listen(5001);
  await startProxy(t, ['-s', '0.0.0.0:22222', '127.0.0.1:5001', '--no-status'], inside(wan.server));
  const options = ['--admin', ADMIN, '--congestion', 'cubic', '--no-status'];
  const near = await startProxy(
    t,
    ['-c', '127.0.0.1:11111', '10.77.1.2:22222', ...options],
    inside(wan.client),
  );
  await near.line(/4 of 4 connections|4 connections/);
  // The page is looked at from outside of the host that the proxy is on.
  const port = await freePort();
  const hop = `EXEC:${tool('ip', 'iproute2')} netns exec ${wan.client} socat STDIO TCP\\:127.0.0.1\\:9090`;
  background(t, tool('socat', 'socat'), [`TCP-LISTEN:${port},bind=127.0.0.1,fork,reuseaddr`, hop]);
  const context = await startBrowser(t);
  await sleep(300);
  const url = `http://127.0.0.1:${port}/`;
  const { page, complaints, foreign } = await openPage(t, context, url, { width: 1280, height: 860 });
  const sentence = () => page.innerText('#sentence');

  await client.dial('127.0.0.1', 11111);
  await client.flood();
  const isWell = () =>
    until(
      async () => /^All 4 carriers are well: \d\d Mbit/.test(await sentence()),
      () => `it does not say that all is well:\n${near.text}`,
    );
  await isWell();
  await sleep(WELL_MS);
  await isWell();

  // Which path the carriers took is the network's to deal: the page is to find out what that means.
  await wan.say('set', 'link.2', 'rate', '=', '400kbit');
  const throttledAt = performance.now();
  const named = await until(
    async () =>
      /^Carrier (\d) is slow: .* Its traffic has moved to the others\.$/.exec(await sentence())?.[1],
    () => 'it does not say which carrier is slow',
  );
  t.comment(`told after ${((performance.now() - throttledAt) / 1000).toFixed(1)} s: ${await sentence()}`);
  const row = page.locator('#carriers tbody tr[data-trouble]');
  t.equal((await row.locator('th').textContent())?.trim(), `Carrier ${named}`);
  const { flows } = await wan.report();
  const slow = flows.find(({ path }) => path === 'link.2');
  // The carrier that is named is the one on that path, by its own address.
  const way = await row.locator('td').last().textContent();
  t.ok(slow !== undefined && way?.startsWith(slow.client), `${slow?.client} in ${way}`);
  await sleep(THROTTLED_MS);
  mkdirSync(SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: `${SCREENSHOTS}throttled.png` });
  await page.emulateMedia({ colorScheme: 'dark' });
  await sleep(1500);
  await page.screenshot({ path: `${SCREENSHOTS}throttled-dark.png` });
  await page.setViewportSize({ width: 360, height: 780 });
  await page.emulateMedia({ colorScheme: 'light' });
  await sleep(1500);
  await page.screenshot({ path: `${SCREENSHOTS}throttled-phone.png` });
  t.same(complaints, []);
  t.same(foreign, []);
});
