// Edits and deletions: made in one window, seen in the other, live and by a reader that was away.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connected, enter, eventually, hasFocus, item, menu, person, say, sees, shown, until, useBrowser } from './support/browser.js';
import { comesBack, prefer } from './support/line.js';
import { chip, content, says, state } from './support/messages.js';
import { Proxy } from './support/proxy.js';
import { Server } from './support/server.js';

useBrowser();

test('an edit is seen by others, says that it is one, and what was said before on request', async (t) => {
  const server = await Server.start(t);
  const ann = await enter(await person(t, 'Ann', { expect: [/status of 403/] }), server);
  const ben = await enter(await person(t, 'Ben'), server);
  await say(ann, 'Helo');
  await sees(ben, 'Helo');
  assert.ok(!(await item(ben, 1).locator('.edited').isVisible()));

  // What is half written waits while an earlier message is mended.
  const field = ann.locator('#content');
  await field.fill('half a tho');
  await (await menu(ann, 1)).getByRole('menuitem', { name: 'Edit' }).click();
  assert.equal(await field.inputValue(), 'Helo');
  await hasFocus(ann, 'content');
  await field.press('l');
  await ann.keyboard.press('Escape');
  assert.equal(await field.inputValue(), 'half a tho', 'given up');
  await (await menu(ann, 1)).getByRole('menuitem', { name: 'Edit' }).click();
  const html = '<b>Hello</b> <img src=x onerror="document.title=1"> https://example.org/a';
  await field.fill(html);
  await ann.keyboard.press('Enter');
  await until(ann, () => document.getElementById('content').value === 'half a tho');
  for (const page of [ann, ben]) {
    await says(page, 1, html);
    await item(page, 1).getByRole('button', { name: '(edited)' }).waitFor();
    assert.equal(await page.locator('#messages :is(b, img)').count(), 0, 'HTML stays text');
    assert.equal(await content(page, 1).locator('a').getAttribute('href'), 'https://example.org/a');
    assert.deepEqual(await shown(page), [html], 'in its place');
  }

  await server.edit('Ann', 1, 'Hello');
  await says(ben, 1, 'Hello');
  const edited = item(ben, 1).getByRole('button', { name: '(edited)' });
  await edited.click();
  const dialog = ben.getByRole('dialog', { name: 'What it said before' });
  await eventually(async () => (await dialog.locator('.revision p').allTextContents()).join('|') === `Helo|${html}`, 'both, the oldest first');
  assert.equal(await dialog.locator('b, img').count(), 0);
  await ben.keyboard.press('Escape');
  await dialog.waitFor({ state: 'hidden' });
  await hasFocus(ben, '(edited)', 'the focus is back');
  await (await menu(ben, 1)).getByRole('menuitem', { name: 'What it said before' }).waitFor();
  assert.equal(await ben.getByRole('menuitem', { name: /^(Edit|Delete)/ }).count(), 0, 'what others said is theirs');

  // An edit that is refused leaves what was written.
  const problem = { status: 403, code: 'edit_window_over', detail: 'This message can no longer be edited.' };
  await ann.route('**/messages/1', (route) => route.fulfill({ status: 403, contentType: 'application/problem+json', json: problem }));
  await field.fill('');
  await field.press('ArrowUp');
  assert.equal(await field.inputValue(), 'Hello', 'the up key edits the last one');
  await field.fill('Hello!');
  await field.press('Enter');
  await ann.getByRole('alert').getByText('can no longer be edited').waitFor();
  assert.equal(await field.inputValue(), 'Hello!');
  await ann.unroute('**/messages/1');
  await ann.reload();
  await says(ann, 1, 'Hello');
  await item(ann, 1).getByRole('button', { name: '(edited)' }).waitFor();
});

test('a deleted message leaves a tombstone, also where it is quoted, and its words are nowhere', async (t) => {
  const server = await Server.start(t);
  const ann = await enter(await person(t, 'Ann'), server);
  const ben = await enter(await person(t, 'Ben'), server);
  await say(ann, 'a secret');
  await sees(ben, 'a secret');
  await server.react('Ben', 1, '👀');
  await server.answer('Ben', 1, 'what secret?');
  for (const page of [ann, ben]) await item(page, 3).locator('.quote').getByText('a secret').waitFor();
  await (await menu(ben, 1)).getByRole('menuitem', { name: 'Reply' }).click();
  await ben.locator('#context').getByText('a secret').waitFor();

  await (await menu(ann, 1)).getByRole('menuitem', { name: 'Delete' }).click();
  const dialog = ann.getByRole('dialog', { name: 'Delete this message?' });
  assert.equal(await dialog.locator('blockquote').textContent(), 'a secret');
  await dialog.getByRole('button', { name: 'Keep it' }).click();
  await dialog.waitFor({ state: 'hidden' });
  await says(ann, 1, 'a secret');
  await (await menu(ann, 1)).getByRole('menuitem', { name: 'Delete' }).click();
  await dialog.getByRole('button', { name: 'Delete' }).click();
  await dialog.waitFor({ state: 'hidden' });
  await hasFocus(ann, '1', 'the focus is back at the message');
  for (const page of [ann, ben]) {
    await says(page, 1, 'Message deleted');
    await item(page, 3).locator('.quote').getByText('Message deleted').waitFor();
    assert.equal(await item(page, 1).locator('.chip').count(), 0);
  }
  assert.ok(!(await ben.evaluate(() => document.body.innerText.includes('a secret'))), 'nor in an answer that is being written');
  await ben.keyboard.press('Escape');
  await ann.reload();
  await says(ann, 1, 'Message deleted');
  await item(ann, 3).locator('.quote').getByText('Message deleted').waitFor();
  await menu(ann, 1);
  assert.deepEqual(await ann.getByRole('menuitem').allTextContents(), ['Copy link', 'Seen by…']);
});

