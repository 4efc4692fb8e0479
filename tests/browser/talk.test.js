// People in a room: they talk, see who types and who is here, and nothing they write becomes more than text.
import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { connected, enter, eventually, hide, ids, item, menu, person, say, sees, shown, until, useBrowser } from './support/browser.js';
import { Proxy } from './support/proxy.js';
import { Server } from './support/server.js';

useBrowser();

const names = (page) => page.locator('#people-list bdi').allTextContents();
const isHere = (page, name) => page.locator(`#people-list [data-user="${name}"]`);

test('two windows talk', async (t) => {
  const server = await Server.start(t);
  const ann = await enter(await person(t, 'Ann'), server);
  const ben = await enter(await person(t, 'Ben'), server);
  await say(ann, 'Hello Ben');
  await sees(ben, 'Hello Ben');
  await say(ben, 'Hello Ann\nhow are you?');
  await sees(ann, 'Hello Ann\nhow are you?');
  for (const page of [ann, ben]) {
    assert.deepEqual(await shown(page), ['Hello Ben', 'Hello Ann\nhow are you?']);
    assert.deepEqual(await page.locator('#messages .author').allTextContents(), ['Ann', 'Ben']);
  }
  assert.equal(await ann.locator('#messages .own .content').textContent(), 'Hello Ben');
  await until(ann, () => document.getElementById('unsent').hidden);
});

test('the two ready clients talk in general', async (t) => {
  const server = await Server.start(t);
  const one = await enter(await person(t), server, '/client1/');
  const two = await enter(await person(t), server, '/client2');
  assert.equal(new URL(two.url()).pathname, '/client2/');
  await say(one, 'from one');
  await sees(two, 'from one');
  await say(two, 'from two');
  await sees(one, 'from two');
  assert.deepEqual(await one.locator('#messages .author').allTextContents(), ['Client1', 'Client2']);
  assert.equal(await one.locator('#title').textContent(), '#general');
});

/** A window in which Ann types and time passes as it is told to, one in which Ben sees it, and what the first says of it. */
async function typist(t, lapse) {
  const server = await Server.start(t, ['--typing-lapse', lapse]);
  const ann = await (await person(t, 'Ann', { serverGoes: true })).newPage();
  await ann.clock.install();
  await ann.goto(`${server.url}/rooms/general`);
  await connected(ann);
  await ann.clock.pauseAt(await ann.evaluate(() => Date.now() + 1_000));
  const ben = await enter(await person(t, 'Ben'), server);
  const said = [];
  ann.on('request', (request) => request.url().endsWith('/typing') && said.push(request.postDataJSON().is_typing));
  const isShown = () => ben.locator('#typing').getByText('Ann is typing').waitFor();
  const isOver = () => until(ben, () => document.getElementById('typing').textContent === '');
  return { server, ann, field: ann.locator('#content'), said, isShown, isOver };
}

test('typing is shown, ends when idle, with the message, and with the page', async (t) => {
  // What ends in time here has not lapsed.
  const { server, ann, field, said, isShown, isOver } = await typist(t, '10m');
  await field.pressSequentially('Hel');
  await isShown();
  assert.equal(await ann.locator('#typing').textContent(), '', 'not shown to who types');
  await ann.clock.runFor(2_900);
  assert.deepEqual(said, [true], 'not before 3 s without a key');
  await isShown();
  await ann.clock.runFor(200);
  await isOver();
  assert.deepEqual(said, [true, false]);

  // Renewed while it goes on.
  for (let second = 0; second < 5; second += 1) {
    await field.pressSequentially('lo ');
    await ann.clock.runFor(1_000);
  }
  await eventually(() => said.length >= 4, 'it is renewed');
  assert.deepEqual(said.slice(2), [true, true]);
  await isShown();
  await field.press('Enter');
  await isOver();

  // Who leaves the page says so with the last breath.
  await ann.clock.runFor(1_000);
  await field.pressSequentially('y');
  await isShown();
  await ann.goto(server.url);
  await isOver();
});

test('typing lapses when nobody says that it is over', async (t) => {
  const { ann, field, said, isShown, isOver } = await typist(t, '3s');
  await ann.route('**/typing', (route) => (route.request().postDataJSON().is_typing ? route.continue() : route.abort()));
  await Promise.all([isShown(), field.pressSequentially('x')]);
  await ann.clock.runFor(3_100);
  await isOver();
  assert.deepEqual(said, [true, false], 'the word that it is over is lost');
});

