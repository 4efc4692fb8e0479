// Read cursors: sent only for what was on the screen of a visible window, and shown to the others.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connected, enter, eventually, hide, item, menu, person, say, sees, until, useBrowser } from './support/browser.js';
import { Server } from './support/server.js';

useBrowser();

/** The words that say who has seen a message; waits for nothing. */
const seenBy = async (page, id) => (await item(page, id).locator('.seen .hidden').allTextContents()).join();
const isSeen = (page, id, words) => eventually(async () => (await seenBy(page, id)) === words, `${id} is ${words}`);
const readBy = async (server, name) => (await server.get(`general/unread?username=${name}`)).last_read_id;

/** The read cursors that a page has sent. */
function saidBy(page) {
  const said = [];
  page.on('request', (request) => request.url().endsWith('/read') && request.method() === 'PUT' && said.push(request.postDataJSON().last_read_id));
  return said;
}

test('only what was on the screen of a visible window is read, and that is said rarely', async (t) => {
  const server = await Server.start(t);
  await server.fill(100);
  await server.read('Kim', 1);
  const context = await person(t, 'Kim');
  const page = await context.newPage();
  const said = saidBy(page);
  await page.clock.install();
  await page.goto(`${server.url}/rooms/general`);
  await connected(page);
  await page.getByText('New since you were here').waitFor();
  await eventually(() => said.length > 0, 'the first are read');
  const lowest = await page.evaluate(() => {
    const { bottom } = document.getElementById('scroller').getBoundingClientRect();
    return Number([...document.querySelectorAll('#messages > li')].findLast((each) => each.getBoundingClientRect().bottom <= bottom + 1).dataset.id);
  });
  assert.ok(lowest < 30);
  await eventually(async () => (await readBy(server, 'Kim')) === lowest, `as far as ${lowest}`);
  // Further down is further read; up again is no step back.
  await page.locator('#scroller').evaluate((log) => (log.scrollTop += 300));
  await eventually(async () => (await readBy(server, 'Kim')) > lowest, 'further');
  await page.locator('#scroller').evaluate((log) => (log.scrollTop = 0));
  await page.locator('#down').click();
  await eventually(async () => (await readBy(server, 'Kim')) === 100, 'to the end');
  assert.deepEqual(said, [...said].sort((one, other) => one - other));

  // Hidden, nothing is read; seen again, it is.
  await hide(page);
  const before = said.length;
  for (let number = 0; number < 3; number += 1) await server.post('Ben', `hidden ${number}`);
  await sees(page, 'hidden 2');
  await page.clock.fastForward(5_000);
  assert.equal(said.length, before);
  await hide(page, false);
  await eventually(() => said.at(-1) === 103, 'seen again');

  // A flood is no flood of words.
  const calm = said.length;
  const start = Date.now();
  for (let number = 0; number < 40; number += 1) await server.post('Ben', `flood ${number}`);
  await eventually(() => said.at(-1) === 143, 'all of it');
  const most = Math.ceil((Date.now() - start) / 600) + 1;
  assert.ok(said.length - calm <= most, `${said.length - calm} times, at most ${most}`);
});

test('a message is read once it was on the screen for 0.6 s, whatever came before it', async (t) => {
  const server = await Server.start(t);
  await server.post('Ben', 'one');
  const context = await person(t, 'Kim');
  const page = await context.newPage();
  const said = saidBy(page);
  await page.clock.install();
  await page.goto(`${server.url}/rooms/general`);
  await connected(page);
  await eventually(() => said.at(-1) === 1, 'the first is read');
  await page.clock.pauseAt(new Date(await page.evaluate(() => Date.now() + 1_000)));
  await server.post('Ben', 'two');
  await sees(page, 'two');
  await page.clock.runFor(500);
  await server.post('Ben', 'three');
  await sees(page, 'three');
  await page.clock.runFor(150);
  await eventually(() => said.length === 2, 'something is read');
  assert.deepEqual(said, [1, 2], 'the third has only just come');
  await page.clock.runFor(600);
  await eventually(() => said.at(-1) === 3, 'the third as well');
  // What is hidden in between begins again.
  await server.post('Ben', 'four');
  await sees(page, 'four');
  await page.clock.runFor(500);
  await hide(page);
  await hide(page, false);
  await server.post('Ben', 'five');
  await sees(page, 'five');
  await page.clock.runFor(500);
  assert.deepEqual(said, [1, 2, 3]);
  await page.clock.runFor(1_300);
  await eventually(() => said.at(-1) === 5, 'all is read');
  assert.deepEqual(said, [1, 2, 3, 4, 5]);
});

