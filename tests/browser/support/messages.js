// The messages that a page shows: their texts, their reactions, and all of it.
import { item } from './browser.js';

export const content = (page, id) => item(page, id).locator('.content');
export const says = (page, id, text) => content(page, id).getByText(text, { exact: true }).waitFor();
export const chip = (page, id, emoji) => item(page, id).locator(`.chip[data-emoji="${emoji}"]`);

/** Everything that is shown of the messages. */
export const state = (page) => page.locator('#messages > li').evaluateAll((items) => items.map((each) => [
  each.dataset.id, each.querySelector('.quote')?.innerText, each.querySelector('.content').textContent, each.classList.contains('deleted'),
  !each.querySelector('.edited').hidden, [...each.querySelectorAll('.chip')].map((one) => one.getAttribute('aria-label')).join(),
].join(' | ')));
