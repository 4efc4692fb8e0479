// Accounts: registering, signing in and out, one's own sessions, invitations, and what admins do.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connected, hasFocus, say, sees, until, useBrowser } from './support/browser.js';
import { Server } from './support/server.js';
import { member, open, PASSWORD, press, request, signIn, start, startWithTokens, tabTo, visitor, words } from './support/team.js';

useBrowser();

const EVIL = '<img src=x onerror="document.title=1">';

test('one registers, signs out and in again, and is led back to where one wanted to go', async (t) => {
  const server = await start(t);
  const context = await visitor(t);
  const page = await context.newPage();
  await page.goto(`${server.url}/rooms/general#1`);
  await page.waitForURL('**/sign-in?to=*');
  await hasFocus(page, 'username');
  // Nobody of this name, and a password that is too short: said where it belongs, and by the keyboard alone.
  await page.keyboard.type('Ann');
  await page.keyboard.press('Tab');
  await page.keyboard.type('wrong wrong wrong');
  await page.keyboard.press('Enter');
  await page.getByRole('alert').getByText('The name or the password is not right.').waitFor();
  await hasFocus(page, 'password');
  await press(page, 'Register');
  await hasFocus(page, 'new-username');
  await page.keyboard.type('<b>Ann</b>');
  await page.keyboard.press('Tab');
  await page.keyboard.type('short');
  await page.keyboard.press('Enter');
  await page.locator('#new-username-error:not(:empty), #new-password-error:not(:empty)').first().waitFor();
  await page.locator('#new-username').fill('Ann');
  await page.locator('#new-password').fill(PASSWORD);
  await page.locator('#new-password').press('Enter');
  await page.waitForURL('**/rooms/general#1');
  await connected(page);
  await say(page, 'Hello');
  await sees(page, 'Hello');
  assert.deepEqual(await page.evaluate(() => [document.cookie, JSON.stringify({ ...localStorage })]), ['', '{}'], 'nothing to be read by a script');
  await page.locator('#content').fill('a draft of mine');

  await page.goto(`${server.url}/account`);
  await press(page, 'Sign out');
  await words(page, 'You are signed out.');
  await page.goto(server.url);
  await page.waitForURL('**/sign-in');
  await signIn(page, 'Ann', 'not my password');
  await page.getByRole('alert').getByText('is not right').waitFor();
  await signIn(page, 'ann');
  await page.waitForURL(`${server.url}/`);
  await page.locator('#who').getByText('Ann').waitFor();
  await page.goto(`${server.url}/sign-in?to=https://evil.example/`);
  await page.waitForURL(`${server.url}/`);

  // The name is taken, and a second person in this tab finds nothing of the first.
  await open(page, server, 'general');
  await page.locator('#content').fill('another draft');
  await request(page, 'DELETE', 'session');
  await page.waitForURL('**/sign-in?to=*');
  await page.getByRole('button', { name: 'Register' }).click();
  await page.locator('#new-username').fill('ANN');
  await page.locator('#new-password').fill(PASSWORD);
  await page.locator('#new-password').press('Enter');
  await page.getByRole('alert').getByText('This name is taken').waitFor();
  await page.locator('#new-username').fill('Ben');
  await page.locator('#new-password').press('Enter');
  await page.waitForURL('**/rooms/general');
  await connected(page);
  assert.equal(await page.locator('#content').inputValue(), '');
});

test('the pages for users are there only where credentials are required, under the same policy', async (t) => {
  const [server, other] = [await start(t), await Server.start(t)];
  for (const path of ['/', '/sign-in', '/account', '/admin']) {
    const { status, headers } = await fetch(server.url + path);
    assert.equal(status, 200, path);
    assert.equal(headers.get('Content-Security-Policy'), (await fetch(`${other.url}/`)).headers.get('Content-Security-Policy'), path);
    assert.equal((await fetch(other.url + path)).status, path === '/' ? 200 : 404, path);
  }
});

test('a session that is ended from another browser ends its windows, and what was written waits', async (t) => {
  const server = await start(t);
  const home = await member(t, server, 'Ann');
  const away = await (await visitor(t, { userAgent: EVIL })).newPage();
  await away.goto(server.url);
  await signIn(away, 'Ann');
  await away.waitForURL(`${server.url}/`);
  await open(away, server, 'general');
  await say(away, 'from afar');
  await sees(away, 'from afar');

  const { page } = home;
  await page.goto(`${server.url}/account`);
  const sessions = page.locator('#sessions li');
  await sessions.nth(1).waitFor();
  assert.equal(await sessions.count(), 2);
  await sessions.filter({ hasText: 'this one' }).getByText('Chrome on Linux').waitFor();
  const other = `End the session: ${EVIL}`;
  await away.locator('#content').fill('half a thought');
  await press(page, other);
  await until(page, () => document.querySelectorAll('#sessions li').length === 1);
  await away.waitForURL('**/sign-in?to=*');
  await words(away, 'You are signed out.');
  await signIn(away, 'Ann');
  await away.waitForURL('**/rooms/general');
  await connected(away);
  assert.equal(await away.locator('#content').inputValue(), 'half a thought');

  // A new password ends all other sessions.
  await page.locator('#current').fill('not my password');
  await page.locator('#new').fill('eleven lives and one more');
  await page.locator('#new').press('Enter');
  await page.getByText('Current password is not your password.').waitFor();
  await page.locator('#current').fill(PASSWORD);
  await page.locator('#new').press('Enter');
  await page.getByText('Your password is changed.').waitFor();
  await away.waitForURL('**/sign-in?to=*');

  await press(page, 'Leave…');
  await page.keyboard.type('Anne');
  await page.keyboard.press('Enter');
  await page.getByText('This is not your name.').waitFor();
  await page.keyboard.press('Backspace');
  await page.keyboard.press('Enter');
  await words(page, 'You have left.');
  await signIn(page, 'Ann', 'eleven lives and one more');
  await page.getByRole('alert').getByText('is not right').waitFor();
});

