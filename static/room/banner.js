// The line above the messages: what is wrong at the moment, the gravest of it.
import { byId } from '../shared/dom.js';

/** The subjects of the banner, the gravest first. */
const KINDS = /** @type {const} */ (['line', 'service', 'shutdown', 'reset', 'tabs']);

/** @typedef {typeof KINDS[number]} Kind */

export class Banner {
  #element = byId('banner');
  /** @type {Map<Kind, string>} */
  #words = new Map();

  /**
   * @param {Kind} kind
   * @param {string} words
   */
  show(kind, words) {
    this.#words.set(kind, words);
    this.#update();
  }

  /** @param {...Kind} kinds */
  clear(...kinds) {
    for (const kind of kinds) this.#words.delete(kind);
    this.#update();
  }

  #update() {
    const kind = KINDS.find((each) => this.#words.has(each));
    const words = (kind && this.#words.get(kind)) ?? '';
    // Read out once, not whenever something else is over.
    if (this.#element.textContent !== words) this.#element.textContent = words;
    this.#element.hidden = !words;
    this.#element.dataset.kind = kind ?? '';
  }
}
