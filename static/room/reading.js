// Read cursors: sends that of the user by what was on the screen, and shows those of others.
/** @import { Client } from '../client/client.js' */
/** @import { Messages } from './messages.js' */
import { isFinal } from '../client/request.js';
import { avatar, inWords, make, within } from '../shared/dom.js';
import { fold, hue } from '../shared/names.js';

/** So long a message is on the screen before it counts as read; and so rarely is it said. */
const LOOK = 600;
/** So many pictures stand at a message. */
const SHOWN = 4;

export class Reading {
  #client;
  #messages;
  #me;
  /** By folded name. @type {Map<string, { username: string, last_read_id: number }>} */
  #cursors = new Map();
  /** The items that show readers. @type {HTMLElement[]} */
  #shown = [];
  #isOpened = false;
  #mine = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {Client} client
   * @param {Messages} messages
   * @param {Promise<number>} opened
   */
  constructor(client, messages, opened) {
    this.#client = client;
    this.#messages = messages;
    this.#me = fold(client.username ?? '');
    client.addEventListener('read_state', ({ detail }) => {
      this.#cursors = new Map(detail.cursors.map((cursor) => [fold(cursor.username), cursor]));
      this.#show();
    });
    client.addEventListener('read_receipt', ({ detail }) => {
      if (detail.last_read_id < (this.#cursors.get(fold(detail.username))?.last_read_id ?? 0)) return;
      this.#cursors.set(fold(detail.username), detail);
      this.#show();
    });
    client.addEventListener('reset', () => {
      this.#mine = 0;
      this.#cursors.clear();
    });
    client.addEventListener('state', () => this.#look());
    messages.addEventListener('list', () => this.#show());
    messages.addEventListener('view', () => this.#look());
    document.addEventListener('visibilitychange', () => this.#look());
    opened.then((id) => {
      this.#isOpened = true;
      this.#mine = Math.max(this.#mine, id);
      this.#look();
    });
  }

  /** Says of the last message on the screen that it is read, if it stays there for so long; then looks for the next. */
  #look() {
    const isLive = this.#client.state.name === 'connected';
    if (!this.#isOpened || !isLive || document.hidden) {
      clearTimeout(this.#timer);
      this.#timer = undefined;
      return;
    }
    if (this.#timer) return;
    const id = this.#messages.lastOnScreen;
    if (id === undefined || id <= this.#mine) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#messages.isOnScreen(id)) this.#say(id);
      this.#look();
    }, LOOK);
  }

  /** @param {number} id */
  async #say(id) {
    const before = this.#mine;
    this.#mine = id;
    try {
      await this.#client.markRead(id);
    } catch (error) {
      // Said again when something moves or the line is up; what is refused would be refused again.
      if (!isFinal(error) && this.#mine === id) this.#mine = before;
    }
  }

  #show() {
    /** @type {Map<HTMLElement, string[]>} */
    const readers = new Map();
    for (const [key, { username, last_read_id: id }] of this.#cursors) {
      const item = key === this.#me ? undefined : this.#messages.upTo(id);
      // That somebody has seen what they wrote says nothing.
      if (item && item.dataset.author !== key) readers.set(item, [...(readers.get(item) ?? []), username]);
    }
    const words = (/** @type {HTMLElement} */ item) => {
      const names = readers.get(item)?.sort((a, b) => a.localeCompare(b));
      return names ? `Seen by ${inWords(names)}` : '';
    };
    const changed = [...new Set([...this.#shown, ...readers.keys()])].filter((item) => within(item, '.seen').title !== words(item));
    this.#shown = [...readers.keys()];
    if (!changed.length) return;
    this.#messages.change(changed, () => {
      for (const item of changed) fill(within(item, '.seen'), words(item), readers.get(item) ?? []);
    });
  }
}

/**
 * @param {HTMLElement} seen
 * @param {string} words
 * @param {string[]} names
 */
function fill(seen, words, names) {
  seen.title = words;
  seen.hidden = !names.length;
  const more = names.length > SHOWN ? [make('span', { 'aria-hidden': 'true' }, `+${names.length - SHOWN}`)] : [];
  seen.replaceChildren(make('span', { class: 'hidden' }, words), ...names.slice(0, SHOWN).map((name) => avatar(name, hue(name))), ...more);
}
