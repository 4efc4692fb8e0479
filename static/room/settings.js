// The server's settings, as far as the page has to know them.
/** @import { Message } from '../client/events.js' */

/** It is allowed that the answer takes this long to be read, in milliseconds. */
const SLACK = 2_000;

export class Settings {
  /** For how long a message can be edited, in milliseconds; until it is known, and if 0, for ever. */
  #editWindow = 0;
  /** The lead of the server's clock over this one, in milliseconds. */
  #ahead = 0;

  /** Asks the server; without an answer nothing is known. */
  async load() {
    try {
      const answer = await fetch('/static/settings.json');
      const { edit_window: seconds } = await answer.json();
      this.set(seconds * 1000, Date.parse(answer.headers.get('Date') ?? '') - Date.now());
    } catch {
      // The server refuses what comes too late; the text of an edit is kept.
    }
  }

  /**
   * @param {number} editWindow
   * @param {number} ahead
   */
  set(editWindow, ahead) {
    this.#editWindow = editWindow || 0;
    this.#ahead = ahead || 0;
  }

  /**
   * A message of the user's own can be edited at the moment.
   * @param {Pick<Message, 'timestamp' | 'deleted_at'>} message
   */
  canEdit({ timestamp, deleted_at: deletedAt }, now = Date.now()) {
    if (deletedAt) return false;
    return !this.#editWindow || now + this.#ahead - Date.parse(timestamp) < this.#editWindow - SLACK;
  }
}
