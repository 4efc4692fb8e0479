// Texts and their display: links, names, edits that come too late or say nothing, times, marks that pile up.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connected, enter, eventually, item, menu, person, say, sees, state, until, useBrowser } from './support/browser.js';
import { Server } from './support/server.js';

useBrowser();

test('the skip link leaves the page where it is', async (t) => {
  const server = await Server.start(t);
  await server.fill(60);
  const page = await enter(await person(t, 'Ann'), server);
  await sees(page, 'message 60');
  await page.locator('#show-search').focus();
  await page.locator('.skip').focus();
  await page.keyboard.press('Enter');
  await until(page, () => document.activeElement.id === 'content');
  const bar = await page.locator('.bar').boundingBox();
  assert.equal(bar.y, 0);
  assert.deepEqual(await page.evaluate(() => [scrollY, document.body.scrollTop, document.scrollingElement.scrollHeight - innerHeight]), [0, 0, 0]);
});

test('addresses are links as far as they go', async (t) => {
  const server = await Server.start(t);
  const page = await enter(await person(t, 'Ann'), server);
  await say(page, 'See (https://en.wikipedia.org/wiki/Rust_(language)), WWW.example.org. and `https://not.example`!');
  await item(page, 1).locator('.content a').nth(1).waitFor();
  const links = await item(page, 1).locator('.content a').evaluateAll((all) => all.map((link) => [link.textContent, link.href, link.rel]));
  assert.deepEqual(links, [
    ['https://en.wikipedia.org/wiki/Rust_(language)', 'https://en.wikipedia.org/wiki/Rust_(language)', 'noopener noreferrer nofollow'],
    ['WWW.example.org', 'http://www.example.org/', 'noopener noreferrer nofollow'],
  ]);
});

test('who writes the same name otherwise is the same user', async (t) => {
  const server = await Server.start(t);
  await server.post('WEISS', 'from my phone');
  await server.react('weiss', 1, '👍');
  const page = await enter(await person(t, 'Weiß'), server);
  await sees(page, 'from my phone');
  assert.ok(await item(page, 1).evaluate((element) => element.classList.contains('own')));
  await item(page, 1).locator('.chip[aria-pressed="true"]').waitFor();
  await (await menu(page, 1)).getByRole('menuitem', { name: 'Edit' }).click();
  await say(page, 'from my desk');
  await sees(page, 'from my desk');
});

test('an edit is offered within its window, and one that is refused loses nothing', async (t) => {
  const server = await Server.start(t, ['--edit-window', '3s']);
  const page = await (await person(t, 'Ann', { expect: [/status of 403/] })).newPage();
  // For the page time stands still: its part of the window can't be over before the test is there.
  const now = Date.now();
  await page.clock.setFixedTime(now);
  await page.goto(`${server.url}/rooms/general`);
  await connected(page);
  await server.post('Ann', 'one');
  await sees(page, 'one');
  await page.locator('#content').fill('a draft');
  await (await menu(page, 1)).getByRole('menuitem', { name: 'Edit' }).click();
  await page.locator('#content').fill('one, but much better');
  await eventually(async () => {
    const answer = await fetch(`${server.url}/api/v1/rooms/general/messages/1`, {
      method: 'PATCH', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ username: 'Ann', content: 'one' }),
    });
    return answer.status === 403;
  }, 'the window is over');
  await page.locator('#content').press('Enter');
  await page.locator('#notice').getByText('What you wrote is kept').waitFor();
  assert.equal(await page.locator('#content').inputValue(), 'one, but much better\na draft');
  assert.ok(!(await page.locator('#context').isVisible()), 'it is a new message');
  await page.clock.setFixedTime(now + 60_000);
  const opened = await menu(page, 1);
  await opened.getByRole('menuitem', { name: 'Delete' }).waitFor();
  assert.equal(await opened.getByRole('menuitem', { name: 'Edit' }).count(), 0);
  await page.keyboard.press('Escape');
  await page.reload();
  await connected(page);
  assert.equal(await page.locator('#content').inputValue(), 'one, but much better\na draft');
  await page.locator('#content').fill('');
  await page.locator('#content').press('ArrowUp');
  assert.ok(!(await page.locator('#context').isVisible()), 'nor by the up key');
});

test('an edit that says nothing offers to delete', async (t) => {
  const server = await Server.start(t);
  const page = await enter(await person(t, 'Ann'), server);
  await say(page, 'one');
  await sees(page, 'one');
  await page.locator('#content').press('ArrowUp');
  await page.locator('#content').fill('  ');
  await page.locator('#content').press('Enter');
  await page.locator('#delete[open]').waitFor();
  await page.locator('#delete-no').click();
  await page.locator('#content').press('Enter');
  await page.locator('#delete-yes').click();
  await item(page, 1).locator('.content').getByText('Message deleted').waitFor();
  await page.locator('#context').waitFor({ state: 'hidden' });
});

test('that the server can’t be reached is said until it can', async (t) => {
  const server = await Server.start(t);
  const page = await enter(await person(t, 'Ann', { serverGoes: true }), server);
  await say(page, 'one');
  await sees(page, 'one');
  await page.getByRole('button', { name: 'Search', exact: true }).click();
  await page.locator('#content').focus();
  await page.locator('#content').press('ArrowUp');
  await page.locator('#content').fill('two');
  await server.kill();
  await state(page, 'reconnecting');
  await page.locator('#content').press('Enter');
  await page.locator('#context-error').getByText('can’t be reached').waitFor();
  await page.locator('#query').fill('one');
  await page.locator('#found-status').getByText('can’t be reached').waitFor();
  await (await menu(page, 1)).getByRole('menuitem', { name: 'React with 👍' }).click();
  await page.locator('#notice').getByText('can’t be reached').waitFor();
  await server.begin();
  await connected(page);
  await page.locator('#notice').waitFor({ state: 'hidden', timeout: 2_000 });
  await page.locator('#found-status').getByText('1 message found').waitFor();
  assert.equal(await page.locator('#context-error').textContent(), '');
  assert.equal(await page.locator('#content').inputValue(), 'two', 'the edit is still there');
});

test('marks that are piled on a letter stay within their message', async (t) => {
  const server = await Server.start(t);
  const page = await enter(await person(t, 'Ann'), server);
  await server.post('Ben', 'plain');
  await sees(page, 'plain');
  const above = await item(page, 1).screenshot({ animations: 'disabled' });
  await server.post('Ben', `Z${'\u0301\u0316'.repeat(60)}algo`);
  await item(page, 2).waitFor();
  await page.mouse.move(0, 0);
  assert.ok(above.equals(await item(page, 1).screenshot({ animations: 'disabled' })), 'the message above looks as before');
  // Those of a language have their room.
  await server.post('Ben', 'Ǻ ở ญี่ปุ่น');
  await sees(page, 'Ǻ ở ญี่ปุ่น');
  await page.screenshot({ path: 'pictures/marks.png' });
});
