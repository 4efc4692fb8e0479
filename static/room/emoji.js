// The emoji one chooses from: by group, by name, those used before, or any that is typed.
import { byId, children, closest, make, placeBeside, step, } from '../shared/dom.js';
import { load, save } from '../shared/store.js';

const DATA = '/static/emoji/emoji.json';
const USED = 'parlor:emoji';
const COMMON = ['👍', '❤️', '😂', '🎉', '😮', '😢', '🙏', '👀', '🔥', '✅', '👏', '🤔'];
const SHOWN = 12;
const FOUND = 80;

/**
 * Two emoji are one, except for how they ask to be shown.
 * @param {string} one
 * @param {string} other
 */
export const isSame = (one, other) => plain(one) === plain(other);

/** @param {string} emoji */
const plain = (emoji) => emoji.replaceAll('\uFE0F', '');

/**
 * The emoji that were chosen last, filled up with common ones.
 * @param {number} count
 */
export function favourites(count) {
  /** @type {string[]} */
  const used = load('localStorage', USED) ?? [];
  return [...used, ...COMMON.filter((emoji) => !used.some((each) => isSame(each, emoji)))].slice(0, count);
}

/** Each as it is in the file: the emoji, its name, other words for it. @typedef {[emoji: string, name: string, words?: string]} Emoji */

export class Picker {
  #picker = byId('picker');
  #field = byId('emoji-search', HTMLInputElement);
  #groups = byId('emoji-groups');
  #grid = byId('emoji-grid');
  #name = byId('emoji-name');
  /** @type {Promise<void> | undefined} */
  #loading;
  /** @type {Emoji[]} */
  #all = [];
  /** @type {(emoji: string) => void} */
  #onPick = () => {};

