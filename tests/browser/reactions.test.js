// Reactions: added, joined, counted and taken back.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { enter, eventually, hasFocus, item, menu, person, say, sees, useBrowser } from './support/browser.js';
import { chip, says } from './support/messages.js';
import { Server } from './support/server.js';

useBrowser();

const counts = (page, id) => item(page, id).locator('.chip').allTextContents();

test('reactions are added from the picker, joined and taken back by a click, and counted for all', async (t) => {
  const server = await Server.start(t);
  const ann = await enter(await person(t, 'Ann'), server);
  const ben = await enter(await person(t, 'Ben', { expect: [/status of 422/] }), server);
  await say(ann, 'Done!');
  await sees(ben, 'Done!');

  await item(ben, 1).hover();
  await item(ben, 1).getByRole('button', { name: 'React', exact: true }).click();
  const picker = ben.getByRole('dialog', { name: 'Choose an emoji' });
  await picker.getByRole('searchbox').fill('party pop');
  await picker.locator('#emoji-found [data-emoji="🎉"]').click();
  await picker.waitFor({ state: 'hidden' });
  await chip(ann, 1, '🎉').getByText('1').waitFor();
  assert.equal(await chip(ann, 1, '🎉').getAttribute('aria-label'), '🎉 1: Ben');
  assert.equal(await chip(ann, 1, '🎉').getAttribute('aria-pressed'), 'false');
  await chip(ann, 1, '🎉').click();
  for (const page of [ann, ben]) {
    await chip(page, 1, '🎉').getByText('2').waitFor();
    assert.equal(await chip(page, 1, '🎉').getAttribute('aria-pressed'), 'true');
    assert.equal(await chip(page, 1, '🎉').getAttribute('aria-label'), '🎉 2: Ben and Ann');
  }
  await chip(ben, 1, '🎉').click();
  await chip(ann, 1, '🎉').getByText('1').waitFor();
  await chip(ann, 1, '🎉').click();
  for (const page of [ann, ben]) await chip(page, 1, '🎉').waitFor({ state: 'detached' });
  await hasFocus(ann, '1', 'the focus does not go with the chip');

  // From the menu, and any emoji that is typed. Chosen once it is at hand.
  await (await menu(ben, 1)).getByRole('menuitem', { name: 'React with 🎉' }).click();
  await chip(ann, 1, '🎉').waitFor();
  for (const typed of ['👩🏽‍🚀', ':ship_it:']) {
    await (await menu(ben, 1)).getByRole('menuitem', { name: 'Another reaction' }).click();
    await picker.getByRole('searchbox').fill(typed);
    await picker.locator(`#emoji-found [data-emoji="${typed}"]`).waitFor();
    await ben.keyboard.press('Enter');
    await chip(ann, 1, typed).waitFor();
  }
  assert.deepEqual((await counts(ann, 1)).map((text) => text.trim()), ['🎉 1', '👩🏽‍🚀 1', ':ship_it: 1']);
  // Written with or without the mark that asks for colour it is one emoji.
  await server.react('Eve', 1, '❤');
  await chip(ben, 1, '❤').waitFor();
  await (await menu(ben, 1)).getByRole('menuitem', { name: 'React with ❤️' }).click();
  await chip(ann, 1, '❤').getByText('2').waitFor();
  assert.equal(await item(ann, 1).locator('.chip').count(), 4);

  // Only ten are named with a message: whether one is among the others is asked for.
  for (let number = 10; number < 21; number += 1) await server.react(`user ${number}`, 1, '👍');
  await server.react('Ann', 1, '👍');
  await chip(ann, 1, '👍').getByText('12').waitFor();
  assert.match(await chip(ann, 1, '👍').getAttribute('aria-label'), /user 19, and 2 more$/);
  const isPressed = (page, pressed) => item(page, 1).locator(`.chip[data-emoji="👍"][aria-pressed="${pressed}"]`).waitFor();
  const asked = [];
  ann.on('request', (request) => request.url().includes('/reactions/') && request.method() === 'GET' && asked.push(request.url()));
  await isPressed(ann, true);
  await isPressed(ben, false);
  await server.react('Eve', 1, '👍');
  await chip(ann, 1, '👍').getByText('13').waitFor();
  await server.edit('Ann', 1, 'Done at last!');
  await says(ann, 1, 'Done at last!');
  await isPressed(ann, true);
  assert.deepEqual(asked, [], 'what one has seen oneself do is known');
  for (const page of [ann, ben]) {
    await page.reload();
    await chip(page, 1, '👍').getByText('13').waitFor();
  }
  await isPressed(ann, true);
  assert.equal(asked.length, 1, 'asked once');
  await isPressed(ben, false);
  await server.react('Eve', 1, '👍', false);
  await chip(ann, 1, '👍').getByText('12').waitFor();
  await isPressed(ann, true);
  assert.equal(asked.length, 1);
  await chip(ann, 1, '👍').click();
  await chip(ann, 1, '👍').getByText('11').waitFor();
  await isPressed(ann, false);
  await chip(ann, 1, '👍').click();
  await isPressed(ann, true);
  await chip(ann, 1, '👍').click();
  await isPressed(ann, false);
  await (await menu(ann, 1)).getByRole('menuitem', { name: 'Reactions' }).click();
  await ann.locator('#details .person').nth(15).waitFor();
  assert.equal(await ann.locator('#details .person').getByText('user 20').count(), 1, 'all are listed');
  await ann.keyboard.press('Escape');

  // One emoji too many is refused in words.
  for (let number = 0; number < 45; number += 1) await server.react('Eve', 1, String.fromCodePoint(0x1f400 + number));
  await (await menu(ben, 1)).getByRole('menuitem', { name: 'React with 😂' }).click();
  await ben.getByRole('alert').getByText('50 different').waitFor();
  await ann.reload();
  await chip(ann, 1, '❤').getByText('2').waitFor();
  assert.equal(await item(ann, 1).locator('.chip').count(), 50);
});

test('what one is about to do to a message is done, though a flood has taken it out of the page', async (t) => {
  const server = await Server.start(t);
  await server.post('Ann', 'before the flood');
  const page = await enter(await person(t, 'Ann'), server);
  await sees(page, 'before the flood');
  await (await menu(page, 1)).getByRole('menuitem', { name: 'Another reaction' }).click();
  const picker = page.getByRole('dialog', { name: 'Choose an emoji' });
  await picker.getByRole('searchbox').fill('hot dog');
  await picker.locator('#emoji-found [data-emoji="🌭"]').waitFor();
  await server.flood(2_450);
  await item(page, 1).waitFor({ state: 'detached' });
  await item(page, 2_451).waitFor();
  await page.keyboard.press('Enter');
  await eventually(async () => (await server.get('general/messages/1')).reactions[0]?.emoji === '🌭', 'the reaction is there');
  await hasFocus(page, 'scroller');
});
