// The moves of a cursor by events, and the requests made with it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client } from '../../static/client/client.js';
import { advance, byName, isAhead, params } from '../../static/client/cursor.js';
import { address, parts, Turns } from '../../static/client/transports.js';

const posted = (id) => ({ type: 'chat_message', room: 'a', id, message: {} });

test('an event moves the cursor, and is told once', () => {
  assert.deepEqual(advance(undefined, posted(3)), { cursor: 3, isNew: true });
  assert.deepEqual(advance(3, posted(4)), { cursor: 4, isNew: true });
  for (const id of [3, 2]) assert.deepEqual(advance(3, posted(id)), { cursor: 3, isNew: false });
  assert.deepEqual(advance(9, { type: 'message_history', id: 2 }), { cursor: 2, isNew: true }, 'a reset goes back');
  assert.deepEqual(advance(3, { type: 'ping', id: 7, cursor: 7 }), { cursor: 7, isNew: true });
  assert.deepEqual(advance(7, { type: 'ping', id: 3, cursor: 3 }), { cursor: 7, isNew: true });
  assert.deepEqual(advance(7, { type: 'typing_indicator' }), { cursor: 7, isNew: true });
  assert.deepEqual(advance(undefined, { type: 'presence_state' }), { cursor: undefined, isNew: true });
});

test('an event that does not follow the cursor is ahead of it', () => {
  assert.equal(isAhead(3, posted(4)), false);
  assert.equal(isAhead(3, posted(5)), true);
  assert.equal(isAhead(undefined, posted(1)), true);
  assert.equal(isAhead(3, { type: 'ping', id: 3, cursor: 3 }), false);
  assert.equal(isAhead(3, { type: 'ping', id: 4, cursor: 4 }), true);
  assert.equal(isAhead(3, { type: 'message_history', id: 9 }), false);
  assert.equal(isAhead(3, { type: 'user_status' }), false);
});

test('cursors are named, and a room without one is left out', () => {
  assert.equal(byName([['a', 12], ['b', undefined], ['c', 0]]), 'a:12,c:0');
  assert.equal(byName([['a', undefined]]), undefined);
  assert.equal(params({ a: 1, b: undefined, c: false, d: '&' }).toString(), 'a=1&c=false&d=%26');
});

test('a line of several rooms is one stream, up to what the server takes, or one poll each', () => {
  const rooms = Array.from({ length: 120 }, (_, index) => [`r${index}`, index]);
  assert.deepEqual(parts('stream', rooms).map(({ length }) => length), [50, 50, 20]);
  assert.deepEqual(parts('stream', rooms).flat(), rooms);
  assert.equal(parts('poll', rooms).length, 120);
  assert.equal(parts('websocket', rooms.slice(0, 3)).length, 3);
});

test('the address of a line has its cursors', () => {
  const client = new Client('a', { username: 'Weiß & Co' });
  const of = (part) => address(client, part, 'stream', { named: false, history: undefined });
  assert.equal(of([['a', 5]]), '/api/v1/rooms/a/stream?since=5&username=Wei%C3%9F+%26+Co&named=false');
  assert.equal(of([['a', 5], ['b', undefined], ['c', 7]]), '/api/v1/stream?rooms=a%2Cb%2Cc&since=a%3A5%2Cc%3A7&username=Wei%C3%9F+%26+Co&named=false');
});

test('polls take turns, the sooner the more there are', async () => {
  const turns = new Turns(5);
  assert.ok(turns.wait < new Turns(3).wait);
  const done = await Promise.all([turns.take(), turns.take(), turns.take()]);
  let hasTurn = false;
  const fourth = turns.take().then((end) => {
    hasTurn = true;
    return end;
  });
  await Promise.resolve();
  assert.equal(hasTurn, false);
  done[0]();
  (await fourth)();
  assert.equal(hasTurn, true);
});
