// static/parlor.js on its own, as somebody else's page would import it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { eventually, person, until, useBrowser } from './support/browser.js';
import { cleanup } from './support/cleanup.js';
import { Server } from './support/server.js';

useBrowser();

/** A page that has nothing of the client but the module, as `parlor`, and keeps what a room tells it in `seen`. */
async function importer(t, server, options) {
  const context = await person(t, undefined, options);
  const page = await context.newPage();
  // Any page from there; this one has no script of its own.
  await page.goto(`${server.url}/static/favicon.svg`);
  await page.evaluate(async () => {
    window.parlor = await import('/static/parlor.js');
    window.follow = (options) => {
      window.seen = [];
      window.states = [];
      window.room?.close();
      window.room = window.parlor.connect('general', options);
      window.room.addEventListener('event', ({ detail }) => window.seen.push(detail));
      window.room.addEventListener('state', ({ detail }) => window.states.push(detail.name));
    };
  });
  return page;
}

const follow = (page, options) => page.evaluate((given) => window.follow(given), options);
const contents = (page) => page.evaluate(() => window.seen.filter(({ type }) => type === 'chat_message').map(({ message }) => message.content));
const has = (page, type) => until(page, (wanted) => window.seen.some((event) => event.type === wanted), type);
const isIn = (page, state) => until(page, (wanted) => window.room.state.name === wanted, state);

for (const transport of ['stream', 'websocket', 'poll']) {
  test(`by ${transport}: history, live events, resuming by cursor, and the end`, async (t) => {
    const server = await Server.start(t);
    await server.fill(3);
    const page = await importer(t, server);
    await follow(page, { transport, username: 'Ann', history: 2 });
    await has(page, 'presence_state');
    const [history] = await page.evaluate(() => window.seen);
    assert.equal(history.type, 'message_history');
    assert.deepEqual(history.messages.map(({ id }) => id), [2, 3]);
    assert.ok(history.has_more);
    await server.post('Ben', 'live');
    await has(page, 'chat_message');
    assert.equal(await page.evaluate(() => window.room.cursor), 4);
    assert.deepEqual(await page.evaluate(() => window.states), ['connected']);
    await page.evaluate(() => window.room.close());
    await server.post('Ben', 'missed');
    await follow(page, { transport, username: 'Ann', since: 3 });
    await until(page, () => window.room.cursor === 5);
    await has(page, 'presence_state');
    assert.deepEqual(await contents(page), ['live', 'missed'], 'all after the cursor and no history');
    const closed = page.evaluate(() => new Promise((resolve) => {
      window.room.addEventListener('state', ({ detail }) => detail.name === 'closed' && resolve(true));
      window.room.close();
    }));
    assert.ok(await closed);
    await server.post('Ben', 'after the end');
    assert.equal(await page.evaluate(() => window.room.cursor), 5);
  });
}

test('a post is asked again with its key until it is answered, and is there once', async (t) => {
  const server = await Server.start(t);
  const page = await importer(t, server, { serverGoes: true, expect: [/status of (503|429|422)/] });
  await follow(page, { username: 'Ann' });
  await isIn(page, 'connected');
  const asked = [];
  const answers = [
    // Stored, but the answer is lost.
    async (route) => {
      await route.fetch();
      await route.abort();
    },
    (route) => route.fulfill({ status: 503, headers: { 'Retry-After': '1' }, contentType: 'application/problem+json', body: '{"code":"unavailable"}' }),
    (route) => route.fulfill({ status: 429, headers: { 'Retry-After': '1' }, contentType: 'text/html', body: 'a proxy says no' }),
    (route) => route.continue(),
  ];
  await page.route('**/messages', (route) => {
    asked.push([Date.now(), route.request().postDataJSON().client_id]);
    return answers.shift()(route);
  });
  const message = await page.evaluate(() => window.room.post('Hello', { clientId: 'key-1' }));
  assert.equal(message.id, 1);
  assert.equal(message.client_id, 'key-1');
  assert.deepEqual(asked.map(([, key]) => key), ['key-1', 'key-1', 'key-1', 'key-1']);
  assert.ok(asked[2][0] - asked[1][0] >= 990, 'as late as the server asked for');
  await has(page, 'chat_message');
  await page.unroute('**/messages');
  const refusal = await page.evaluate(() => window.room.post(' ').catch(({ status, isFinal, errors, message: text }) => ({ status, isFinal, errors, text })));
  assert.equal(refusal.status, 422);
  assert.ok(refusal.isFinal && refusal.text);
  assert.equal(refusal.errors[0].field, 'content');
  assert.deepEqual(await contents(page), ['Hello']);
});

