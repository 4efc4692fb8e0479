// The rooms page, and the way through a long room: what is older comes without a jump, and a reload keeps the place.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connected, enter, eventually, hasFocus, ids, person, say, sees, shown, until, useBrowser } from './support/browser.js';
import { Server } from './support/server.js';

useBrowser();

const upTo = (count) => Array.from({ length: count }, (_, index) => index + 1);

test('the rooms page lists all rooms page by page and lets one in under a remembered name', async (t) => {
  const server = await Server.start(t);
  for (let number = 100; number < 160; number += 1) await server.put(`room-${number}`, {});
  await server.put('room-100', { title: 'The first', topic: 'All begins here' });
  const context = await person(t);
  const page = await context.newPage();
  await page.goto(server.url);
  const links = page.locator('.room-link');
  await links.nth(49).waitFor();
  assert.equal(await links.count(), 50);
  await page.getByRole('button', { name: 'Show more rooms' }).click();
  await links.nth(59).waitFor();
  assert.equal(await links.count(), 60);
  assert.equal(await page.locator('#more').isVisible(), false);
  await hasFocus(page, '/rooms/room-150', 'at the first new one');
  assert.equal(await links.first().innerText(), 'The first\nAll begins here\nnobody here');

  await links.first().click();
  await page.getByText('Choose a name first.').waitFor();
  assert.equal(new URL(page.url()).pathname, '/');
  await page.locator('#name').fill('a\u202eb');
  await links.first().click();
  await page.getByText('invisible characters').waitFor();
  await page.locator('#name').fill(' Kim ❤️ ');
  await links.first().click();
  await page.waitForURL('**/rooms/room-100');
  await connected(page);
  assert.equal(await page.locator('#title').textContent(), 'The first', 'a title is known before anything was written');
  await page.locator('#people-list').getByText('Kim ❤️').waitFor();
  await page.getByRole('link', { name: 'All rooms' }).click();
  await page.waitForURL(`${server.url}/`);
  assert.equal(await page.locator('#name').inputValue(), 'Kim ❤️');

  await page.locator('#other').fill('no room');
  await page.getByRole('button', { name: 'Open' }).click();
  await page.getByText('That is no name for a room.').waitFor();
  await page.locator('#other').fill('brand_New-1');
  await page.getByRole('button', { name: 'Open' }).click();
  await page.waitForURL('**/rooms/brand_New-1');
  await connected(page);
  await say(page, 'first');
  await sees(page, 'first');
});

test('the rooms page shows when something was last said', async (t) => {
  const server = await Server.start(t);
  await server.put('quiet', {});
  const { timestamp } = await server.post('Ann', 'Hello');
  const said = new Date(timestamp);
  const context = await person(t, 'Ann', { locale: 'en-GB', timezoneId: 'Pacific/Auckland' });
  const page = await context.newPage();
  const form = (options) => said.toLocaleString('en-GB', { timeZone: 'Pacific/Auckland', ...options });
  const clock = form({ hour: '2-digit', minute: '2-digit' });
  const date = form({ dateStyle: 'medium' });
  for (const [days, shown] of [[0, clock], [3, form({ weekday: 'short' })], [60, date]]) {
    await page.clock.setFixedTime(said.getTime() + days * 24 * 3600 * 1000);
    await page.goto(server.url);
    const last = page.locator('.room-link[href="/rooms/general"] time');
    assert.equal(await last.innerText(), shown, `${days} days later`);
    assert.equal(await last.getAttribute('datetime'), timestamp);
    assert.match(await last.getAttribute('title'), new RegExp(`last message: .* ${clock}`));
    assert.equal(await page.locator('.room-link[href="/rooms/quiet"] time').count(), 0);
  }
});

test('an empty server offers the default room, and rooms that can not be loaded can be asked for again', async (t) => {
  const server = await Server.start(t);
  const context = await person(t, 'Ann', { serverGoes: true });
  const page = await context.newPage();
  await page.route('**/api/v1/rooms?*', (route) => route.abort(), { times: 1 });
  await page.goto(server.url);
  await page.getByText('could not be loaded').waitFor();
  await page.getByRole('button', { name: 'Try again' }).click();
  await page.locator('.room-link[href="/rooms/general"]').click();
  await connected(page);
  await page.getByText('Nobody has written here yet').waitFor();
});

