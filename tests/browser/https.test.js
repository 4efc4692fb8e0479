// Behind a proxy that speaks TLS: the cookie is for the site alone.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { say, sees, useBrowser } from './support/browser.js';
import { freePort, nginx } from './support/nginx.js';
import { open, press, register, signIn, start, visitor, words } from './support/team.js';

useBrowser();

/** A name that the browser takes for this machine's. */
const NAME = 'chat.example';

test('over HTTPS one signs in by a cookie that is for the site alone, and out', async (t) => {
  const port = await freePort();
  const server = await start(t, { args: ['--public-url', `https://${NAME}:${port}`] });
  const site = await nginx(t, server, { port, name: NAME });
  const context = await visitor(t, { ignoreHTTPSErrors: true });
  const page = await context.newPage();
  await register(page, site, 'Ann');
  const cookies = async () => (await context.cookies()).map(({ expires, value, ...cookie }) => ({ ...cookie, lasts: expires > 0, isSecret: value.startsWith('pls_') }));
  const expected = {
    name: '__Host-parlor', domain: NAME, path: '/', secure: true, httpOnly: true, sameSite: 'Lax', lasts: true, isSecret: true,
  };
  assert.deepEqual(await cookies(), [expected]);
  const [{ value: first }] = await context.cookies();

  await open(page, site, 'general');
  await say(page, 'Hello');
  await sees(page, 'Hello');
  assert.equal(await page.evaluate(() => `${isSecureContext} ${document.cookie}`), 'true ', 'nothing to be read by a script');

  await page.goto(`${site.url}/account`);
  await press(page, 'Sign out');
  await words(page, 'You are signed out.');
  assert.deepEqual(await cookies(), []);
  await page.goto(`${site.url}/rooms/general`);
  await page.waitForURL('**/sign-in?to=*');
  await signIn(page, 'Ann');
  await page.waitForURL('**/rooms/general');
  await sees(page, 'Hello');
  assert.deepEqual(await cookies(), [expected]);
  const [{ value: second }] = await context.cookies();
  assert.notEqual(first, second);
});