  constructor() {
    this.#field.addEventListener('input', () => this.#search());
    this.#picker.addEventListener('click', ({ target }) => {
      const button = closest(target, '[data-emoji]');
      if (button) this.#pick(button.dataset.emoji ?? '');
      const group = closest(target, '[data-group]');
      if (group) this.#grid.querySelector(`#${group.dataset.group}`)?.scrollIntoView({ block: 'start' });
    });
    const tell = (/** @type {Event} */ { target }) => {
      this.#name.textContent = closest(target, '[data-emoji]')?.getAttribute('aria-label') ?? '';
    };
    this.#grid.addEventListener('focusin', tell);
    this.#grid.addEventListener('mouseover', tell);
    this.#picker.addEventListener('keydown', (event) => this.#pressed(event));
  }

  /**
   * Opens beside `anchor`; `onPick` gets what is chosen.
   * @param {Element} anchor
   * @param {(emoji: string) => void} onPick
   */
  async open(anchor, onPick) {
    this.#onPick = onPick;
    this.#field.value = '';
    this.#picker.showPopover();
    placeBeside(this.#picker, anchor);
    // On a touch screen the keyboard would cover what there is to choose from.
    if (matchMedia('(pointer: fine)').matches) this.#field.focus();
    else this.#grid.focus();
    this.#showFavourites();
    await this.#load();
    this.#search();
  }

  /** Asked for when it is wanted first, and again if that failed: what is typed can be chosen without it. */
  #load() {
    this.#loading ??= this.#fetch().catch(() => {
      this.#loading = undefined;
      this.#name.textContent = 'The emoji could not be loaded. You can still type one.';
    });
    return this.#loading;
  }

  async #fetch() {
    const answer = await fetch(DATA);
    if (!answer.ok) throw new Error(String(answer.status));
    /** @type {{ groups: { name: string, emoji: Emoji[] }[] }} */
    const { groups } = await answer.json();
    this.#all = groups.flatMap(({ emoji }) => emoji);
    const entries = groups.map(({ name, emoji }, index) => ({ id: `emoji-group-${index}`, name, emoji }));
    this.#groups.replaceChildren(...entries.map(({ id, name, emoji }, index) =>
      make('button', { type: 'button', 'data-group': id, 'aria-label': name, title: name, tabindex: index ? -1 : 0 }, emoji[0][0])));
    this.#grid.append(...entries.map(({ id, name, emoji }) => section(id, name, emoji)));
  }

  #showFavourites() {
    /** @type {(emoji: string) => Emoji} */
    const named = (emoji) => this.#all.find(([each]) => isSame(each, emoji)) ?? [emoji, emoji];
    this.#grid.querySelector('#emoji-used')?.remove();
    this.#grid.prepend(section('emoji-used', 'Often used', favourites(SHOWN).map(named)));
    this.#grid.scrollTop = 0;
  }

  #search() {
    const text = this.#field.value.trim();
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    const isFound = (/** @type {Emoji} */ [emoji, name, others]) => {
      const all = `${name} ${others ?? ''}`.toLowerCase().split(/[\s:-]+/);
      return isSame(emoji, text) || words.every((word) => all.some((each) => each.startsWith(word)));
    };
    const found = text ? this.#all.filter(isFound) : [];
    // Those that are called so, or whose name begins so, are meant more likely.
    const rank = (/** @type {Emoji} */ [, name]) => Number(name === words.join(' ')) + Number(name.startsWith(words.join(' ')));
    found.sort((one, other) => rank(other) - rank(one));
    const isListed = found.some(([emoji]) => isSame(emoji, text));
    if (isEmoji(text) && !isListed) found.unshift([text, text]);
    this.#grid.querySelector('#emoji-found')?.remove();
    for (const each of children(this.#grid)) each.hidden = Boolean(text);
    this.#groups.hidden = Boolean(text);
    if (!text) return;
    this.#grid.prepend(section('emoji-found', found.length ? 'Found' : 'Nothing found', found.slice(0, FOUND)));
    this.#name.textContent = found.length ? `${found[0][1]}: Enter chooses it` : '';
  }

  #buttons() {
    return [.../** @type {NodeListOf<HTMLElement>} */ (this.#grid.querySelectorAll('section:not([hidden]) [data-emoji]'))];
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    const buttons = this.#buttons();
    if (event.target === this.#field) {
      if (event.isComposing) return;
      if (event.key === 'ArrowDown') {
        event.preventDefault();
        buttons[0]?.focus();
      } else if (event.key === 'Enter') {
        event.preventDefault();
        if (this.#field.value.trim() && buttons.length) this.#pick(buttons[0].dataset.emoji ?? '');
      }
    } else if (this.#groups.contains(/** @type {Node} */ (event.target))) {
      step(event, children(this.#groups), ['ArrowLeft', 'ArrowRight']);
    } else if (!step(event, buttons, ['ArrowLeft', 'ArrowRight']) && ['ArrowUp', 'ArrowDown'].includes(event.key)) {
      event.preventDefault();
      (nextRow(buttons, /** @type {HTMLElement} */ (event.target), event.key === 'ArrowDown' ? 1 : -1) ?? this.#field).focus();
    }
  }

  /** @param {string} emoji */
  #pick(emoji) {
    /** @type {string[]} */
    const used = load('localStorage', USED) ?? [];
    const others = used.filter((each) => !isSame(each, emoji));
    save('localStorage', USED, [emoji, ...others].slice(0, SHOWN));
    this.#picker.hidePopover();
    this.#onPick(emoji);
  }
}

/**
 * Returns true if a server takes the text: one visible character, or a shortcode. A letter is rather the beginning of a name.
 * @param {string} text
 */
function isEmoji(text) {
  if (/^:[\w+-]+:$/.test(text)) return true;
  return /[^\x00-\x7F]/.test(text) && [...new Intl.Segmenter().segment(text)].length === 1;
}

/**
 * @param {string} id
 * @param {string} name
 * @param {Emoji[]} emoji
 */
function section(id, name, emoji) {
  const buttons = emoji.map(([each, label]) =>
    make('button', { type: 'button', class: 'emoji', 'data-emoji': each, 'aria-label': label, title: label, tabindex: -1 }, each));
  buttons[0]?.setAttribute('tabindex', '0');
  return make('section', { id, 'aria-label': name }, make('h2', {}, name), make('div', { class: 'emoji-rows' }, ...buttons));
}

/**
 * The button above or below one, in whatever columns there are.
 * @param {HTMLElement[]} buttons
 * @param {HTMLElement} from
 * @param {number} direction
 */
function nextRow(buttons, from, direction) {
  const box = from.getBoundingClientRect();
  /** @type {number | undefined} */
  let row;
  /** @type {[number, HTMLElement] | undefined} */
  let best;
  for (let at = buttons.indexOf(from) + direction; buttons[at] && at >= 0; at += direction) {
    const { top, left } = buttons[at].getBoundingClientRect();
    if (Math.abs(top - box.top) < 2) continue;
    row ??= top;
    if (Math.abs(top - row) > 2) break;
    if (!best || Math.abs(left - box.left) < best[0]) best = [Math.abs(left - box.left), buttons[at]];
  }
  return best?.[1];
}
