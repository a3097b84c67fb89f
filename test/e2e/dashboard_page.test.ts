/**
 * Goal: the dashboard in a real Chromium, fed by a server that says whatever a test wants: it shows what it is told and
 * nothing more, on any screen, for any way of using it.
 */

import t, { type Test } from 'tap';
import type { ConnectionDocument } from '../../src/admin/documents.ts';
import { noBrowser, openPage, startBrowser, type View } from '../helpers/browser.ts';
import { drawn, LOW_CONTRAST, NAME_OF_FOCUS } from '../helpers/browser_looks.ts';
import { PATIENCE, sleep, until } from '../helpers/e2e_wait.ts';
import { carrier, connection, MockAdmin, status, trunk } from '../helpers/mock_admin.ts';

const DESK: View = { width: 1280, height: 900 };
const PHONE: View = { width: 360, height: 740 };
const skip = noBrowser();
t.setTimeout(PATIENCE * 120_000);

/** Tells so many documents, as if a second had passed between each, of four carriers at 20 Mbit/s. */
class Teller {
  readonly mock: MockAdmin;
  #clock = 50_000;
  #sent = 0;

  constructor(mock: MockAdmin) {
    this.mock = mock;
  }

  get traffic(): number {
    return this.#sent;
  }

  run(seconds: number, over: Parameters<typeof status>[1] = {}): void {
    for (let i = 0; i < seconds; i++) {
      this.#clock += 1000;
      this.#sent += 2.5e6;
      const carriers = [0, 1, 2, 3].map((index) =>
        carrier(index, { sentBytes: this.#sent, rate: 2.5e6, rateIsLimit: true, inFlightBytes: 90_000 }),
      );
      const totals = { connections: 3, open: 1, failed: 0, broken: 0, bytesBackward: 0 };
      this.mock.tell(
        status(this.#clock, {
          trunks: [trunk(carriers)],
          totals: { ...totals, bytesForward: 4 * this.#sent },
          ...over,
        }),
      );
    }
  }
}

if (skip !== false) t.test('the page', { skip }, async () => {});
else {
  const context = await startBrowser(t);

  const open = async (t: Test, view: View = DESK) => {
    const mock = await MockAdmin.listen(t);
    const proxy = new Teller(mock);
    const seen = await openPage(t, context, mock.url, view);
    await until(
      () => mock.readers === 1,
      () => 'the page does not read the events',
    );
    /** Waits until an element says this. */
    const says = (selector: string, pattern: RegExp) =>
      until(
        async () => pattern.test((await seen.page.locator(selector).first().textContent()) ?? ''),
        () => `${selector} does not say ${pattern}`,
      );
    /** What may not happen on any page. */
    const isClean = () => {
      t.same(seen.complaints, [], 'no error, and nothing that the policy had to forbid');
      t.same(seen.foreign, [], 'no request to another host');
      t.same(mock.unknown, [], 'nothing is asked for that is not there');
    };
    return { ...seen, mock, proxy, says, isClean };
  };

  t.test('what is told is shown', async (t) => {
    const { page, proxy, says, isClean } = await open(t);
    proxy.run(8);
    await says('#sentence', /^All 4 carriers are well: 80 Mbit\/s in all\.$/);
    await says('#live', /Live/);
    await says('#route', /127\.0\.0\.1:11111 → 198\.51\.100\.9:22222/);
    await says('#totals', /Sending80 Mbit\/s/);
    t.equal(await page.locator('#carriers tbody tr').count(), 4);
    await says('#carriers tbody tr:nth-child(2)', /Carrier 1.*open.*20\.0.*25 %.*50 ms/);
    await says('#connections tbody', /c1192\.0\.2\.7:51000198\.51\.100\.9:22/);
    await says('#chart-share figcaption', /25\.0/);
    await drawn(page, '#chart-traffic canvas');
    isClean();
  });

  t.test('text from peers is text', async (t) => {
    const { page, mock, proxy, says, isClean } = await open(t);
    const evil = '<img src=x onerror="document.title=1"><script>document.title=2</script>';
    const nasty = [
      connection('c1', { from: evil, to: `javascript:alert(1)"'>${evil}` }),
      connection('c2', { from: 'right\u202eto left\u2066\u0000\u001b[31m', to: 'x'.repeat(5000) }),
    ];
    const carriers = [carrier(0, { remote: evil, local: evil }), carrier(1)];
    proxy.run(3, {
      listen: [evil],
      dial: [evil],
      version: evil,
      mode: evil,
      trunks: [trunk(carriers, { id: 't1', peer: evil }), trunk([carrier(0)], { id: evil, peer: evil })],
      connections: nasty,
    });
    mock.tellCarrier({ trunk: 't1', index: 0, what: 'lost', detail: evil });
    mock.tellCarrier({ trunk: 't1', index: 0, what: evil as 'lost', detail: evil });
    proxy.run(1, { trunks: [trunk(carriers, { peer: evil })], connections: nasty });
    await says('#events', /<img src=x onerror=.*<script>/);
    await says('#connections tbody', /<script>document\.title=2/);
    await says('#connections tbody', /right\\u202eto left\\u2066\\x00\\x1b\[31m/);
    t.equal(await page.locator('main img, main script, main a, main iframe').count(), 0);
    t.notMatch(await page.title(), /^[12]$/);
    isClean();
  });

  t.test('on a phone nothing is wider than the screen, light or dark', async (t) => {
    const { page, proxy, says, isClean } = await open(t, PHONE);
    const wide: ConnectionDocument = connection('c1', {
      from: '[2001:db8:1234:5678:9abc:def0:1234:5678]:51000',
    });
    proxy.run(5, { connections: [wide], listen: ['[2001:db8:1234:5678:9abc:def0:1234:5678]:11111'] });
    await says('#sentence', /All 4 carriers are well/);
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      proxy.run(1, { connections: [wide] });
      const [width, screen] = await page.evaluate<[number, number]>(
        '[document.documentElement.scrollWidth, innerWidth]',
      );
      t.ok(width <= screen, `${width} px on ${screen}`);
      await drawn(page, '#chart-traffic canvas');
    }
    isClean();
  });

  t.test('every text can be told from what it stands on, light and dark (WCAG AA)', async (t) => {
    const { page, mock, proxy, says } = await open(t);
    proxy.run(8);
    const slow = [0, 1, 2, 3].map((index) =>
      carrier(index, {
        sentBytes: proxy.traffic + (index === 3 ? 0 : 2.5e6),
        state: index === 3 ? 'down' : 'open',
        rate: 2.5e6,
      }),
    );
    mock.tellCarrier({ index: 3, what: 'lost', detail: 'reset by the peer' });
    proxy.run(2, { trunks: [trunk(slow)] });
    await says('#sentence', /^Carrier 3 is down/);
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme });
      const bad = await page.evaluate<string[]>(LOW_CONTRAST);
      t.same(bad, [], colorScheme);
    }
  });

  t.test('everything that can be used can be reached by keyboard, and has a name', async (t) => {
    const { page, proxy, says, isClean } = await open(t);
    proxy.run(6);
    await says('#sentence', /All 4/);
    const reached: string[] = [];
    for (let i = 0; i < 40; i++) {
      await page.keyboard.press('Tab');
      const name = await page.evaluate<string>(NAME_OF_FOCUS);
      if (name === '' || reached.includes(name)) break;
      reached.push(name);
    }
    for (const name of [
      /^To the carriers/,
      /^Last/,
      /^Pause$/,
      /^Carrier 3$/,
      /^What happened/,
      /^Find/,
      /^Connections$/,
      /^Sending$/,
    ])
      t.ok(
        reached.some((one) => name.test(one)),
        `${name} among ${reached.join(' | ')}`,
      );
    t.notOk(
      reached.some((one) => one.startsWith('nameless')),
      reached.join(' | '),
    );
    // A carrier is chosen with the keyboard, and let go again.
    const button = page.getByRole('button', { name: 'Carrier 2', exact: true });
    await button.focus();
    await page.keyboard.press('Enter');
    t.equal(await button.getAttribute('aria-pressed'), 'true');
    proxy.run(1);
    await says('#carriers', /Carrier 2/);
    t.ok((await page.evaluate<string>(NAME_OF_FOCUS)) === 'Carrier 2', 'the focus survives new documents');
    await page.keyboard.press('Space');
    t.equal(await button.getAttribute('aria-pressed'), 'false');
    isClean();
  });

  t.test('who listens hears what is going on, and not a number each second', async (t) => {
    const { page, proxy, says } = await open(t);
    proxy.run(6);
    await says('#announce', /^All 4 carriers are well\.$/);
    const live = page.locator(
      '[aria-live]:not([aria-live="off"]), [role="status"], [role="alert"], [role="log"]',
    );
    t.equal(await live.count(), 1, 'one live region');
    t.notMatch(await live.textContent(), /\d\d/);
    for (const role of ['banner', 'main', 'contentinfo'] as const)
      t.equal(await page.getByRole(role).count(), 1);
    t.equal(await page.getByRole('heading', { level: 1 }).count(), 1);
    for (const name of ['Carriers', 'Traffic', 'Round trip', 'Connections'])
      t.equal(await page.getByRole('heading', { name, exact: true }).count(), 1, name);
    t.equal(await page.getByRole('table', { name: 'Carriers' }).getByRole('columnheader').count(), 10);
    t.equal(await page.getByRole('table', { name: 'Carriers' }).getByRole('rowheader').count(), 4);
    proxy.run(11);
    const charts = page.getByRole('img');
    await until(
      async () => /20\.0; carrier 1: 20\.0/.test((await charts.first().getAttribute('aria-label')) ?? ''),
      () => 'the chart does not say in words what it shows',
    );
    for (const chart of await charts.all()) t.match(await chart.getAttribute('aria-label'), /carrier/i);
  });

  t.test('a proxy that goes away, and another that comes in its place', async (t) => {
    const { mock, proxy, says, page } = await open(t);
    proxy.run(6);
    await says('#sentence', /All 4/);
    const { port } = mock;
    await mock.close();
    await says('#sentence', /^The proxy does not answer/);
    await says('#live', /Not connected/);
    await says('#aside', /What you see is of /);
    const next = await MockAdmin.listen(t, port);
    const again = new Teller(next);
    await until(
      () => next.readers === 1,
      () => 'it does not come back',
    );
    again.run(2, { startedAt: '2026-11-21T10:00:00.000Z' });
    await says('#live', /Live/);
    await says('#sentence', /^All 4 carriers/);
    await says('#aside', /was restarted/);
    t.equal(await page.locator('#carriers tbody tr').count(), 4);
  });

  t.test('a proxy that wants its token', async (t) => {
    const { mock, proxy, says } = await open(t);
    proxy.run(2);
    const { port } = mock;
    await mock.close();
    const next = await MockAdmin.listen(t, port);
    next.refusal = 401;
    await says('#sentence', /asks for its token again: reload the page/);
  });

  t.test('connections are sorted and searched', async (t) => {
    const { page, proxy, says } = await open(t);
    const connections = [
      connection('c1', { from: '192.0.2.1:5', bytesForward: 500, ageMs: 3000 }),
      connection('c2', { from: '192.0.2.2:5', bytesForward: 9_000_000, ageMs: 2000, earlyBytes: null }),
      connection('c10', { from: '192.0.2.3:5', bytesForward: 70_000, ageMs: 1000, near: 'congested' }),
    ];
    proxy.run(3, { connections, connectionsOmitted: 40 });
    await says('#connections-count', /43 open, 3 of them shown/);
    const ids = () => page.locator('#connections tbody th').allTextContents();
    const heading = (name: string) => page.getByRole('columnheader', { name, exact: true });
    await heading('Sent').getByRole('button').click();
    t.same(await ids(), ['c2', 'c10', 'c1']);
    t.equal(await heading('Sent').getAttribute('aria-sort'), 'descending');
    await heading('Sent').getByRole('button').click();
    t.same(await ids(), ['c1', 'c10', 'c2']);
    t.equal(await heading('Sent').getAttribute('aria-sort'), 'ascending');
    await heading('Id').getByRole('button').click();
    t.same(await ids(), ['c1', 'c2', 'c10'], 'by number');
    await heading('Reorder memory').getByRole('button').click();
    t.equal((await ids()).at(-1), 'c2', 'what is not known comes last');
    await page.getByLabel('Find').fill('congested');
    t.same(await ids(), ['c10']);
    await says('#connections-count', /^1 found/);
  });

  t.test('a server with many clients: a chooser, and the one in trouble is named', async (t) => {
    const { page, proxy, says, isClean } = await open(t);
    const trunks = [1, 2, 3].map((number) =>
      trunk([carrier(0), carrier(1, number === 2 ? { state: 'down', id: null } : {})], {
        id: `t${number}`,
        peer: `203.0.113.${number}`,
      }),
    );
    proxy.run(3, { mode: 'server', trunks });
    await says('#sentence', /^Trunk t2: carrier 1 is down/);
    const chooser = page.getByLabel('Trunk');
    t.same(await chooser.locator('option').allTextContents(), [
      't1: 203.0.113.1, 1 stream',
      't2: 203.0.113.2, 1 stream, in trouble',
      't3: 203.0.113.3, 1 stream',
    ]);
    await chooser.selectOption('t2');
    await says('#carriers tbody tr:nth-child(2)', /down/);
    proxy.run(2, { mode: 'server', trunks: trunks.slice(0, 1) });
    await says('#carriers tbody tr:nth-child(2)', /open/);
    isClean();
  });

  t.test('a relay has no carriers, and is shown without', async (t) => {
    const { page, proxy, says, isClean } = await open(t);
    for (let i = 0; i < 5; i++) {
      proxy.run(1, { mode: 'relay', trunks: [], memory: { capacityBytes: null, usedBytes: 0 } });
      // Charts are drawn by the browser's clock.
      await sleep(300);
    }
    await says('#sentence', /^1 connection open, 80 Mbit\/s\.$/);
    t.notOk(await page.locator('#carriers').isVisible());
    t.ok(await page.locator('#chart-apps canvas').isVisible());
    await drawn(page, '#chart-apps canvas');
    isClean();
  });

  t.test('paused, it stands still; and then it has missed nothing', async (t) => {
    const { page, proxy, says } = await open(t);
    proxy.run(4);
    await says('#totals', /80 Mbit/);
    await page.getByRole('button', { name: 'Pause' }).click();
    const before = await page.locator('#totals').textContent();
    proxy.run(3, {
      totals: { connections: 9, open: 9, failed: 9, broken: 9, bytesForward: 0, bytesBackward: 0 },
    });
    await says('#live', /Paused/);
    t.equal(await page.locator('#totals').textContent(), before);
    await page.getByRole('button', { name: 'Resume' }).click();
    proxy.run(1);
    await says('#live', /Live/);
    await says('#sentence', /80 Mbit/);
  });

  t.test('hours of it leave no more behind than minutes', async (t) => {
    const { page, mock, proxy, says } = await open(t);
    const hour = async (from: number) => {
      for (let i = 0; i < 12; i++) {
        const connections = Array.from({ length: 200 }, (_, k) => connection(`c${from + i * 200 + k}`));
        for (let k = 0; k < 50; k++) mock.tellCarrier({ index: 1, what: 'resent', detail: `${k}` });
        proxy.run(25, { connections });
      }
      proxy.run(1, { connections: [connection(`c${from + 9999}`)] });
      await says('#connections tbody', new RegExp(`c${from + 9999}`));
    };
    const count = () => page.evaluate<number>('document.getElementsByTagName("*").length');
    await hour(0);
    const before = await count();
    await hour(100_000);
    const after = await count();
    t.ok(Math.abs(after - before) < 20, `${before} elements, then ${after}`);
    t.ok(after < 2500, `${after}`);
  });
}