test('admins invite, give a new password, sign out and disable', async (t) => {
  const server = await start(t, { accounts: 'invite' });
  await server.command(['user', 'add', 'Root', '--admin', '--password-stdin'], `${PASSWORD}\n`);
  const page = await (await visitor(t)).newPage();
  await page.goto(`${server.url}/admin`);
  await signIn(page, 'Root');
  await page.waitForURL('**/admin');
  await press(page, 'New invitation…');
  await page.keyboard.type('Kim');
  await page.keyboard.press('Enter');
  const link = await page.getByLabel('Invitation', { exact: true }).inputValue();
  await press(page, 'Done');
  await page.locator('#invitations bdi').getByText('Kim').waitFor();

  // Whoever has the link comes in, and the secret is in no address that the server sees or the browser keeps.
  const guest = await visitor(t);
  const kim = await guest.newPage();
  const asked = [];
  kim.on('request', (each) => asked.push(each.url(), each.headers().referer ?? ''));
  await kim.goto(link);
  await hasFocus(kim, 'new-password');
  const secret = await kim.locator('#invitation').inputValue();
  assert.match(secret, /^pli_/);
  assert.ok(!kim.url().includes(secret));
  assert.equal(await kim.locator('#new-username').inputValue(), 'Kim');
  await kim.locator('#new-username').fill('Kimberley');
  await kim.locator('#new-password').fill(PASSWORD);
  await kim.locator('#new-password').press('Enter');
  await kim.getByRole('alert').getByText('This invitation can’t be used').waitFor();
  await kim.locator('#new-username').fill('Kim');
  await kim.locator('#new-password').press('Enter');
  await kim.waitForURL(`${server.url}/`);
  assert.ok(asked.length > 3 && asked.every((url) => !url.includes(secret)));
  await open(kim, server, 'general');

  await page.reload();
  await press(page, 'Manage Kim…');
  await press(page, 'Sign out everywhere');
  await page.getByText('Kim is signed out everywhere.').waitFor();
  await kim.waitForURL('**/sign-in?to=*');
  await press(page, 'Make a link for a new password');
  const reset = await page.getByLabel('Link for a new password').inputValue();
  await press(page, 'Done');
  await hasFocus(page, 'Make a link for a new password');
  await kim.goto(reset);
  await kim.locator('#reset-code').waitFor();
  assert.ok(!kim.url().includes(await kim.locator('#reset-code').inputValue()));
  await kim.locator('#reset-password').fill('twelve lives and one more');
  await kim.locator('#reset-password').press('Enter');
  await kim.waitForURL(`${server.url}/`);
  await open(kim, server, 'general');
  await press(page, 'Disable…');
  await hasFocus(page, 'Cancel');
  await press(page, 'Disable');
  await page.getByText('Kim is disabled.').waitFor();
  await kim.waitForURL('**/sign-in?to=*');
  await signIn(kim, 'Kim', 'twelve lives and one more');
  await kim.getByRole('alert').getByText('is not right').waitFor();
  await page.keyboard.press('Escape');
  await page.locator('#audit li').first().waitFor();
  await tabTo(page, 'Your account', 'Shift+Tab');
  assert.ok((await request(page, 'GET', 'invitations')).body.invitations.length === 0, 'it was used');
});

test('a server without accounts is entered by a token', async (t) => {
  const { server, sign } = await startWithTokens(t);
  const page = await (await visitor(t)).newPage();
  await page.goto(`${server.url}/rooms/general`);
  await page.getByLabel('Token', { exact: true }).fill('no token');
  await page.getByLabel('Token', { exact: true }).press('Enter');
  await page.getByRole('alert').getByText('This token is not good.').waitFor();
  await page.getByLabel('Token', { exact: true }).fill(sign('Ann', 1_800));
  await page.getByLabel('Token', { exact: true }).press('Enter');
  await page.waitForURL('**/rooms/general');
  await connected(page);
  await say(page, 'Hello');
  await sees(page, 'Hello');
  await page.goto(`${server.url}/account`);
  await page.getByText('You stay signed in until').waitFor();
  assert.ok(!(await page.locator('#password-card').isVisible()), 'there is no password');
});
