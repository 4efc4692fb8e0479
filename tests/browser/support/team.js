// A server with accounts, people who register there, and what they do without a mouse.
import assert from 'node:assert/strict';
import { createHmac, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connected, person, until } from './browser.js';
import { cleanup } from './cleanup.js';
import { Server } from './server.js';

export const PASSWORD = 'nine lives and one more';
/** The lines that the browser prints about what is refused. */
const REFUSED = /status of (400|401|403|404|409|412|422|429)/;

/** A server on which anybody may register, unless `accounts` says otherwise. */
export const start = (t, { accounts = 'open', args = [] } = {}) => Server.start(t, ['--auth', 'required', '--accounts', accounts, ...args]);

/** A profile in which nobody is signed in yet. */
export const visitor = (t, options = {}) => person(t, undefined, { locale: 'en-GB', ...options, expect: [REFUSED, ...(options.expect ?? [])] });

/** Registers by the form, from wherever that leads to. */
export async function register(page, server, name, path = '/') {
  await page.goto(`${server.url}/sign-in?${new URLSearchParams({ to: path })}`);
  await page.getByRole('button', { name: 'Register' }).click();
  await page.locator('#new-username').fill(name);
  await page.locator('#new-password').fill(PASSWORD);
  await page.locator('#new-password').press('Enter');
  await page.waitForURL(server.url + path);
}

/** A server that keeps no accounts, and a function that signs tokens for it, each good for so many seconds. */
export async function startWithTokens(t, args = []) {
  const folder = await mkdtemp(join(tmpdir(), 'parlor-key-'));
  cleanup(t, () => rm(folder, { recursive: true }));
  const [file, secret] = [join(folder, 'key.json'), randomBytes(32)];
  const base64 = (value) => Buffer.from(value).toString('base64url');
  await writeFile(file, JSON.stringify({ kty: 'oct', alg: 'HS256', k: secret.toString('base64url') }));
  const server = await Server.start(t, ['--auth', 'required', '--jwt-key', file, ...args]);
  const sign = (sub, seconds) => {
    const now = Math.floor(Date.now() / 1000);
    const signed = [{ alg: 'HS256', typ: 'JWT' }, { sub, iat: now, exp: now + seconds }].map((part) => base64(JSON.stringify(part))).join('.');
    return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
  };
  return { server, sign };
}

/** Registers as a page of the server would, without one. */
export async function add(server, username) {
  const headers = { 'Content-Type': 'application/json', Origin: server.url };
  const answer = await fetch(`${server.url}/api/v1/accounts`, { method: 'POST', headers, body: JSON.stringify({ username, password: PASSWORD }) });
  assert.equal(answer.status, 201, username);
}

export async function signIn(page, name, password = PASSWORD) {
  await page.locator('#username').fill(name);
  await page.locator('#password').fill(password);
  await page.locator('#password').press('Enter');
}

/** Somebody who is registered, with a window on the rooms. */
export async function member(t, server, name, options) {
  const context = await visitor(t, options);
  const page = await context.newPage();
  await register(page, server, name);
  return { context, page };
}

/** Goes on by the key of the keyboard until what is called so has the focus. */
export async function tabTo(page, name, key = 'Tab') {
  const has = () => page.evaluate(() => {
    const it = document.activeElement;
    return it.getAttribute('aria-label') ?? it.labels?.[0]?.textContent ?? it.textContent.trim();
  });
  await until(page, (wanted) => [...document.querySelectorAll('a, button, input, select, textarea, [tabindex]')].some((it) =>
    (it.getAttribute('aria-label') ?? it.labels?.[0]?.textContent ?? it.textContent.trim()) === wanted && it.getClientRects().length), name);
  const passed = [];
  for (let step = 0; step < 60; step += 1) {
    const now = await has();
    if (now === name) return;
    passed.push(now);
    await page.keyboard.press(key);
  }
  assert.fail(`${name} can be reached by ${key}: ${passed.join(', ')}`);
}

/** Presses what is called so, by the keyboard alone. */
export async function press(page, name) {
  await tabTo(page, name);
  await page.keyboard.press('Enter');
}

/** Goes to the last message on the screen, by the keyboard alone. */
export async function toLastMessage(page) {
  await tabTo(page, 'Messages', 'Shift+Tab');
  await page.keyboard.press('ArrowUp');
}

/** A request in the session of a page, as a page of the server makes it. */
export const request = (page, method, path, body) => page.evaluate(async ([how, where, what]) => {
  const answer = await fetch(`/api/v1/${where}`, { method: how, ...(what && { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(what) }) });
  return { status: answer.status, body: answer.status === 204 ? null : await answer.json() };
}, [method, path, body]);

/** Opens a room and waits for its line. */
export async function open(page, server, room) {
  await page.goto(`${server.url}/rooms/${room}`);
  await connected(page);
}

/** Waits until the page says so in its words for the reader. */
export const words = (page, text) => until(page, (wanted) => document.getElementById('words')?.textContent.includes(wanted), text);
