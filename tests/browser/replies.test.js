// Replies: the quote of the message they answer, and the draft of one that is not sent yet.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connected, enter, hasFocus, item, menu, person, say, sees, useBrowser } from './support/browser.js';
import { Server } from './support/server.js';

useBrowser();

test('an answer shows a line of what it answers, and says so when that changes', async (t) => {
  const server = await Server.start(t);
  const ann = await enter(await person(t, 'Ann'), server);
  const ben = await enter(await person(t, 'Ben'), server);
  await say(ann, 'Lunch?\nAt twelve');
  await sees(ben, 'Lunch?\nAt twelve');
  await item(ben, 1).hover();
  await item(ben, 1).getByRole('button', { name: 'Reply' }).click();
  await hasFocus(ben, 'content');
  assert.equal(await ben.locator('#context-text').innerText(), 'Reply to Ann Lunch? At twelve');
  // It is kept like the draft.
  await ben.locator('#content').fill('Yes');
  await ben.reload();
  await ben.locator('#context').getByText('Lunch?').waitFor();
  await ben.locator('#content').press('Enter');
  for (const page of [ann, ben]) {
    await sees(page, 'Yes');
    assert.equal(await item(page, 2).locator('.quote').textContent(), 'In reply to Ann Lunch? At twelve');
    assert.equal(await item(page, 2).locator('.quote .author').textContent(), 'Ann');
  }
  assert.ok(!(await ben.locator('#context').isVisible()), 'the next is no answer');
  assert.equal((await server.get('general/messages/2')).reply_to, 1);
  await server.edit('Ann', 1, '<i>Dinner?</i>');
  for (const page of [ann, ben]) {
    await item(page, 2).locator('.quote').getByText('<i>Dinner?</i>').waitFor();
    assert.equal(await page.locator('.quote i').count(), 0);
  }
  // Given up, and what is written stays.
  await (await menu(ann, 2)).getByRole('menuitem', { name: 'Reply' }).click();
  await ann.locator('#content').fill('never mind');
  await ann.getByRole('button', { name: 'Cancel' }).click();
  assert.equal(await ann.locator('#content').inputValue(), 'never mind');
  await ann.locator('#content').press('Enter');
  await sees(ben, 'never mind');
  assert.equal((await server.get('general/messages/4')).reply_to, null);
});

test('what is answered is shown as it is, though a flood has taken it out of the page', async (t) => {
  const server = await Server.start(t);
  await server.post('Ben', 'before the flood');
  const page = await enter(await person(t, 'Ann'), server);
  await (await menu(page, 1)).getByRole('menuitem', { name: 'Reply' }).click();
  await server.flood(2_450);
  await item(page, 2_451).waitFor();
  await item(page, 1).waitFor({ state: 'detached' });
  assert.equal(await page.locator('#context-words').innerText(), 'before the flood');
  await server.remove('Ben', 1);
  await page.locator('#context-words').getByText('Message deleted').waitFor();
});

test('an answer that can not be sent yet is kept with what it answers', async (t) => {
  const server = await Server.start(t);
  await server.post('Ben', 'question');
  const ann = await enter(await person(t, 'Ann', { serverGoes: true }), server);
  await sees(ann, 'question');
  await ann.route('**/messages', (route) => (route.request().method() === 'POST' ? route.abort() : route.continue()));
  await item(ann, 1).hover();
  await item(ann, 1).getByRole('button', { name: 'Reply' }).click();
  await say(ann, 'the answer');
  await ann.reload();
  await connected(ann);
  await ann.locator('#unsent .quote').getByText('question').waitFor();
  await ann.unroute('**/messages');
  await item(ann, 2).locator('.quote').getByText('question').waitFor();
  assert.equal((await server.get('general/messages/2')).reply_to, 1);
});