test('an edit of a message in a room that is no longer there becomes a draft', async (t) => {
  const server = await Server.start(t);
  await server.post('Ann', 'the old words');
  // With less in it, the next room is not this one.
  await server.fill(2);
  const context = await person(t, 'Ann', { serverGoes: true });
  await prefer(context, 'websocket');
  const page = await enter(context, server);
  await page.locator('#content').fill('a draft');
  await (await menu(page, 1)).getByRole('menuitem', { name: 'Edit' }).click();
  await page.locator('#content').fill('the new words');
  await server.kill();
  await server.begin({ database: 'another.db' });
  await server.post('Ben', 'a new beginning');
  await comesBack(page);
  await sees(page, 'a new beginning');
  assert.ok(!(await page.locator('#context').isVisible()), 'nothing is edited');
  assert.equal(await page.locator('#content').inputValue(), 'the new words\na draft');
  await page.reload();
  await connected(page);
  assert.equal(await page.locator('#content').inputValue(), 'the new words\na draft');
});

test('who was away learns of it all, and ends with what a fresh window shows', async (t) => {
  const server = await Server.start(t);
  const proxy = await Proxy.start(t, server.url);
  await server.fill(6);
  const context = await person(t, 'Kim', { serverGoes: true });
  // The second tab is told by the first.
  const pages = [await enter(context, proxy), await enter(context, proxy)];
  for (const page of pages) await sees(page, 'message 6');
  await server.answer('Ann', 1, 'an answer');
  for (const page of pages) await sees(page, 'an answer');
  // Silence, and then nothing: what happens now is replayed.
  proxy.mute();
  await server.edit('Ann', 1, 'edited while away');
  await server.react('Ben', 2, '👍');
  await server.react('Ann', 2, '👍');
  await server.react('Ben', 3, '🎉');
  await server.react('Ben', 3, '🎉', false);
  await server.edit('Ann', 4, 'edited and then deleted');
  await server.remove('Ann', 4);
  await server.edit('Ann', 5, 'once');
  await server.edit('Ann', 5, 'twice');
  await server.react('Eve', 5, '😮');
  await server.answer('Ben', 4, 'to the deleted one');
  for (const page of pages) assert.ok(!(await shown(page)).includes('twice'));
  proxy.cut();
  const fresh = await enter(await person(t, 'Eve'), server);
  await sees(fresh, 'to the deleted one');
  for (const page of [fresh, ...pages]) {
    await sees(page, 'to the deleted one');
    await page.locator('.quote').getByText('edited while away').waitFor();
    await page.locator('.quote').getByText('Message deleted').waitFor();
  }
  const expected = await state(fresh);
  assert.equal(expected.filter((line) => line.includes('true')).length, 3);
  for (const page of pages) {
    await eventually(async () => JSON.stringify(await state(page)) === JSON.stringify(expected), `as in a fresh window: ${await state(page)}`);
  }
});

test('a change that overtakes the page of messages it belongs to is not lost', async (t) => {
  const server = await Server.start(t);
  await server.fill(80);
  const context = await person(t, 'Kim');
  let answer;
  const isHeld = new Promise((resolve) => {
    context.route('**/messages?before=*', async (route) => {
      const response = await route.fetch();
      answer = () => route.fulfill({ response });
      resolve();
    }, { times: 1 });
  });
  const page = await enter(context, server);
  await sees(page, 'message 80');
  await page.locator('#scroller').evaluate((log) => (log.scrollTop = 0));
  await isHeld;
  await server.edit('Ann', 20, 'edited meanwhile');
  await server.react('Ann', 22, '👍');
  await server.remove('Ann', 23);
  await server.post('Ben', 'all of it has come');
  await sees(page, 'all of it has come');
  assert.equal(await item(page, 20).count(), 0);
  await answer();
  await item(page, 20).waitFor({ state: 'attached' });
  assert.equal(await content(page, 20).textContent(), 'edited meanwhile');
  assert.equal(await content(page, 23).textContent(), 'Message deleted');
  assert.equal(await item(page, 22).locator('.chip').count(), 1);
});

