// Sessions played again: over a clock and over videos, in a real platform with a real archive.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { root, startBrowser, startStack } from './stack.js';
import { films } from './films.js';

const artifacts = join(root, 'artifacts');
const wide = { width: 1440, height: 860 };
const complaints = [];
let stack;
let browser;
let anchor; // calls the API as the demo's anchor
let show; // the room whose sessions are played

before(async () => {
  mkdirSync(artifacts, { recursive: true });
  stack = await startStack({ bots: 0 });
  browser = await startBrowser();
  anchor = await login('anchor');
  show = await recorded();
}, { timeout: 180_000 });

after(async () => {
  await browser?.close();
  await stack?.stop();
});

async function login(username) {
  const call = async (method, path, body, token, headers = {}) => {
    const res = await fetch(`${stack.url.slice(0, -1)}${path}`, {
      method, headers: { 'Content-Type': 'application/json', ...(token && { Authorization: `Bearer ${token}` }), ...headers }, body: body && JSON.stringify(body),
    });
    const text = await res.text();
    assert.ok(res.ok, `${method} ${path}: ${res.status} ${text}`);
    return text ? JSON.parse(text) : null;
  };
  const { access_token: token } = await call('POST', '/api/v1/auth/login', { username, password: 'barrage-demo' });
  return (method, path, body, headers) => call(method, path, body, token, headers);
}

const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

/** Waits until ask() answers something true. */
async function eventually(ask, what) {
  for (const until = Date.now() + 30_000; Date.now() < until; await pause(100)) {
    const answer = await ask();
    if (answer) return answer;
  }
  throw new Error(`${what}: not within 30 s`);
}

/** A room with two sessions: one of a single message, and one in which people talk for a few seconds and a message is taken back. */
async function recorded() {
  const room = await anchor('POST', '/api/v1/rooms', { title: 'Night of the old songs' });
  const at = `/api/v1/rooms/${room.id}`;
  const say = (content, data) => anchor('POST', `${at}/messages`, { content, data });
  await anchor('POST', `${at}/start`);
  await say('only this');
  await anchor('POST', `${at}/stop`);
  await anchor('POST', `${at}/start`);
  const viewer = await login('viewer');
  await viewer('POST', '/demo/coins');
  for (let i = 0; i < 6; i++) {
    await say(`line ${i}`, i === 3 ? { mode: 'top', color: '#ff8000', size: 'large' } : {});
    if (i === 2) {
      const { id } = await say('taken back');
      await anchor('DELETE', `${at}/messages/${id}`);
      await viewer('POST', `${at}/gifts`, { gift_id: 2, count: 3 }, { 'Idempotency-Key': 'g1', Prefer: 'wait=5' });
    }
    await pause(700); // so that there is something between them
  }
  await say('<img src=x onerror="document.title=1"> & <b>bold</b>');
  await anchor('POST', `${at}/stop`);
  return room.id;
}

/** What is recorded of the room's newest session, as soon as its end is. */
async function moments() {
  const [session] = await eventually(async () => {
    const { items } = await anchor('GET', `/api/v1/rooms/${show}/sessions`);
    return items.length === 2 && items.every((one) => one.ended_at) && items;
  }, 'two sessions that have ended');
  const { items } = await anchor('GET', `/api/v1/rooms/${show}/replay?types=danmu,gift&limit=100&session=${session.session}`);
  return { session, items };
}

