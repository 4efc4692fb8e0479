// Rooms of their members: made, shared, moderated and left, by the keyboard alone, while others watch.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connected, hasFocus, say, sees, until, useBrowser } from './support/browser.js';
import { member, open, PASSWORD, press, request, start, tabTo, toLastMessage, visitor, words } from './support/team.js';

useBrowser();

const EVIL = '<img src=x onerror="document.title=1"><b>plans</b>';
const EVE = '<img src=x onerror="document.title=2">';
const lines = (page) => page.locator('.happened p').allTextContents();
const happens = (page, text) => page.locator('.happened p').getByText(text, { exact: true }).first().waitFor();
const offered = (page) => page.locator('.room-acts button').allTextContents();
const markup = (page) => page.locator(':is(main, dialog, aside) :is(img[src="x"], b)').count();

test('a private room is made, shared, moderated and left while others watch', async (t) => {
  const server = await start(t);
  const { page: ann } = await member(t, server, 'Ann');
  const { page: ben, context } = await member(t, server, 'Ben');

  await press(ann, 'New room…');
  await ann.keyboard.type(EVIL);
  await ann.keyboard.press('Enter');
  await ann.waitForURL('**/rooms/r-*');
  await connected(ann);
  const room = new URL(ann.url()).pathname.split('/')[2];
  assert.deepEqual(await offered(ann), ['Members…', 'Room settings…', 'Banned…', 'What was done…', 'Leave…']);
  await ann.locator('#title').getByText(EVIL).waitFor();

  // To others it is not there, until they are added.
  await ben.goto(`${server.url}/rooms/${room}`);
  await words(ben, 'or you are not in it');
  await ben.getByText('You are in no room yet.').waitFor();
  await press(ann, 'Members…');
  await hasFocus(ann, await ann.getByLabel('Add').getAttribute('id'));
  await ann.keyboard.type('Nobody');
  await ann.keyboard.press('Enter');
  await ann.getByRole('alert').getByText('There is nobody of this name.').waitFor();
  await ann.getByLabel('Add').fill('Be');
  await until(ann, () => [...document.querySelectorAll('datalist option')].some(({ value }) => value === 'Ben'));
  await ann.keyboard.type('n');
  await ann.keyboard.press('Enter');
  await ann.getByRole('button', { name: 'More about Ben…' }).waitFor();
  await ann.keyboard.press('Escape');
  await hasFocus(ann, 'Members…');
  await happens(ann, 'Ann has added Ben.');

  await ben.reload();
  await ben.locator('#mine .room-link').waitFor();
  assert.equal(await markup(ben), 0, 'HTML stays text');
  await tabTo(ben, await ben.locator('#mine .room-link').textContent());
  await ben.keyboard.press('Enter');
  await connected(ben);
  assert.deepEqual(await offered(ben), ['Members…', 'Leave…']);
  await say(ben, 'I am in');
  await sees(ann, 'I am in');

  // Roles, settings: what follows from them is there at once.
  await toLastMessage(ann);
  await ann.keyboard.press('Enter');
  await tabTo(ann, 'About the author…', 'ArrowDown');
  await ann.keyboard.press('Enter');
  await tabTo(ann, 'Role');
  await ann.keyboard.type('Reader');
  await press(ann, 'Set');
  await ben.getByText('You are a reader of this room').waitFor();
  assert.ok(!(await ben.locator('#form').isVisible()));
  await happens(ben, 'Ann has made Ben a reader.');
  const { status } = await request(ann, 'PUT', `rooms/${room}/members/Ben`, { role: 'moderator' });
  assert.equal(status, 200);
  await ben.locator('#form').waitFor();
  assert.deepEqual(await offered(ben), ['Members…', 'Room settings…', 'Banned…', 'What was done…', 'Leave…']);
  await say(ann, 'to be deleted');
  await sees(ben, 'to be deleted');
  await toLastMessage(ben);
  await ben.keyboard.press('Enter');
  await ben.keyboard.press('End');
  await ben.keyboard.press('Enter');
  await press(ben, 'Delete');
  await sees(ann, 'Message deleted');
  await press(ann, 'Room settings…');
  await tabTo(ann, 'Topic');
  await ann.keyboard.type('What comes next');
  await tabTo(ann, 'Who writes');
  await ann.keyboard.type('Moderators');
  await press(ann, 'Save');
  await happens(ben, 'Only moderators write here now.');
  await ben.locator('#topic').getByText('What comes next').waitFor();

  // A name is text, wherever it is shown.
  await server.command(['user', 'add', EVE]);
  assert.equal((await request(ann, 'PUT', `rooms/${room}/members/${encodeURIComponent(EVE)}`, { role: 'reader' })).status, 200);
  await happens(ben, `Ann has added ${EVE} as a reader.`);
  await press(ann, 'Members…');
  await press(ann, `More about ${EVE}…`);
  await press(ann, 'Remove from the room…');
  await ann.getByRole('heading', { name: `Remove ${EVE}?` }).waitFor();
  assert.equal(await markup(ann), 0, 'HTML stays text');
  await press(ann, 'Remove');
  await happens(ben, `Ann has removed ${EVE}.`);
  await until(ann, () => document.querySelectorAll('dialog[open]').length === 1);
  await ann.keyboard.press('Escape');

  // A ban while the other watches: that window leaves with the reason, another room of the same line goes on.
  await request(ann, 'PUT', `rooms/${room}/members/Ben`, { role: 'member' });
  await ben.getByText('Only moderators write in this room.').waitFor();
  const other = await context.newPage();
  await open(other, server, 'general');
  await press(ann, 'Members…');
  await press(ann, 'More about Ben…');
  await press(ann, 'Ban…');
  await tabTo(ann, 'Reason');
  await ann.keyboard.type(EVIL);
  await ann.keyboard.press('Enter');
  await words(ben, `Ann has banned you from ${EVIL}.`);
  assert.equal(new URL(ben.url()).pathname, '/');
  await ben.getByText('You are in no room yet.').waitFor();
  assert.equal(await markup(ben), 0, 'HTML stays text');
  await request(ann, 'POST', 'rooms/general/messages', { content: 'still here' });
  await sees(other, 'still here');
  await ann.getByRole('button', { name: 'More about Ben…' }).waitFor({ state: 'detached' });
  await until(ann, () => document.querySelector('dialog[open]')?.contains(document.activeElement));
  await ann.keyboard.press('Escape');
  await happens(ann, 'Ann has banned Ben.');
  await press(ann, 'Banned…');
  await ann.locator('dialog .reason').getByText(EVIL).waitFor();
  assert.equal(await markup(ann), 0, 'HTML stays text');
  await press(ann, 'End the ban of Ben');
  await ann.getByText('Nobody is banned.').waitFor();
  await ann.keyboard.press('Escape');
  await press(ann, 'What was done…');
  await ann.locator('dialog .reason').getByText(EVIL).waitFor();
  await ann.keyboard.press('Escape');

  // The last owner can't leave: that is said in the dialog.
  await press(ann, 'Leave…');
  await hasFocus(ann, 'Stay');
  await press(ann, 'Leave');
  await ann.getByRole('alert').getByText('A room keeps an owner').waitFor();
  await ann.keyboard.press('Escape');
  await hasFocus(ann, 'Leave…');
  assert.deepEqual(await lines(ann), [
    'Ann has added Ben.', 'Ann has made Ben a reader.', 'Ann has made Ben a moderator.', 'The topic is What comes next now.', 'Only moderators write here now.',
    `Ann has added ${EVE} as a reader.`, `Ann has removed ${EVE}.`, 'Ann has made Ben a member.', 'Ann has banned Ben.',
  ]);
});

