// The leading tab's knowledge of the others.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Tabs } from '../../static/room/tabs.js';

test('a room is followed from the first tab that has it until the last is gone', () => {
  const tabs = new Tabs();
  assert.equal(tabs.add('1', 'a', undefined), true);
  assert.equal(tabs.add('2', 'b', 7), true);
  assert.equal(tabs.add('3', 'b', 9), false, 'it is followed from further back');
  assert.deepEqual(tabs.rooms, [['a', undefined], ['b', 7]]);
  tabs.move('a', 3);
  tabs.move('b', 12);
  tabs.move('c', 1);
  assert.deepEqual(tabs.rooms, [['a', 3], ['b', 12]]);
  assert.equal(tabs.keep((tab) => tab !== '2'), false);
  assert.equal(tabs.keep((tab) => tab !== '3'), true);
  assert.deepEqual(tabs.rooms, [['a', 3]]);
  assert.deepEqual(tabs.open, ['1']);
  assert.equal(tabs.add('4', 'b', 15), true);
  assert.equal(tabs.cursor('b'), 15);
});
