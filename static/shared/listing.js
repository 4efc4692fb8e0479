// A list of the server's that comes in pages, with a button for the next page and words for its state.
import { make } from './dom.js';
import { button } from './form.js';
import { inPlainWords } from './refusals.js';

/**
 * `load` fetches a page after a cursor, `item` makes the item of an entry, `none` is said of an empty list.
 * @template Entry, Cursor
 * @typedef {object} Source
 * @property {string} label
 * @property {string} none
 * @property {(after: Cursor | undefined) => Promise<{ entries: Entry[], next: Cursor | null }>} load
 * @property {(entry: Entry) => HTMLElement} item
 * @property {(items: HTMLElement[]) => void} [onShown]
 */

/**
 * @template Entry, Cursor
 */
export class Listing {
  #source;
  #list;
  #status = make('p', { class: 'hint', role: 'status' });
  #more = button('Show more', () => this.#load(), { hidden: true });
  /** Stands for what was asked last: an answer to anything else comes too late. @type {object | undefined} */
  #asking;
  /** @type {Cursor | undefined} */
  #next;
  element;

  /** @param {Source<Entry, Cursor>} source */
  constructor(source) {
    this.#source = source;
    this.#list = make('ul', { class: 'listing', 'aria-label': source.label });
    this.element = make('div', { class: 'listed' }, this.#list, this.#status, this.#more);
  }

  /** Loads it from its beginning; what is shown stays until there is an answer. */
  async reload() {
    this.#next = undefined;
    await this.#load(true);
  }

  /** True while there is nothing in it. */
  get isEmpty() {
    return !this.#list.children.length;
  }

  /** Says in place of the list why something in it was refused. @param {unknown} error */
  fail(error) {
    this.#status.className = 'error';
    this.#status.textContent = inPlainWords(error);
  }

  /** @param {boolean} [isWhole] */
  async #load(isWhole = false) {
    const asking = {};
    this.#asking = asking;
    this.#more.disabled = true;
    this.#status.className = 'hint';
    if (this.isEmpty) this.#status.textContent = 'Loading…';
    try {
      const { entries, next } = await this.#source.load(this.#next);
      if (this.#asking !== asking) return;
      const items = entries.map((entry) => this.#source.item(entry));
      if (isWhole) this.#replace(items);
      else this.#list.append(...items);
      if (!isWhole) /** @type {HTMLElement | null | undefined} */ (items[0]?.querySelector('a, button, select'))?.focus();
      this.#next = next ?? undefined;
      this.#more.hidden = next === null;
      this.#more.textContent = 'Show more';
      this.#status.textContent = this.isEmpty ? this.#source.none : '';
      this.#source.onShown?.(items);
    } catch (error) {
      if (this.#asking !== asking) return;
      this.fail(error);
      this.#more.textContent = 'Try again';
      this.#more.hidden = false;
    } finally {
      if (this.#asking === asking) this.#more.disabled = false;
    }
  }

  /**
   * Shows other items instead. What had the focus has it again, by its `data-key`, or what stands in its place.
   * @param {HTMLElement[]} items
   */
  #replace(items) {
    const had = /** @type {HTMLElement | null} */ (this.#list.contains(document.activeElement) ? document.activeElement : null);
    const before = had?.closest('li');
    const at = before ? [...this.#list.children].indexOf(before) : -1;
    this.#list.replaceChildren(...items);
    if (!before || !had) return;
    const item = items.find(({ dataset }) => dataset.key === before.dataset.key) ?? items[Math.min(at, items.length - 1)];
    const same = item?.dataset.key === before.dataset.key && had.dataset.act ? item.querySelector(`[data-act="${had.dataset.act}"]`) : undefined;
    const next = /** @type {HTMLElement | null | undefined} */ (same ?? item?.querySelector('a, button, select'));
    if (next) next.focus();
    else this.#list.parentElement?.closest('section, dialog')?.querySelector('button')?.focus();
  }
}
