// Names and words with HTML in them, where only a server with credentials shows them: they are text everywhere.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connected, sees, useBrowser } from './support/browser.js';
import { member, open, press, request, start, startWithTokens, visitor } from './support/team.js';

useBrowser();

const evil = (number) => `<img src=x onerror="document.title='run ${number}'">`;

/** Fails if a page has made an element of it, or has run it. */
async function isText(page) {
  assert.equal(await page.locator('img[src="x"]').count(), 0, 'HTML stays text');
  assert.doesNotMatch(await page.title(), /^run \d/);
}

test('the name of a user is text on every page that has it', async (t) => {
  const server = await start(t);
  const { page: ann } = await member(t, server, 'Ann');
  const EVE = evil(1);
  const { page: eve } = await member(t, server, EVE);
  await eve.locator('#who').getByText(EVE).waitFor();
  await isText(eve);
  await eve.goto(`${server.url}/account`);
  await eve.getByText(EVE).first().waitFor();
  await isText(eve);

  // As the other of two: in the list, and as the heading of their room.
  assert.equal((await request(eve, 'PUT', 'dms/Ann')).status, 201);
  await ann.goto(server.url);
  await ann.locator('#directs .room-link').getByText(EVE).waitFor();
  await isText(ann);
  await ann.locator('#directs .room-link').click();
  await connected(ann);
  await ann.getByRole('heading', { name: EVE, level: 1 }).waitFor();
  await isText(ann);

  // Among those who are banned, and as who has banned somebody; a reason and a topic are text, too.
  await request(eve, 'PUT', 'rooms/town', { title: evil(2), topic: evil(3), visibility: 'public' });
  await server.command(['user', 'add', evil(4)]);
  const banned = `rooms/town/bans/${encodeURIComponent(evil(4))}`;
  assert.equal((await request(eve, 'PUT', banned, { reason: evil(5) })).status, 200);
  await open(eve, server, 'town');
  await eve.locator('#topic').getByText(evil(3)).waitFor();
  await isText(eve);
  await press(eve, 'Banned…');
  for (const text of [evil(4), evil(5), EVE]) await eve.locator('dialog').getByText(text).first().waitFor();
  await isText(eve);
  await eve.keyboard.press('Escape');
  await press(eve, 'What was done…');
  for (const text of [evil(4), evil(5), EVE]) await eve.locator('dialog').getByText(text).first().waitFor();
  await isText(eve);
  await eve.keyboard.press('Escape');

  // For admins: the users, what is done to one, the audit of the server, and an invitation for a name.
  await server.command(['user', 'admin', 'Ann']);
  await ann.goto(`${server.url}/admin`);
  await ann.locator('#users bdi').getByText(EVE, { exact: true }).waitFor();
  for (const text of [evil(4), evil(5), EVE]) await ann.locator('#audit').getByText(text).first().waitFor();
  await isText(ann);
  await press(ann, 'New invitation…');
  await ann.keyboard.type(evil(6));
  await ann.keyboard.press('Enter');
  await press(ann, 'Done');
  await ann.locator('#invitations bdi').getByText(evil(6)).waitFor();
  await isText(ann);
  await press(ann, `Manage ${EVE}…`);
  await ann.getByRole('heading', { name: EVE }).waitFor();
  await isText(ann);
  await press(ann, 'Disable…');
  await ann.getByRole('heading', { name: `Disable ${EVE}?` }).waitFor();
  await isText(ann);
  await press(ann, 'Disable');
  await ann.getByText(`${EVE} is disabled.`).waitFor();
  await isText(ann);

  // A bot, and its keys.
  await ann.goto(`${server.url}/account`);
  const made = await request(ann, 'POST', 'keys', { name: evil(7), bot: evil(8) });
  assert.equal(made.status, 201);
  await ann.getByLabel('Keys of the bot').fill(evil(8));
  await ann.locator('#keys bdi').getByText(evil(7)).waitFor();
  await isText(ann);
  await press(ann, `Delete the key ${evil(7)}…`);
  await isText(ann);
});

test('the name in a token is text', async (t) => {
  const { server, sign } = await startWithTokens(t);
  const page = await (await visitor(t)).newPage();
  await page.goto(`${server.url}/sign-in`);
  await page.getByLabel('Token', { exact: true }).fill(sign(evil(1), 3600));
  await page.keyboard.press('Enter');
  await page.waitForURL(`${server.url}/`);
  await page.locator('#who').getByText(evil(1)).waitFor();
  await isText(page);
  await open(page, server, 'general');
  assert.equal((await request(page, 'POST', 'rooms/general/messages', { content: 'it is me' })).status, 201);
  await sees(page, 'it is me');
  await isText(page);
});
