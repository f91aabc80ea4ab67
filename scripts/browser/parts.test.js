import assert from 'node:assert/strict';
import { test } from 'node:test';
import { afterClose, backoff } from '../../local/web/closing.js';
import { count, hue, length, newID, since } from '../../local/web/format.js';
import { Outbox } from '../../local/web/outbox.js';

test('waiting doubles, stays under 20 s, and is never the same for everybody', () => {
  const least = (attempt) => backoff(attempt, () => 0);
  const most = (attempt) => backoff(attempt, () => 0.999999);
  assert.equal(least(0), 200);
  assert.ok(most(0) < 400 && most(3) > least(3) * 1.9);
  for (let attempt = 0; attempt < 60; attempt++) assert.ok(most(attempt) <= 20_000 && least(attempt) <= least(attempt + 1));
});

test('each close code has its own consequence', () => {
  const plan = (code) => afterClose(code, 0, () => 0.5);
  for (const code of [1000, 1001, 1006, 1012, 4008]) assert.equal(plan(code).again, true, String(code));
  assert.equal(plan(4001).renew, true);
  assert.equal(plan(4001).again, true);
  assert.deepEqual([plan(4003).again, plan(4003).ended], [false, false]);
  assert.deepEqual([plan(4004).again, plan(4004).ended], [false, true]);
  assert.equal(plan(4009).again, false);
  assert.ok(plan(4029).waitMs >= 15_000);
});

test('an unacknowledged message is sent again, but not after the server may have forgotten its id', () => {
  let now = 0;
  const outbox = new Outbox(() => now);
  outbox.add({ id: 'a' });
  now = 60_000;
  outbox.add({ id: 'b' });
  assert.deepEqual(outbox.pending().map((m) => m.id), ['a', 'b']);
  now = 101_000;
  assert.deepEqual(outbox.pending().map((m) => m.id), ['b']);
  assert.deepEqual(outbox.expire().map((m) => m.id), ['a']);
  assert.equal(outbox.waits('a'), false);
  assert.equal(outbox.settle('b').id, 'b');
  assert.equal(outbox.settle('b'), undefined);
  for (let i = 0; i < 20; i++) outbox.add({ id: String(i) });
  assert.equal(outbox.full, true);
});

test('numbers, times and names read well', () => {
  assert.equal(count(12_840), '12.8K');
  assert.equal(count(undefined), '–');
  assert.equal(since('2026-01-01T00:00:00Z', Date.parse('2026-01-01T02:05:00Z')), '2 h 5 min');
  assert.equal(since(null), '');
  assert.equal(length('弹幕👍'), 3);
  assert.equal(hue('a'), hue('a'));
  assert.ok(new Set(Array.from({ length: 60 }, (_, i) => hue(i))).size > 45);
  assert.match(newID(), /^[0-9a-f]{32}$/);
  assert.notEqual(newID(), newID());
});
