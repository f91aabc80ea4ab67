import assert from 'node:assert/strict';
import { test } from 'node:test';
import { afterClose, backoff } from '../../local/web/closing.js';
import { coins, count, hue, length, newID, since } from '../../local/web/format.js';
import { Orders } from '../../local/web/orders.js';
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

test('a gift keeps its id until the ledger has answered, and is answered once', () => {
  let now = 0;
  const sent = [];
  const ended = [];
  const orders = new Orders({ send: (m) => sent.push(m.id), onEnd: (order, result) => ended.push(`${order.gift.name} ${result.status}`), now: () => now });
  orders.give({ id: 1, name: 'Rose', price: 2 }, 3);
  orders.give({ id: 1, name: 'Rose', price: 2 }, 1);
  const [a, b] = sent;
  assert.notEqual(a, b);
  assert.equal(orders.cost, 8);
  orders.resend();
  now = 9_000; // no answer: asks again
  orders.look();
  orders.look();
  assert.deepEqual(sent, [a, b, a, b, a, b]);
  assert.equal(orders.result({ id: a, data: { status: 'pending' } }), false);
  assert.equal(orders.result({ id: a, data: { status: 'settled' } }), true);
  assert.equal(orders.result({ id: a, data: { status: 'settled' } }), false);
  assert.equal(orders.failed({ id: 'somebody else', data: { code: 'guest' } }), false);
  assert.equal(orders.cost, 2);
  now = 200_000;
  orders.look();
  assert.deepEqual(ended, ['Rose settled', 'Rose unknown']);
  assert.equal(orders.idle, true);
  for (let i = 0; i < 20; i++) orders.give({ id: 1, price: 1 }, 1);
  assert.equal(orders.full, true);
});

test('a passing trouble is no refusal: the same gift is asked for again', async () => {
  const sent = [];
  const ended = [];
  const again = new Promise((resolve) => {
    const orders = new Orders({ send: (m) => { if (sent.push(m.id) === 2) resolve(); }, onEnd: (_, result) => ended.push(result.code) });
    orders.give({ id: 1, price: 1 }, 1);
    assert.equal(orders.failed({ id: sent[0], data: { code: 'unavailable', retry_after_ms: 1 } }), true);
  });
  await again;
  assert.equal(sent[0], sent[1]);
  assert.deepEqual(ended, []);
});

test('numbers, times and names read well', () => {
  assert.equal(count(12_840), '12.8K');
  assert.equal(count(undefined), '–');
  assert.equal(coins(100_000), '100,000');
  assert.equal(since('2026-01-01T00:00:00Z', Date.parse('2026-01-01T02:05:00Z')), '2 h 5 min');
  assert.equal(since(null), '');
  assert.equal(length('弹幕👍'), 3);
  assert.equal(hue('a'), hue('a'));
  assert.ok(new Set(Array.from({ length: 60 }, (_, i) => hue(i))).size > 45);
  assert.match(newID(), /^[0-9a-f]{32}$/);
  assert.notEqual(newID(), newID());
});
