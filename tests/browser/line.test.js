// The line to the server: it breaks, is held back, is changed and shared, and no window misses or repeats a message.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connected, enter, eventually, ids, person, say, sees, shown, state, useBrowser } from './support/browser.js';
import { Proxy } from './support/proxy.js';
import { Server } from './support/server.js';

useBrowser();

const upTo = (count) => Array.from({ length: count }, (_, index) => index + 1);

async function choose(page, transport) {
  await page.getByRole('button', { name: 'Settings' }).click();
  await page.locator('#transport').selectOption(transport);
  await page.keyboard.press('Escape');
}

/** Has the pages of a context begin with a transport that was chosen before. */
const prefer = (context, transport) => context.addInitScript((chosen) => {
  if (location.protocol === 'http:') localStorage.setItem('parlor:transport', JSON.stringify(chosen));
}, transport);

/** Posts three at a time without a pause, as fast as a window shows them. */
function keepPosting(server, page, count = 0) {
  const posting = { count, isOver: false };
  const all = (async () => {
    while (!posting.isOver) {
      for (let burst = 0; burst < 3; burst += 1) await server.post('Ben', `message ${(posting.count += 1)}`);
      await sees(page, `message ${posting.count}`);
    }
  })();
  posting.stop = () => {
    posting.isOver = true;
    return all;
  };
  // Heard of when it is stopped.
  all.catch(() => {});
  return posting;
}

const now = (page, words) => page.locator('#transport-now').getByText(words).waitFor({ state: 'attached' });

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

test('seven tabs are live on one line, and another takes over when the leading one closes', async (t) => {
  const server = await Server.start(t);
  const proxy = await Proxy.start(t, server.url);
  const context = await person(t, 'Ann');
  const tabs = [];
  for (let count = 0; count < 7; count += 1) tabs.push(await enter(context, proxy));
  await server.post('Ben', 'to all');
  for (const tab of tabs) await sees(tab, 'to all');
  assert.equal(proxy.streams, 1, 'one line for all');
  // With a line each the seventh could not even post.
  await say(tabs[6], 'from the seventh');
  for (const tab of tabs) await sees(tab, 'from the seventh');

  // A tab that takes over goes on from where it is: what it shows is not made anew from the history.
  for (const tab of tabs) await tab.evaluate(() => document.querySelectorAll('#messages > li').forEach((item) => (item.isOld = true)));

  const posting = keepPosting(server, tabs.at(-1), 2);
  while (tabs.length > 4) {
    const seen = posting.count;
    await tabs.shift().close();
    await eventually(() => posting.count > seen + 5, 'more was posted meanwhile');
    await eventually(() => proxy.streams === 1, 'one line again');
    for (const tab of tabs) await sees(tab, `message ${seen + 5}`);
  }
  await posting.stop();
  for (const tab of tabs) {
    await sees(tab, `message ${posting.count}`);
    assert.deepEqual(await ids(tab), upTo(posting.count));
    assert.ok(await tab.evaluate(() => [1, 2].every((id) => document.querySelector(`[data-id="${id}"]`).isOld)));
    assert.equal(await tab.locator('#status').textContent(), 'Connected');
    await tab.locator('#people-list [data-user="Ann"]').waitFor();
  }
  // A choice in one tab is a choice for all.
  await choose(tabs[0], 'poll');
  await now(tabs[3], 'long polls');
  await server.post('Ben', 'by poll');
  for (const tab of tabs) await sees(tab, 'by poll');
  assert.equal(proxy.streams, 0);
});

test('a tab takes over from a leading one that fell silent, and only one of them leads', async (t) => {
  const server = await Server.start(t);
  const proxy = await Proxy.start(t, server.url);
  const context = await person(t, 'Ann');
  const leader = await enter(context, proxy);
  const follower = await context.newPage();
  await follower.clock.install();
  await follower.goto(`${proxy.url}/rooms/general`);
  await connected(follower);
  const streams = () => proxy.asked.filter((path) => path.endsWith('/stream')).length;
  assert.equal(streams(), 1);
  // For this tab's clock the other has said nothing for longer than pings can be apart.
  await follower.clock.fastForward(60_000);
  assert.equal(streams(), 1);
  await follower.clock.fastForward(30_000);
  await eventually(() => streams() === 2 && proxy.streams === 1, 'a line of its own, and the other closed');
  await server.post('Ben', 'to both');
  for (const tab of [leader, follower]) {
    await sees(tab, 'to both');
    await connected(tab);
    assert.deepEqual(await shown(tab), ['to both']);
  }
  await follower.close();
  await eventually(() => proxy.streams === 1, 'and back');
  await server.post('Ben', 'to one');
  await sees(leader, 'to one');
  assert.deepEqual(await shown(leader), ['to both', 'to one']);
});

