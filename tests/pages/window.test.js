// The stretch of the room that is shown: groups, days, what is new, and what is let go of.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countUntil } from '../../static/room/scroll.js';
import { Window } from '../../static/room/window.js';

const MINUTE = 60_000;
const NOON = new Date(2026, 10, 24, 12).getTime();
const at = (id, minutes, author = 'ann', isNews = false) => ({ id, author, time: NOON + minutes * MINUTE, isNews });
const firsts = (window) => window.ids.filter((id) => window.look(id).isFirst);

test('messages of one author stand together, but not for long under one time', () => {
  const window = new Window();
  // Every four minutes for an hour and a half.
  window.replace(Array.from({ length: 24 }, (_, index) => at(index + 1, index * 4)));
  assert.deepEqual(firsts(window), [1, 4, 7, 10, 13, 16, 19, 22]);
  window.replace([at(1, 0), at(2, 1), at(3, 1, 'ben'), at(4, 2), at(5, 8), at(6, 9)]);
  assert.deepEqual(firsts(window), [1, 3, 4, 5], 'another author, and a pause');
});

test('what is fetched before changes the groups below as far as it reaches', () => {
  const all = Array.from({ length: 30 }, (_, index) => at(index + 1, index * 4));
  const whole = new Window();
  whole.replace(all);
  for (let cut = 1; cut < 30; cut += 1) {
    const window = new Window();
    window.replace(all.slice(cut));
    const changed = window.prepend(all.slice(0, cut), false);
    assert.deepEqual(window.ids.map((id) => window.look(id).isFirst), whole.ids.map((id) => whole.look(id).isFirst), `cut at ${cut}`);
    assert.ok(changed.length <= all.length);
  }
});

test('only what looks otherwise than before is said', () => {
  const window = new Window();
  assert.deepEqual(window.replace([at(1, 0), at(2, 1)]), [1, 2]);
  assert.deepEqual(window.append([at(3, 2)]), [3]);
  assert.deepEqual(window.prepend([at(0, -1)], true), [0, 1, 2, 3], 'all are of its group');
  assert.deepEqual(window.prepend([at(-1, -60)], true), [-1, 0], 'only the day begins elsewhere');
});

test('a day has its line', () => {
  const window = new Window();
  window.replace([at(1, 0), at(2, 12 * 60 - 1), at(3, 12 * 60 + 1), at(4, 36 * 60 + 1)]);
  assert.deepEqual(window.ids.filter((id) => window.look(id).isNewDay), [1, 3, 4]);
});

test('what is new begins with the first message by others, as soon as that is there', () => {
  const window = new Window();
  window.replace([at(5, 0, 'ben', true), at(6, 1), at(7, 2, 'ben', true), at(8, 3, 'ben', true)], { hasOlder: true });
  assert.deepEqual(window.drawLine(6), [7]);
  assert.equal(window.lineAt, 7);
  assert.ok(window.look(7).isFirst && window.look(7).isNew);
  assert.deepEqual(window.drawLine(7).sort(), [7, 8], 'the one before has none any more');
  window.drawLine(2);
  assert.equal(window.lineAt, undefined, 'it begins before the stretch');
  window.prepend([at(2, -3), at(3, -2), at(4, -1, 'ben', true)], true);
  assert.deepEqual(window.findLine(), [4]);
  window.drawLine(8);
  assert.equal(window.lineAt, undefined, 'nothing is new yet');
  window.append([at(9, 4), at(10, 5, 'ben', true)]);
  window.forget(10);
  assert.deepEqual(window.findLine(), [], 'what is deleted is no news');
  window.append([at(11, 6, 'ben', true)]);
  assert.deepEqual(window.findLine(), [11]);
});

test('both ends can be let go of', () => {
  const window = new Window();
  window.replace(Array.from({ length: 10 }, (_, index) => at(index + 1, 0)));
  assert.deepEqual(window.dropFirst(4), { dropped: [1, 2, 3, 4], changed: [5] });
  assert.ok(window.hasOlder && window.look(5).isFirst && window.look(5).isNewDay);
  assert.deepEqual(window.dropLast(2), [9, 10]);
  assert.ok(window.hasNewer);
  assert.deepEqual([window.first, window.last, window.length], [5, 8, 4]);
  assert.equal(window.upTo(7), 7);
  assert.equal(window.upTo(8), undefined, 'what follows it is not known');
  assert.equal(window.upTo(4), undefined);
  assert.equal(window.look(4), undefined);
});

test('the item in view is found among many by looking at few', () => {
  for (let size = 0; size < 40; size += 1) {
    for (let at = 0; at <= size; at += 1) {
      let looked = 0;
      const items = Array.from({ length: size }, (_, index) => index);
      assert.equal(countUntil(items, (item) => (looked += 1) && item >= at), at);
      assert.ok(looked <= 6);
    }
  }
});
