// The line to the server: it breaks, is held back and changed, and no window misses or repeats a message.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connected, enter, eventually, ids, person, say, sees, shown, state, useBrowser } from './support/browser.js';
import { choose, keepPosting, now, prefer, upTo } from './support/line.js';
import { Proxy } from './support/proxy.js';
import { Server } from './support/server.js';

useBrowser();

test('after kill -9 and a new start both windows catch up by themselves', async (t) => {
  const server = await Server.start(t);
  const ann = await enter(await person(t, 'Ann', { serverGoes: true }), server);
  const ben = await enter(await person(t, 'Ben', { serverGoes: true }), server);
  await say(ann, 'before');
  await sees(ben, 'before');
  await server.kill();
  await state(ann, 'reconnecting');
  await state(ben, 'reconnecting');
  assert.equal(await ann.locator('#status').textContent(), 'Reconnecting…');
  await server.begin();
  await server.post('Eve', 'while they were away');
  for (const page of [ann, ben]) {
    await sees(page, 'while they were away');
    await connected(page);
  }
  await say(ben, 'after');
  await sees(ann, 'after');
  for (const page of [ann, ben]) {
    assert.deepEqual(await shown(page), ['before', 'while they were away', 'after']);
    await page.locator('#people-list [data-user="Ann"]').waitFor();
    await page.locator('#people-list [data-user="Ben"]').waitFor();
  }
});

test('switching transports misses nothing and repeats nothing', async (t) => {
  const server = await Server.start(t);
  const page = await enter(await person(t, 'Ann'), server);
  const posting = keepPosting(server, page);
  for (const [transport, words] of [['websocket', 'a WebSocket'], ['poll', 'long polls'], ['auto', 'an event stream'], ['poll', 'long polls'], ['websocket', 'a WebSocket']]) {
    const seen = posting.count;
    await choose(page, transport);
    await now(page, words);
    await connected(page);
    await eventually(() => posting.count > seen + 3, 'more was posted meanwhile');
  }
  await posting.stop();
  assert.deepEqual(await ids(page), upTo(posting.count));
  // The choice is remembered.
  await page.reload();
  await connected(page);
  await now(page, 'a WebSocket');
});

test('a stream held back by a proxy is given up for long polls', async (t) => {
  const server = await Server.start(t);
  const proxy = await Proxy.start(t, server.url);
  proxy.holdsStreams = true;
  await server.post('Ben', 'before');
  const context = await person(t, 'Ann', { serverGoes: true });
  const page = await context.newPage();
  await page.clock.install();
  await page.goto(`${proxy.url}/rooms/general`);
  await eventually(() => proxy.streams === 1, 'a stream is tried');
  await page.clock.fastForward(7_000);
  assert.ok(!proxy.asked.some((path) => path.endsWith('/poll')), 'not at once');
  await page.clock.fastForward(1_100);
  await connected(page);
  await now(page, 'long polls');
  assert.equal(await page.locator('#transport').inputValue(), 'auto', 'it was not the user who chose');
  await server.post('Ben', 'live');
  await sees(page, 'live');
  assert.deepEqual(await shown(page), ['before', 'live']);
  await page.locator('#people-list [data-user="Ann"]').waitFor();
  assert.equal(proxy.streams, 0, 'the stream is closed');
  // The proxy is mended: later a stream is tried again.
  proxy.holdsStreams = false;
  await page.clock.fastForward(5 * 60_000);
  await now(page, 'an event stream');
  await connected(page);
  await server.post('Ben', 'by stream again');
  await sees(page, 'by stream again');
  assert.deepEqual(await shown(page), ['before', 'live', 'by stream again']);

  // Held back once more: since one has come through, the next is tried as soon as after the first time.
  proxy.holdsStreams = true;
  proxy.cut();
  await state(page, 'reconnecting');
  await eventually(() => proxy.streams === 1, 'the browser tries again');
  await page.clock.fastForward(40_000);
  await now(page, 'long polls');
  await connected(page);
  await page.clock.fastForward(5 * 60_000);
  await eventually(() => proxy.streams === 1, 'a stream is tried again');
  // But later each time that none does.
  await page.clock.fastForward(8_100);
  await now(page, 'long polls');
  await connected(page);
  await page.clock.fastForward(5 * 60_000);
  await connected(page);
  assert.equal(proxy.streams, 0, 'not yet');
  await page.clock.fastForward(5 * 60_000);
  await eventually(() => proxy.streams === 1, 'and again');
});

