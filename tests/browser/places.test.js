// The way to a message, wherever in the room it is, by a link, a quote or a line; and back to the newest without a gap.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connected, enter, eventually, hasFocus, hide, ids, item, menu, person, say, sees, until, useBrowser } from './support/browser.js';
import { Server } from './support/server.js';

useBrowser();

const upTo = (count) => Array.from({ length: count }, (_, index) => index + 1);

/** Returns true if a message is on the screen. */
const isOnScreen = (page, id) => item(page, id).evaluate((each) => {
  const [box, view] = [each, document.getElementById('scroller')].map((one) => one.getBoundingClientRect());
  return box.top >= view.top && box.bottom <= view.bottom + 1;
});

const isMarked = async (page, id) => {
  await page.locator(`.marked[data-id="${id}"]`).waitFor();
  await eventually(() => isOnScreen(page, id), `message ${id} is on the screen`);
};

const isAtEnd = (page) => until(page, () => {
  const { scrollTop, scrollHeight, clientHeight } = document.getElementById('scroller');
  return document.getElementById('down').hidden && scrollHeight - clientHeight - scrollTop < 2;
});

test('a link to a message far back opens there, and the way down misses and repeats nothing', async (t) => {
  const server = await Server.start(t);
  await server.fill(240);
  const context = await person(t, 'Kim');
  const page = await enter(context, server, '/rooms/general#60');
  await isMarked(page, 60);
  await hasFocus(page, '60', 'a screen reader is there as well');
  assert.equal(await item(page, 60).getAttribute('aria-current'), 'true');
  const around = await ids(page);
  assert.ok(around[0] > 1 && around.at(-1) < 240, `only what is around it: ${around[0]} to ${around.at(-1)}`);

  // What is posted is told, but is no part of what is shown.
  await server.post('Ben', 'message 241');
  await page.getByRole('button', { name: '1 new message' }).waitFor();
  assert.ok((await ids(page)).at(-1) < 240);
  await page.locator('#scroller').hover();
  let count = 241;
  await eventually(async () => {
    await page.mouse.wheel(0, 900);
    if (count < 255) await server.post('Ben', `message ${(count += 1)}`);
    return count === 255 && (await ids(page)).at(-1) === 255;
  }, 'the newest is there');
  const down = await ids(page);
  assert.deepEqual(down, upTo(255).slice(down[0] - 1));
  await eventually(async () => {
    await page.mouse.wheel(0, -900);
    return (await ids(page))[0] === 1;
  }, 'and up to the first');
  assert.deepEqual(await ids(page), upTo(255));
  await page.locator('#down').click();
  await isAtEnd(page);
  await server.post('Ben', 'live again');
  await sees(page, 'live again');
  await isAtEnd(page);

  // From far back to the newest in one step, also by writing something.
  await page.goto(`${server.url}/rooms/general#20`);
  await isMarked(page, 20);
  await page.reload();
  await page.locator('#down').click();
  await isAtEnd(page);
  await page.evaluate(() => (location.hash = '#30'));
  await isMarked(page, 30);
  await page.evaluate(() => (location.hash = '#300000'));
  await page.getByRole('alert').getByText('There is no message 300000').waitFor();
  await say(page, 'from down here');
  await sees(page, 'from down here');
  await isAtEnd(page);
});

test('a stranger who opens a link gives a name, and is taken to the message', async (t) => {
  const server = await Server.start(t);
  await server.fill(150);
  const page = await (await person(t)).newPage();
  await page.goto(`${server.url}/rooms/general#40`);
  await page.locator('#ask-name').waitFor();
  await page.locator('#name').fill('Kim');
  await page.locator('#name').press('Enter');
  await connected(page);
  await isMarked(page, 40);
  assert.equal(new URL(page.url()).hash, '#40');
  await hasFocus(page, '40');
});

