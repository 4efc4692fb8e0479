// The looks of the pages: pictures of each, and axe-core on each, light and dark, phone and desktop.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { enter, hasFocus, person, say, sees, until, useBrowser } from './support/browser.js';
import { looker, SIZES } from './support/looks.js';
import { Proxy } from './support/proxy.js';
import { Server } from './support/server.js';

useBrowser();

/** Typing that is still shown when all has been looked at. */
const TYPES = ['--typing-lapse', '10m'];

async function talk(server) {
  await server.put('general', { title: 'General', topic: 'Everything that has no room of its own' });
  await server.put('design', { title: 'Design', topic: 'Sketches, type and colour' });
  await server.put('releases', {});
  await server.put('support', { title: 'Support', topic: 'Questions from people who run Parlor themselves' });
  const lines = [
    ['Mara', 'Morning! The new build is on the staging machine.'],
    ['Mara', 'It resumes by cursor now, so you can pull the plug and nothing is lost.'],
    ['Jonas', 'Nice. I killed it three times while it was streaming and my window just caught up 👏'],
    ['Ann', 'Same here, also on the phone with long polls.'],
    ['Ann', 'Notes are at https://example.org/notes/2026-11 if somebody wants to add something.'],
    ['יעל', 'שלום לכולם! נראה טוב גם מימין לשמאל.'],
    ['Jonas', 'A multi-line thing:\n  1. start the server\n  2. open two tabs\n  3. be happy'],
    ['Mara', '🎉'],
    ['Ann', 'Shall we call it done?'],
  ];
  for (const [name, text] of lines) await server.post(name, text);
}

/** Gives a room all that messages can have: replies, reactions, an edit, a deletion, unread ones and readers. */
async function liveThrough(server) {
  await talk(server);
  const [first, second, third] = (await server.get('general/messages?after=0&limit=3')).messages;
  await server.remove('Jonas', (await server.post('Jonas', 'Wrong window, sorry')).id);
  const answer = await server.answer('Jonas', second.id, 'How far back does it resume? I had the lid closed since Friday.');
  await server.edit('Mara', first.id, 'Good morning! The new build is on the staging machine.');
  const own = await server.answer('Ann', answer.id, 'As far back as you like: the cursor is all it needs.');
  await server.edit('Ann', own.id, 'As far back as you like: a cursor is all it needs, and it is an integer.');
  for (const name of ['Mara', 'Jonas', 'יעל']) await server.react(name, own.id, '🎉');
  for (const name of ['Ann', 'Mara']) await server.react(name, answer.id, '👍');
  await server.react('יעל', answer.id, '😮');
  await server.react('Ann', third.id, '❤️');
  await server.read('Ann', own.id);
  for (const name of ['Kim', 'יעל']) await server.read(name, own.id);
  await server.post('Mara', 'I am off for lunch. Who comes along?');
  await server.answer('Jonas', own.id, 'Then I call it done.');
}

for (const [size, options] of Object.entries({ desktop: SIZES.desktop, phone: SIZES.phone })) {
  test(`the pages look well and leave nobody out: ${size}`, async (t) => {
    const server = await Server.start(t, TYPES);
    await talk(server);
    const look = looker(size);
    const context = await person(t, 'Ann', { ...options, locale: 'en-GB', serverGoes: true });
    for (const name of ['Jonas', 'Mara']) await enter(await person(t, name, { serverGoes: true }), server);

    const lobby = await context.newPage();
    await lobby.goto(`${server.url}/`);
    await lobby.locator('.room-link').nth(3).waitFor();
    await lobby.locator('.room-online.some').waitFor();
    await look(lobby, 'rooms');

    const room = await enter(context, server);
    await sees(room, 'Shall we call it done?');
    await room.locator('#topic').getByText('Everything').waitFor({ state: 'attached' });
    await server.typing('Jonas');
    await room.locator('#typing').getByText('Jonas is typing').waitFor();
    await until(room, () => document.querySelectorAll('#people-list li').length === 3);
    await look(room, 'room');
    if (size === 'phone') {
      await room.locator('#show-people').tap();
      await look(room, 'people');
      await room.keyboard.press('Escape');
    }
    await room.getByRole('button', { name: 'Settings' }).click();
    await look(room, 'settings');
    await room.keyboard.press('Escape');

    // Somebody without a name is asked for one.
    const stranger = await person(t, undefined, { ...options, serverGoes: true });
    const asked = await stranger.newPage();
    await asked.goto(`${server.url}/rooms/design`);
    await asked.locator('#ask-name').waitFor();
    await look(asked, 'name');
    await asked.locator('#name').fill('Kim');
    await asked.locator('#name').press('Enter');
    await asked.locator('#beginning.empty').waitFor();
    await asked.locator('#topic').getByText('Sketches').waitFor({ state: 'attached' });
    await look(asked, 'empty');
    await say(asked, 'Hello?');
    await sees(asked, 'Hello?');
    await look(asked, 'first');

    await server.kill();
    await room.locator('#status[data-state="reconnecting"]').waitFor();
    await say(room, 'Written while the server is away');
    await room.locator('.unsent').getByText('Not sent yet').waitFor();
    await look(room, 'away');
  });
}