for (const [transport, path] of [['stream', '/stream'], ['websocket', '/ws']]) {
  test(`a ${transport} without a sign of life is given up, and what came meanwhile is read`, async (t) => {
    const server = await Server.start(t);
    const proxy = await Proxy.start(t, server.url);
    const context = await person(t, 'Ann');
    await prefer(context, transport);
    const page = await context.newPage();
    await page.clock.install();
    await page.goto(`${proxy.url}/rooms/general`);
    await connected(page);
    const lines = () => proxy.asked.filter((asked) => asked.endsWith(path)).length;
    assert.equal(lines(), 1);
    proxy.mute();
    await server.post('Ben', 'unheard');
    await page.clock.fastForward(30_000);
    assert.equal(lines(), 1, 'two missed pings are no reason yet');
    await page.clock.fastForward(8_000);
    await eventually(() => lines() === 2, 'a new line');
    await sees(page, 'unheard');
    await connected(page);
    assert.deepEqual(await shown(page), ['unheard']);
  });
}

test('a reset drops what is there and loads the room again', async (t) => {
  const server = await Server.start(t);
  await server.fill(3);
  const context = await person(t, 'Ann', { serverGoes: true });
  const [page, other] = [await enter(context, server), await enter(context, server)];
  for (const tab of [page, other]) await sees(tab, 'message 3');
  await server.kill();
  await server.begin({ database: 'another.db' });
  await server.post('Ben', 'a new beginning');
  for (const tab of [page, other]) {
    await sees(tab, 'a new beginning');
    await connected(tab);
    assert.deepEqual(await shown(tab), ['a new beginning']);
    await tab.locator('#banner').getByText('loaded again').waitFor();
  }
});

test('a server that ends says so, and is found again', async (t) => {
  const server = await Server.start(t, ['--drain-spread', '100ms']);
  const pages = [];
  for (const [transport, words] of [['auto', 'an event stream'], ['websocket', 'a WebSocket'], ['poll', 'long polls']]) {
    // A poll that is asked while the server drains is told so.
    const page = await enter(await person(t, 'Ann', { serverGoes: true, expect: [/status of 503/] }), server);
    await choose(page, transport);
    await now(page, words);
    await connected(page);
    pages.push(page);
  }
  // A poll is answered without a word.
  const told = pages.slice(0, 2).map((page) => page.locator('#banner').getByText('The server is restarting').waitFor());
  await Promise.all([...told, ...pages.map((page) => state(page, 'reconnecting')), server.kill('SIGTERM')]);
  await server.begin();
  for (const page of pages) {
    await connected(page);
    assert.ok(!(await page.locator('#banner').isVisible()), 'all is well again');
  }
  await server.post('Ben', 'after it');
  for (const page of pages) await sees(page, 'after it');
});

test('a store that is out is told, and that it is back', async (t) => {
  const server = await Server.start(t);
  const context = await person(t, 'Ann', { serverGoes: true, expect: [/status of 503/] });
  const frame = (event) => `data: ${JSON.stringify({ room: 'general', ...event })}\n\n`;
  const history = frame({ type: 'message_history', id: 0, messages: [], has_more: false });
  let body = `retry: 100\n\n${history}${frame({ type: 'service_status', status: 'degraded' })}`;
  await context.route('**/stream?*', (route) => route.fulfill({ contentType: 'text/event-stream', body }));
  const page = await context.newPage();
  await page.goto(`${server.url}/rooms/general`);
  await page.locator('#banner').getByText('can’t store messages').waitFor();
  body = `retry: 100\n\n${history}${frame({ type: 'service_status', status: 'ok' })}`;
  await page.locator('#banner').waitFor({ state: 'hidden' });
  // A server that has no room for a stream says why.
  body = `retry: 100\nevent: error\ndata: ${JSON.stringify({ status: 503, detail: 'Too many are here.' })}\n\n`;
  await page.locator('#banner').getByText('Too many are here.').waitFor();
});