test('presence comes and goes', async (t) => {
  const server = await Server.start(t, ['--presence-grace', '3s']);
  const ann = await enter(await person(t, 'Ann'), server);
  const context = await person(t, 'Ben');
  await isHere(ann, 'Ann').waitFor();
  const ben = await enter(context, server);
  await isHere(ann, 'Ben').waitFor();
  assert.deepEqual(await names(ben), ['Ann', 'Ben']);
  await ben.reload();
  await connected(ben);
  assert.deepEqual(await names(ann), ['Ann', 'Ben'], 'a reload is no event');
  await ben.close();
  await isHere(ann, 'Ben').waitFor({ state: 'detached' });
  assert.equal(await ann.locator('#people-title').textContent(), 'Here now: 1');
});

test('script and HTML in names, messages, titles and topics stay text', async (t) => {
  const server = await Server.start(t);
  const evil = '<img src=x onerror="document.title=1"><script>document.title=2</script><b>&amp;';
  await server.put('general', { title: evil, topic: evil });
  await server.post(evil, evil);
  await server.post('Ann', 'see https://example.org/a?b="onload=alert(1) and javascript:alert(1)');
  const context = await person(t, evil);
  const lobby = await context.newPage();
  await lobby.goto(`${server.url}/`);
  assert.equal(await lobby.locator('.room-title').textContent(), evil);
  const page = await enter(context, server);
  await sees(page, evil);
  await say(page, `${evil} live`);
  await sees(page, `${evil} live`);
  await page.locator('#title').getByText(evil).waitFor();
  assert.equal(await page.locator('#topic').textContent(), evil);
  assert.equal(await page.locator('#people-list bdi').textContent(), evil);
  assert.equal(await page.title(), `${evil} · Parlor`);
  for (const each of [page, lobby]) {
    assert.equal(await each.locator('#messages img, #messages script, #messages b, main img[src="x"]').count(), 0);
  }
  assert.deepEqual(
    await page.locator('#messages a').evaluateAll((links) => links.map(({ href, rel }) => [href, rel])),
    [['https://example.org/a?b=', 'noopener noreferrer nofollow']],
  );
  // A name and a text of the other direction turn nothing around them.
  assert.ok(await page.locator('#messages .author').evaluateAll((all) => all.every(({ tagName }) => tagName === 'BDI')));
  assert.ok(await page.locator('#messages .content').evaluateAll((all) => all.every(({ dir }) => dir === 'auto')));
});

test('HTML in a name stays text wherever a name is shown', async (t) => {
  const server = await Server.start(t);
  const evil = '<img src=x onerror="document.title=1"><b>Eve</b>';
  const page = await enter(await notifiable(t, 'Ann'), server);
  await wantsNotifications(page);
  await say(page, 'hello');
  await sees(page, 'hello');
  const hasText = async (place) => {
    await place.getByText(evil).first().waitFor({ state: 'attached' });
    assert.equal(await page.locator(':is(img, main b, dialog b, aside b)').count(), 0);
  };
  await server.typing(evil);
  await hasText(page.locator('#typing'));
  await server.read(evil, 1);
  await hasText(item(page, 1).locator('.seen'));
  await server.react(evil, 1, '👍');
  await item(page, 1).locator('.chip').waitFor();
  assert.equal(await item(page, 1).locator('.chip').getAttribute('title'), evil);
  for (const [entry, title] of [['Seen by', 'Seen by'], ['Reactions', 'Reactions']]) {
    await (await menu(page, 1)).getByRole('menuitem', { name: entry }).click();
    await hasText(page.getByRole('dialog', { name: title }).locator('.person'));
    await page.keyboard.press('Escape');
    await page.locator('#details').waitFor({ state: 'hidden' });
  }
  const { id } = await server.post(evil, evil);
  await server.edit(evil, id, `${evil}!`);
  await sees(page, `${evil}!`);
  await (await menu(page, id)).getByRole('menuitem', { name: 'What it said before' }).click();
  await hasText(page.locator('#details .revision'));
  await page.keyboard.press('Escape');
  await (await menu(page, id)).getByRole('menuitem', { name: 'Reply' }).click();
  await hasText(page.locator('#context-name'));
  await server.answer('Ben', id, 'an answer');
  await hasText(page.locator('#messages .quote'));
  await page.getByRole('button', { name: 'Search', exact: true }).click();
  await page.locator('#query').fill('Eve');
  await hasText(page.locator('#found .author'));
  await hide(page);
  await server.post(evil, `${evil} again`);
  await sees(page, `${evil} again`);
  const last = await page.evaluate(() => window.notified.at(-1).slice(0, 2));
  assert.deepEqual(last, [`${evil} in #general`, `${evil} again`]);
});