test('a room page asks a stranger for a name, and can change it', async (t) => {
  const server = await Server.start(t);
  const context = await person(t);
  const page = await context.newPage();
  await page.goto(`${server.url}/rooms/general`);
  await page.locator('#ask-name').waitFor();
  await page.keyboard.press('Escape');
  await page.keyboard.press('Enter');
  await page.getByText('Choose a name first.').waitFor();
  await page.keyboard.type('Kim');
  await page.keyboard.press('Enter');
  await connected(page);
  await page.locator('#people-list [data-user="Kim"]').waitFor();
  await page.getByRole('button', { name: 'Settings' }).click();
  await page.getByRole('button', { name: 'Change name' }).click();
  await page.locator('#name').fill('Kay');
  await page.keyboard.press('Enter');
  await page.locator('#people-list [data-user="Kay"]').waitFor();
  await say(page, 'now as Kay');
  await sees(page, 'now as Kay');
  assert.equal(await page.locator('#messages .author').textContent(), 'Kay');
});

test('a room is called by its title from the start, before anything has happened in it', async (t) => {
  const server = await Server.start(t);
  await server.put('silent', { title: 'The silent one', topic: 'Hush' });
  const context = await person(t, 'Kim');
  const page = await enter(context, server, '/rooms/silent');
  await page.getByRole('heading', { name: 'The silent one', level: 1 }).waitFor();
  assert.equal(await page.locator('#topic').textContent(), 'Hush');
  assert.equal(await page.title(), 'The silent one · Parlor');
  assert.equal(await page.locator('#messages > li').count(), 0);

  // An answer that comes after a change, from before it, does not bring the old title back.
  let answer;
  const isHeld = new Promise((resolve) => {
    context.route('**/api/v1/rooms/silent', async (route) => {
      const room = await (await route.fetch()).json();
      answer = () => route.fulfill({ json: room });
      resolve();
    });
  });
  const other = await enter(context, server, '/rooms/silent');
  await isHeld;
  await server.put('silent', { title: 'The loud one' });
  await other.getByRole('heading', { name: 'The loud one' }).waitFor();
  const answered = other.waitForResponse('**/api/v1/rooms/silent');
  await answer();
  await (await answered).finished();
  await say(other, 'loud');
  await sees(other, 'loud');
  assert.equal(await other.locator('#title').textContent(), 'The loud one');
});

test('the page of a room that can not be says so, and offers nothing but the way back', async (t) => {
  const server = await Server.start(t);
  const page = await (await person(t)).newPage();
  for (const [path, title] of [['not%20a%20room', '#not a room'], ['%E0%A4', '#%E0%A4']]) {
    await page.goto(`${server.url}/rooms/${path}`);
    await page.getByRole('alert').getByText('There can be no room of this name.').waitFor();
    assert.equal(await page.locator('#title').textContent(), title);
    assert.deepEqual(await page.getByRole('button').all(), []);
    assert.ok(!(await page.locator('#people').isVisible()) && !(await page.locator('#ask-name').isVisible()));
  }
  await page.getByRole('link', { name: 'All rooms' }).click();
  await page.waitForURL(`${server.url}/`);
});

