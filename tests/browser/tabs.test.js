// One line for all tabs of a browser: whichever rooms they show, and whichever of them is closed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connected, enter, eventually, ids, person, say, sees, shown, state, useBrowser } from './support/browser.js';
import { choose, keepPosting, now, prefer, upTo } from './support/line.js';
import { nginx } from './support/nginx.js';
import { Proxy } from './support/proxy.js';
import { Server } from './support/server.js';

useBrowser();

const ROOMS = ['general', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];

/** A tab for each room, opened one after the other. */
async function tabsOf(context, server, rooms = ROOMS) {
  const tabs = new Map();
  for (const room of rooms) tabs.set(room, await enter(context, server, `/rooms/${room}`));
  return tabs;
}

/** Each tab posts, and somebody else does in each room. */
async function everyoneTalks(server, tabs, word) {
  for (const [room, tab] of tabs) {
    await say(tab, `${word} from ${room}`);
    await server.post('Ben', `${word} to ${room}`, room);
  }
  for (const [room, tab] of tabs) {
    await sees(tab, `${word} from ${room}`);
    await sees(tab, `${word} to ${room}`);
    await tab.locator('#unsent').waitFor({ state: 'hidden' });
  }
}

const onLine = (proxy, rooms) => {
  const asked = proxy.queries.findLast((query) => query.has('rooms'));
  return asked && rooms.every((room) => asked.get('rooms').split(',').includes(room)) && asked.get('rooms').split(',').length === rooms.length;
};

test('eight tabs of eight rooms post and receive on one line, whichever is closed', async (t) => {
  const server = await Server.start(t);
  const proxy = await Proxy.start(t, server.url);
  const context = await person(t, 'Ann');
  const tabs = await tabsOf(context, proxy);
  await everyoneTalks(server, tabs, 'hello');
  await eventually(() => proxy.streams === 1, 'one line for all');
  assert.ok(onLine(proxy, ROOMS), 'that follows all rooms');
  for (const [room, tab] of tabs) {
    assert.deepEqual((await shown(tab)).sort(), [`hello from ${room}`, `hello to ${room}`]);
    await tab.locator('#people-list [data-user="Ann"]').waitFor();
  }
  // One that is led: its room is no longer followed.
  await tabs.get('c').close();
  tabs.delete('c');
  await eventually(() => onLine(proxy, [...tabs.keys()]), 'without its room');
  // The one that leads: another takes over, for all rooms.
  await tabs.get('general').close();
  tabs.delete('general');
  for (const room of tabs.keys()) await server.post('Ben', 'meanwhile', room);
  await everyoneTalks(server, tabs, 'again');
  await eventually(() => proxy.streams === 1 && onLine(proxy, [...tabs.keys()]), 'one line again');
  for (const [room, tab] of tabs) {
    assert.deepEqual((await shown(tab)).sort(), ['again', 'hello'].flatMap((word) => [`${word} from ${room}`, `${word} to ${room}`]).concat('meanwhile').sort());
  }
});

test('nothing is missed or shown twice while the rooms of the line change', async (t) => {
  const server = await Server.start(t);
  const proxy = await Proxy.start(t, server.url);
  const context = await person(t, 'Ann');
  const leader = await enter(context, proxy);
  const posting = keepPosting(server, leader);
  const others = [];
  for (const room of ['b', 'c', 'd', 'e']) {
    const seen = posting.count;
    await server.post('Ben', 'before', room);
    others.push([room, await enter(context, proxy, `/rooms/${room}`)]);
    await server.post('Ben', 'after', room);
    await sees(others.at(-1)[1], 'after');
    await eventually(() => posting.count > seen + 3, 'more was posted meanwhile');
  }
  // A second tab of a room changes nothing, and has what was there before.
  const opened = proxy.queries.length;
  const second = await enter(context, proxy, '/rooms/b');
  await sees(second, 'after');
  assert.equal(proxy.queries.slice(opened).filter((query) => query.has('rooms')).length, 0);
  while (others.length) {
    const [room, tab] = others.pop();
    const seen = posting.count;
    assert.deepEqual(await ids(tab), [1, 2], room);
    await tab.close();
    await eventually(() => posting.count > seen + 3, 'more was posted meanwhile');
  }
  await posting.stop();
  assert.deepEqual(await ids(leader), upTo(posting.count));
  await server.post('Ben', 'still there', 'b');
  await sees(second, 'still there');
  assert.deepEqual(await shown(second), ['before', 'after', 'still there']);
  assert.equal(proxy.streams, 1);
});

