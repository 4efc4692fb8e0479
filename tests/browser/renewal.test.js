// Streams that go on by the cookie when their credential is about to end.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connected, useBrowser } from './support/browser.js';
import { startWithTokens, visitor } from './support/team.js';

useBrowser();

test('a stream is renewed by the cookie before its credential ends', async (t) => {
  const { server, sign } = await startWithTokens(t, ['--auth-notice', '1h']);
  const page = await (await visitor(t)).newPage();
  await page.goto(`${server.url}/rooms/general`);
  const renewed = page.waitForRequest(/\/api\/v1\/streams\/[^/]+\/token$/);
  await page.getByLabel('Token', { exact: true }).fill(sign('Ann', 1_800));
  await page.getByLabel('Token', { exact: true }).press('Enter');
  await page.waitForURL('**/rooms/general');
  await connected(page);
  const request = await renewed;
  assert.equal(request.method(), 'POST');
  assert.equal(request.postData(), null);
  assert.ok((await request.response()).ok());
});
