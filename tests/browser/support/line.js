// The common part of tests of the line: choosing a transport, posting all the while.
import { eventually, sees } from './browser.js';

export const upTo = (count) => Array.from({ length: count }, (_, index) => index + 1);

/** Chooses a transport in the settings. */
export async function choose(page, transport) {
  await page.bringToFront();
  await page.getByRole('button', { name: 'Settings' }).click();
  await page.locator('#transport').selectOption(transport);
  await page.keyboard.press('Escape');
}

/** Has the pages of a context begin with a transport that was chosen before. */
export const prefer = (context, transport) => context.addInitScript((chosen) => {
  if (location.protocol === 'http:') localStorage.setItem('parlor:transport', JSON.stringify(chosen));
}, transport);

/** Posts three at a time without a pause, as fast as a window shows them. */
export function keepPosting(server, page, count = 0) {
  const posting = { count, isOver: false };
  const all = (async () => {
    while (!posting.isOver) {
      for (let burst = 0; burst < 3; burst += 1) await server.post('Ben', `message ${(posting.count += 1)}`);
      await sees(page, `message ${posting.count}`);
    }
  })();
  posting.stop = () => {
    posting.isOver = true;
    return all;
  };
  // Heard of when it is stopped.
  all.catch(() => {});
  return posting;
}

/** Waits until a page that lost the server is back; ends the pauses between its tries, except those of an event stream. */
export const comesBack = (page) => eventually(() => page.evaluate(() => {
  dispatchEvent(new Event('online'));
  return document.getElementById('status').dataset.state === 'connected';
}), 'it comes back');

/** Waits until the page says so of its transport. */
export const now = (page, words) => page.locator('#transport-now').getByText(words).waitFor({ state: 'attached' });
