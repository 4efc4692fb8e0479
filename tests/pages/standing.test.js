// The room's page offers what docs/permissions.md allows, and nothing else.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { ACTS, Standing } from '../../static/room/standing.js';

const open = { auth: 'open', username: null, rights: ['read', 'post'] };
const ann = { auth: 'required', username: 'Ann', rights: ['read', 'post', 'moderate'] };
const admin = { ...ann, rights: [...ann.rights, 'admin'] };
const bot = { ...ann, rights: ['read'] };
const guest = { auth: 'required', username: null, rights: ['read'] };

const publicRoom = { visibility: 'public', posting: 'everyone', role: null };
const privateRoom = { ...publicRoom, visibility: 'private' };
const standing = (me, room, name = 'general') => new Standing(me, name, () => room);
/** All that may be done, in words. */
const may = (...of) => Object.keys(ACTS).filter((act) => standing(...of).may(act)).join(' ');

test('each act needs what the table of permissions says', async () => {
  const text = await readFile(new URL('../../docs/permissions.md', import.meta.url), 'utf8');
  const rows = text.split('\n').filter((line) => line.startsWith('| ')).map((line) => line.split('|').map((cell) => cell.trim()));
  const levels = {
    reader: /^members, readers too; in a public room every user$/,
    member: /^members; in a public room every user who is no reader$/,
    moderator: /^moderators$/,
  };
  for (const [act, [right, level, words]] of Object.entries(ACTS)) {
    const row = rows.find(([, what]) => what === words);
    assert.ok(row, `the table has “${words}”`);
    const [own, others] = row[2].split(', of others ');
    assert.equal(own, `\`${right}\``, act);
    assert.equal(others, act === 'delete' ? '`moderate`' : undefined, act);
    assert.match(row[3], levels[level], act);
  }
});

test('roles have what those before them have, and more', () => {
  assert.equal(may(open, {}), 'see post edit delete react attend join leave');
  assert.equal(may(guest, publicRoom), '');
  assert.equal(may(ann, publicRoom), 'see post edit delete react attend join');
  assert.equal(may(ann, { ...privateRoom, role: 'reader' }), 'see delete attend leave');
  assert.equal(may(ann, { ...privateRoom, role: 'member' }), 'see post edit delete react attend leave');
  for (const role of ['moderator', 'owner']) {
    assert.equal(may(ann, { ...privateRoom, role }), 'see change post edit delete react attend leave add remove ban mute bans audit');
  }
  assert.equal(may(bot, { ...privateRoom, role: 'owner' }), 'see attend', 'the credential allows no more');
});

test('admins are owners of public rooms and of those without one, and no more than members of others', () => {
  assert.equal(standing(admin, publicRoom).level, 'owner');
  assert.equal(standing(admin, privateRoom).level, 'owner', 'seen without being in it');
  assert.equal(standing(admin, { ...privateRoom, role: 'member' }).level, 'member');
  assert.equal(standing(admin, { ...privateRoom, role: 'member' }, 'dm-x').level, 'member');
});

test('the two of a direct room stay the two, and nothing of it can be changed', () => {
  assert.equal(may(ann, { ...privateRoom, role: 'member' }, 'dm-x'), 'see post edit delete react attend');
  assert.equal(standing(ann, { ...publicRoom, role: 'member' }, 'dm-old').isDirect, false, 'called so before');
});

test('a moderator deletes messages of others by the right to moderate alone', () => {
  const mayDeleteOthers = (rights, role) => standing({ ...ann, rights }, { ...publicRoom, role }).mayDeleteOthers;
  assert.equal(mayDeleteOthers(['read', 'moderate'], 'moderator'), true);
  assert.equal(mayDeleteOthers(['read', 'post'], 'moderator'), false);
  assert.equal(mayDeleteOthers(['read', 'post', 'moderate'], 'member'), false);
  assert.equal(standing(open, {}).mayDeleteOthers, false);
});

test('where only moderators write, others are told so', () => {
  const quiet = { ...publicRoom, posting: 'moderators', role: 'member' };
  assert.ok(!standing(ann, quiet).may('post') && standing(ann, quiet).may('react'));
  assert.match(standing(ann, quiet).whyNotPost, /Only moderators/);
  assert.equal(standing(ann, { ...quiet, role: 'moderator' }).whyNotPost, '');
  assert.match(standing(ann, { ...publicRoom, role: 'reader' }).whyNotPost, /reader/);
  assert.match(standing(bot, publicRoom).whyNotPost, /only read/);
  assert.match(standing(guest, publicRoom).whyNotPost, /Sign in/);
});

test('moderators act on lower roles, owners on all, and only owners open and close the room', () => {
  const [moderator, owner] = ['moderator', 'owner'].map((role) => standing(ann, { ...publicRoom, role }));
  const below = (it) => [null, 'reader', 'member', 'moderator', 'owner'].filter((role) => it.isAbove(role));
  assert.deepEqual(below(moderator), [null, 'reader', 'member']);
  assert.deepEqual(below(owner), [null, 'reader', 'member', 'moderator', 'owner']);
  assert.deepEqual([moderator, owner].map((it) => it.mayChangeVisibility), [false, true]);
  assert.deepEqual([standing(ann, publicRoom), moderator, standing(open, {})].map((it) => it.mayDeleteOthers), [false, true, false]);
});
