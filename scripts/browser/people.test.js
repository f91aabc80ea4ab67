// People on the page: profiles, and what moderators do. A picture is put to the S3 of the platform.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { acked, artifacts, leave, row, say, world } from './world.js';

// The operator's review: it holds what it is asked to. When the machine is too busy for it, danmu are shown.
const reviewer = createServer(async (request, response) => {
  let body = '';
  for await (const part of request) body += part;
  const verdicts = JSON.parse(body).messages.map(({ content }) => ({ verdict: content.includes('hold') ? 'hold' : 'allow' }));
  response.setHeader('Content-Type', 'application/json');
  response.end(JSON.stringify({ verdicts }));
});
after(() => { reviewer.close(); reviewer.closeAllConnections(); });

const { complaints, visitor } = world({
  bots: 0,
  env: async () => {
    await new Promise((resolve, reject) => reviewer.listen(0, '127.0.0.1', resolve).once('error', reject));
    return {
      REVIEW_HOOK_URL: `http://127.0.0.1:${reviewer.address().port}/`, REVIEW_HOOK_SECRET: 'between us',
      REVIEW_HOOK_TIMEOUT: '2s', REVIEW_HOOK_FAIL_OPEN: 'true', USER_MESSAGE_RATE: '0',
    };
  },
});

// One pixel, as a file of a browser's own picker.
const picture = {
  name: 'face.png', mimeType: 'image/png',
  buffer: Buffer.from('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==', 'base64'),
};
const loaded = (page, selector) => page.waitForFunction((at) => document.querySelector(at)?.naturalWidth > 0, selector);
const toast = (page, text) => page.locator('.toast', { hasText: text }).waitFor();

/** Signs a visitor up under a name of its own. */
async function signUp(page, username, nickname) {
  await page.click('#account');
  await page.click('#login-switch');
  await page.fill('[name=username]', username);
  await page.fill('[name=password]', 'correct horse');
  await page.fill('#nickname-field input', nickname);
  await page.click('#login-submit');
  await page.waitForSelector('#composer-text:enabled');
}

/** Says something that the review holds; says it again should the review have been too slow for that. */
async function sayHeld(page, text) {
  for (let i = 1; ; i++) {
    const said = `${text}, please hold (${i})`;
    await say(page, said);
    const settled = page.locator('#messages .row:is([data-state=held], [data-state=sent])', { hasText: said });
    await settled.waitFor();
    if (await settled.getAttribute('data-state') === 'held') return said;
    assert.ok(i < 10, 'the review never answers in time');
  }
}

async function moderate(page, text, action) {
  await row(page, text).click({ button: 'right' });
  await page.getByRole('menuitem', { name: action, exact: true }).click();
}

test('a profile has a picture, a nickname that messages bear, and a way out', { timeout: 120_000 }, async () => {
  const [admin, viewer] = [await visitor('admin'), await visitor('viewer')];
  await admin.click('#account');
  await admin.waitForSelector('#avatar-file:enabled', { state: 'attached' });
  await admin.setInputFiles('#avatar-file', picture);
  await loaded(admin, '#profile-face img');
  await admin.fill('[name=nickname] >> visible=true', 'Ada');
  await admin.fill('[name=bio]', 'I keep <b>order</b>');
  await admin.click('#profile-form [type=submit]');
  await toast(admin, 'Your profile is saved.');
  await loaded(admin, '#account img');
  await admin.waitForFunction(() => document.getElementById('account').textContent.includes('Ada'));
  await admin.waitForSelector('#composer-text:enabled');
  await say(admin, 'as somebody new');
  await row(viewer, 'as somebody new').locator('.who', { hasText: 'Ada' }).waitFor();
  await admin.click('#account');
  await admin.screenshot({ path: join(artifacts, 'profile.png') });
  await admin.click('#log-out');
  await admin.locator('#account', { hasText: 'Log in' }).waitFor();
  await leave(admin, viewer);
});

