// The same without a mouse: from message to message, through menus, dialogs and the emoji, and the focus is never lost.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { enter, hasFocus, item, person, say, sees, until, useBrowser } from './support/browser.js';
import { Server } from './support/server.js';

useBrowser();

const says = (page, id, text) => item(page, id).locator('.content').getByText(text, { exact: true }).waitFor();
const chip = (page, id, emoji) => item(page, id).locator(`.chip[data-emoji="${emoji}"]`);

test('all of it by the keyboard alone', async (t) => {
  const server = await Server.start(t);
  await server.post('Ben', 'one https://example.org/');
  const page = await enter(await person(t, 'Ann'), server);
  await say(page, 'two');
  await sees(page, 'two');
  const label = () => page.evaluate(() => document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent);
  await page.keyboard.press('Shift+Tab');
  await hasFocus(page, 'scroller', 'no message is in the way');
  await page.keyboard.press('ArrowUp');
  await hasFocus(page, '2');
  await page.keyboard.press('ArrowUp');
  await hasFocus(page, '1');
  // What belongs to this one message, and then the field.
  const order = [];
  for (let step = 0; step < 5; step += 1) {
    await page.keyboard.press('Tab');
    order.push(await label());
  }
  assert.deepEqual(order, ['https://example.org/', 'React', 'Reply', 'More', '']);
  await hasFocus(page, 'content');
  await item(page, 1).focus();
  await page.keyboard.press('Enter');
  await page.getByRole('menu').waitFor();
  await page.keyboard.press('ArrowDown');
  await hasFocus(page, 'Reply');
  await page.keyboard.press('Enter');
  await hasFocus(page, 'content');
  await page.keyboard.type('three');
  await page.keyboard.press('Enter');
  await item(page, 3).locator('.quote').getByText('one').waitFor();

  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('End');
  await page.keyboard.type('!');
  await page.keyboard.press('Enter');
  await says(page, 3, 'three!');

  // Back to the message one came from, and on from there.
  await page.keyboard.press('Shift+Tab');
  await hasFocus(page, 'More');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  await hasFocus(page, '3');
  await page.keyboard.press('Enter');
  await page.keyboard.press('Enter');
  await chip(page, 3, '👍').waitFor();
  await hasFocus(page, '3', 'back at the message');
  await page.keyboard.press(' ');
  await page.keyboard.press('End');
  await hasFocus(page, 'Delete…');
  await page.keyboard.press('Enter');
  await hasFocus(page, 'Keep it', 'the harmless answer first');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await says(page, 3, 'Message deleted');
  await hasFocus(page, '3');
  await page.keyboard.press('Enter');
  await page.getByRole('menu').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('menu').waitFor({ state: 'hidden' });
  await hasFocus(page, '3');
  await page.keyboard.press('Escape');
  await hasFocus(page, 'content');
});

test('the picker is used by the keyboard alone, remembers, and works without its list', async (t) => {
  const server = await Server.start(t);
  await server.post('Ben', 'hi');
  const page = await enter(await person(t, 'Ann', { expect: [/status of 503/] }), server);
  await sees(page, 'hi');
  await page.route('**/emoji.json', (route) => route.fulfill({ status: 503 }), { times: 1 });
  const open = async () => {
    await item(page, 1).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('menu').waitFor();
    for (let step = 0; step < 6; step += 1) await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog', { name: 'Choose an emoji' }).waitFor();
  };
  await open();
  await hasFocus(page, 'emoji-search');
  await page.getByText('could not be loaded').waitFor();
  await page.keyboard.press('ArrowDown');
  await hasFocus(page, '👍', 'the common ones are there');
  await page.keyboard.press('Escape');
  await hasFocus(page, '1', 'the focus is back');

  await open();
  await page.locator('#emoji-group-8').waitFor({ state: 'attached' });
  assert.ok(await page.locator('#emoji-grid [data-emoji]').count() > 1_800);
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowRight');
  await hasFocus(page, '❤️');
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  const below = await page.evaluate(() => document.activeElement.closest('section').id);
  assert.equal(below, 'emoji-group-0');
  await page.keyboard.press('ArrowUp');
  await page.keyboard.press('ArrowUp');
  await hasFocus(page, '❤️', 'up again in the same column');
  await page.keyboard.press('ArrowUp');
  await hasFocus(page, 'emoji-search');
  await page.keyboard.press('Tab');
  for (let step = 0; step < 8; step += 1) await page.keyboard.press('ArrowRight');
  await hasFocus(page, 'Flags');
  await page.keyboard.press('Enter');
  await page.waitForFunction(() => {
    const [grid, flags] = ['emoji-grid', 'emoji-group-8'].map((id) => document.getElementById(id).getBoundingClientRect());
    return flags.top <= grid.top + 2;
  });
  await page.locator('#emoji-search').fill('cat');
  await until(page, () => document.querySelector('#emoji-found [data-emoji]')?.dataset.emoji === '🐈');
  await page.locator('#emoji-search').fill('');
  await page.keyboard.type('hot dog');
  await page.getByRole('status').getByText('hot dog').waitFor();
  await page.keyboard.press('Enter');
  await chip(page, 1, '🌭').waitFor();
  await hasFocus(page, '1');
  // What was chosen is the first choice next time, also after a reload.
  await page.reload();
  await sees(page, 'hi');
  await item(page, 1).focus();
  await page.keyboard.press('Enter');
  await hasFocus(page, '🌭');
});