test('a post can be given up, while it is asked and between', async (t) => {
  const server = await Server.start(t);
  const page = await importer(t, server, { serverGoes: true });
  await follow(page, { username: 'Ann' });
  await isIn(page, 'connected');
  let asked = 0;
  await page.route('**/messages', (route) => {
    asked += 1;
    // The second has no answer, ever.
    return asked === 1 ? route.abort() : undefined;
  });
  // The first is given up in the pause before it is asked again.
  const first = page.evaluate(async () => {
    const control = new AbortController();
    window.room.addEventListener('retry', () => setTimeout(() => control.abort()), { once: true });
    return window.room.post('one', { signal: control.signal }).catch(({ name, isFinal }) => [name, Boolean(isFinal)]);
  });
  const [, isFinal] = await first;
  assert.equal(isFinal, false);
  const second = page.evaluate(() => {
    window.control = new AbortController();
    return window.room.post('two', { signal: window.control.signal }).catch(({ name }) => name);
  });
  await eventually(() => asked === 2, 'it is asked');
  await page.evaluate(() => window.control.abort());
  assert.equal(await second, 'AbortError');
  await page.unroute('**/messages');
  await page.evaluate(() => window.room.post('three'));
  await has(page, 'chat_message');
  assert.deepEqual(await contents(page), ['three']);
  assert.equal(asked, 2, 'neither was asked again');
});

test('it goes on by another transport from its cursor', async (t) => {
  const server = await Server.start(t);
  const page = await importer(t, server);
  await follow(page, { username: 'Ann' });
  await has(page, 'message_history');
  const expected = [];
  for (const transport of ['websocket', 'poll', 'stream', 'auto']) {
    const before = server.post('Ben', `before ${transport}`);
    await page.evaluate((next) => window.room.setTransport(next), transport);
    await before;
    await server.post('Ben', `after ${transport}`);
    expected.push(`before ${transport}`, `after ${transport}`);
    await until(page, (count) => window.room.cursor === count, expected.length);
    await isIn(page, 'connected');
  }
  assert.deepEqual(await contents(page), expected);
  assert.equal(await page.evaluate(() => window.seen.filter(({ type }) => type === 'message_history').length), 1);
});

test('a closed stream is built again after growing random pauses', async (t) => {
  const server = await Server.start(t);
  const page = await importer(t, server, { expect: [/status of 503/] });
  // By the page's clock, which does not count what the test itself needs.
  await page.evaluate(() => {
    window.pauses = [];
    const real = window.setTimeout;
    window.setTimeout = (act, time, ...rest) => {
      const isPause = time >= 500 && time < 8_000;
      if (isPause) window.pauses.push(time);
      return real(act, isPause ? time / 20 : time, ...rest);
    };
  });
  // A proxy's own answer: for a browser that is the end of a stream.
  await page.route('**/stream?*', (route) => route.fulfill({ status: 503, body: 'away' }));
  await page.route('**/poll?*', (route) => route.fulfill({ status: 503, body: 'away' }));
  await follow(page, { username: 'Ann', since: 0 });
  await until(page, () => window.pauses.length >= 4);
  const pauses = await page.evaluate(() => window.pauses.slice(0, 4));
  pauses.forEach((pause, index) => assert.ok(pause >= 500 * 2 ** index && pause <= 1_000 * 2 ** index, `${index}: ${pause}`));
  assert.ok(pauses.some((pause) => !Number.isInteger(pause)), `random: ${pauses}`);
  await server.post('Ben', 'meanwhile');
  await page.unroute('**/poll?*');
  await page.unroute('**/stream?*');
  await isIn(page, 'connected');
  await has(page, 'chat_message');
  assert.deepEqual(await contents(page), ['meanwhile']);
});

test('where streams are refused but polls are not, it falls back at once', async (t) => {
  const server = await Server.start(t);
  const page = await importer(t, server, { expect: [/status of 501/] });
  await page.route('**/stream?*', (route) => route.fulfill({ status: 501 }));
  await follow(page, { username: 'Ann' });
  await isIn(page, 'connected');
  assert.equal(await page.evaluate(() => window.room.state.transport), 'poll');
  await server.post('Ben', 'hi');
  await has(page, 'chat_message');
});

test('what can never succeed is told and not tried again', async (t) => {
  const server = await Server.start(t);
  const page = await importer(t, server, { expect: [/status of 4\d\d/, /Unexpected response code: 400/] });
  for (const transport of ['auto', 'websocket', 'poll']) {
    await follow(page, { username: 'x'.repeat(101), transport });
    await isIn(page, 'refused');
    assert.match(await page.evaluate(() => window.room.state.detail), /100 characters/, transport);
  }
  // The word of a proxy is not the server's.
  await page.route('**/rooms/**', (route) => route.fulfill({ status: 404, contentType: 'application/json', body: '{"status":404}' }));
  const failure = await page.evaluate(() => window.room.messages().catch(({ status, isFinal }) => ({ status, isFinal })));
  assert.deepEqual(failure, { status: 404, isFinal: false });
});