test('messages that come while the last stretch is fetched are not lost', async (t) => {
  const server = await Server.start(t);
  await server.fill(100);
  const context = await person(t, 'Kim');
  let answer;
  let isHeld;
  const hold = () => {
    isHeld = new Promise((resolve) => {
      context.route('**/messages?*after=*', async (route) => {
        const response = await route.fetch();
        answer = () => route.fulfill({ response });
        resolve();
      }, { times: 1 });
    });
  };
  const page = await enter(context, server, '/rooms/general#10');
  await isMarked(page, 10);
  hold();
  await page.locator('#scroller').evaluate((log) => (log.scrollTop = log.scrollHeight));
  await isHeld;
  await server.post('Ben', 'meanwhile');
  await page.getByRole('button', { name: '1 new message' }).waitFor();
  await answer();
  await eventually(async () => {
    await page.locator('#scroller').evaluate((log) => (log.scrollTop = log.scrollHeight));
    return (await ids(page)).at(-1) === 101;
  }, 'what came meanwhile');
  const all = await ids(page);
  assert.deepEqual(all, upTo(101).slice(all[0] - 1));
});

test('a quote leads to its message, near or far, and the way back is the browser’s', async (t) => {
  const server = await Server.start(t);
  await server.fill(150);
  await server.answer('Ann', 7, 'to one far back');
  await server.answer('Ann', 149, 'to one near');
  const page = await enter(await person(t, 'Kim'), server);
  await sees(page, 'to one near');
  await item(page, 151).locator('.quote').getByText('message 7').waitFor();
  await item(page, 152).locator('.quote').click();
  await isMarked(page, 149);
  assert.equal(new URL(page.url()).hash, '#149');
  await item(page, 151).locator('.quote').click();
  await isMarked(page, 7);
  assert.equal(await item(page, 151).count(), 0);
  await page.goBack();
  await isMarked(page, 149);
  // The same one again, though the address does not change.
  await item(page, 152).locator('.quote').click();
  await hasFocus(page, '149');
  // Deleted it is still a place.
  await server.remove('Ann', 7);
  await item(page, 151).locator('.quote').getByText('Message deleted').waitFor();
  await item(page, 151).locator('.quote').click();
  await isMarked(page, 7);
});

test('a link to a message is copied, and opens it', async (t) => {
  const server = await Server.start(t);
  await server.fill(3);
  const context = await person(t, 'Kim', { permissions: ['clipboard-read', 'clipboard-write'] });
  const page = await enter(context, server, '/client1/');
  await sees(page, 'message 3');
  await (await menu(page, 2)).getByRole('menuitem', { name: 'Copy link' }).click();
  await page.getByRole('alert').getByText('The link is copied').waitFor();
  const link = await page.evaluate(() => navigator.clipboard.readText());
  assert.equal(link, `${server.url}/rooms/general#2`);
  await (await menu(page, 2)).getByRole('menuitem', { name: 'Copy text' }).click();
  await eventually(async () => (await page.evaluate(() => navigator.clipboard.readText())) === 'message 2', 'the text');
  const other = await context.newPage();
  await other.goto(link);
  await isMarked(other, 2);
  // A page that may copy nothing shows it.
  await page.evaluate(() => Object.defineProperty(navigator, 'clipboard', { value: undefined }));
  await (await menu(page, 2)).getByRole('menuitem', { name: 'Copy link' }).click();
  const field = page.getByRole('textbox', { name: 'To be copied' });
  assert.equal(await field.inputValue(), link);
  assert.ok(await field.evaluate(({ selectionStart, selectionEnd, value }) => selectionEnd - selectionStart === value.length));
});

