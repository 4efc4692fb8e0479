// The tabs of a browser where each has a line of its own: counted, so that it can be said before no connection is left.
import { newClientId } from '../client/client.js';

/** Of a browser's six connections to a host, so many lines leave one for everything else. */
export const MOST_LINES = 5;

/** The time to wait for more answers, in milliseconds. */
const SETTLED = 200;

/** @typedef {{ here?: string, asks?: boolean, left?: string }} Words */

/** Counts the lines of this browser's tabs; calls `onCount` with how many they are whenever that changes. */
export class Crowd {
  #tab = newClientId();
  #channel = new BroadcastChannel('parlor:lines');
  /** @type {Set<string>} */
  #others = new Set();
  #hasLine = false;
  #onCount;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /** @param {(count: number) => void} onCount */
  constructor(onCount) {
    this.#onCount = onCount;
    this.#channel.onmessage = ({ data }) => this.#hear(data);
  }

  /**
   * Says whether this tab has a line that takes one of the connections; a WebSocket takes none of them.
   * @param {boolean} hasLine
   */
  set(hasLine) {
    if (hasLine === this.#hasLine) return;
    this.#hasLine = hasLine;
    this.ask();
  }

  /** Counts again: a tab that crashed has not said so. */
  ask() {
    this.#others.clear();
    this.#say(this.#hasLine ? { here: this.#tab, asks: true } : { left: this.#tab, asks: true });
    this.#count();
  }

  close() {
    clearTimeout(this.#timer);
    this.#say({ left: this.#tab });
    this.#channel.close();
  }

  /** @param {Words} words */
  #say(words) {
    this.#channel.postMessage(words);
  }

  /** @param {Words} words */
  #hear({ here, asks, left }) {
    if (here) this.#others.add(here);
    if (left) this.#others.delete(left);
    if (asks && this.#hasLine) this.#say({ here: this.#tab });
    this.#count();
  }

  #count() {
    // Once all have answered.
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#onCount(this.#others.size + Number(this.#hasLine)), SETTLED);
  }
}