for (const [size, options] of Object.entries({ desktop: SIZES.desktop, phone: SIZES.phone })) {
  test(`what messages live through looks well and leaves nobody out: ${size}`, async (t) => {
    const server = await Server.start(t, TYPES);
    await liveThrough(server);
    const context = await person(t, 'Ann', { ...options, locale: 'en-GB' });
    const look = looker(size);
    const lobby = await context.newPage();
    await lobby.goto(`${server.url}/`);
    await lobby.locator('.room-unread').getByText('2').waitFor();
    await look(lobby, 'unread');

    for (const name of ['Jonas', 'Mara']) await enter(await person(t, name), server);
    const room = await enter(context, server);
    await room.locator('.since').waitFor();
    await room.locator('#topic').getByText('Everything').waitFor({ state: 'attached' });
    await room.locator('.seen').getByText('Seen by Kim and יעל').waitFor({ state: 'attached' });
    await room.locator('.seen').getByText('Seen by Mara').waitFor({ state: 'attached' });
    await until(room, () => document.querySelectorAll('#people-list li').length === 3);
    await server.typing('Jonas');
    await room.locator('#typing').getByText('Jonas is typing').waitFor();
    await look(room, 'lived');
    const item = room.locator('[data-id="12"]');
    await item.hover();
    await look(room, 'hovered');
    await item.getByRole('button', { name: 'More', exact: true }).click();
    await room.locator('#menu').waitFor();
    await look(room, 'menu');
    await room.getByRole('menuitem', { name: 'Another reaction' }).click();
    await room.locator('#emoji-group-8').waitFor({ state: 'attached' });
    await look(room, 'picker');
    await room.locator('#emoji-search').fill('cat');
    await room.locator('#emoji-found').waitFor();
    await look(room, 'emoji');
    await room.keyboard.press('Escape');

    await item.getByRole('button', { name: 'More', exact: true }).click();
    await room.getByRole('menuitem', { name: 'Reply' }).click();
    await room.locator('#content').fill('Since Friday? Since spring!');
    await look(room, 'reply');
    await room.keyboard.press('Escape');
    await room.locator('#content').fill('');
    const own = room.locator('.own .edited').locator('visible=true').last();
    await own.click();
    await room.locator('.revision').waitFor();
    await look(room, 'revisions');
    await room.keyboard.press('Escape');
    await room.locator('#content').press('ArrowUp');
    await look(room, 'edit');
    await room.keyboard.press('Escape');
    const ownItem = room.locator('.own:not(.deleted)').last();
    await ownItem.hover();
    await ownItem.getByRole('button', { name: 'More', exact: true }).click();
    await room.getByRole('menuitem', { name: 'Delete' }).click();
    await look(room, 'delete');
    await room.keyboard.press('Escape');
    await ownItem.getByRole('button', { name: 'More', exact: true }).click();
    await room.getByRole('menuitem', { name: 'Seen by' }).click();
    await room.locator('#details .person').nth(3).waitFor();
    await look(room, 'seen');
    await room.keyboard.press('Escape');

    await room.getByRole('button', { name: 'Search', exact: true }).click();
    await room.locator('#query').fill('cursor');
    await room.locator('#found li').nth(1).waitFor();
    await look(room, 'search');
    await room.locator('#found a').last().click();
    await room.locator('.marked').waitFor();
    await look(room, 'found');
  });
}

test('a phone-sized window has everything within reach', async (t) => {
  const server = await Server.start(t);
  const proxy = await Proxy.start(t, server.url);
  await server.fill(30);
  const context = await person(t, 'Ann', SIZES.phone);
  const page = await enter(context, proxy);
  await sees(page, 'message 30');
  const box = await page.locator('#form').boundingBox();
  assert.ok(box.y + box.height <= 844 && box.width >= 340, `the field is in view: ${JSON.stringify(box)}`);
  for (const name of ['All rooms', 'Settings', 'Send', /Who is here/]) {
    const control = page.getByRole('button', { name }).or(page.getByRole('link', { name }));
    const { width, height } = await control.boundingBox();
    assert.ok(width >= 40 && height >= 40, `${name} can be hit with a thumb: ${width} by ${height}`);
  }
  assert.ok(!(await page.locator('#people').isVisible()), 'who is here is folded away');
  await page.locator('#show-people').tap();
  await page.locator('#people').getByText('Ann', { exact: true }).waitFor();
  await page.locator('#scroller').tap();
  await page.locator('#people').waitFor({ state: 'hidden' });
  await page.locator('#content').fill('from a phone');
  await page.getByRole('button', { name: 'Send' }).tap();
  await sees(page, 'from a phone');
  // The keyboard comes up: the newest message stays in view.
  await page.setViewportSize({ width: 390, height: 480 });
  await until(page, () => {
    const { scrollTop, scrollHeight, clientHeight } = document.getElementById('scroller');
    return scrollHeight - clientHeight - scrollTop < 2 && document.getElementById('form').getBoundingClientRect().bottom <= innerHeight;
  });
});

