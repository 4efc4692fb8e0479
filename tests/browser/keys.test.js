// API keys that are made on the page of one's account.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasFocus, useBrowser } from './support/browser.js';
import { member, press, start, tabTo } from './support/team.js';

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
  // The browser says that a dialog is closed once it has time to.
  await page.locator('dialog').waitFor({ state: 'detached' });
  assert.ok(!(await page.content()).includes(key), 'nothing of it is left');
  await press(page, `Delete the key ${EVIL}…`);
  await hasFocus(page, 'Keep it');
  await press(page, 'Delete');
  await page.getByText('There are no keys.').waitFor();
  assert.equal(await asKey(), 401);

  // An admin makes those of bots, and finds them again.
  await server.command(['user', 'admin', 'Ann']);
  await page.reload();
  await press(page, 'New key…');
  await page.keyboard.type('deploy');
  await tabTo(page, 'Bot');
  await page.keyboard.type('ci');
  await page.keyboard.press('Enter');
  await press(page, 'Done');
  await page.locator('#keys bdi').getByText('deploy').waitFor();
  assert.equal(await page.getByLabel('Keys of the bot').inputValue(), 'ci');
  await page.getByLabel('Keys of the bot').fill('');
  await page.getByText('There are no keys.').waitFor();
});
