// On a phone, and where the window is small: fingers find what they press, and nothing leaves the screen.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { enter, eventually, item, menu, person, say, sees, shown, useBrowser } from './support/browser.js';
import { Server } from './support/server.js';

useBrowser();

const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 2 };

/** Keeps a finger on the middle of something until the menu opens; without `isLong` it is lifted at once. */
async function press(page, place, { isLong = true } = {}) {
  const { x, y, width, height } = await place.boundingBox();
  const session = await page.context().newCDPSession(page);
  const at = { touchPoints: [{ x: x + width / 2, y: y + height / 2 }] };
  await session.send('Input.dispatchTouchEvent', { type: 'touchStart', ...at });
  if (isLong) await page.getByRole('menu', { name: 'Message' }).waitFor();
  await session.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
}

test('on a phone Enter begins a new line, and the button sends', async (t) => {
  const server = await Server.start(t);
  const page = await enter(await person(t, 'Ann', PHONE), server);
  const field = page.locator('#content');
  assert.equal(await field.getAttribute('enterkeyhint'), 'enter');
  await field.tap();
  await page.keyboard.type('one');
  await page.keyboard.press('Enter');
  await page.keyboard.type('two');
  assert.equal(await field.inputValue(), 'one\ntwo');
  await page.getByRole('button', { name: 'Send' }).tap();
  await sees(page, 'one\ntwo');
  await page.locator('#unsent').waitFor({ state: 'hidden' });
  assert.deepEqual(await shown(page), ['one\ntwo']);
});

test('a finger that stays on a message opens its menu, one that moves or goes does not', async (t) => {
  const server = await Server.start(t);
  await server.post('Ann', 'one');
  await server.post('Ben', 'two');
  const page = await enter(await person(t, 'Ann', PHONE), server);
  await sees(page, 'two');
  const opened = page.getByRole('menu', { name: 'Message' });
  await press(page, item(page, 2).locator('.content'), { isLong: false });
  assert.ok(!(await opened.isVisible()), 'a touch is none');
  await press(page, item(page, 1).locator('.content'));
  await opened.waitFor();
  await opened.getByRole('menuitem', { name: 'Edit' }).waitFor();
  // What follows a touch has come.
  await page.evaluate(() => new Promise((resolve) => setTimeout(() => requestAnimationFrame(resolve), 100)));
  assert.ok(await opened.isVisible(), 'it stays open when the finger is lifted');
  await opened.getByRole('menuitem', { name: 'Reply' }).tap();
  await page.locator('#context-words').getByText('one').waitFor();
  assert.equal(await page.evaluate(() => String(getSelection())), '', 'nothing is chosen');
});

test('what a finger presses is at least 44 pixels', async (t) => {
  const server = await Server.start(t);
  await server.post('Ben', 'one');
  await server.react('Ben', 1, '👍');
  await server.answer('Ann', 1, 'two');
  await server.edit('Ann', 3, 'two, and more');
  const page = await enter(await person(t, 'Ann', PHONE), server);
  await sees(page, 'two, and more');
  const small = () => page.evaluate(() => [...document.querySelectorAll('button, a[href], select, input, textarea')]
    .filter((element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true }) && !element.closest('.content') && !element.matches('.skip, [type=checkbox]'))
    .map((element) => [element, element.getBoundingClientRect()])
    .filter(([, { width, height }]) => width && (width < 43.5 || height < 43.5))
    .map(([element, { width, height }]) => `${element.outerHTML.slice(0, 80)}: ${width} × ${height}`));
  assert.deepEqual(await small(), [], 'in the room');
  await press(page, item(page, 1).locator('.content'));
  await page.getByRole('menu', { name: 'Message' }).waitFor();
  assert.deepEqual(await small(), [], 'in the menu');
  await page.getByRole('menuitem', { name: 'Another reaction' }).tap();
  await page.locator('#emoji-group-0').waitFor({ state: 'attached' });
  assert.deepEqual(await small(), [], 'in the picker');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Settings' }).tap();
  assert.deepEqual(await small(), [], 'in the settings');
  await page.goto(server.url);
  await page.locator('.room-link').first().waitFor();
  assert.deepEqual(await small(), [], 'on the page of rooms');
});

for (const [what, viewport] of [['at 400 %', { width: 320, height: 200 }], ['on a phone that lies down', { width: 740, height: 340 }]]) {
  test(`menus stay on the screen ${what}`, async (t) => {
    const server = await Server.start(t);
    for (const text of ['one', 'two', 'three']) await server.post('Ann', text);
    await server.edit('Ann', 1, 'one, edited');
    const page = await enter(await person(t, 'Ann', { viewport }), server);
    await sees(page, 'three');
    const isWithin = async (place, name) => {
      const { x, y, width, height } = await place.boundingBox();
      assert.ok(x >= 0 && y >= 0 && x + width <= viewport.width && y + height <= viewport.height, `${name}: ${[x, y, width, height]}`);
      return place;
    };
    for (const id of [1, 3]) {
      const opened = await isWithin(await menu(page, id), 'the menu');
      // Its last entry can be reached.
      await page.keyboard.press('End');
      await isWithin(opened.getByRole('menuitem', { name: 'Delete' }), 'the last entry');
      await page.keyboard.press('Escape');
    }
    await (await menu(page, 3)).getByRole('menuitem', { name: 'Another reaction' }).click();
    await page.locator('#emoji-group-0').waitFor({ state: 'attached' });
    await isWithin(page.locator('#picker'), 'the picker');
    await page.keyboard.press('Escape');
    await (await menu(page, 3)).getByRole('menuitem', { name: 'Delete' }).click();
    await isWithin(page.locator('#delete'), 'the question');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Settings' }).click();
    await isWithin(page.locator('#settings'), 'the settings');
    await page.keyboard.press('Escape');
    await page.screenshot({ path: `pictures/low-${viewport.width}.png` });
    await say(page, 'it works');
    await sees(page, 'it works');
    await eventually(() => page.evaluate(() => document.scrollingElement.scrollTop === 0), 'the page stays where it is');
  });
}