test('a room opens where one had stopped to read, with a line above what is new', async (t) => {
  const server = await Server.start(t);
  await server.fill(150);
  await server.read('Kim', 150);
  const context = await person(t, 'Kim');
  let page = await enter(context, server);
  await sees(page, 'message 150');
  await isAtEnd(page);
  assert.equal(await page.locator('.since').count(), 0, 'nothing is new');
  // Live messages are read as they come.
  await server.post('Ben', 'seen at once');
  await sees(page, 'seen at once');
  await eventually(async () => (await server.get('general/unread?username=Kim')).unread === 0, 'it is read');
  await page.close();

  await server.post('Kim', 'from my phone');
  for (let number = 1; number <= 3; number += 1) await server.post('Ben', `new ${number}`);
  page = await enter(context, server);
  await page.getByText('New since you were here').waitFor();
  assert.equal(await page.locator('.since').evaluate((line) => line.closest('li').dataset.id), '153', 'what is one’s own is not new');
  await isAtEnd(page);
  await server.post('Ben', 'newer');
  await sees(page, 'newer');
  assert.equal(await page.locator('.since').count(), 1, 'the line stays where it is');
  await eventually(async () => (await server.get('general/unread?username=Kim')).unread === 0, 'all is read');
  await page.reload();
  await sees(page, 'newer');
  await connected(page);
  assert.equal(await page.locator('.since').count(), 0);
  await page.close();

  // More than fits: it begins with the first of them, and what is below is not read yet.
  for (let number = 1; number <= 90; number += 1) await server.post('Ben', `many ${number}`);
  page = await enter(context, server);
  await page.getByText('New since you were here').waitFor();
  const line = page.locator('.since');
  assert.equal(await line.evaluate((each) => each.closest('li').querySelector('.content').textContent), 'many 1');
  assert.ok(await line.evaluate((each) => {
    const [box, view] = [each, document.getElementById('scroller')].map((one) => one.getBoundingClientRect());
    return box.top >= view.top && box.top < view.top + 120;
  }), 'at the top of what is seen');
  await page.getByRole('button', { name: 'To the newest' }).click();
  await sees(page, 'many 90');
  await isAtEnd(page);
  const all = await ids(page);
  assert.deepEqual(all, all.map((_, index) => all[0] + index));
});

test('what came while the window was hidden has a line above it', async (t) => {
  const server = await Server.start(t);
  await server.fill(40);
  const page = await enter(await person(t, 'Kim'), server);
  await sees(page, 'message 40');
  await hide(page);
  for (let number = 1; number <= 40; number += 1) await server.post('Ben', `hidden ${number}`);
  await sees(page, 'hidden 40');
  await hide(page, false);
  await page.getByText('New since you were here').waitFor();
  assert.equal(await page.locator('.since').evaluate((line) => line.closest('li').dataset.id), '41');
  await eventually(() => isOnScreen(page, 41), 'the first of them is on the screen');
  assert.ok(!(await isOnScreen(page, 80)));
  await page.locator('#down').click();
  await isAtEnd(page);
  await hide(page);
  await server.post('Ben', 'one more');
  await sees(page, 'one more');
  await hide(page, false);
  await until(page, () => document.querySelector('.since').closest('li').dataset.id === '81');
  assert.equal(await page.locator('.since').count(), 1, 'one line');
  await isAtEnd(page);
});

test('what is one’s own or deleted is nothing new to whoever comes back to the window', async (t) => {
  const server = await Server.start(t);
  await server.fill(100);
  const page = await enter(await person(t, 'Kim'), server);
  await sees(page, 'message 100');
  const before = await ids(page);
  assert.ok(before[0] > 1, 'there are older ones');
  const asked = [];
  page.on('request', (request) => request.url().includes('/messages?') && asked.push(request.url()));
  const isLeftAlone = async (words) => {
    await hide(page, false);
    await server.post('Ben', words);
    await sees(page, words);
    await isAtEnd(page);
    assert.deepEqual(asked, [], 'nothing is loaded again');
    assert.equal((await ids(page))[0], before[0]);
    assert.equal(await page.locator('.since').count(), 0);
  };
  await hide(page);
  await server.post('Kim', 'from my phone');
  await sees(page, 'from my phone');
  await isLeftAlone('back');
  await hide(page);
  const { id } = await server.post('Ben', 'never mind');
  await sees(page, 'never mind');
  await server.remove('Ben', id);
  await item(page, id).locator('.content').getByText('Message deleted').waitFor();
  await isLeftAlone('back again');
});