/** A browser that goes to the replay; one that is to be refused something complains of that itself. */
async function visit(hash, { prepare = async () => {}, refused = false, ...options } = {}) {
  const context = await browser.newContext({ viewport: wide, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  page.on('console', (message) => { if (message.type() === 'error' && !refused) complaints.push(message.text()); });
  page.on('pageerror', (err) => complaints.push(err.message));
  await prepare(page);
  await page.goto(`${stack.url}replay/#${new URLSearchParams(hash)}`);
  return page;
}

const leave = (page) => page.context().close();
const playable = (page) => page.waitForSelector('#play:enabled');
const lines = (page) => page.locator('#messages .row .text').allTextContents();

/** Puts the playhead somewhere, as who drags the knob does, and waits until the chat shows what was said by then. */
async function seek(page, ms, want) {
  await page.locator('#timeline input').evaluate((knob, value) => {
    knob.value = value;
    knob.dispatchEvent(new Event('input'));
    knob.dispatchEvent(new Event('change'));
  }, ms);
  await page.evaluate(() => new Promise((resolve) => { requestAnimationFrame(() => requestAnimationFrame(resolve)); })); // a frame has seen the jump
  await page.waitForSelector('#loading', { state: 'hidden' });
  await page.waitForFunction((texts) => [...document.querySelectorAll('#messages .row .text')].map((n) => n.textContent).join('|') === texts, want.join('|'));
}

/** Where everything is, in one moment: the playhead, and how long each danmu has been flying. */
const picture = (page) => page.evaluate(() => ({
  ms: Number(document.querySelector('#timeline input').value),
  flying: Object.fromEntries([...document.querySelectorAll('#flight .danmu')].map((node) => {
    const [flight] = node.getAnimations();
    return [node.textContent, { since: flight.currentTime, state: flight.playState, rate: flight.playbackRate, left: node.getBoundingClientRect().left }];
  })),
}));

const saidBy = (items, ms) => items.filter((m) => m.type === 'danmu' && m.offset_ms <= ms).map((m) => m.content);

/** An evening of two hours as the archive would answer it, for pictures and crowds. */
function evening(page, perSecond) {
  const start = Date.parse('2026-11-21T19:30:00Z');
  const lengthMs = 2 * 3_600_000;
  const texts = ['这首歌太好听了', 'goosebumps, seriously', '前方高能', '打卡，第三次来看', 'the bass line!!', '哈哈哈哈哈', 'greetings from Lisbon', '主播唱得真好', 'encore encore', '这个转音绝了', 'who is on the drums?', '泪目'];
  const colors = ['#ffffff', '#ffffff', '#ffffff', '#ffd166', '#7df9ff', '#ff8fb8', '#b6ff7d'];
  const wave = (s) => 0.35 + 0.3 * Math.sin(s / 900) + 0.3 * Math.sin(s / 240 + 1) ** 2;
  const session = { session: String(start), title: 'Night of the old songs, 第 12 期', anchor_id: 1, started_at: new Date(start).toISOString(), ended_at: new Date(start + lengthMs).toISOString() };
  const item = (i) => {
    const data = { nickname: `听众 ${(i * 7) % 991}`, color: colors[(i * 5) % colors.length], mode: i % 41 === 0 ? 'top' : i % 53 === 0 ? 'bottom' : 'scroll', size: i % 37 === 0 ? 'large' : 'medium' };
    return { type: 'danmu', id: `e${i}`, user_id: (i * 7) % 991, offset_ms: Math.floor((i / perSecond) * 1000), content: texts[(i * 11) % texts.length], data };
  };
  return Promise.all([
    page.route(/\/rooms\/\d+$/, (route) => route.fulfill({ json: { ...session, id: show, status: 2 } })),
    page.route(/\/sessions\?/, (route) => route.fulfill({ json: { items: [session, ...[1, 2, 3].map((n) => ({ ...session, session: String(start - n * 604_800_000), started_at: new Date(start - n * 604_800_000).toISOString(), ended_at: new Date(start - n * 604_800_000 + lengthMs - n * 700_000).toISOString(), title: `Night of the old songs, 第 ${12 - n} 期` }))], next_cursor: '' } })),
    page.route(/\/timeline\?/, (route) => route.fulfill({ json: { items: Array.from({ length: 120 }, (_, i) => ({ t: new Date(start + i * 60_000).toISOString(), danmu: Math.round(60 * perSecond * wave(i * 60)) })), next_cursor: '' } })),
    page.route(/\/replay\?format=lines/, (route) => {
      const query = new URL(route.request().url()).searchParams;
      const first = Number(query.get('cursor') ?? Math.ceil((Number(query.get('from_ms')) / 1000) * perSecond));
      const n = Math.min(5_000, (lengthMs / 1000) * perSecond - first);
      const body = Array.from({ length: n }, (_, i) => JSON.stringify(item(first + i))).join('\n');
      const gift = first === 0 ? '' : `\n${JSON.stringify({ type: 'gift', id: `g${first}`, user_id: 5, offset_ms: item(first + n - 1).offset_ms, data: { nickname: '小岛', gift_id: 2, name: 'Clap', count: 66, cost: 330 } })}`;
      return route.fulfill({ body: body + gift, headers: { 'Content-Type': 'application/x-ndjson', Link: `<${new URL(route.request().url()).pathname}?format=lines&cursor=${first + n}>; rel="next"` } });
    }),
  ]);
}

// Most of them wait for the archive: they do so together.
describe('the replay', { concurrency: 3 }, () => {
  test('the room that was stopped leads to its replay, which has all that was said as soon as the archive has', { timeout: 90_000 }, async () => {
    const context = await browser.newContext({ viewport: wide });
    const page = await context.newPage();
    page.setDefaultTimeout(30_000);
    await page.goto(`${stack.url}#room=${show}`);
    await page.click('#cover-replay');
    await page.waitForURL(/\/replay\/#room=\d+$/);
    const { session, items } = await moments();
    assert.deepEqual(items.map((m) => m.content ?? m.data.name), ['line 0', 'line 1', 'line 2', 'Clap', 'line 3', 'line 4', 'line 5', '<img src=x onerror="document.title=1"> & <b>bold</b>']);
    await page.waitForFunction((id) => document.querySelector('.session[aria-current]')?.dataset.session === id, session.session);
    await page.waitForFunction(() => document.getElementById('status').textContent === '');
    assert.equal(await page.textContent('#title'), 'Night of the old songs');
    const length = Date.parse(session.ended_at) - Date.parse(session.started_at);
    await seek(page, length, saidBy(items, length));
    assert.match((await page.locator('#messages .gift').allTextContents()).join('|'), /^\S+ 观众 V sent Clap × 3$/);
    assert.equal(await page.locator('#messages img, #messages b, #flight img, #flight b').count(), 0, 'what people write stays text');
    await context.close();
  });

  test('danmu fly exactly at their offsets: playing, paused, sought, and at another speed', { timeout: 90_000 }, async () => {
    const { items } = await moments();
    const page = await visit({ room: show });
    await playable(page);
    const first = items[0];
    await page.selectOption('#speed', '2');
    await page.keyboard.press('Space');
    await page.locator('#flight .danmu', { hasText: 'line 1' }).waitFor({ state: 'attached' });
    assert.equal((await picture(page)).flying['line 1'].rate, 2);
    await page.keyboard.press('Space');
    await page.waitForSelector('#big-play:not([hidden])');
    const exactly = async () => {
      const { ms, flying } = await picture(page);
      const want = items.filter((m) => m.type === 'danmu' && m.offset_ms <= ms && ms - m.offset_ms < 4_000);
      for (const m of want) {
        assert.equal(flying[m.content]?.state, 'paused', m.content);
        assert.ok(Math.abs(flying[m.content].since - (ms - m.offset_ms)) < 2, `${m.content}: flies for ${flying[m.content].since} ms at ${ms}, was said at ${m.offset_ms}`);
      }
      assert.equal(Object.keys(flying).length, saidBy(items, ms).length, 'nothing that is yet to come');
      assert.deepEqual(await lines(page), saidBy(items, ms));
      return flying;
    };
    await page.waitForFunction(() => document.querySelectorAll('#flight .danmu').length === document.querySelectorAll('#messages .row').length);
    const before = await exactly();
    await page.evaluate(() => new Promise((resolve) => { requestAnimationFrame(() => requestAnimationFrame(resolve)); }));
    assert.deepEqual(await exactly(), before, 'what is paused stands still');
    const third = items.find((m) => m.content === 'line 3').offset_ms;
    await seek(page, third + 300, saidBy(items, third + 300));
    const flying = await exactly();
    assert.ok(flying['line 3'].left > 0 && !flying['line 4']);
    await page.keyboard.press('ArrowLeft'); // five seconds back: to the beginning
    await page.waitForFunction(() => document.querySelectorAll('#flight .danmu, #messages .row').length === 0 && document.querySelector('#timeline input').value === '0');
    await seek(page, first.offset_ms, ['line 0']);
    await page.click('#toggle-danmu');
    assert.equal(await page.locator('#flight .danmu').count(), 0);
    await page.click('#toggle-danmu');
    await page.waitForSelector('#flight .danmu');
    await leave(page);
  });

  test('another session is picked, and played to its end', { timeout: 90_000 }, async () => {
    await moments();
    const page = await visit({ room: show });
    await playable(page);
    await page.click('#sessions li:last-child button');
    await page.waitForFunction(() => new URLSearchParams(location.hash.slice(1)).get('session') === document.querySelector('#sessions li:last-child button').dataset.session);
    await page.waitForSelector('#sessions li:last-child button[aria-current]');
    await playable(page);
    await page.click('#big-play');
    await page.waitForFunction(() => document.querySelector('#messages .text')?.textContent === 'only this');
    await page.waitForFunction(() => document.getElementById('play').getAttribute('aria-label') === 'Play' && document.getElementById('now').textContent === document.getElementById('length').textContent);
    await leave(page);
  });

  test('a file is played, moved against the session, and followed', { timeout: 90_000 }, async () => {
    const { items } = await moments();
    const page = await visit({ room: show }, { prepare: films });
    await playable(page);
    await page.click('#choose-video');
    await page.fill('#video-form [name=url]', 'http://127.0.0.1:1/films/show.webm');
    await page.fill('#shift', '2');
    await page.press('#shift', 'Tab');
    await page.click('#video-load');
    await page.waitForSelector('#video-dialog:not([open])', { state: 'attached' });
    await page.waitForSelector('#video:not([hidden])');
    assert.match(page.url(), /video=http/);
    const length = await page.evaluate(() => document.getElementById('video').duration);
    assert.ok(length > 1 && length < 20, `got a video of ${length} s`);
    await page.click('#play');
    await page.waitForFunction(() => document.getElementById('video').currentTime > 0.3 && !document.getElementById('video').paused);
    await page.click('#play');
    await page.waitForFunction(() => document.getElementById('video').paused);
    await seek(page, 1_000, saidBy(items, 3_000));
    const { flying } = await picture(page);
    for (const m of items.filter((one) => one.type === 'danmu' && one.offset_ms <= 3_000)) assert.ok(Math.abs(flying[m.content].since - (3_000 - m.offset_ms)) < 2, m.content);
    assert.equal(await page.locator('#sound').isVisible(), true);
    await page.click('#choose-video');
    await page.click('#no-video');
    await page.waitForSelector('#video[hidden]', { state: 'attached' });
    assert.match(page.url(), /video=none/);
    await leave(page);
  });

  test('HLS is played by hls.js where the browser can’t', { timeout: 90_000 }, async () => {
    await moments();
    const page = await visit({ room: show, video: 'http://127.0.0.1:1/films/show.m3u8' }, { prepare: (p) => films(p, { withoutHLS: true }) });
    await page.waitForSelector('#video:not([hidden])');
    assert.ok(await page.evaluate(() => performance.getEntriesByType('resource').some(({ name }) => /\/hls-[^/]*\.mjs$/.test(name))), 'hls.js is loaded now');
    await page.click('#big-play');
    await page.waitForFunction(() => document.getElementById('video').currentTime > 0.3);
    await leave(page);
  });

  test('a video that can’t be played is told, and the clock stands in', { timeout: 90_000 }, async () => {
    await moments();
    const told = async (video, want) => {
      const page = await visit({ room: show, video }, { refused: true, prepare: (p) => films(p, { withoutHLS: true }) });
      await page.waitForSelector('#notice:not([hidden])');
      assert.match(await page.textContent('#notice'), want);
      assert.match(await page.textContent('#notice'), /The clock stands in for it\.$/);
      await page.click('#big-play');
      await page.locator('#messages .row').first().waitFor();
      await leave(page);
    };
    await Promise.all([
      told('http://127.0.0.1:1/films/missing.mp4', /There is no video at that address/),
      told('http://127.0.0.1:1/films/closed.m3u8', /doesn’t let this page read it \(CORS\)/),
      told('http://127.0.0.1:1/films/missing.m3u8', /answered 404/),
      told('javascript:alert(1)', /no address of a video/),
    ]);
  });

  test('what is missing is told: room, recording, session, archive', { timeout: 90_000 }, async () => {
    await moments();
    const covered = async (hash, want, prepare) => {
      const page = await visit(hash, { prepare, refused: true });
      await page.locator('#cover', { hasText: want }).waitFor();
      return page;
    };
    await leave(await covered({ room: 987654 }, 'There is no room with that number.'));
    const empty = await anchor('POST', '/api/v1/rooms', { title: 'never live' });
    await leave(await covered({ room: empty.id }, 'Nothing of this room is recorded.'));
    await leave(await covered({ room: show, session: 5 }, 'No such session is recorded.'));
    let away = true;
    const page = await covered({ room: show }, 'Recordings can’t be read', async (p) => p.route(/\/sessions\?/, (route) => (away
      ? route.fulfill({ status: 503, contentType: 'application/problem+json', body: JSON.stringify({ code: 'archive_away', detail: 'Recordings can’t be read at the moment.' }) })
      : route.continue())));
    away = false;
    await page.waitForSelector('#cover', { state: 'hidden' });
    await playable(page);
    await leave(page);
  });

  test('a session that goes on is played as far as it is', { timeout: 90_000 }, async () => {
    const room = await anchor('POST', '/api/v1/rooms', { title: 'still live' });
    await anchor('POST', `/api/v1/rooms/${room.id}/start`);
    const page = await visit({ room: room.id });
    await page.locator('#status[data-state=live]', { hasText: 'Still live' }).waitFor();
    await anchor('POST', `/api/v1/rooms/${room.id}/messages`, { content: 'said late' });
    await playable(page);
    await page.click('#big-play');
    await page.locator('#messages .row', { hasText: 'said late' }).waitFor();
    await leave(page);
  });
});

test('the picture of the replay, wide and narrow, and nothing overlaps', { timeout: 90_000 }, async () => {
  await moments();
  const page = await visit({ room: show, t: 3_000 }, { prepare: (p) => evening(p, 4) });
  await playable(page);
  await page.click('#play');
  await page.waitForFunction(() => document.querySelectorAll('#flight .danmu').length >= 12 && Number(document.querySelector('#timeline input').value) > 3_001_000);
  await page.mouse.move(500, 640);
  await page.screenshot({ path: join(artifacts, 'replay.png') });
  await page.setViewportSize({ width: 390, height: 844 });
  await page.waitForFunction(() => document.querySelectorAll('#flight .danmu').length >= 4);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'the phone page scrolls sideways');
  await page.screenshot({ path: join(artifacts, 'replay-phone.png') });
  await page.click('#tab-sessions');
  await page.locator('.session').nth(3).waitFor();
  await page.setViewportSize({ width: 1000, height: 720 });
  await page.screenshot({ path: join(artifacts, 'replay-tablet.png') });
  await leave(page);
});

test('a crowd of a million danmu an hour is played four times as fast, and only some of it is held', { timeout: 90_000 }, async () => {
  await moments();
  const page = await visit({ room: show, t: 1_800 }, { prepare: (p) => evening(p, 278), reducedMotion: 'reduce' });
  await playable(page);
  await page.selectOption('#speed', '4');
  await page.click('#play');
  await page.waitForFunction(() => Number(document.querySelector('#timeline input').value) > 1_815_000);
  const { rows, flying } = await page.evaluate(() => ({ rows: document.querySelectorAll('#messages li').length, flying: document.querySelectorAll('#flight .danmu').length }));
  assert.ok(rows <= 250, `${rows} rows`);
  assert.ok(flying > 5 && flying <= 200, `${flying} danmaku`);
  assert.ok(await page.evaluate(() => [...document.querySelectorAll('#flight .danmu')].every((node) => new Set(node.getAnimations()[0].effect.getKeyframes().map((k) => k.transform)).size === 1)), 'who prefers less motion sees none fly');
  await leave(page);
});

test('the console stays silent', () => assert.deepEqual(complaints, []));