test('every event comes once, whatever the line repeats', async (t) => {
  const server = await Server.start(t);
  const page = await importer(t, server);
  const event = (id) => `id: ${id}\ndata: ${JSON.stringify({ type: 'chat_message', id, message: { id, content: `m${id}` } })}\n\n`;
  let body = `retry: 50\n\n${event(1)}${event(2)}${event(2)}${event(1)}`;
  await page.route('**/stream?*', (route) => route.fulfill({ contentType: 'text/event-stream', body }));
  await follow(page, { since: 0 });
  await until(page, () => window.room.cursor === 2);
  body = `retry: 50\n\n${event(1)}${event(2)}${event(3)}`;
  await until(page, () => window.room.cursor === 3);
  // After a reset the ids begin again.
  const reset = `data: {"type":"reset","reason":"ahead"}\n\nid: 1\ndata: {"type":"message_history","id":1,"messages":[],"has_more":false}\n\n`;
  body = `retry: 60000\n\n${reset}${event(2)}`;
  await until(page, () => window.seen.length === 6);
  const seen = await page.evaluate(() => window.seen.map(({ type, id }) => `${type} ${id ?? ''}`.trim()));
  assert.deepEqual(seen, ['chat_message 1', 'chat_message 2', 'chat_message 3', 'reset', 'message_history 1', 'chat_message 2']);
});

test('typing is said by the client and seen by others', async (t) => {
  const server = await Server.start(t);
  const [ann, ben] = [await importer(t, server), await importer(t, server)];
  await follow(ann, { username: 'Ann' });
  await follow(ben, { username: 'Ben' });
  await isIn(ann, 'connected');
  await isIn(ben, 'connected');
  await ann.evaluate(() => window.room.typing(true));
  await has(ben, 'typing_indicator');
  await ann.evaluate(() => window.room.typing(false));
  await until(ben, () => window.seen.some(({ type, is_typing: on }) => type === 'typing_indicator' && !on));
  await eventually(() => ann.evaluate(() => window.seen.every(({ type }) => type !== 'typing_indicator')), 'not to who types');
});

test('older messages by page, and a room that is asked for by a wrong transport', async (t) => {
  const server = await Server.start(t);
  await server.fill(5);
  const page = await importer(t, server);
  await follow(page, { username: 'Ann' });
  const older = await page.evaluate(() => window.room.messages({ before: 4, limit: 2 }));
  assert.deepEqual([older.messages.map(({ id }) => id), older.has_more], [[2, 3], true]);
  assert.match(await page.evaluate(() => {
    try {
      return window.parlor.connect('general', { transport: 'pigeon' });
    } catch (error) {
      return error.message;
    }
  }), /pigeon/);
});

