// One browser a file, an own profile a person, and what every page must keep to: no error, no breach of its policy.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { chromium } from 'playwright-core';
import { cleanup } from './cleanup.js';

const ARGS = [
  '--no-sandbox', '--disable-quic', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run',
  // A name that is not this machine's, over plain HTTP: no secure context.
  '--host-resolver-rules=MAP chat.example 127.0.0.1',
];
const DEADLINE = 15_000;
/** The lines that a browser itself prints about a server that is away. */
const AWAY = /net::ERR_|WebSocket connection to/;

/** And about a room that is asked for and that nobody has made yet. */
const UNMADE = /status of 404 .*\/api\/v1\/rooms\/[A-Za-z0-9_-]+$/;

let browser;

/** To be called once by a file of tests. */
export function useBrowser() {
  before(async () => {
    browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ARGS });
  });
  after(() => browser.close());
}

/**
 * A person's profile: `name` is remembered, `serverGoes` lets the browser complain about a server that is away.
 * The rest are Playwright's options of a context.
 */
export async function person(t, name, { serverGoes = false, expect = [], ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  context.setDefaultTimeout(DEADLINE);
  const complaints = [];
  await context.addInitScript((remembered) => {
    addEventListener('securitypolicyviolation', (event) => console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));
    const hasStorage = location.protocol === 'http:';
    if (hasStorage && remembered && !localStorage.getItem('parlor:name')) localStorage.setItem('parlor:name', JSON.stringify(remembered));
  }, name);
  context.on('page', (page) => {
    page.on('pageerror', (error) => complaints.push(`${error.stack}`));
    page.on('console', (message) => {
      const text = `${message.text()} ${message.location().url}`;
      const isExpected = UNMADE.test(text) || (serverGoes && AWAY.test(text)) || expect.some((each) => each.test(text));
      if (message.type() === 'error' && !isExpected) complaints.push(text);
    });
  });
  cleanup(t, async () => {
    await context.close();
    assert.deepEqual(complaints, [], 'the console is quiet');
  });
  return context;
}

/** A window of the room page, connected. */
export async function enter(context, server, path = '/rooms/general') {
  const page = await context.newPage();
  await page.goto(`${server.url}${path}`);
  await connected(page);
  return page;
}

export async function connected(page) {
  await page.locator('#status[data-state="connected"]').waitFor();
}

/** Waits until the page says so of its line. */
export const state = (page, name) => page.locator(`#status[data-state="${name}"]`).waitFor();

export async function say(page, text) {
  await page.bringToFront();
  await page.locator('#content').fill(text);
  // Where fingers type, Enter begins a new line.
  const isTouched = await page.evaluate(() => matchMedia('(pointer: coarse)').matches);
  if (isTouched) await page.getByRole('button', { name: 'Send' }).tap();
  else await page.locator('#content').press('Enter');
}

/** Waits until the page shows a message. */
export async function sees(page, text, timeout = DEADLINE) {
  await page.locator('#messages .content').getByText(text, { exact: true }).first().waitFor({ state: 'attached', timeout });
}

export const shown = (page) => page.locator('#messages .content').allTextContents();

export const ids = (page) =>
  page.locator('#messages > li').evaluateAll((items) => items.map((item) => Number(item.dataset.id)));

export const item = (page, id) => page.locator(`#messages > [data-id="${id}"]`);

/** Opens the menu of a message, in the tab in front: of one behind it Chromium draws one frame a second, and clicks wait for two. */
export async function menu(page, id) {
  await page.bringToFront();
  await item(page, id).hover();
  await item(page, id).getByRole('button', { name: 'More', exact: true }).click();
  return page.getByRole('menu', { name: 'Message' });
}

/** Waits until a function in the page says yes. */
export const until = (page, check, argument, timeout = DEADLINE) => page.waitForFunction(check, argument, { timeout, polling: 50 });

/** Waits until a function here says yes. */
export async function eventually(check, what, timeout = DEADLINE) {
  const deadline = Date.now() + timeout;
  while (!(await check())) {
    assert.ok(Date.now() < deadline, `in time: ${what}`);
    // Spinning would take the processor from the browser that is waited for.
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Waits until something has the focus, by its label or text, its address, its id or that of its message, or its emoji. */
export async function hasFocus(page, name, why = '') {
  const isNamed = (wanted) => {
    const { activeElement: it } = document;
    const attributes = ['aria-label', 'href', 'id', 'data-id', 'data-emoji'].map((attribute) => it.getAttribute(attribute));
    return [...attributes, it.textContent.trim()].includes(wanted);
  };
  const has = () => page.evaluate(() => document.activeElement.outerHTML.slice(0, 300));
  await until(page, isNamed, name).catch(async () => assert.fail(`${name} has the focus. ${why} What has it is ${await has()}`));
}

/** Makes a page believe that it is hidden, or no longer: a headless browser never hides one. */
export const hide = (page, isHidden = true) => page.evaluate((hidden) => {
  Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });
  Object.defineProperty(document, 'visibilityState', { configurable: true, get: () => (hidden ? 'hidden' : 'visible') });
  document.dispatchEvent(new Event('visibilitychange'));
}, isHidden);