test('a message that is deleted disappears for all; who is muted is told so', { timeout: 120_000 }, async () => {
  const [anchor, viewer, guest] = [await visitor('anchor'), await visitor('viewer'), await visitor(null)];
  await say(viewer, 'this will go');
  await say(viewer, 'this will stay');
  for (const page of [anchor, guest]) await row(page, 'this will stay').waitFor();
  await row(guest, 'this will stay').click({ button: 'right' });
  assert.equal(await guest.locator('#message-menu').isVisible(), false, 'a guest is offered nothing');
  await row(anchor, 'this will go').click({ button: 'right' });
  await anchor.screenshot({ path: join(artifacts, 'moderation.png') });
  await anchor.getByRole('menuitem', { name: 'Delete message' }).click();
  for (const page of [anchor, viewer, guest]) await row(page, 'this will go').waitFor({ state: 'detached' });
  assert.equal(await row(guest, 'this will stay').count(), 1);
  await moderate(anchor, 'this will stay', 'Mute for 10 minutes');
  await toast(anchor, 'is muted for 10 minutes.');
  await say(viewer, 'can you hear me');
  await viewer.locator('#messages .row[data-state=failed]', { hasText: 'can you hear me' }).waitFor();
  await anchor.click('#room-settings-open');
  await anchor.locator('#muted .person', { hasText: '观众 V' }).getByRole('button', { name: 'Unmute' }).click();
  await anchor.locator('#muted', { hasText: 'Nobody.' }).waitFor();
  await say(viewer, 'now you do');
  await row(anchor, 'now you do').waitFor({ state: 'attached' });
  await leave(anchor, viewer, guest);
});

test('a moderator is appointed, bans, and the ban is lifted', { timeout: 120_000 }, async () => {
  const [anchor, viewer, troll] = [await visitor('anchor'), await visitor('viewer'), await visitor(null)];
  await signUp(troll, 'troll', 'Troll');
  await say(viewer, 'let me help');
  await row(anchor, 'let me help').waitFor();
  await moderate(anchor, 'let me help', 'Make a moderator');
  await toast(anchor, 'is a moderator now.');
  await viewer.waitForSelector('#room-settings-open'); // without a reload
  await say(troll, 'nonsense');
  await row(viewer, 'nonsense').waitFor();
  await moderate(viewer, 'nonsense', 'Ban for a day');
  await troll.locator('#cover', { hasText: 'sent out' }).waitFor();
  await viewer.click('#room-settings-open');
  await viewer.locator('#moderators .person', { hasText: '观众 V' }).waitFor();
  await viewer.locator('#banned .person', { hasText: 'Troll' }).getByRole('button', { name: 'Unban' }).click();
  await viewer.locator('#banned', { hasText: 'Nobody.' }).waitFor();
  await troll.reload();
  await troll.waitForSelector('#composer-text:enabled');
  await anchor.click('#room-settings-open');
  await anchor.locator('#moderators .person', { hasText: '观众 V' }).getByRole('button', { name: 'Dismiss' }).click();
  await anchor.locator('#moderators', { hasText: 'Nobody.' }).waitFor();
  await viewer.locator('#room-settings-open').waitFor({ state: 'hidden' }); // without a reload, too
  await leave(anchor, viewer, troll);
});

test('who is kicked is out, and may come back', { timeout: 120_000 }, async () => {
  const [anchor, rowdy] = [await visitor('anchor'), await visitor(null)];
  await signUp(rowdy, 'rowdy', 'Rowdy');
  await say(rowdy, 'out of order');
  await row(anchor, 'out of order').waitFor();
  await moderate(anchor, 'out of order', 'Kick');
  await toast(anchor, 'was sent out.');
  await rowdy.locator('#cover', { hasText: 'sent out' }).waitFor();
  await rowdy.reload();
  await rowdy.waitForSelector('#composer-text:enabled');
  await say(rowdy, 'back again');
  await row(anchor, 'back again').waitFor();
  await leave(anchor, rowdy);
});

