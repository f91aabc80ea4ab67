import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FixedLanes, ScrollLanes, layout } from '../../local/web/lanes.js';

// A small generator with a seed, so that a failure can be seen again.
function random(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const leftOf = (item, width, t) => width - ((width + item.length) * (t - item.at)) / item.duration;

test('no two danmaku in a lane ever overlap, whatever their lengths, speeds and sizes', () => {
  for (let seed = 1; seed <= 40; seed++) {
    const rnd = random(seed);
    const width = 300 + rnd() * 1500;
    const lanes = new ScrollLanes({ rows: 5, width });
    const placed = [];
    for (let now = 0; now < 40_000; now += rnd() * 120) {
      const item = { at: now, length: 20 + rnd() * 900, duration: 4_000 + rnd() * 7_000, span: rnd() < 0.2 ? 2 : 1 };
      const row = lanes.place(now, item);
      if (row >= 0) placed.push({ ...item, row });
    }
    assert.ok(placed.length > 40, `only ${placed.length} found a lane`);
    for (let i = 0; i < placed.length; i++) {
      for (let k = i + 1; k < placed.length; k++) assertApart(placed[i], placed[k], width);
    }
  }
});

function assertApart(a, b, width) {
  const share = a.row < b.row + b.span && b.row < a.row + a.span;
  const from = Math.max(a.at, b.at);
  const to = Math.min(a.at + a.duration, b.at + b.duration);
  if (!share || from >= to) return;
  // Positions are linear in time: if the order holds at both ends, it holds between.
  for (const t of [from, to]) {
    const [first, second] = a.at <= b.at ? [a, b] : [b, a];
    const tail = leftOf(first, width, t) + first.length;
    assert.ok(tail <= leftOf(second, width, t) + 1e-6, `overlap at ${t}: ${JSON.stringify([a, b])}`);
  }
}

test('a full stage refuses, and takes again when a lane is free', () => {
  const lanes = new ScrollLanes({ rows: 2, width: 1000 });
  const item = { length: 200, duration: 8_000 };
  assert.deepEqual([lanes.place(0, item), lanes.place(0, item), lanes.place(0, item)].sort(), [-1, 0, 1]);
  assert.equal(lanes.place(500, item), -1);
  assert.notEqual(lanes.place(2_000, item), -1);
});

test('text that stands keeps its row until its time is over', () => {
  const lanes = new FixedLanes({ rows: 2 });
  assert.equal(lanes.place(0, { hold: 4_000 }), 0);
  assert.equal(lanes.place(10, { hold: 4_000 }), 1);
  assert.equal(lanes.place(3_999, { hold: 4_000 }), -1);
  assert.equal(lanes.place(4_000, { hold: 4_000 }), 0);
  assert.equal(lanes.place(4_005, { hold: 1, span: 2 }), -1);
});

test('flying and standing rows share every stage without meeting', () => {
  for (let height = 60; height < 2_000; height += 37) {
    const plan = layout(800, height);
    assert.equal(plan.top + plan.scroll + plan.bottom, plan.rows);
    assert.ok(plan.scroll >= 1);
  }
});