test('older messages load on the way up without a jump, down to the first', async (t) => {
  const server = await Server.start(t);
  await server.fill(180);
  const page = await enter(await person(t, 'Kim'), server);
  await sees(page, 'message 180');
  assert.ok(!(await shown(page)).includes('message 100'), 'not all at once');
  const scroller = page.locator('#scroller');
  await scroller.hover();
  // What is in view at the top keeps its place while older messages come before it.
  const watched = await page.evaluate(() => new Promise((resolve) => {
    const [list, log] = ['messages', 'scroller'].map((id) => document.getElementById(id));
    const first = list.firstElementChild;
    log.scrollTop = 300;
    let before;
    // Before the page's own listener for the scroll asks for more.
    requestAnimationFrame(() => {
      before = first.getBoundingClientRect().top;
      const frames = [];
      const look = () => {
        frames.push(first.getBoundingClientRect().top - before);
        if (list.firstElementChild !== first && frames.length > 30) resolve(frames);
        else requestAnimationFrame(look);
      };
      look();
    });
  }));
  assert.ok(watched.every((shift) => Math.abs(shift) < 1), `no frame jumped: ${Math.max(...watched.map(Math.abs))}`);
  await eventually(async () => {
    await page.mouse.wheel(0, -800);
    return (await ids(page))[0] === 1;
  }, 'the first message is there');
  assert.deepEqual(await ids(page), upTo(180));
  await page.getByText('This is where the room begins.').waitFor();

  // Somebody who reads up here is not dragged down, but told.
  await server.post('Ben', 'news');
  await page.getByRole('button', { name: '1 new message' }).waitFor();
  assert.ok(await scroller.evaluate(({ scrollTop, scrollHeight }) => scrollHeight - scrollTop > 2_000));
  // What one has written oneself, in another browser, is no news; nor is what was taken back.
  await server.post('Kim', 'from my phone');
  await server.post('Ben', 'a mistake');
  await page.getByRole('button', { name: '2 new messages' }).waitFor();
  await server.remove('Ben', 183);
  await page.getByRole('button', { name: '1 new message' }).click();
  await page.locator('#messages .content').getByText('news').waitFor();
  await until(page, () => document.getElementById('down').hidden);
});

test('a long flood and a long way up leave a page of bounded size, and no gap', async (t) => {
  const server = await Server.start(t);
  await server.fill(100);
  const page = await enter(await person(t, 'Kim'), server);
  await sees(page, 'message 100');
  const isWhole = async () => {
    const all = await ids(page);
    assert.deepEqual(all, all.map((_, index) => all[0] + index), 'no gap');
    assert.ok(all.length <= 1250, `${all.length} messages are in the page`);
    return all;
  };
  // Up a bit: what comes is below, and what is in view stays where it is.
  await page.locator('#scroller').hover();
  await page.mouse.wheel(0, -300);
  await page.getByRole('button', { name: 'To the newest' }).waitFor();
  const top = () => page.locator('[data-id="95"]').evaluate((each) => Math.round(each.getBoundingClientRect().top));
  const before = await top();
  await server.flood(1_400);
  await page.getByRole('button', { name: '1400 new messages' }).waitFor();
  const flooded = await isWhole();
  assert.ok(flooded.length > 500 && flooded.at(-1) < 1_500);
  assert.equal(await top(), before);
  // Down from there page by page, and up again; what is far is let go of.
  const lastSeen = async (direction) => {
    await page.locator('#scroller').evaluate((log, far) => (log.scrollTop = far ? log.scrollHeight : 0), direction > 0);
    return (await ids(page)).at(direction > 0 ? -1 : 0);
  };
  await eventually(async () => (await lastSeen(1)) === 1_500, 'down to the newest', 60_000);
  assert.ok((await isWhole())[0] > 1, 'the first are let go of');
  await eventually(async () => (await lastSeen(-1)) === 1, 'up to the first', 60_000);
  assert.ok((await isWhole()).at(-1) < 1_500, 'the last are let go of');
  // More than are remembered, and one that no longer is is asked for where it is quoted.
  await server.flood(1_100);
  await page.getByRole('button', { name: '1100 new messages' }).waitFor();
  const asked = page.waitForRequest('**/messages/1400');
  await page.locator('#down').click();
  await until(page, () => document.getElementById('down').hidden);
  const answer = await server.answer('Ben', 1_400, 'what was that?');
  await sees(page, 'what was that?');
  await asked;
  assert.equal((await isWhole()).at(-1), answer.id);
});