test('what is held is shown when a moderator says so, and its sender is told either way', { timeout: 120_000 }, async () => {
  const [anchor, viewer, guest] = [await visitor('anchor'), await visitor('viewer'), await visitor(null)];
  const good = await sayHeld(viewer, 'good');
  const bad = await sayHeld(viewer, 'bad');
  await row(viewer, good).locator('.state', { hasText: 'waits for a moderator' }).waitFor();
  await anchor.locator('#room-settings-open[data-waiting="2"]').waitFor();
  await anchor.click('#room-settings-open');
  const waiting = (text) => anchor.locator('#held .person', { hasText: text });
  await waiting(bad).waitFor();
  await anchor.screenshot({ path: join(artifacts, 'held.png') });
  await waiting(good).getByRole('button', { name: 'Show' }).click();
  await row(guest, good).waitFor();
  await acked(viewer, good);
  await waiting(bad).getByRole('button', { name: 'Refuse' }).click();
  await viewer.locator('#messages .row[data-state=failed]', { hasText: bad }).waitFor();
  await anchor.locator('#held', { hasText: 'Nothing.' }).waitFor();
  assert.equal(await row(viewer, good).count(), 1, 'the sender sees it once');
  assert.equal(await row(guest, bad).count(), 0);
  await leave(anchor, viewer, guest);
});

test('a long press on a phone opens the menu, and it stays when the finger is lifted', { timeout: 120_000 }, async () => {
  const phone = await visitor('anchor', { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
  await say(phone, 'press me');
  await acked(phone, 'press me');
  await phone.locator('#messages .row:not([data-key^=mine])', { hasText: 'press me' }).waitFor();
  const touch = (type, target) => target.dispatchEvent(type, { pointerType: 'touch', bubbles: true, clientX: 200, clientY: 500 });
  await touch('pointerdown', row(phone, 'press me'));
  await phone.waitForSelector('#message-menu');
  await touch('pointerup', row(phone, 'press me'));
  await phone.getByRole('menuitem', { name: 'Delete message' }).tap();
  await row(phone, 'press me').waitFor({ state: 'detached' });
  await leave(phone);
});

test('the anchor sets slow mode, blocked words and a cover', { timeout: 120_000 }, async () => {
  const [anchor, guest] = [await visitor('anchor'), await visitor(null)];
  await anchor.click('#room-settings-open');
  await anchor.waitForSelector('#cover-file:enabled', { state: 'attached' });
  await anchor.setInputFiles('#cover-file', picture);
  await toast(anchor, 'The room has a new cover.');
  await anchor.fill('[name=slow]', '7');
  await anchor.fill('[name=words]', 'durian\n榴莲');
  await anchor.screenshot({ path: join(artifacts, 'room-settings.png') });
  await anchor.click('#room-settings-form [type=submit]');
  await guest.locator('#messages .note', { hasText: 'one message in 7 s' }).waitFor();
  await guest.reload();
  await loaded(guest, '#rooms .cover img');
  await anchor.click('#room-settings-open');
  await anchor.waitForFunction(() => document.querySelector('[name=words]').value === 'durian\n榴莲');
  assert.equal(await anchor.inputValue('[name=slow]'), '7');
  await anchor.fill('[name=slow]', '0');
  await anchor.click('#room-settings-form [type=submit]');
  await guest.locator('#messages .note', { hasText: 'Slow mode is off.' }).waitFor();
  const viewer = await visitor('viewer');
  for (const spelled of ['ｄｕｒｉａｎ', 'D u r i a n', '榴　莲']) {
    await say(viewer, `I like ${spelled}`);
    await viewer.locator('#messages .row[data-state=failed]', { hasText: spelled }).locator('.state', { hasText: 'does not want a word' }).waitFor();
  }
  await say(viewer, 'I like mangos');
  await acked(viewer, 'I like mangos');
  await row(guest, 'I like mangos').waitFor();
  assert.equal(await guest.locator('#messages .row', { hasText: 'I like' }).count(), 1);
  await leave(viewer);
  await leave(anchor, guest);
});

test('no page complained on its console', () => assert.deepEqual(complaints.filter((text) => !/WebSocket|403/.test(text)), []));