test('a leading tab that hears nothing itself is not taken for dead', async (t) => {
  const server = await Server.start(t);
  const context = await person(t, 'Ann', { serverGoes: true });
  await prefer(context, 'poll');
  const [leader, follower] = [await context.newPage(), await context.newPage()];
  // A room in which nothing happens: polls are answered when this test says so, and then without a word.
  let answer;
  await leader.route('**/poll?*', async (route) => {
    const query = new URL(route.request().url()).searchParams;
    if (query.get('wait') === '0') return route.continue();
    await new Promise((resolve) => {
      answer = resolve;
    });
    return route.fulfill({ json: { events: [], next: query.get('since'), has_more: false, state: query.get('state') } }).catch(() => {});
  });
  for (const tab of [leader, follower]) {
    await tab.clock.install();
    await tab.goto(`${server.url}/rooms/general`);
    await connected(tab);
  }
  // Time passes here as fast as it is told to, and a sign of life on its way to the other tab takes as long as ever.
  await follower.evaluate(() => {
    globalThis.signs = 0;
    globalThis.listening = new BroadcastChannel('parlor:general:ann');
    globalThis.listening.onmessage = ({ data }) => (globalThis.signs += data.isAlive ? 1 : 0);
  });
  let signs = 0;
  const passQuarter = async () => {
    await leader.clock.fastForward(15_000);
    signs += 1;
    await eventually(async () => (await follower.evaluate(() => globalThis.signs)) >= signs, 'a sign of life');
    await follower.clock.fastForward(15_000);
  };
  // A line says who follows; what a tab that is led catches up with does not.
  const lines = [];
  follower.on('request', (request) => request.url().includes('/poll?') && lines.push(...new URL(request.url()).searchParams.getAll('username')));
  for (let quarter = 0; quarter < 8; quarter += 1) {
    await eventually(() => answer, 'it polls');
    answer();
    answer = undefined;
    await passQuarter();
  }
  assert.deepEqual(lines, []);
  for (const tab of [leader, follower]) assert.equal(await tab.locator('#status').textContent(), 'Connected');

  // Nor while the server is away, whatever the transport.
  await eventually(() => answer, 'it polls');
  await leader.unroute('**/poll?*');
  answer();
  await choose(leader, 'auto');
  await now(follower, 'an event stream');
  await connected(follower);
  follower.on('request', (request) => request.url().includes('/stream?') && lines.push('stream'));
  await server.kill();
  await state(follower, 'reconnecting');
  for (let quarter = 0; quarter < 8; quarter += 1) await passQuarter();
  await server.begin();
  await server.post('Ben', 'to both');
  await eventually(async () => {
    // Ends the pause between two tries.
    await leader.evaluate(() => dispatchEvent(new Event('online')));
    return (await leader.locator('#status').textContent()) === 'Connected';
  }, 'it comes back');
  for (const tab of [leader, follower]) await sees(tab, 'to both');
  assert.deepEqual(lines, []);
  // It is there all the same when the other goes.
  await leader.close();
  await eventually(() => lines.length > 0, 'a line of its own');
  await server.post('Ben', 'to one');
  await sees(follower, 'to one');
  assert.deepEqual(await shown(follower), ['to both', 'to one']);
});

test('where tabs can share no line, each has its own', async (t) => {
  const server = await Server.start(t);
  const proxy = await Proxy.start(t, server.url);
  const context = await person(t, 'Ann');
  // As on a page that came by plain HTTP from another machine.
  await context.addInitScript(() => {
    Object.defineProperty(navigator, 'locks', { value: undefined });
    delete crypto.randomUUID;
    delete window.Notification;
  });
  const [one, two] = [await enter(context, proxy), await enter(context, proxy)];
  assert.equal(proxy.streams, 2);
  await say(one, 'hello');
  for (const tab of [one, two]) await sees(tab, 'hello');
  assert.deepEqual(await shown(two), ['hello']);
});

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
  const server = await Server.start(t);
  for (const transport of ['auto', 'websocket', 'poll']) {
    // A poll that is asked while the server drains is told so.
    const page = await enter(await person(t, 'Ann', { serverGoes: true, expect: [/status of 503/] }), server);
    await choose(page, transport);
    await now(page, { auto: 'an event stream', websocket: 'a WebSocket', poll: 'long polls' }[transport]);
    await connected(page);
    const banner = page.locator('#banner').getByText('The server is restarting').waitFor();
    await server.kill('SIGTERM');
    // A poll is answered without a word.
    if (transport === 'poll') banner.catch(() => {});
    else await banner;
    await state(page, 'reconnecting');
    await server.begin();
    await connected(page);
    assert.ok(!(await page.locator('#banner').isVisible()), 'all is well again');
    await server.post('Ben', `after ${transport}`);
    await sees(page, `after ${transport}`);
    await page.close();
  }
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