test('who has seen a message is shown at the last one each has seen, live and after a reload', async (t) => {
  const server = await Server.start(t, ['--read-receipt-interval', '10ms']);
  const ann = await enter(await person(t, 'Ann'), server);
  await say(ann, 'one');
  await sees(ann, 'one');
  assert.equal(await seenBy(ann, 1), '');
  const ben = await enter(await person(t, 'Ben'), server);
  await isSeen(ann, 1, 'Seen by Ben');
  assert.equal(await item(ann, 1).locator('.seen .avatar').count(), 1);
  await server.post('Eve', 'two');
  await isSeen(ann, 2, 'Seen by Ben');
  await isSeen(ann, 1, '');
  await server.read('Eve', 1);
  await isSeen(ann, 1, 'Seen by Eve');
  await server.read('Eve', 2);
  await isSeen(ann, 1, '');
  await isSeen(ann, 2, 'Seen by Ben');
  await isSeen(ben, 2, 'Seen by Ann');
  // Who has hidden the window has not.
  await hide(ben);
  await say(ann, 'three');
  await sees(ben, 'three');
  await server.read('Eve', 3);
  await isSeen(ann, 3, 'Seen by Eve');
  await isSeen(ann, 2, 'Seen by Ben');
  await hide(ben, false);
  await isSeen(ann, 3, 'Seen by Ben and Eve');
  for (const name of ['Kim', 'Lea', 'Max', 'Noa']) await server.read(name, 3);
  await isSeen(ann, 3, 'Seen by Ben, Eve, Kim, Lea, Max, and Noa');
  assert.equal(await item(ann, 3).locator('.seen').innerText().then((text) => text.match(/\+\d/)[0]), '+2');
  await ann.reload();
  await isSeen(ann, 3, 'Seen by Ben, Eve, Kim, Lea, Max, and Noa');
  // By the second tab of a browser as well.
  const tab = await enter(ann.context(), server);
  await isSeen(tab, 3, 'Seen by Ben, Eve, Kim, Lea, Max, and Noa');

  // On request in full, also where they are past it.
  await (await menu(ann, 1)).getByRole('menuitem', { name: 'Seen by' }).click();
  const dialog = ann.getByRole('dialog', { name: 'Seen by' });
  await dialog.locator('.person').nth(5).waitFor();
  assert.deepEqual(await dialog.locator('.person bdi').allTextContents(), ['Ben', 'Eve', 'Kim', 'Lea', 'Max', 'Noa']);
  await ann.keyboard.press('Escape');
  // A screen reader is not told of it while it reads the messages.
  assert.equal(await item(ann, 3).locator('.after').getAttribute('aria-live'), 'off');
  await server.post('Eve', 'four');
  await sees(ann, 'four');
  await hide(ann);
  const last = await server.post('Lea', 'five');
  await sees(ann, 'five');
  await (await menu(ann, last.id)).getByRole('menuitem', { name: 'Seen by' }).click();
  await isSeen(ann, last.id, 'Seen by Ben');
});

test('the rooms page shows how much one has not read, of each name', async (t) => {
  const server = await Server.start(t);
  for (let number = 0; number < 3; number += 1) await server.post('Ben', `${number}`);
  await server.post('Kim', 'mine', 'elsewhere');
  await server.post('Ben', 'not mine', 'elsewhere');
  await server.put('silent', {});
  const context = await person(t, 'Kim');
  const lobby = await context.newPage();
  await lobby.goto(server.url);
  const unread = (room) => lobby.locator(`[data-room="${room}"]`);
  await unread('general').getByText('3').waitFor();
  await unread('elsewhere').getByText('1').waitFor();
  assert.equal(await unread('silent').count(), 0);
  await lobby.getByRole('link', { name: /general.*3 unread/ }).click();
  await connected(lobby);
  await eventually(async () => (await readBy(server, 'Kim')) === 3, 'read');
  await lobby.getByRole('link', { name: 'All rooms' }).click();
  await unread('elsewhere').getByText('1').waitFor();
  assert.ok(!(await unread('general').isVisible()));
  // Looked at again after a while.
  await hide(lobby);
  await server.post('Ben', 'more');
  await hide(lobby, false);
  await unread('general').getByText('1').waitFor();
  // Somebody else has read other things.
  await lobby.locator('#name').fill('Ben');
  await lobby.locator('#name').press('Tab');
  await until(lobby, () => [...document.querySelectorAll('.room-unread')].every(({ hidden, dataset }) => hidden || dataset.room === 'elsewhere'));
  await lobby.route('**/rooms/general/unread?*', (route) => route.fulfill({ json: { unread: 1000, capped: true, last_read_id: 0 } }));
  await lobby.locator('#name').fill('Eve');
  await lobby.locator('#name').press('Tab');
  await unread('general').getByText('1000+').waitFor();
});
