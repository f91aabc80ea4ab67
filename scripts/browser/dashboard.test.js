// The operator's dashboard over a platform in which bots talk.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { root, startBrowser, startStack } from './stack.js';

const artifacts = join(root, 'artifacts');
let stack;
let browser;
const complaints = [];

before(async () => {
  mkdirSync(artifacts, { recursive: true });
  stack = await startStack({ bots: 12 });
  browser = await startBrowser();
}, { timeout: 180_000 });

after(async () => {
  await browser?.close();
  await stack?.stop();
});

async function dashboard(viewport, hash = '') {
  const context = await browser.newContext({ viewport });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  page.on('console', (message) => { if (message.type() === 'error') complaints.push(message.text()); });
  page.on('pageerror', (err) => complaints.push(err.message));
  await page.goto(`${stack.url}dashboard/${hash}`);
  return page;
}

const figure = (page, name) => page.waitForFunction((of) => Number(document.querySelector(`[data-figure=${of}]`)?.title) > 0, name);

/** How many different colours a chart's canvas shows: a grid alone has few. */
const drawn = (page, id) => page.waitForFunction((of) => {
  const canvas = document.querySelector(`#${of} canvas`);
  if (!canvas) return false;
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  for (let i = 0; i < data.length; i += 4) if (data[i + 3] > 200 && Math.max(data[i], data[i + 1], data[i + 2]) - Math.min(data[i], data[i + 1], data[i + 2]) > 90) return true;
  return false;
}, id);

test('figures, charts, hot rooms and readers are there and move by themselves', { timeout: 120_000 }, async () => {
  const page = await dashboard({ width: 1440, height: 1000 });
  await figure(page, 'online');
  await figure(page, 'danmu');
  for (const id of ['online-chart', 'rates-chart', 'gifts-chart']) await page.waitForSelector(`#${id}[data-points="61"], #${id}[data-points="60"]`);
  await drawn(page, 'online-chart');
  await drawn(page, 'rates-chart');
  await page.waitForSelector('#hot tr');
  const readers = await page.locator('#lag tr td:first-child').allTextContents();
  assert.deepEqual(readers.toSorted(), ['archive', 'gift', 'history', 'stats', 'stats-presence']);
  const before = Number(await page.locator('[data-figure=danmu]').getAttribute('title'));
  await page.waitForFunction((n) => Number(document.querySelector('[data-figure=danmu]').title) > n, before);
  await page.screenshot({ path: join(artifacts, 'dashboard.png'), fullPage: true });
  await page.context().close();
});

test('a room of its own, a longer span, and a small screen', { timeout: 120_000 }, async () => {
  const page = await dashboard({ width: 390, height: 800 });
  await page.click('#hot a');
  await page.waitForSelector('#all-rooms:not([hidden])');
  assert.match(page.url(), /#room=1$/);
  assert.notEqual(await page.textContent('#title'), 'All rooms');
  assert.equal(await page.getAttribute('#replay:not([hidden])', 'href'), '/replay/#room=1');
  await page.click('#spans button:has-text("24 h")');
  await page.waitForSelector('#online-chart[data-points="289"], #online-chart[data-points="288"]');
  const sideways = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  assert.equal(sideways, 0, 'the page scrolls sideways');
  await page.screenshot({ path: join(artifacts, 'dashboard-phone.png'), fullPage: true });
  await page.click('#all-rooms');
  await page.waitForFunction(() => document.getElementById('title').textContent === 'All rooms');
  await page.context().close();
});

test('a server that is away is told, and its return seen', { timeout: 120_000 }, async () => {
  const page = await dashboard({ width: 1000, height: 800 });
  await page.waitForSelector('#as-of[data-state=ok]');
  await page.route('**/api/**', (route) => route.abort());
  await page.waitForSelector('#as-of[data-state=bad]');
  await page.unroute('**/api/**');
  await page.waitForSelector('#as-of[data-state=ok]');
  complaints.length = 0; // those of the calls that were cut
  await page.context().close();
});

test('the console stays silent', () => assert.deepEqual(complaints, []));
