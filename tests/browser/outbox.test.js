// The outbox: messages kept, shown, sent in their order by whichever tab is there, refused, edited and discarded.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connected, enter, eventually, hasFocus, item, menu, person, say, sees, shown, state, until, useBrowser } from './support/browser.js';
import { Proxy } from './support/proxy.js';
import { Server } from './support/server.js';

useBrowser();

const unsent = (page) => page.locator('#unsent .content').allTextContents();

/** The outbox in Ann's browser, in the order it was written. */
const kept = async (page) => {
  const entries = await page.evaluate(() => Object.entries(localStorage).filter(([key]) => key.startsWith('parlor:unsent:general:ann:')));
  return entries.map(([, text]) => JSON.parse(text)).sort((one, other) => one.written - other.written).map(({ content }) => content);
};

/** Has the posts of a page or a context go astray, as often as it tries; how often that was is the answer's `count`. */
async function losePosts(from) {
  const lost = { count: 0 };
  await from.route('**/messages', (route) => {
    lost.count += 1;
    return route.abort();
  });
  return lost;
}

test('unsent messages are kept, also over a reload, and sent once in their order when the server is back', async (t) => {
  const server = await Server.start(t);
  const proxy = await Proxy.start(t, server.url);
  const ann = await enter(await person(t, 'Ann', { serverGoes: true }), proxy);
  const ben = await enter(await person(t, 'Ben', { serverGoes: true }), server);
  // The first is stored, but its answer is lost: asking again must not post it twice.
  const keys = [];
  ann.on('request', (request) => request.method() === 'POST' && request.url().endsWith('/messages') && keys.push(request.postDataJSON().client_id));
  await ann.route('**/messages', async (route) => {
    await route.fetch();
    await server.kill();
    await route.abort();
  }, { times: 1 });
  await say(ann, 'one');
  await state(ann, 'reconnecting');
  await say(ann, 'two');
  await say(ann, 'three');
  await eventually(async () => (await unsent(ann)).slice(-2).join() === 'two,three', 'both are shown as unsent');
  await ann.locator('#unsent').getByText('Not sent yet').first().waitFor();
  assert.deepEqual((await kept(ann)).slice(-2), ['two', 'three']);

  // Before the server is back: the page asks again at any moment.
  await ann.route('**/messages', (route) => route.abort());
  await server.begin();
  await ann.reload();
  await connected(ann);
  await eventually(async () => (await unsent(ann)).join() === 'two,three', 'kept over the reload');
  assert.deepEqual(await shown(ann), ['one']);
  await ann.unroute('**/messages');
  for (const page of [ann, ben]) {
    await sees(page, 'three');
    assert.deepEqual(await shown(page), ['one', 'two', 'three']);
  }
  await until(ann, () => document.getElementById('unsent').hidden);
  assert.deepEqual(await kept(ann), []);
  assert.equal(new Set(keys).size, 3, 'one key a message, however often it was tried');
});

test('a message the server refuses is shown as refused, and can be edited', async (t) => {
  const server = await Server.start(t);
  const ann = await enter(await person(t, 'Ann', { expect: [/status of 422/] }), server);
  // In UTF-8 these are 12,000 bytes.
  const long = 'ä'.repeat(6_000);
  await say(ann, long);
  const refused = ann.locator('#unsent .refused');
  await refused.waitFor();
  const told = ann.getByRole('alert').getByText('Your message was not sent. ');
  await told.waitFor();
  for (const name of ['Edit', 'Discard']) {
    const [words, button] = [await told.boundingBox(), await refused.getByRole('button', { name }).boundingBox()];
    assert.ok(words.y + words.height <= button.y, `nothing lies over ${name}`);
  }
  await say(ann, 'goes through');
  await sees(ann, 'goes through');
  await refused.getByRole('button', { name: 'Edit' }).click();
  assert.equal(await ann.locator('#content').inputValue(), long);
  await until(ann, () => document.getElementById('unsent').hidden);
  assert.deepEqual(await kept(ann), []);
});


for (const hears of [true, false]) {
  test(`what a closed tab has left is sent by one that stays${hears ? '' : ', once it is connected'}`, async (t) => {
    const server = await Server.start(t);
    const context = await person(t, 'Ann', { serverGoes: true });
    const going = await enter(context, server);
    const staying = await context.newPage();
    // Else it is the word of the other tab that has it look.
    if (!hears) await staying.addInitScript(() => addEventListener('storage', (event) => event.stopImmediatePropagation()));
    await staying.goto(`${server.url}/rooms/general`);
    await connected(staying);
    const lost = await losePosts(context);
    await say(going, 'left behind');
    await eventually(() => lost.count > 0, 'it was tried');
    if (hears) await eventually(async () => (await unsent(staying)).join() === 'left behind', 'the other tab shows it');
    await going.close();
    await context.unroute('**/messages');
    await sees(staying, 'left behind');
    await until(staying, () => document.getElementById('unsent').hidden);
    assert.deepEqual(await kept(staying), []);
    assert.deepEqual(await shown(staying), ['left behind']);
  });
}