test('no script of a page makes markup of text', async () => {
  const folder = new URL('../../static/', import.meta.url);
  const scripts = (await readdir(folder, { recursive: true })).filter((name) => /\.(js|html)$/.test(name));
  assert.ok(scripts.length > 20);
  for (const name of scripts) {
    const text = await readFile(new URL(name, folder), 'utf8');
    const makers = /innerHTML|outerHTML|insertAdjacentHTML|setHTML|document\.write|createContextualFragment|DOMParser|srcdoc|\beval\(|new Function/;
    assert.doesNotMatch(text, makers, name);
  }
});

test('the policy allows nothing but what is from here, on every page', async (t) => {
  const server = await Server.start(t);
  const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
    "base-uri 'none'; frame-ancestors 'none'; form-action 'self'";
  const types = {
    '/': 'text/html; charset=utf-8', '/rooms/general': 'text/html; charset=utf-8', '/client1/': 'text/html; charset=utf-8',
    '/client2/': 'text/html; charset=utf-8', '/static/parlor.js': 'text/javascript; charset=utf-8',
    '/static/room/room.css': 'text/css; charset=utf-8', '/static/emoji/emoji.json': 'application/json', '/static/favicon.svg': 'image/svg+xml',
  };
  for (const [path, type] of Object.entries(types)) {
    const { headers, status } = await fetch(server.url + path);
    assert.equal(status, 200, path);
    assert.equal(headers.get('Content-Security-Policy'), policy, path);
    assert.equal(headers.get('Content-Type'), type, path);
    assert.equal(headers.get('Cache-Control'), 'no-cache', path);
    assert.equal(headers.get('X-Content-Type-Options'), 'nosniff', path);
  }
  // The browser keeps to it, and the tests would see it complain.
  const context = await person(t, 'Ann', { expect: [/policy: style-src-attr inline/, /Content Security Policy/] });
  const page = await enter(context, server);
  const heard = page.waitForEvent('console', (message) => message.text().startsWith('policy: style-src-attr'));
  await page.evaluate(() => document.body.setAttribute('style', 'color: red'));
  await heard;
});

/** A person whose windows keep what they notify of. */
async function notifiable(t, name, options) {
  const context = await person(t, name, { permissions: ['notifications'], ...options });
  await context.addInitScript(() => {
    window.notified = [];
    const { Notification: Real } = window;
    window.Notification = class {
      static permission = 'granted';
      static requestPermission = () => Real.requestPermission();
      constructor(title, { body, tag }) {
        window.notified.push([title, body, tag]);
      }
    };
  });
  return context;
}

async function wantsNotifications(page) {
  await page.getByRole('button', { name: 'Settings' }).click();
  await page.getByLabel(/Notify me/).check();
  await page.keyboard.press('Escape');
}

test('unread messages are counted in the title while hidden, and notified on request', async (t) => {
  const server = await Server.start(t);
  const context = await notifiable(t, 'Ann');
  const ann = await enter(context, server);
  await hide(ann);
  await server.post('Ben', 'one');
  await until(ann, () => document.title === '(1) general · Parlor');
  assert.deepEqual(await ann.evaluate(() => window.notified), [], 'nobody asked');
  await hide(ann, false);
  await until(ann, () => document.title === 'general · Parlor');
  await wantsNotifications(ann);
  await server.post('Ben', 'seen');
  await sees(ann, 'seen');
  await hide(ann);
  await server.post('Ann', 'from my phone');
  await server.post('Ben', 'two');
  await sees(ann, 'two');
  assert.equal(await ann.title(), '(1) general · Parlor', 'what is one’s own is not unread');
  assert.deepEqual(await ann.evaluate(() => window.notified), [['Ben in #general', 'two', 'parlor:general:4']]);
  assert.deepEqual(await ids(ann), [1, 2, 3, 4]);
});

test('who was away is called once for all that came, and not for what is deleted', async (t) => {
  const server = await Server.start(t);
  const proxy = await Proxy.start(t, server.url);
  const ann = await enter(await notifiable(t, 'Ann', { serverGoes: true }), proxy);
  await wantsNotifications(ann);
  await hide(ann);
  proxy.mute();
  for (let number = 1; number <= 5; number += 1) await server.post('Ben', `missed ${number}`);
  await server.remove('Ben', 2);
  proxy.cut();
  await sees(ann, 'missed 5');
  await until(ann, () => document.title === '(4) general · Parlor');
  const notified = await ann.evaluate(() => window.notified);
  assert.deepEqual(notified[0], ['Ben in #general', 'missed 1', 'parlor:general:1']);
  assert.deepEqual(notified.at(-1), ['4 new messages in #general', 'Ben: missed 5', 'parlor:general:1']);
  assert.equal(new Set(notified.map(([, , tag]) => tag)).size, 1, 'each takes the place of the one before');
});