test('a reload keeps the place, the draft, and the end', async (t) => {
  const server = await Server.start(t);
  await server.fill(150);
  const page = await enter(await person(t, 'Kim'), server);
  await sees(page, 'message 150');
  await page.locator('#content').fill('half a tho');
  await until(page, () => {
    document.getElementById('scroller').scrollTop = 0;
    return document.querySelector('#messages > li').dataset.id === '1';
  });
  const place = () => page.evaluate(() => {
    const top = document.getElementById('scroller').getBoundingClientRect().top;
    const item = [...document.querySelectorAll('#messages > li')].find((each) => each.getBoundingClientRect().bottom > top);
    return item && [Number(item.dataset.id), Math.round(item.getBoundingClientRect().top - top)];
  });
  await page.locator('[data-id="20"]').evaluate((item) => item.scrollIntoView({ block: 'start' }));
  await until(page, () => !document.getElementById('down').hidden);
  const before = await place();
  assert.ok(before[0] >= 18 && before[0] <= 20);
  await page.reload();
  await connected(page);
  await eventually(async () => JSON.stringify(await place()) === JSON.stringify(before), `back at ${before}`);
  assert.equal(await page.locator('#content').inputValue(), 'half a tho');
  assert.equal(new URL(page.url()).pathname, '/rooms/general');
  // Who was at the end is at the end again.
  await page.locator('#down').click();
  await until(page, () => document.getElementById('down').hidden);
  await page.reload();
  await sees(page, 'message 150');
  await until(page, () => {
    const { scrollTop, scrollHeight, clientHeight } = document.getElementById('scroller');
    return scrollHeight - clientHeight - scrollTop < 2;
  });
});

test('days and groups are told apart', async (t) => {
  const server = await Server.start(t);
  const context = await person(t, 'Kim', { locale: 'en-GB', timezoneId: 'UTC' });
  const message = (id, username, timestamp) => ({ id, room: 'general', username, content: `m${id}`, timestamp, reactions: [], client_id: null });
  const messages = [
    message(1, 'Ann', '2026-11-23T10:00:00Z'), message(2, 'ann', '2026-11-23T10:04:00Z'), message(3, 'Ann', '2026-11-23T10:30:00Z'),
    message(4, 'Ben', '2026-11-23T10:31:00Z'), message(5, 'Ben', '2026-11-24T00:01:00Z'),
  ];
  const history = { type: 'message_history', room: 'general', id: 5, messages, has_more: false };
  await context.route('**/stream?*', (route) => route.fulfill({ contentType: 'text/event-stream', body: `retry: 60000\ndata: ${JSON.stringify(history)}\n\n` }));
  await context.route('**/api/v1/rooms/general', (route) => route.fulfill({ json: { title: '', topic: '', head: 5 } }));
  await context.route('**/read', (route) => route.fulfill({ json: { username: 'Kim', last_read_id: 5 } }));
  const page = await context.newPage();
  await page.goto(`${server.url}/rooms/general`);
  await sees(page, 'm5');
  const [firsts, days] = await page.evaluate(() => [
    [...document.querySelectorAll('#messages > .first')].map((item) => item.dataset.id).join(),
    [...document.querySelectorAll('#messages .day:not([hidden])')].map((day) => day.textContent),
  ]);
  assert.equal(firsts, '1,3,4,5');
  assert.deepEqual(days, ['Monday 23 November', 'Tuesday 24 November']);
});

test('what comes all at once is taken in a little at a frame, and out of view it is not laid out', async (t) => {
  const server = await Server.start(t);
  await server.post('Ann', 'the first');
  const page = await enter(await person(t, 'Kim'), server);
  await sees(page, 'the first');
  await page.evaluate(() => {
    globalThis.counts = [];
    let came = 0;
    const count = (changes) => changes.forEach(({ addedNodes }) => (came += [...addedNodes].filter((node) => node instanceof HTMLLIElement).length));
    new MutationObserver(count).observe(document.getElementById('messages'), { childList: true });
    const frame = () => {
      globalThis.counts.push(came);
      came = 0;
      requestAnimationFrame(frame);
    };
    frame();
  });
  const flood = server.flood(300);
  // As a phone that sleeps: nothing is taken in until all are there.
  await page.evaluate(() => {
    const ask = () => {
      const request = new XMLHttpRequest();
      request.open('GET', '/api/v1/rooms/general', false);
      request.send();
      return JSON.parse(request.responseText).head;
    };
    while (ask() < 301);
  });
  await flood;
  await until(page, () => document.querySelector('#messages > [data-id="301"]'));
  const counts = await page.evaluate(() => globalThis.counts);
  assert.ok(counts.reduce((sum, each) => sum + each, 0) >= 100, `they came: ${counts}`);
  // Fifteen as the first come, and fifteen at the frame that follows.
  assert.ok(Math.max(...counts) <= 30, `at most so many a frame: ${counts}`);
  await until(page, () => getComputedStyle(document.querySelector('#messages > li')).contentVisibility === 'auto');
});