test('the focus survives what others do to the message it is in', async (t) => {
  const server = await Server.start(t);
  await server.post('Ben', 'see https://example.org/');
  await server.edit('Ben', 1, 'look at https://example.org/');
  const { id: two } = await server.post('Ben', 'two');
  for (const emoji of ['👀', '👍']) await server.react('Eve', two, emoji);
  const page = await enter(await person(t, 'Ann'), server);
  await sees(page, 'two');
  // Looked at once the browser had the time to notice what is not shown any more.
  const isAt = async (id, what) => {
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
    const at = await page.evaluate(() => {
      const { activeElement: it } = document;
      return [it.closest('.message')?.dataset.id, it.dataset.emoji ?? it.getAttribute('aria-label') ?? it.className].join(' ');
    });
    assert.ok(at.startsWith(`${id} ${what}`), `the focus is at: ${at}`);
  };
  await item(page, 1).locator('.content a').focus();
  await server.edit('Ben', 1, 'nothing to see');
  await says(page, 1, 'nothing to see');
  await isAt(1, 'message');
  // What is still there keeps it.
  await item(page, 1).getByRole('button', { name: '(edited)' }).focus();
  await server.edit('Ben', 1, 'nothing at all');
  await says(page, 1, 'nothing at all');
  await isAt(1, 'edited');
  await server.remove('Ben', 1);
  await says(page, 1, 'Message deleted');
  await isAt(1, 'message');

  await chip(page, two, '👍').focus();
  await server.react('Eve', two, '👀', false);
  await chip(page, two, '👀').waitFor({ state: 'detached' });
  await isAt(two, '👍');
  await server.react('Eve', two, '👍', false);
  await chip(page, two, '👍').waitFor({ state: 'detached' });
  await isAt(two, 'message');
  await item(page, two).getByRole('button', { name: 'More', exact: true }).focus();
  await server.remove('Ben', two);
  await says(page, two, 'Message deleted');
  await isAt(two, 'More');
  for (const name of ['React', 'Reply']) {
    const { id } = await server.post('Ben', name);
    await item(page, id).getByRole('button', { name, exact: true }).focus();
    await server.remove('Ben', id);
    await says(page, id, 'Message deleted');
    await isAt(id, 'message');
  }
});

test('the focus survives the way down, and that other messages are shown', async (t) => {
  const server = await Server.start(t);
  await server.fill(120);
  const page = await enter(await person(t, 'Ann'), server, '/rooms/general#20');
  await page.locator('.marked[data-id="20"]').waitFor();
  await page.locator('#down').focus();
  await page.keyboard.press('Enter');
  await sees(page, 'message 120');
  await page.locator('#down').waitFor({ state: 'hidden' });
  await hasFocus(page, 'scroller');
  await page.keyboard.press('ArrowUp');
  await hasFocus(page, '120', 'and the keys go on from there');
  // What has the focus is let go of: the link leads far from it, to what is not there.
  await page.evaluate(() => (location.hash = '#30'));
  await page.locator('.marked[data-id="30"]').waitFor();
  await hasFocus(page, '30');
  await page.evaluate(() => document.getElementById('down').click());
  await sees(page, 'message 120');
  await hasFocus(page, 'scroller');
});
