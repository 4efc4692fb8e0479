// The documents in a browser: Swagger UI at /docs, and the README's lines.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { person, useBrowser } from './support/browser.js';
import { Server } from './support/server.js';

useBrowser();

// Its policy names a style by its hash: only a browser notices a stale one.
test('the documentation shows every operation, and tries one out', async (t) => {
  const server = await Server.start(t);
  const document = await (await fetch(`${server.url}/openapi.json`)).json();
  const operations = Object.values(document.paths).flatMap((path) => Object.keys(path).filter((key) => key !== 'parameters'));
  const context = await person(t);
  const asked = [];
  context.on('request', (request) => asked.push(new URL(request.url())));
  const page = await context.newPage();
  await page.goto(`${server.url}/docs/`);
  await page.locator('.opblock').nth(operations.length - 1).waitFor();
  assert.equal(await page.locator('.opblock').count(), operations.length);

  const health = page.locator('#operations-service-get_health');
  await health.click();
  await health.getByRole('button', { name: 'Try it out' }).click();
  await health.getByRole('button', { name: 'Execute' }).click();
  await health.locator('.live-responses-table .response-col_status').getByText('200').waitFor();
  const strangers = asked.filter((url) => url.protocol.startsWith('http') && url.origin !== server.url);
  assert.deepEqual(strangers, [], 'nothing is asked of anybody else');
});

test('a sample can be sent as often as one likes, also on a phone', async (t) => {
  const server = await Server.start(t);
  const page = await (await person(t, undefined, { viewport: { width: 360, height: 740 }, isMobile: true })).newPage();
  await page.goto(`${server.url}/docs/`);
  const post = page.locator('#operations-writing-post_message, [id$="-post_message"]').first();
  await post.locator('.opblock-summary').click();
  assert.ok(await page.evaluate(() => innerWidth) < 500, 'the page is as wide as the phone');
  await post.getByRole('button', { name: 'Try it out' }).click();
  await post.getByPlaceholder('room').fill('general');
  for (const id of [1, 2]) {
    const answered = page.waitForResponse((answer) => answer.request().method() === 'POST');
    await post.getByRole('button', { name: 'Execute' }).click();
    const answer = await answered;
    assert.equal(answer.status(), 201, await answer.text());
    assert.equal((await answer.json()).id, id);
  }
});

test('the lines of the README for a browser work as they stand', async (t) => {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
  const [, lines] = readme.match(/```js\n([^]*?)```/);
  const server = await Server.start(t, ['--allowed-hosts', 'chat.example']);
  // On this machine, and from another one by plain HTTP, where much of what a page may do is missing.
  for (const [url, isSecure] of [[server.url, true], [server.url.replace('127.0.0.1', 'chat.example'), false]]) {
    const page = await (await person(t)).newPage();
    await page.goto(url);
    assert.equal(await page.evaluate(() => isSecureContext), isSecure, url);
    const said = page.waitForEvent('console', (message) => message.text() === 'Alice: Hello');
    await page.evaluate(`(async () => { ${lines} })()`);
    await said;
  }
});
