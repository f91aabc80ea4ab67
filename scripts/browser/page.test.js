// The page as people use it: browsers in one room, on the whole platform in one process.

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { acked, artifacts, leave, row, say, world } from './world.js';

const { complaints, visitor } = world({ bots: 12 });

test('a danmu of one person is seen by the other, on the stage and in the list', { timeout: 90_000 }, async () => {
  const [viewer, anchor] = [await visitor('viewer'), await visitor('anchor')];
  const flying = anchor.locator('#flight .danmu', { hasText: 'hello from the viewer' });
  const seen = flying.waitFor({ state: 'attached' });
  await say(viewer, 'hello from the viewer');
  await seen;
  await row(anchor, 'hello from the viewer').waitFor();
  await acked(viewer, 'hello from the viewer');
  assert.equal(await row(viewer, 'hello from the viewer').count(), 1);
  await anchor.waitForFunction(() => Number(document.getElementById('online').textContent) >= 2);
  await leave(viewer, anchor);
});

test('what people write stays text', { timeout: 60_000 }, async () => {
  const page = await visitor('admin');
  const nasty = '<img src=x onerror="document.title=1"><b>bold</b>';
  await say(page, nasty);
  await acked(page, nasty);
  assert.equal(await page.locator('#messages img, #messages b, #flight img, #flight b').count(), 0);
  await leave(page);
});

test('no two danmaku overlap on the stage', { timeout: 60_000 }, async () => {
  const page = await visitor(null);
  await page.waitForFunction(() => document.querySelectorAll('#flight .danmu').length >= 3, null, { timeout: 40_000 });
  const overlaps = await page.evaluate(async () => {
    const found = [];
    for (let frame = 0; frame < 120; frame++) {
      await new Promise(requestAnimationFrame);
      const boxes = [...document.querySelectorAll('#flight .danmu')].map((node) => ({ text: node.textContent, box: node.getBoundingClientRect() }));
      for (const [i, a] of boxes.entries()) {
        for (const b of boxes.slice(i + 1)) {
          const apart = a.box.right <= b.box.left || b.box.right <= a.box.left || a.box.bottom <= b.box.top + 1 || b.box.bottom <= a.box.top + 1;
          if (!apart) found.push(`${a.text} / ${b.text}`);
        }
      }
    }
    return found;
  });
  assert.deepEqual(overlaps, []);
  await leave(page);
});

test('a cut connection resumes and shows what was said meanwhile, once', { timeout: 90_000 }, async () => {
  let cut;
  const addresses = [];
  const viewer = await visitor('viewer', {
    prepare: (page) => page.routeWebSocket(/\/ws\?/, (socket) => {
      addresses.push(socket.url());
      socket.connectToServer();
      cut = () => socket.close({ code: 1012, reason: 'restart' });
    }),
  });
  const anchor = await visitor('anchor');
  await say(anchor, 'before the cut');
  await row(viewer, 'before the cut').waitFor();
  await cut();
  await say(anchor, 'while you were away');
  await row(viewer, 'while you were away').waitFor();
  await say(anchor, 'after the cut');
  await row(viewer, 'after the cut').waitFor();
  for (const text of ['before the cut', 'while you were away', 'after the cut']) assert.equal(await row(viewer, text).count(), 1, text);
  assert.match(addresses.at(-1), /resume=[^&]+%3A\d+/);
  assert.equal(await viewer.locator('#messages .gap').count(), 0);
  await leave(viewer, anchor);
});

test('who writes too fast is told so, and may send again', { timeout: 90_000 }, async () => {
  const page = await visitor('viewer');
  await page.evaluate(() => {
    const [text, form] = ['composer-text', 'composer'].map((id) => document.getElementById(id));
    for (let i = 0; i < 12; i++) {
      text.value = `too fast ${i}`;
      form.requestSubmit();
    }
  });
  const failed = page.locator('#messages .row[data-state=failed]');
  await failed.first().waitFor();
  const text = await failed.last().locator('.text').textContent();
  await page.waitForFunction(() => !document.getElementById('send').textContent.endsWith('s'));
  await failed.last().getByRole('button', { name: 'Send again' }).click();
  await acked(page, text);
  await leave(page);
});

test('the anchor stops and starts the room under its viewers', { timeout: 90_000 }, async () => {
  const [viewer, anchor] = [await visitor('viewer'), await visitor('anchor')];
  await anchor.click('#anchor-action');
  await viewer.locator('#cover', { hasText: 'not live' }).waitFor();
  await anchor.click('#cover-action');
  await viewer.waitForSelector('#cover', { state: 'hidden' });
  await viewer.waitForSelector('#composer-text:enabled');
  await say(viewer, 'we are back');
  await row(anchor, 'we are back').waitFor();
  await leave(viewer, anchor);
});

test('the picture of the page, wide and narrow', { timeout: 90_000 }, async () => {
  const page = await visitor('viewer');
  await page.waitForFunction(() => document.querySelectorAll('#flight .danmu').length >= 6, null, { timeout: 40_000 });
  await say(page, 'what a night');
  await page.locator('#flight .danmu.own').waitFor();
  for (let i = 0; i < 5; i++) await page.click('#like');
  await page.waitForFunction(() => document.querySelector('#flight .danmu.own').getBoundingClientRect().left < 900);
  await page.locator('#ranking .rank').first().waitFor();
  await page.screenshot({ path: join(artifacts, 'page.png') });
  await page.setViewportSize({ width: 390, height: 844 });
  await page.waitForFunction(() => document.querySelectorAll('#flight .danmu').length >= 3, null, { timeout: 40_000 });
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'the phone page scrolls sideways');
  await page.screenshot({ path: join(artifacts, 'phone.png') });
  await leave(page);
});

test('no page complained on its console', () => assert.deepEqual(complaints, []));