test('a second name has a second line, and each hears only its rooms', async (t) => {
  const server = await Server.start(t);
  const proxy = await Proxy.start(t, server.url);
  const context = await person(t, 'Ann');
  const tabs = [await enter(context, proxy, '/client1/'), await enter(context, proxy, '/client2/'), await enter(context, proxy, '/client1/')];
  assert.equal(proxy.streams, 2);
  await say(tabs[0], 'from one');
  await say(tabs[1], 'from two');
  for (const tab of tabs) {
    await sees(tab, 'from one');
    await sees(tab, 'from two');
    for (const user of ['Client1', 'Client2']) await tab.locator(`#people-list [data-user="${user}"]`).waitFor();
  }
  assert.equal(await tabs[2].locator('.own .content').textContent(), 'from one');
});

for (const transport of ['websocket', 'poll']) {
  test(`eight tabs of eight rooms post and receive by ${transport}`, async (t) => {
    const server = await Server.start(t);
    const context = await person(t, 'Ann');
    await prefer(context, transport);
    await everyoneTalks(server, await tabsOf(context, server), 'hello');
  });
}

test('eight tabs of eight rooms post and receive behind nginx on HTTP/1.1', async (t) => {
  const server = await Server.start(t);
  const site = await nginx(t, server);
  const context = await person(t, 'Ann');
  const tabs = await tabsOf(context, site);
  await everyoneTalks(server, tabs, 'hello');
  await tabs.get('general').close();
  tabs.delete('general');
  await everyoneTalks(server, tabs, 'again');
});

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

  // A tab that takes over goes on from where it is: what it shows is not made again from the history.
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
    globalThis.listening = new BroadcastChannel('parlor:ann');
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

test('where tabs can share no line, each has its own, and says so before connections run out', async (t) => {
  const server = await Server.start(t);
  // A page by plain HTTP from another machine: the browser gives it no locks.
  const proxy = await Proxy.start(t, server.url, { name: 'chat.example' });
  const context = await person(t, 'Ann');
  const tabs = [await enter(context, proxy), await enter(context, proxy)];
  assert.equal(await tabs[0].evaluate(() => isSecureContext || 'locks' in navigator), false);
  await eventually(() => proxy.streams === 2, 'a line each');
  await say(tabs[0], 'hello');
  for (const tab of tabs) await sees(tab, 'hello');
  assert.deepEqual(await shown(tabs[1]), ['hello']);
  while (tabs.length < 4) tabs.push(await enter(context, proxy));
  const banner = (tab) => tab.locator('#banner').getByText('tabs of this browser are connected');
  for (const tab of tabs) assert.ok(!(await banner(tab).isVisible()), 'there is room yet');
  tabs.push(await enter(context, proxy));
  for (const tab of tabs) await banner(tab).waitFor();
  await say(tabs[4], 'from the fifth');
  for (const tab of tabs) await sees(tab, 'from the fifth');
  // A WebSocket takes none of the connections.
  await choose(tabs[4], 'websocket');
  for (const tab of tabs) await banner(tab).waitFor({ state: 'hidden' });
  await choose(tabs[4], 'auto');
  for (const tab of tabs) await banner(tab).waitFor();
  await tabs.pop().close();
  for (const tab of tabs) await banner(tab).waitFor({ state: 'hidden' });
});