test('public rooms are joined and left, muted people are told, and two people write to each other', async (t) => {
  const server = await start(t);
  const { page: ann } = await member(t, server, 'Ann');
  const { page: ben } = await member(t, server, 'Ben');
  assert.equal((await request(ann, 'PUT', 'rooms/town', { title: 'The Town', visibility: 'public' })).status, 201);
  await press(ann, 'New room…');
  await ann.keyboard.type('Again');
  await ann.getByLabel('Name in its address').fill('town');
  await ann.keyboard.press('Enter');
  await ann.getByRole('alert').getByText('There is a room of this name.').waitFor();
  await ann.keyboard.press('Escape');
  await open(ann, server, 'town');

  await ben.reload();
  await press(ben, 'Join The Town');
  await ben.locator('#mine .room-link').getByText('The Town').waitFor();
  await happens(ann, 'Ben has joined.');
  await open(ben, server, 'town');
  await request(ann, 'PUT', 'rooms/town/mutes/Ben', { until: '2099-01-01T00:00:00Z' });
  await say(ben, 'can you hear me?');
  await ben.locator('.fate').getByText('You are muted in this room.').waitFor();
  await ben.getByRole('button', { name: 'Discard' }).click();
  await press(ann, 'Members…');
  await press(ann, 'More about Ben…');
  await press(ann, 'End the mute');
  await until(ann, () => document.querySelectorAll('dialog[open]').length === 1);
  await ann.keyboard.press('Escape');
  await say(ben, 'and now?');
  await sees(ann, 'and now?');
  // A pause between two messages is kept by the page.
  await request(ann, 'PUT', 'rooms/town', { slow_mode: 3 });
  await happens(ben, 'From now on everybody pauses 3 seconds between two messages.');
  await say(ben, 'one');
  await say(ben, 'two');
  await ben.locator('.fate').getByText('asks for a pause').waitFor();
  await sees(ann, 'two');
  await press(ben, 'Leave…');
  await press(ben, 'Leave');
  await words(ben, 'You have left The Town.');
  await happens(ann, 'Ben has left.');

  await press(ben, 'Write to somebody…');
  await ben.keyboard.type('ann');
  await ben.keyboard.press('Enter');
  await ben.waitForURL('**/rooms/dm-*');
  await connected(ben);
  await ben.getByRole('heading', { name: 'Ann', level: 1 }).waitFor();
  assert.deepEqual(await offered(ben), []);
  await say(ben, 'Just us');
  await ann.goto(server.url);
  await ann.locator('#directs .room-link').getByText('Ben').waitFor();
  await ann.locator('#directs .room-unread').getByText('1').waitFor();
  await tabTo(ann, await ann.locator('#directs .room-link').textContent());
  await ann.keyboard.press('Enter');
  await sees(ann, 'Just us');
});