test('no tab overwrites what another keeps', async (t) => {
  const server = await Server.start(t);
  const context = await person(t, 'Ann', { serverGoes: true });
  // As if each wrote before it has heard of what the other wrote.
  await context.addInitScript(() => addEventListener('storage', (event) => event.stopImmediatePropagation()));
  const [one, two] = [await enter(context, server), await enter(context, server)];
  await losePosts(context);
  await say(one, 'from the one');
  await eventually(async () => (await kept(two)).length === 1, 'it is kept');
  await say(two, 'from the other');
  await eventually(async () => (await kept(one)).join() === 'from the one,from the other', 'both are kept');
  await context.unroute('**/messages');
  for (const page of [one, two]) {
    await sees(page, 'from the one');
    await sees(page, 'from the other');
  }
  await eventually(async () => !(await kept(one)).length, 'both were sent');
});

test('what an older version of the page has kept is sent too', async (t) => {
  const server = await Server.start(t);
  const context = await person(t, 'Ann');
  await context.addInitScript((list) => {
    if (location.protocol !== 'http:') return;
    if (!localStorage.getItem('was here')) localStorage.setItem('parlor:outbox:general:ann', JSON.stringify(list));
    localStorage.setItem('was here', 'yes');
  }, [
    { client_id: 'b'.repeat(32), content: 'first' },
    { client_id: 'a'.repeat(32), content: 'second', problem: 'It was refused.' },
    { client_id: 'c'.repeat(32), content: 'x'.repeat(200_000) },
    { client_id: '9'.repeat(32), content: 'third' },
  ]);
  const page = await enter(context, server);
  await sees(page, 'third');
  assert.deepEqual(await shown(page), ['first', 'third']);
  assert.deepEqual((await unsent(page)).map((text) => text.slice(0, 6)), ['second', 'xxxxxx']);
  await page.locator('#unsent').getByText('It was refused.').waitFor();
  await page.reload();
  await connected(page);
  assert.deepEqual((await kept(page)).map((text) => text.slice(0, 6)), ['second', 'xxxxxx']);
  assert.equal(await page.evaluate(() => localStorage.getItem('parlor:outbox:general:ann')), null);
});

test('what is far too long is refused at once and keeps nothing waiting', async (t) => {
  const server = await Server.start(t);
  const page = await enter(await person(t, 'Ann'), server);
  const posts = [];
  page.on('request', (request) => request.method() === 'POST' && request.url().endsWith('/messages') && posts.push(request.postDataJSON().content));
  // In UTF-8 these are 64 KiB and one byte more.
  const long = `${'ä'.repeat(32 * 1024)}x`;
  await say(page, long);
  await page.getByRole('alert').getByText('too long').waitFor();
  await page.locator('#unsent .refused').getByText('too long').waitFor();
  await say(page, 'behind it');
  await sees(page, 'behind it');
  assert.deepEqual(posts, ['behind it']);
  await page.reload();
  await connected(page);
  await page.locator('#unsent .refused').getByRole('button', { name: 'Edit' }).click();
  assert.equal(await page.locator('#content').inputValue(), long);
  assert.deepEqual(await kept(page), []);
});

test('what waits can be discarded, from any tab, and what is behind it is sent', async (t) => {
  const server = await Server.start(t);
  const context = await person(t, 'Ann', { serverGoes: true });
  let lost = 0;
  await context.route('**/messages', (route) => {
    if (!route.request().postDataJSON().content.startsWith('stuck')) return route.continue();
    lost += 1;
    return route.abort();
  });
  const page = await enter(context, server);
  const discard = (at) => at.locator('#unsent li', { hasText: 'stuck' }).getByRole('button', { name: 'Discard' }).click();
  await say(page, 'stuck');
  await say(page, 'behind');
  await eventually(() => lost > 0, 'it was tried');
  await discard(page);
  await sees(page, 'behind');
  await hasFocus(page, 'content');
  const other = await enter(context, server);
  await say(page, 'stuck again');
  await say(page, 'behind that');
  await discard(other);
  await sees(page, 'behind that');
  await until(page, () => document.getElementById('unsent').hidden);
  assert.deepEqual(await kept(page), []);
  assert.deepEqual(await shown(page), ['behind', 'behind that']);
});

test('the focus stays where it is while messages are tried again, and goes to the field when they are gone', async (t) => {
  const server = await Server.start(t);
  const page = await (await person(t, 'Ann', { serverGoes: true, expect: [/status of 422/] })).newPage();
  await page.clock.install();
  await page.goto(`${server.url}/rooms/general`);
  await connected(page);
  await say(page, 'ä'.repeat(6_000));
  await page.locator('#unsent .refused').waitFor();
  const lost = await losePosts(page);
  await say(page, 'waits');
  await page.locator('#unsent').getByText('Not sent yet').waitFor();
  await page.locator('#unsent .refused').getByRole('button', { name: 'Discard' }).focus();
  for (const count of [lost.count + 1, lost.count + 2]) {
    // Longer than the pause between two tries.
    await page.clock.fastForward(8_000);
    await eventually(() => lost.count >= count, 'it was tried again');
  }
  await hasFocus(page, 'Discard');
  await page.keyboard.press('Enter');
  await page.locator('#unsent .refused').waitFor({ state: 'detached' });
  await hasFocus(page, 'content');
  await page.locator('#unsent').getByRole('button', { name: 'Discard' }).focus();
  await page.unroute('**/messages');
  await page.clock.fastForward(8_000);
  await sees(page, 'waits');
  await hasFocus(page, 'content');
});