test('what messages live through: asked for, answered, and told to who follows', async (t) => {
  const server = await Server.start(t);
  const [ann, ben] = [await importer(t, server, { expect: [/status of (403|404|410)/] }), await importer(t, server)];
  await follow(ann, { username: 'Ann' });
  await follow(ben, { username: 'Ben' });
  await isIn(ann, 'connected');
  await isIn(ben, 'connected');
  const ask = (page, act, ...given) => page.evaluate(([name, values]) => window.room[name](...values), [act, given]);
  const told = (page, type, id) => until(page, ([wanted, at]) => window.seen.some((event) => event.type === wanted && (!at || event.id === at)), [type, id]);

  const first = await ask(ann, 'post', 'Hello world');
  const answer = await ask(ben, 'post', 'Hello Ann', { replyTo: first.id });
  assert.equal(answer.reply_to, 1);
  const edited = await ask(ann, 'edit', 1, 'Hello there');
  assert.deepEqual([edited.content, edited.id], ['Hello there', 1]);
  assert.ok(edited.edited_at);
  await told(ben, 'message_edited', 3);
  assert.deepEqual(await ask(ben, 'message', 1), edited);
  const revisions = await ask(ben, 'revisions', 1);
  assert.deepEqual([revisions.revisions.map(({ content }) => content), revisions.next], [['Hello world'], null]);
  await ask(ann, 'edit', 1, 'Hello again');
  const older = await ask(ben, 'revisions', 1, { limit: 1 });
  assert.deepEqual((await ask(ben, 'revisions', 1, { after: older.next })).revisions.map(({ content }) => content), ['Hello there']);

  // What is in an emoji is no part of the address.
  const reacted = await ask(ben, 'react', 1, '#️⃣');
  assert.deepEqual(reacted.reactions, [{ emoji: '#️⃣', count: 1, usernames: ['Ben'] }]);
  await told(ann, 'reaction_added');
  await ask(ann, 'react', 1, '#️⃣');
  const page = await ask(ann, 'reactors', 1, '#️⃣', { limit: 1 });
  assert.deepEqual(page.users.map(({ username }) => username), ['Ben']);
  assert.deepEqual((await ask(ann, 'reactors', 1, '#️⃣', { after: page.next })).users.map(({ username }) => username), ['Ann']);
  assert.equal((await ask(ben, 'react', 1, '#️⃣', false)).reactions[0].count, 1);
  await told(ann, 'reaction_removed');

  assert.deepEqual(await ask(ben, 'unread'), { unread: 1, capped: false, last_read_id: 0 });
  assert.equal((await ask(ben, 'markRead', 2)).last_read_id, 2);
  await told(ann, 'read_receipt');
  assert.deepEqual(await ask(ben, 'unread'), { unread: 0, capped: false, last_read_id: 2 });
  await ask(ann, 'markRead', 1);
  const reads = await ask(ann, 'reads', { limit: 1 });
  assert.deepEqual([reads.cursors.map(({ username }) => username), reads.next], [['Ann'], 'Ann']);
  assert.deepEqual((await ask(ann, 'reads', { after: 'Ann' })).cursors.map(({ username }) => username), ['Ben']);

  const ids = ({ messages }) => messages.map(({ id }) => id);
  const found = await ask(ben, 'search', 'hello', { limit: 1 });
  assert.deepEqual([ids(found), found.next], [[2], 2]);
  assert.deepEqual(ids(await ask(ben, 'search', 'hello', { before: found.next })), [1]);
  assert.deepEqual(ids(await ask(ben, 'search', '"ann" & hel')), [2]);

  const gone = await ask(ann, 'remove', 1);
  assert.deepEqual([gone.content, gone.reactions], ['', []]);
  await told(ben, 'message_deleted');
  // Each is asked once, and rejects if the answer is no.
  const refusal = (...given) => ask(ann, ...given).then(() => undefined, (error) => error.message);
  assert.match(await refusal('edit', 1, 'too late'), /deleted/);
  assert.match(await refusal('edit', 2, 'not mine'), /somebody else/);
  assert.match(await refusal('message', 99), /^page.evaluate: Refused/);
});

test('a page of another site imports it, follows and posts', async (t) => {
  const server = await Server.start(t);
  const site = http.createServer((_, answer) => answer.setHeader('Content-Type', 'text/html').end('<!doctype html><title>elsewhere</title>'));
  site.listen(0, '127.0.0.1');
  await once(site, 'listening');
  cleanup(t, () => site.close());
  const page = await (await person(t)).newPage();
  await page.route('**/favicon.ico', (route) => route.fulfill({ status: 204 }));
  await page.goto(`http://127.0.0.1:${site.address().port}/`);
  for (const transport of ['stream', 'websocket', 'poll']) {
    const said = await page.evaluate(async ([url, by]) => {
      const { connect } = await import(`${url}/static/parlor.js`);
      const room = connect('general', { username: 'Ann', transport: by, base: `${url}/api/v1` });
      await new Promise((resolve) => room.addEventListener('message_history', resolve));
      const live = new Promise((resolve) => room.addEventListener('chat_message', ({ detail }) => resolve(detail.message.content)));
      await room.post(`by ${by}`);
      const content = await live;
      room.close();
      return content;
    }, [server.url, transport]);
    assert.equal(said, `by ${transport}`);
  }
});

test('the example of the documentation works, and has ten lines at most', async (t) => {
  const server = await Server.start(t);
  await server.post('Ben', 'Is anybody here?');
  const page = await importer(t, server);
  const text = await readFile(new URL('../../docs/client.md', import.meta.url), 'utf8');
  const [, example] = text.match(/```js\n(.*?)```/s);
  assert.ok(example.trim().split('\n').length <= 10);
  const said = [];
  page.on('console', (message) => said.push(message.text()));
  const script = example.replace(/import (\{.*?\}) from ('.*?');/, 'const $1 = await import($2);');
  await page.evaluate(`(async () => { ${script} })()`);
  await eventually(() => said.includes('Alice: Hello, everybody'), `said: ${said}`);
  assert.ok(said.includes('Ben: Is anybody here?') && said.includes('(connected)'), `said: ${said}`);
});