test('the keyboard alone is enough', async (t) => {
  const server = await Server.start(t);
  await server.fill(60);
  const context = await person(t);
  const page = await context.newPage();
  const focused = () => page.evaluate(() => document.activeElement.getAttribute('aria-label') || document.activeElement.id || document.activeElement.textContent.trim());
  await page.goto(`${server.url}/`);
  await page.locator('.room-link').waitFor();
  await page.keyboard.press('Tab');
  await hasFocus(page, 'name');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await hasFocus(page, 'name', 'a name first');
  await page.keyboard.type('Kim');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Enter');
  await page.waitForURL('**/rooms/general');
  await page.locator('#status[data-state="connected"]').waitFor();
  await hasFocus(page, 'content', 'ready to write');
  await page.keyboard.type('one');
  await page.keyboard.press('Shift+Enter');
  await page.keyboard.type('two');
  await page.keyboard.press('Enter');
  await sees(page, 'one\ntwo');
  await hasFocus(page, 'content');
  // Up to the messages, and through them.
  await page.keyboard.press('Shift+Tab');
  await hasFocus(page, 'Messages');
  await page.keyboard.press('Home');
  await sees(page, 'message 1');
  await page.keyboard.press('End');
  await page.locator('#down').waitFor({ state: 'hidden' });
  // The order of the controls is that of the eye.
  await page.evaluate(() => document.activeElement.blur());
  await page.locator('body').evaluate((body) => body.setAttribute('tabindex', '-1'));
  await page.locator('body').focus();
  const order = [];
  for (let step = 0; step < 7; step += 1) {
    await page.keyboard.press('Tab');
    order.push(await focused());
  }
  assert.deepEqual(order, ['Skip to the message field', 'All rooms', 'Search', 'Settings', 'Messages', 'content', 'Send']);
  // Settings: opened, changed and closed.
  await page.getByRole('button', { name: 'Settings' }).focus();
  await page.keyboard.press('Enter');
  await page.locator('#settings').waitFor();
  await page.keyboard.press('Tab');
  await hasFocus(page, 'rename');
  await page.keyboard.press('Tab');
  await hasFocus(page, 'transport');
  await page.keyboard.press('Escape');
  await page.locator('#settings').waitFor({ state: 'hidden' });
  await hasFocus(page, 'Settings', 'the focus is back');
});

test('nothing moves for whoever asked for less motion', async (t) => {
  const server = await Server.start(t);
  await server.post('Ben', 'hi');
  const moving = async (reducedMotion) => {
    const page = await enter(await person(t, 'Ann', { reducedMotion }), server);
    await sees(page, 'hi');
    await server.typing('Ben');
    await page.locator('#typing').getByText('Ben is typing').waitFor();
    return page.evaluate(() => document.getAnimations().length);
  };
  assert.ok(await moving('no-preference') > 0);
  assert.equal(await moving('reduce'), 0);
});

test('a screen reader finds the log, the state, and a name for every control', async (t) => {
  const server = await Server.start(t);
  await server.put('general', { title: 'General' });
  await server.post('Ben', 'hi');
  const page = await enter(await person(t, 'Ann'), server);
  await page.getByRole('heading', { name: 'General', level: 1 }).waitFor();
  await page.getByRole('log', { name: 'Messages' }).getByText('hi', { exact: true }).waitFor();
  await page.getByRole('status').getByText('Connected').waitFor();
  await page.getByRole('textbox', { name: 'Message' }).waitFor();
  await page.getByRole('complementary', { name: 'Here now: 1' }).getByText('Ann').waitFor();
  const nameless = await page.locator('button, a, input, select, textarea').evaluateAll((all) => all
    .filter((each) => !(each.getAttribute('aria-label') || each.textContent.trim() || each.labels?.length))
    .map(({ outerHTML }) => outerHTML));
  assert.deepEqual(nameless.filter((html) => !html.includes('id="down"')), [], 'the way down is named when it is shown');
  // What is older is not read aloud as if it were new, and what is new is.
  await until(page, () => !document.getElementById('scroller').hasAttribute('aria-busy'));
  await server.post('Ben', 'new');
  await sees(page, 'new');
  assert.equal(await page.locator('#scroller').getAttribute('aria-busy'), null);
});