test('a refused message that is edited joins what is written already, and keeps what it answers', async (t) => {
  const server = await Server.start(t);
  await server.post('Ben', 'question');
  const page = await enter(await person(t, 'Ann', { expect: [/status of 422/] }), server);
  await sees(page, 'question');
  const long = 'ä'.repeat(6_000);
  await (await menu(page, 1)).getByRole('menuitem', { name: 'Reply' }).click();
  await say(page, long);
  await page.locator('#unsent .refused .quote').waitFor();
  await page.locator('#content').fill('a draft');
  await page.locator('#unsent .refused').getByRole('button', { name: 'Edit' }).click();
  assert.equal(await page.locator('#content').inputValue(), `${long}\na draft`);
  assert.equal(await page.locator('#context-words').textContent(), 'question');
  // And over a reload.
  await page.reload();
  await connected(page);
  assert.equal(await page.locator('#content').inputValue(), `${long}\na draft`);
  await say(page, 'shorter');
  await sees(page, 'shorter');
  await item(page, 2).locator('.quote').getByText('question').waitFor();
  // What the draft answers stays, where the other answers nothing.
  await say(page, long);
  await page.locator('#unsent .refused').waitFor();
  await (await menu(page, 1)).getByRole('menuitem', { name: 'Reply' }).click();
  await page.locator('#unsent .refused').getByRole('button', { name: 'Edit' }).click();
  assert.equal(await page.locator('#content').inputValue(), long);
  assert.equal(await page.locator('#context-words').textContent(), 'question');
});

test('a page of a proxy is no answer: the line comes back and the message is sent', async (t) => {
  const server = await Server.start(t);
  const proxy = await Proxy.start(t, server.url);
  const page = await enter(await person(t, 'Ann', { serverGoes: true, expect: [/status of 404/] }), proxy);
  const answered = { poll: 0, messages: 0 };
  await page.route('**/api/v1/**', (route) => {
    answered[new URL(route.request().url()).pathname.split('/').at(-1)] += 1;
    return route.fulfill({ status: 404, contentType: 'text/plain', body: 'no such backend' });
  });
  proxy.cut();
  await say(page, 'while it was replaced');
  await eventually(() => answered.poll > 0 && answered.messages > 0, 'both were answered by the proxy');
  await page.locator('#unsent').getByText('Not sent yet').waitFor();
  await state(page, 'reconnecting');
  await page.unroute('**/api/v1/**');
  await connected(page);
  await sees(page, 'while it was replaced');
  assert.deepEqual(await shown(page), ['while it was replaced']);
});

test('where site data is blocked, one can read and write all the same', async (t) => {
  const server = await Server.start(t);
  const context = await person(t, undefined, { serverGoes: true });
  await context.addInitScript(() => {
    if (location.protocol !== 'http:') return;
    const blocked = () => {
      throw new DOMException('Access is denied.', 'SecurityError');
    };
    for (const storage of ['localStorage', 'sessionStorage']) Object.defineProperty(window, storage, { get: blocked });
    navigator.locks.request = async () => blocked();
  });
  const page = await enter(context, server, '/client1/');
  await say(page, 'hello');
  await sees(page, 'hello');
  await server.post('Ben', 'hello to you');
  await sees(page, 'hello to you');
  // What is kept lives as long as the page: messages that wait, and what is written while another is edited.
  await losePosts(page);
  await say(page, 'one');
  await say(page, 'two');
  await page.locator('#unsent').getByText('Not sent yet').first().waitFor();
  assert.deepEqual(await unsent(page), ['one', 'two']);
  await page.locator('#content').fill('a draft');
  await (await menu(page, 1)).getByRole('menuitem', { name: 'Edit' }).click();
  assert.equal(await page.locator('#content').inputValue(), 'hello');
  await page.keyboard.press('Escape');
  assert.equal(await page.locator('#content').inputValue(), 'a draft');
  await page.unroute('**/messages');
  await sees(page, 'two');
  assert.deepEqual(await shown(page), ['hello', 'hello to you', 'one', 'two']);
  await until(page, () => document.getElementById('unsent').hidden);
  // And where there can be no channel either.
  await context.addInitScript(() => {
    window.BroadcastChannel = class {
      constructor() {
        throw new DOMException('The operation is insecure.', 'SecurityError');
      }
    };
  });
  await page.reload();
  await connected(page);
  await say(page, 'three');
  await sees(page, 'three');
});
