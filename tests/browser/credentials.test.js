// API keys that are made on the page, and streams that go on by a cookie when their credential is about to end.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connected, hasFocus, useBrowser } from './support/browser.js';
import { member, press, start, startWithTokens, visitor } from './support/team.js';

useBrowser();

const EVIL = '<img src=x onerror="document.title=1">';

test('a key is shown once, is good, and is good no longer once it is deleted', async (t) => {
  const server = await start(t);
  const { page } = await member(t, server, 'Ann');
  await page.goto(`${server.url}/account`);
  await press(page, 'New key…');
  await hasFocus(page, await page.locator('dialog input').first().getAttribute('id'));
  await page.keyboard.type(EVIL);
  await page.keyboard.press('Enter');
  const key = await page.getByLabel('API key', { exact: true }).inputValue();
  assert.match(key, /^plr_/);
  await hasFocus(page, 'Copy');
  await press(page, 'Done');
  await hasFocus(page, 'New key…');
  const asKey = async () => (await fetch(`${server.url}/api/v1/me`, { headers: { Authorization: `Bearer ${key}` } })).status;
  assert.equal(await asKey(), 200);
  await page.locator('#keys bdi').getByText(EVIL).waitFor();
  assert.ok(!(await page.content()).includes(key), 'nothing of it is left');
  await press(page, `Delete the key ${EVIL}…`);
  await hasFocus(page, 'Keep it');
  await press(page, 'Delete');
  await page.getByText('You have no keys.').waitFor();
  assert.equal(await asKey(), 401);
});

test('a stream is renewed by the cookie before its credential ends', async (t) => {
  const { server, sign } = await startWithTokens(t, ['--auth-notice', '1h']);
  const page = await (await visitor(t)).newPage();
  await page.goto(`${server.url}/rooms/general`);
  const renewed = page.waitForRequest(/\/api\/v1\/streams\/[^/]+\/token$/);
  await page.getByLabel('Token').fill(sign('Ann', 1_800));
  await page.getByLabel('Token').press('Enter');
  await page.waitForURL('**/rooms/general');
  await connected(page);
  const request = await renewed;
  assert.equal(request.method(), 'POST');
  assert.equal(request.postData(), null);
  assert.ok((await request.response()).ok());
});
