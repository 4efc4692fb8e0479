// Finding messages: as one types, page by page, with links that lead to them, and nothing found that is no longer there.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { enter, eventually, hasFocus, person, sees, until, useBrowser } from './support/browser.js';
import { Server } from './support/server.js';

useBrowser();

const found = (page) => page.locator('#found .words').allTextContents();
const finds = (page, expected) => eventually(async () => JSON.stringify(await found(page)) === JSON.stringify(expected), `found: ${expected}`);
const says = (page, words) => page.locator('#found-status').getByText(words).waitFor();

async function open(page) {
  await page.getByRole('button', { name: 'Search', exact: true }).click();
  return page.getByRole('searchbox', { name: 'Search the messages' });
}

test('messages are found as one types, and lead to their place', async (t) => {
  const server = await Server.start(t);
  await server.post('Ann', 'The café opens at nine');
  await server.post('Ben', '<b>Café</b> closed & <img src=x>');
  await server.fill(120);
  const page = await enter(await person(t, 'Kim'), server);
  await sees(page, 'message 120');
  const field = await open(page);
  await hasFocus(page, 'query');
  await field.pressSequentially('CAF');
  await finds(page, ['<b>Café</b> closed & <img src=x>', 'The café opens at nine']);
  assert.equal(await page.locator('#found :is(b, img)').count(), 0, 'HTML stays text');
  await says(page, '2 messages found');
  await field.fill('cafe op');
  await finds(page, ['The café opens at nine']);
  await says(page, '1 message found');
  await field.fill('nothing like it');
  await says(page, 'Nothing found');
  await field.fill('');
  await until(page, () => document.getElementById('found-status').textContent === '');

  await field.fill('cafe');
  await finds(page, ['<b>Café</b> closed & <img src=x>', 'The café opens at nine']);
  await page.locator('#found a').last().click();
  await page.locator('.marked[data-id="1"]').waitFor();
  await hasFocus(page, '1');
  assert.ok(await page.locator('#search').isVisible(), 'there is room for both');
  // What is found follows what happens.
  await server.edit('Ann', 1, 'The café opens at ten');
  await finds(page, ['<b>Café</b> closed & <img src=x>', 'The café opens at ten']);
  await server.remove('Ben', 2);
  await finds(page, ['The café opens at ten']);
  await says(page, '1 message found');
  await field.focus();
  await page.keyboard.press('Escape');
  await page.locator('#search').waitFor({ state: 'hidden' });
  await hasFocus(page, 'show-search', 'the focus is back');
  assert.equal(await page.getByRole('button', { name: 'Search', exact: true }).getAttribute('aria-expanded'), 'false');
});

test('older results come page by page, by the keyboard alone', async (t) => {
  const server = await Server.start(t);
  await server.fill(70);
  const page = await enter(await person(t, 'Kim'), server);
  await sees(page, 'message 70');
  await page.getByRole('button', { name: 'Search', exact: true }).focus();
  await page.keyboard.press('Enter');
  await page.keyboard.type('message');
  await page.keyboard.press('Enter');
  await says(page, '50 or more messages found');
  assert.equal((await found(page))[0], 'message 70', 'the newest first');
  await page.getByRole('button', { name: 'Show older ones' }).focus();
  await page.keyboard.press('Enter');
  await says(page, '70 messages found');
  assert.equal((await found(page)).at(-1), 'message 1');
  await hasFocus(page, '#20', 'at the first new one');
  assert.ok(!(await page.locator('#found-more').isVisible()));
  await page.keyboard.press('Enter');
  await page.locator('.marked[data-id="20"]').waitFor();
});

test('an answer that comes too late is not shown, and one that fails is told', async (t) => {
  const server = await Server.start(t);
  await server.post('Ann', 'slow');
  await server.post('Ann', 'fast');
  const page = await enter(await person(t, 'Kim', { expect: [/status of 503/] }), server);
  let answer;
  const isHeld = new Promise((resolve) => {
    page.route('**/search?q=slow', async (route) => {
      const response = await route.fetch();
      answer = () => route.fulfill({ response });
      resolve();
    });
  });
  const field = await open(page);
  await field.fill('slow');
  await isHeld;
  await field.fill('fast');
  await finds(page, ['fast']);
  const late = page.waitForResponse('**/search?q=slow');
  await answer();
  await (await late).finished();
  await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
  assert.deepEqual(await found(page), ['fast']);
  await page.route('**/search?q=other', (route) => route.fulfill({ status: 503, json: {} }), { times: 1 });
  await field.fill('other');
  await says(page, 'can’t be reached');
  assert.deepEqual(await found(page), []);
  await server.post('Ann', 'the other one');
  await field.press('Enter');
  await finds(page, ['the other one']);
  // The same words once more find what has come since.
  await server.post('Ann', 'yet another other one');
  await field.press('Enter');
  await finds(page, ['yet another other one', 'the other one']);
});

test('on a phone the results make room for the message', async (t) => {
  const server = await Server.start(t);
  await server.fill(60);
  const page = await enter(await person(t, 'Kim', { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true }), server);
  await sees(page, 'message 60');
  const field = await open(page);
  await field.fill('message 5');
  await page.locator('#found a').getByText('message 5', { exact: true }).tap();
  await page.locator('#search').waitFor({ state: 'hidden' });
  await page.locator('.marked[data-id="5"]').waitFor();
  // What was found is still there.
  await open(page);
  assert.ok((await found(page)).includes('message 5'));
  await page.getByRole('button', { name: 'Close the search' }).tap();
  await page.locator('#search').waitFor({ state: 'hidden' });
});
