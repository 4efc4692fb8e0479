// Measures the page of a room in Chromium: what a burst of messages costs, and how smoothly a long room scrolls.
// tests/browser/run.sh --measure PARLOR-BINARY [ANOTHER-BINARY...]; several binaries take turns, so that their figures compare.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';

const ROUNDS = Number(process.env.ROUNDS ?? 3);
const BURST = 400;
const LONG = 5_000;
const ARGS = ['--no-sandbox', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--no-first-run'];
const SENTENCE = 'The cursor is all it needs, and so a line that breaks loses nothing. ';

async function serve(binary) {
  const folder = await mkdtemp(join(tmpdir(), 'parlor-measure-'));
  const args = ['serve', '--listen', '127.0.0.1:0', '--database-url', `sqlite://${join(folder, 'parlor.db')}?mode=rwc`];
  const running = spawn(binary, args, { stdio: ['ignore', 'pipe', 'ignore'], cwd: folder });
  const [line] = await once(createInterface({ input: running.stdout }), 'line');
  const end = async () => {
    running.kill('SIGKILL');
    await once(running, 'exit');
    await rm(folder, { recursive: true, force: true });
  };
  return { url: line.split(' ').at(-1), end };
}

async function post(url, count) {
  let number = 0;
  const one = async () => {
    while (number < count) {
      number += 1;
      const content = `${number} ${SENTENCE.repeat(number % 5)}`;
      const answer = await fetch(`${url}/api/v1/rooms/general/messages`, {
        method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ username: `User ${number % 7}`, content }),
      });
      if (!answer.ok) throw new Error(`${answer.status}: ${await answer.text()}`);
    }
  };
  await Promise.all(Array.from({ length: 16 }, one));
}

const share = (times, part) => [...times].sort((one, other) => one - other)[Math.min(times.length - 1, Math.floor(times.length * part))] ?? 0;

/** The page of the room, and in it `tasks`, those that took longer than 50 ms. */
async function open(browser, url) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  await context.addInitScript(() => {
    localStorage.setItem('parlor:name', '"Kim"');
    globalThis.tasks = [];
    new PerformanceObserver((list) => list.getEntries().forEach(({ startTime: start, duration }) => {
      globalThis.tasks.push({ start, end: start + duration });
    })).observe({ type: 'longtask' });
  });
  const page = await context.newPage();
  await page.goto(`${url}/rooms/general`);
  await page.locator('#status[data-state="connected"]').waitFor();
  await page.locator('#messages > li').first().waitFor({ state: 'attached' });
  await page.waitForTimeout(1_000);
  return page;
}

/** The time for which the page is blocked by messages that come all at once, as to a phone that wakes up. */
async function burst(browser, url, last) {
  const page = await open(browser, url);
  const posted = post(url, BURST);
  // Nothing is taken in until all are there.
  await page.evaluate((head) => {
    const ask = () => {
      const request = new XMLHttpRequest();
      request.open('GET', '/api/v1/rooms/general', false);
      request.send();
      return JSON.parse(request.responseText).head;
    };
    while (ask() < head);
    globalThis.from = performance.now();
  }, last);
  await posted;
  await page.waitForFunction((id) => document.querySelector(`#messages > [data-id="${id}"]`), last);
  await page.waitForTimeout(1_000);
  const tasks = await page.evaluate(() => globalThis.tasks.filter(({ end }) => end > globalThis.from).map(({ start, end }) => end - Math.max(start, globalThis.from)));
  await page.context().close();
  return [Math.max(0, ...tasks), tasks.reduce((sum, each) => sum + each, 0)];
}

/** The times of frames while somebody scrolls up through a long room as fast as a wheel allows. */
async function scroll(browser, url) {
  const page = await open(browser, url);
  const frames = await page.evaluate(async () => {
    const scroller = document.getElementById('scroller');
    const times = [];
    const first = () => Number(document.querySelector('#messages > li').dataset.id);
    await new Promise((resolve) => {
      let before = performance.now();
      const step = (now) => {
        times.push(now - before);
        before = now;
        scroller.scrollTop -= 120;
        if (times.length > 1_500 || (first() === 1 && scroller.scrollTop < 10)) resolve();
        else requestAnimationFrame(step);
      };
      requestAnimationFrame(step);
    });
    return times.slice(1);
  });
  await page.context().close();
  return frames;
}

const binaries = process.argv.slice(2);
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ARGS });
const figures = new Map(binaries.map((binary) => [binary, { bursts: [], totals: [], frames: [] }]));
for (let round = 0; round < ROUNDS; round += 1) {
  for (const binary of binaries) {
    const { bursts, totals, frames } = figures.get(binary);
    const server = await serve(binary);
    try {
      await post(server.url, 60);
      const [longest, total] = await burst(browser, server.url, 60 + BURST);
      bursts.push(longest);
      totals.push(total);
      await post(server.url, LONG - BURST - 60);
      frames.push(...await scroll(browser, server.url));
    } finally {
      await server.end();
    }
  }
}
await browser.close();
console.log(`| build | ${BURST} at once: longest task | all long tasks | scrolling ${LONG}: frame p50 | p95 | p99 |\n| --- | --- | --- | --- | --- | --- |`);
for (const [binary, { bursts, totals, frames }] of figures) {
  const ms = (time) => `${time.toFixed(0)} ms`;
  console.log(`| ${basename(binary)} | ${ms(share(bursts, 0.5))} | ${ms(share(totals, 0.5))} | ${[0.5, 0.95, 0.99].map((part) => ms(share(frames, part))).join(' | ')} |`);
}
