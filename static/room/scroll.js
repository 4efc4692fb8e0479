// The reader's place in the log: its end, or a message that stays where it is whatever changes around it.
import { byId, children } from '../shared/dom.js';

/** So near to the end counts as at the end, in pixels. */
const NEAR = 48;

export class Scroll {
  #scroller = byId('scroller');
  #list = byId('messages');
  #lastTop = 0;
  isAtEnd = true;

  /** The distance from what is in view to the beginning and to the end, in pixels. */
  get distance() {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    return { toBeginning: scrollTop, toEnd: scrollHeight - clientHeight - scrollTop };
  }

  get #view() {
    return this.#scroller.getBoundingClientRect();
  }

  /**
   * The reader has moved; `canBeAtEnd` if the newest message is shown.
   * @param {boolean} canBeAtEnd
   */
  moved(canBeAtEnd) {
    const { toBeginning: top, toEnd } = this.distance;
    // Only the reader moves up; a view that shrinks or messages that grow leave the end behind as well.
    if (toEnd < NEAR) this.isAtEnd = canBeAtEnd;
    else if (top < this.#lastTop) this.isAtEnd = false;
    this.#lastTop = top;
  }

  /** To the end, if that is where the reader is. */
  settle() {
    if (!this.isAtEnd) return;
    this.#scroller.scrollTop = this.#scroller.scrollHeight;
    this.#lastTop = this.#scroller.scrollTop;
  }

  /**
   * Does something that changes heights, and holds what is in view where it is.
   * @param {() => void} act
   * @param {Element} [held] what to hold instead of the topmost in view
   */
  hold(act, held = this.isAtEnd ? undefined : this.topmost) {
    const before = held?.getBoundingClientRect().top ?? 0;
    act();
    if (held?.isConnected) this.#by(held.getBoundingClientRect().top - before);
    else this.settle();
  }

  /** @param {number} pixels */
  #by(pixels) {
    // Also a scroll of nothing takes a moment of the browser's.
    if (pixels) this.#scroller.scrollTop += pixels;
  }

  /**
   * Puts an item so far from the top of the view; without a distance, where one looks first.
   * @param {HTMLElement} item
   * @param {number} [offset]
   */
  show(item, offset) {
    const [view, box] = [this.#view, item.getBoundingClientRect()];
    this.isAtEnd = false;
    this.#by(box.top - view.top - (offset ?? Math.max(0, (view.height - box.height) / 3)));
  }

  /** The first item that is in view, if only with its end. */
  get topmost() {
    const { top } = this.#view;
    const items = children(this.#list);
    return items[countUntil(items, (item) => item.getBoundingClientRect().bottom > top)] ?? items.at(-1);
  }

  /** The distance of an item from the top of the view. @param {HTMLElement} item */
  offset(item) {
    return item.getBoundingClientRect().top - this.#view.top;
  }

  /** The last item that is in view down to its end. */
  get last() {
    const items = children(this.#list);
    const { bottom } = this.#view;
    const item = items[countUntil(items, (each) => each.getBoundingClientRect().bottom > bottom + 1) - 1];
    return item && this.has(item) ? item : undefined;
  }

  /** An item is in view down to its end. @param {HTMLElement} item */
  has(item) {
    const [end, view] = [item.getBoundingClientRect().bottom, this.#view];
    return end > view.top && end <= view.bottom + 1;
  }
}

/**
 * The number of items before the first for which `is` is true, as it is for all after it.
 * @template Item
 * @param {Item[]} items
 * @param {(item: Item) => boolean} is
 */
export function countUntil(items, is) {
  let [from, to] = [0, items.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    if (is(items[middle])) to = middle;
    else from = middle + 1;
  }
  return from;
}
