// Gifts on the page: who gives, who sees it, whom it costs and whom it pays.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { artifacts, leave, world } from './world.js';

const { complaints, visitor } = world({ bots: 0 });

/** Writes down every count that a banner shows and every scene that plays, however short. */
const record = (page) => page.evaluate(() => {
  window.seen = [];
  const look = () => {
    for (const node of document.querySelectorAll('.tribute')) window.seen.push(`${node.dataset.gift} ${node.querySelector('.times').textContent}`);
    const { playing } = document.getElementById('effects').dataset;
    if (playing) window.seen.push(playing);
  };
  const observer = new MutationObserver(look);
  observer.observe(document.getElementById('tributes'), { subtree: true, childList: true, characterData: true });
  observer.observe(document.getElementById('effects'), { attributes: true });
});
const saw = (page, what) => page.waitForFunction((text) => window.seen.includes(text), what);
const seenBy = (page) => page.evaluate(() => window.seen);

const open = (page) => page.click('#gift-toggle');
const choose = (page, name) => page.click(`.gift-tile:has-text("${name}")`);
const give = (page) => page.click('#gift-send');
const reads = (id) => (page, text) => page.waitForFunction(([at, want]) => document.getElementById(at).textContent === want, [id, text]);
const [balance, income] = [reads('balance'), reads('income-coins')];

async function openWith(page, coins) {
  await open(page);
  await balance(page, coins);
}

test('a combo counts up for everybody, costs its giver, and pays the anchor', { timeout: 120_000 }, async () => {
  const ids = [];
  const watchFrames = async (page) => page.on('websocket', (ws) => ws.on('framesent', ({ payload }) => {
    const message = JSON.parse(payload);
    if (message.type === 'gift') ids.push(message.id);
  }));
  const [viewer, anchor] = [await visitor('viewer', { prepare: watchFrames }), await visitor('anchor')];
  await record(anchor);
  await income(anchor, '0');
  await openWith(viewer, '100,000');
  await choose(viewer, 'Clap'); // 5 coins, of which the anchor gets 2
  for (let i = 0; i < 3; i++) await give(viewer);
  await viewer.locator('#gift-send .times', { hasText: '×3' }).waitFor();
  await saw(anchor, '2 ×3');
  await anchor.locator('#messages .note.gift', { hasText: '观众 V sent Clap × 3' }).waitFor();
  assert.equal(await anchor.locator('#messages .note.gift').count(), 1, 'a combo is one line');
  assert.equal(new Set(ids).size, 3, 'each tap is an order of its own');
  await balance(viewer, '99,985');
  for (const page of [viewer, anchor]) await page.locator('#gifters .gifter', { hasText: '观众 V' }).filter({ hasText: '15' }).waitFor();
  await income(anchor, '6');
  assert.equal(await viewer.locator('#income').isVisible(), false);
  await leave(viewer, anchor);
});

test('a big gift has a scene of its own, but not for who prefers less motion', { timeout: 120_000 }, async () => {
  const [viewer, anchor, calm] = [await visitor('viewer'), await visitor('anchor'), await visitor(null, { reducedMotion: 'reduce' })];
  for (const page of [anchor, calm]) await record(page);
  await open(viewer);
  await choose(viewer, 'Rocket');
  await give(viewer);
  await saw(anchor, 'rocket');
  await saw(calm, '5 ×1');
  await choose(viewer, 'Castle');
  await give(viewer);
  await saw(anchor, 'fireworks');
  await saw(calm, '6 ×1');
  assert.deepEqual((await seenBy(calm)).filter((what) => /^[a-z]/.test(what)), []);
  await anchor.waitForSelector('#effects', { state: 'hidden' });
  await leave(viewer, anchor, calm);
});

test('who has no coins is told so, gets some, and gives', { timeout: 120_000 }, async () => {
  const page = await visitor(null);
  await open(page);
  await page.locator('#gift-send', { hasText: 'Log in to give' }).click();
  await page.click('#login-switch');
  await page.fill('[name=username]', 'newcomer');
  await page.fill('[name=password]', 'correct horse');
  await page.fill('[name=nickname]', 'Newcomer');
  await page.click('#login-submit');
  await page.waitForSelector('#composer-text:enabled');
  await openWith(page, '0');
  await choose(page, 'Star');
  await give(page);
  await page.locator('.toast', { hasText: 'Not enough coins for Star.' }).waitFor();
  assert.equal(await page.locator('#gift-send.combo').count(), 0, 'what was refused counts for no combo');
  await page.click('#get-coins');
  await balance(page, '100,000');
  await give(page);
  await balance(page, '99,901');
  await page.locator('#messages .note.gift', { hasText: 'Newcomer sent Star × 1' }).waitFor();
  await leave(page);
});

test('a gift that was lost on the way is asked for again, and charged once', { timeout: 120_000 }, async () => {
  const sent = [];
  let lose = true;
  const prepare = (page) => page.routeWebSocket(/\/ws\?/, (socket) => {
    const server = socket.connectToServer();
    socket.onMessage((text) => {
      const message = JSON.parse(text);
      if (message.type === 'gift') sent.push(message.id);
      if (message.type !== 'gift' || !lose) server.send(text);
      else {
        lose = false;
        socket.close({ code: 1012, reason: 'restart' });
      }
    });
  });
  const admin = await visitor('admin', { prepare });
  await openWith(admin, '100,000');
  await choose(admin, 'Coffee');
  await give(admin);
  await admin.locator('#messages .note.gift', { hasText: 'admin sent Coffee' }).waitFor();
  await balance(admin, '99,980');
  assert.ok(sent.length >= 2 && new Set(sent).size === 1, `sent ${sent}`);
  await leave(admin);
});

test('the picture of a gift, wide and narrow', { timeout: 120_000 }, async () => {
  const page = await visitor('viewer');
  await record(page);
  await open(page);
  await choose(page, 'Rocket');
  for (let i = 0; i < 4; i++) await give(page);
  await saw(page, '5 ×4');
  await page.screenshot({ path: join(artifacts, 'gifts.png') });
  await page.setViewportSize({ width: 390, height: 844 });
  await choose(page, 'Rose');
  await give(page);
  await saw(page, '1 ×1');
  const inside = await page.evaluate(() => {
    const { left, right, top } = document.getElementById('gift-panel').getBoundingClientRect();
    return left >= 0 && right <= innerWidth && top >= 0 && document.documentElement.scrollWidth <= innerWidth;
  });
  assert.ok(inside, 'the gift panel does not fit a phone');
  await page.screenshot({ path: join(artifacts, 'gifts-phone.png') });
  await leave(page);
});

test('no page complained on its console', () => assert.deepEqual(complaints, []));