test('guests read public rooms and nothing else', async (t) => {
  const server = await start(t, { args: ['--guests', 'on'] });
  const { page: ann } = await member(t, server, 'Ann');
  await request(ann, 'POST', 'rooms/general/messages', { content: 'for everybody' });
  await request(ann, 'PUT', 'rooms/secret', { visibility: 'private' });
  const page = await (await visitor(t)).newPage();
  await page.goto(server.url);
  await page.locator('#public .room-link').click();
  await sees(page, 'for everybody');
  await connected(page);
  assert.ok(!(await page.locator('#form').isVisible()) && !(await page.locator('#people').isVisible()));
  await request(ann, 'POST', 'rooms/general/messages', { content: 'live' });
  await sees(page, 'live');
  await page.goto(`${server.url}/rooms/secret`);
  await page.waitForURL('**/sign-in?to=*');
  await words(page, 'Sign in to see this room.');
});

test('one registers and signs in, adds and mutes somebody, without a mouse', async (t) => {
  const server = await start(t);
  const page = await (await visitor(t)).newPage();
  await page.goto(`${server.url}/sign-in`);
  await press(page, 'Register');
  await page.keyboard.type('Ann');
  await page.keyboard.press('Tab');
  await page.keyboard.type(PASSWORD);
  await page.keyboard.press('Enter');
  await page.waitForURL(`${server.url}/`);
  await page.goto(`${server.url}/account`);
  await press(page, 'Sign out');
  await page.waitForURL('**/sign-in*');
  await page.goto(`${server.url}/sign-in`);
  await page.locator('#username:focus').waitFor();
  await page.keyboard.type('Ann');
  await page.keyboard.press('Tab');
  await page.keyboard.type(PASSWORD);
  await page.keyboard.press('Enter');
  await page.waitForURL(`${server.url}/`);

  const { page: ben } = await member(t, server, 'Ben');
  await request(page, 'PUT', 'rooms/town', { visibility: 'public' });
  await open(page, server, 'town');
  await press(page, 'Members…');
  await page.locator('dialog input:focus').waitFor();
  await page.keyboard.type('Ben');
  await page.keyboard.press('Enter');
  await page.getByRole('button', { name: 'More about Ben…' }).waitFor();
  await open(ben, server, 'town');
  await press(page, 'More about Ben…');
  await press(page, 'Mute…');
  await page.getByRole('heading', { name: 'Mute Ben?' }).waitFor();
  await press(page, 'Mute');
  await page.locator('dialog .tag').getByText('muted').waitFor();
  const { body } = await request(ben, 'POST', 'rooms/town/messages', { content: 'hello?' });
  assert.equal(body.code, 'muted');
  await press(page, 'More about Ben…');
  await press(page, 'End the mute');
  await page.locator('dialog .tag').getByText('muted').waitFor({ state: 'detached' });
  assert.equal((await request(ben, 'POST', 'rooms/town/messages', { content: 'hello' })).status, 201);
});