test('nothing brings a deleted message back, whatever comes late', async (t) => {
  const server = await Server.start(t);
  const context = await person(t, 'Kim');
  const message = { id: 1, room: 'general', username: 'Ann', content: '', timestamp: '2026-11-24T07:00:00Z', edited_at: null, deleted_at: '2026-11-24T08:00:00Z', reply_to: null, reactions: [], client_id: null };
  const reactions = [{ emoji: '👍', count: 1, usernames: ['Ben'] }];
  const events = [
    { type: 'message_history', id: 3, messages: [message], has_more: false },
    // From before the deletion, which the history has seen already.
    { type: 'message_edited', id: 4, message_id: 1, new_content: 'late', message: { ...message, content: 'late', deleted_at: null } },
    { type: 'reaction_added', id: 5, message_id: 1, username: 'Ben', emoji: '👍', reactions },
    { type: 'message_deleted', id: 6, message_id: 99, deleted_at: message.deleted_at, username: 'Ann' },
    { type: 'chat_message', id: 7, message: { ...message, id: 7, content: 'the end', deleted_at: null, reactions } },
  ];
  const body = `retry: 60000\n\n${events.map((event) => `data: ${JSON.stringify({ room: 'general', ...event })}\n\n`).join('')}`;
  await context.route('**/stream?*', (route) => route.fulfill({ contentType: 'text/event-stream', body }));
  await context.route(/\/(general|read)$|unread/, (route) => (route.request().resourceType() === 'document' ? route.fallback() : route.fulfill({ json: { title: '', topic: '', head: 7, unread: 0, last_read_id: 0 } })));
  const page = await context.newPage();
  await page.goto(`${server.url}/rooms/general`);
  await says(page, 7, 'the end');
  assert.deepEqual(await state(page), ['1 |  | Message deleted | true | false | ', '7 |  | the end | false | false | 👍 1: Ben']);
});

test('what changes above does not move what one reads', async (t) => {
  const server = await Server.start(t);
  await server.fill(45);
  const page = await enter(await person(t, 'Kim'), server);
  await sees(page, 'message 45');
  await page.evaluate(() => {
    document.querySelector('[data-id="20"]').scrollIntoView({ block: 'start' });
  });
  await until(page, () => !document.getElementById('down').hidden);
  const top = () => item(page, 22).evaluate((each) => Math.round(each.getBoundingClientRect().top));
  const before = await top();
  await server.edit('Ann', 5, 'a\nmuch\nlonger\ntext');
  await server.react('Ann', 7, '👍');
  await server.remove('Ann', 8);
  await says(page, 8, 'Message deleted');
  assert.equal(await top(), before);
  // Who is at the end stays there.
  await page.locator('#down').click();
  await server.react('Ann', 44, '👍');
  await chip(page, 44, '👍').waitFor();
  await until(page, () => {
    const { scrollTop, scrollHeight, clientHeight } = document.getElementById('scroller');
    return scrollHeight - clientHeight - scrollTop < 2;
  });
});

test('a menu, the dialogs and the picker of a room that is no longer there close', async (t) => {
  const server = await Server.start(t);
  await server.fill(3);
  // The page may tell the next room what was read in the one before, until it knows of the change.
  const context = await person(t, 'Ann', { serverGoes: true, expect: [/status of 422 .*\/read$/] });
  await prefer(context, 'websocket');
  const page = await enter(context, server);
  const open = {
    menu: (id) => menu(page, id),
    delete: async (id) => (await menu(page, id)).getByRole('menuitem', { name: 'Delete' }).click(),
    details: async (id) => (await menu(page, id)).getByRole('menuitem', { name: 'Seen by' }).click(),
    picker: async (id) => (await menu(page, id)).getByRole('menuitem', { name: 'Another reaction' }).click(),
  };
  let database = 0;
  for (const [name, act] of Object.entries(open)) {
    await sees(page, 'message 1');
    await act(1);
    await page.locator(`#${name}`).waitFor();
    await server.kill();
    await server.begin({ database: `another-${(database += 1)}.db` });
    await server.post('Ann', 'message 1');
    await comesBack(page);
    await page.locator(`#${name}`).waitFor({ state: 'hidden' });
    await page.locator('#messages > li').nth(1).waitFor({ state: 'detached' });
    await hasFocus(page, 'scroller');
    // A room with more in it is not the one that is made next.
    await server.post('Ann', 'message 2');
    await sees(page, 'message 2');
    await connected(page);
  }
});
