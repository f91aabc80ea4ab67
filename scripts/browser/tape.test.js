// What the replay holds of a session: enough, at the right moment, and never all of it.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Clock } from '../../local/web/replay/clocks.js';
import { stamp } from '../../local/web/replay/scrubber.js';
import { Tape } from '../../local/web/replay/tape.js';

const pageSize = 5_000;
const settle = () => new Promise((resolve) => { setImmediate(resolve); });

/** A session of n messages, evenly over its length, answered in documents as the server does. */
function session(n, lengthMs) {
  const asked = [];
  const item = (i) => ({ type: 'danmu', id: `m${i}`, user_id: i % 500, offset_ms: Math.floor((i * lengthMs) / n) });
  const fetch = async ({ address, from = 0 }) => {
    const first = address === undefined ? Math.ceil((from * n) / lengthMs) : Number(address);
    asked.push(first);
    const items = Array.from({ length: Math.max(0, Math.min(pageSize, n - first)) }, (_, i) => item(first + i));
    return { items, next: first + pageSize < n ? String(first + pageSize) : '' };
  };
  return { fetch, asked, item };
}

test('everything is given out once, in order, and little of it is held', async () => {
  const [n, length] = [300_000, 3_600_000];
  const { fetch, asked } = session(n, length);
  const tape = new Tape({ fetch, onState: ({ err }) => assert.equal(err, null) });
  tape.open({ ended: true });
  tape.seek(0, 0);
  let given = 0;
  let most = 0;
  for (let ms = 0; ms <= length; ms += 500) {
    while (!tape.covers(ms)) await settle();
    for (const one of tape.take(ms)) assert.equal(one.id, `m${given++}`);
    most = Math.max(most, tape.held);
  }
  assert.equal(given, n);
  assert.ok(most < 40_000, `${most} messages were held at once`);
  assert.equal(asked.length, n / pageSize, 'each document is asked for once');
});

test('a short way back asks nobody, a long one asks for what it needs', async () => {
  const { fetch, asked } = session(300_000, 3_600_000);
  const tape = new Tape({ fetch, onState: () => {} });
  tape.open({ ended: true });
  tape.seek(1_800_000, 10_000);
  while (!tape.covers(1_800_000)) await settle();
  assert.deepEqual(asked, [149_167]);
  assert.deepEqual(tape.between(1_800_000 - 24, 1_800_000).map((m) => m.offset_ms), [1_799_976, 1_799_988, 1_800_000]);
  tape.seek(1_795_000, 1_000);
  assert.equal(asked.length, 1);
  assert.deepEqual(tape.take(1_795_012).map((m) => m.offset_ms), [1_795_008], 'from the new place on');
  tape.seek(60_000, 10_000);
  assert.equal(tape.covers(60_000), false);
  while (!tape.covers(60_000)) await settle();
  assert.equal(asked.at(-1), 4_167);
});

test('an answer that a jump has overtaken is dropped', async () => {
  const answers = [];
  const tape = new Tape({ fetch: () => new Promise((resolve) => { answers.push(resolve); }), onState: () => {} });
  tape.open({ ended: true });
  tape.seek(0, 0);
  tape.seek(500_000, 0);
  answers[1]({ items: [{ type: 'danmu', id: 'new', user_id: 1, offset_ms: 500_001 }], next: '' });
  answers[0]({ items: [{ type: 'danmu', id: 'old', user_id: 1, offset_ms: 1 }], next: '' });
  while (!tape.covers(500_000)) await settle();
  assert.deepEqual(tape.take(600_000).map((m) => m.id), ['new']);
});

test('a session that goes on is asked again for what is new, without telling anything twice', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const all = [['a', 5], ['b', 7], ['c', 7]].map(([id, offset_ms]) => ({ type: 'danmu', id, user_id: 1, offset_ms }));
  let said = 2;
  const froms = [];
  const tape = new Tape({ fetch: async ({ from }) => {
    froms.push(from);
    return { items: all.slice(0, said).filter((m) => m.offset_ms >= from), next: '' };
  }, onState: () => {} });
  tape.open({ ended: false });
  tape.seek(0, 0);
  while (!tape.covers(10)) await settle();
  assert.deepEqual(tape.take(10).map((m) => m.id), ['a', 'b']);
  said = 3;
  t.mock.timers.tick(2_000);
  while (tape.held < 3) await settle();
  assert.deepEqual(tape.take(10).map((m) => m.id), ['c']);
  all.push({ type: 'danmu', id: 'd', user_id: 1, offset_ms: 9 });
  said = 4;
  tape.end();
  t.mock.timers.tick(0);
  while (tape.held < 4) await settle();
  assert.deepEqual(froms, [0, 7, 7]);
  t.mock.timers.tick(60_000);
  await settle();
  assert.equal(froms.length, 3, 'what has ended is not asked for again');
});

test('a failure is told and tried again', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const states = [];
  let down = true;
  const tape = new Tape({ fetch: async () => {
    if (down) throw new Error('away');
    return { items: [], next: '' };
  }, onState: ({ err }) => states.push(err?.message ?? 'well') });
  tape.open({ ended: true });
  tape.seek(0, 0);
  while (states.length < 1) await settle();
  assert.equal(tape.covers(0), false);
  down = false;
  t.mock.timers.tick(2_000);
  while (states.length < 2) await settle();
  assert.deepEqual(states, ['away', 'well']);
  assert.equal(tape.covers(1e9), true);
});

test('the clock plays, pauses, jumps, and stops at its end', async (t) => {
  let now = 1_000;
  t.mock.method(performance, 'now', () => now);
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const clock = new Clock();
  let changes = 0;
  clock.addEventListener('change', () => changes++);
  clock.length = 10_000;
  await clock.play();
  now += 2_000;
  assert.equal(clock.ms, 2_000);
  clock.rate = 2;
  now += 1_000;
  assert.equal(clock.ms, 4_000);
  clock.pause();
  now += 5_000;
  assert.equal(clock.ms, 4_000);
  clock.seek(9_000);
  await clock.play();
  now += 10_000;
  assert.equal(clock.ms, 10_000, 'not behind the end');
  t.mock.timers.tick(500);
  assert.deepEqual([clock.playing, clock.ended, clock.ms], [false, true, 10_000]);
  clock.seek(-5);
  assert.equal(clock.ms, 0);
  assert.ok(changes >= 7);
});

test('times are written as people write them', () => {
  assert.deepEqual([0, 999, 61_000, 3_725_000, -5].map(stamp), ['0:00', '0:00', '1:01', '1:02:05', '0:00']);
});
