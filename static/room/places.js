// The place where a reader enters the room, and the way to a single message: by the page's address, from a quote, from a search.
/** @import { Client } from '../client/client.js' */
/** @import { Message, Unread } from '../client/events.js' */
/** @import { Messages } from './messages.js' */
import { closest } from '../shared/dom.js';
import { fold } from '../shared/names.js';
import { notice } from './notice.js';
import { load, save } from '../shared/store.js';

export class Places {
  #messages;
  #me;
  #key;
  #isOpen = false;
  /** The first message that came while nobody looked. @type {number | undefined} */
  #away;
  /** Resolves to the id up to which the user had read, once the reader is where the page opens. @type {Promise<number>} */
  opened;

  /**
   * @param {Client} client
   * @param {Messages} messages
   */
  constructor(client, messages) {
    this.#messages = messages;
    this.#me = fold(client.username ?? '');
    this.#key = `parlor:place:${client.room}`;
    const nothing = { unread: 0, capped: false, last_read_id: 0 };
    // Of whoever has no name nothing is known.
    const unread = client.username === undefined ? Promise.resolve(nothing) : client.unread().catch(() => nothing);
    this.opened = new Promise((resolve) => {
      client.addEventListener('message_history', async () => {
        if (this.#isOpen) return;
        this.#isOpen = true;
        await this.#open(unread);
        resolve((await unread).last_read_id);
      });
    });
    client.addEventListener('chat_message', ({ detail }) => this.#arrived(detail.message));
    document.addEventListener('visibilitychange', () => this.#seenAgain());
    addEventListener('hashchange', () => this.#linked() && this.show(this.#linked()));
    document.addEventListener('click', ({ target }) => {
      const link = closest(target, 'a[href^="#"]');
      // The address is that of the message already: nothing would happen.
      if (link instanceof HTMLAnchorElement && link.hash === location.hash && this.#linked()) this.show(this.#linked());
    });
    addEventListener('pagehide', () => save('sessionStorage', this.#key, messages.place));
  }

  /** Goes to a message and marks it. @param {number} id */
  async show(id) {
    const isThere = await this.#messages.jump(id);
    const item = this.#messages.item(id);
    document.querySelector('.marked')?.removeAttribute('aria-current');
    document.querySelector('.marked')?.classList.remove('marked');
    if (isThere === undefined) notice('That message can’t be loaded at the moment.');
    else if (isThere === false) notice(`There is no message ${id} in this room.`);
    item?.classList.add('marked');
    item?.setAttribute('aria-current', 'true');
    item?.focus({ preventScroll: true });
  }

  #linked() {
    return Number(location.hash.match(/^#([1-9]\d{0,15})$/)?.[1] ?? 0);
  }

  /**
   * To the message of the address, back to where the reader was, or to the first message that is new.
   * @param {Promise<Unread>} unread
   */
  async #open(unread) {
    const place = load('sessionStorage', this.#key);
    const [navigation] = /** @type {PerformanceNavigationTiming[]} */ (performance.getEntriesByType('navigation'));
    const isVisit = !['reload', 'back_forward'].includes(navigation?.type);
    const returns = place && !isVisit;
    if (returns && !place.isEnd) await this.#messages.jump(place.id, place.offset);
    else if (!returns && this.#linked()) await this.show(this.#linked());
    const { unread: count, last_read_id: id } = await unread;
    // To whom everything is new, nothing is.
    const isNews = count > 0 && id > 0;
    if (isNews) await this.#messages.drawLine(id, isVisit && !this.#linked());
    else if (isVisit && !this.#linked() && place && !place.isEnd) await this.#messages.jump(place.id, place.offset);
  }

  /** Counts messages of others as new, too, while nobody looks. @param {Message} message */
  #arrived({ id, username, deleted_at: deletedAt }) {
    if (deletedAt || fold(username) === this.#me) return;
    if (document.hidden && this.#messages.place.isEnd) this.#away ??= id;
  }

  #seenAgain() {
    if (document.hidden || !this.#away) return;
    this.#messages.drawLine(this.#away - 1, true);
    this.#away = undefined;
  }
}
