// A message as the page knows it, after whatever happened to it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { changed, owned } from '../../static/room/known.js';
import { dayOf } from '../../static/room/message.js';
import { Settings } from '../../static/room/settings.js';

const message = { id: 1, room: 'a', username: 'Ann', content: 'hi', timestamp: '2026-11-24T12:00:00.000000Z', edited_at: null, deleted_at: null, reply_to: null, reactions: [], client_id: null };
const many = (emoji, count, usernames) => ({ emoji, count, usernames });

test('whose a reaction is, is told by its names, by events, or not at all', () => {
  const own = (reactions, before, event) => owned({ ...message, reactions }, before, 'weiss', event).reactions.map(({ isOwn }) => isOwn);
  assert.deepEqual(own([many('👍', 2, ['WEISS', 'Ben']), many('🎉', 1, ['Ben'])]), [true, false]);
  const crowd = many('👍', 12, ['a', 'b']);
  assert.deepEqual(own([crowd]), [undefined]);
  assert.deepEqual(own([crowd], undefined, { type: 'reaction_added', emoji: '👍', username: 'Weiß' }), [true]);
  assert.deepEqual(own([crowd], undefined, { type: 'reaction_removed', emoji: '👍', username: 'Weiß' }), [false]);
  assert.deepEqual(own([crowd], { reactions: [{ ...crowd, isOwn: true }] }), [true]);
});

test('nothing comes after a deletion', () => {
  const gone = changed(owned(message, undefined, 'ann'), { type: 'message_deleted', message_id: 1, deleted_at: 'then' }, 'ann');
  assert.deepEqual([gone.content, gone.deleted_at, gone.reactions], ['', 'then', []]);
  assert.equal(changed(gone, { type: 'message_edited', message: { ...message, content: 'back' } }, 'ann'), gone);
});

test('a day names its year unless that is the current one', () => {
  const now = new Date(2026, 10, 24);
  assert.doesNotMatch(dayOf(new Date(2026, 0, 2), now), /2026/);
  assert.match(dayOf(new Date(2025, 11, 31), now), /2025/);
});

test('an edit is offered within its window, by the clock of the server', () => {
  const settings = new Settings();
  const posted = Date.parse(message.timestamp);
  assert.ok(settings.canEdit(message, posted + 1e9), 'nothing is known yet');
  settings.set(900_000, 60_000);
  assert.ok(settings.canEdit(message, posted + 800_000));
  assert.ok(!settings.canEdit(message, posted + 860_000));
  assert.ok(!settings.canEdit({ ...message, deleted_at: 'then' }, posted));
  settings.set(0, 0);
  assert.ok(settings.canEdit(message, posted + 1e9), 'no limit');
  settings.set(NaN, NaN);
  assert.ok(settings.canEdit(message, posted + 1e9));
});
