// Calls for a reader who looks elsewhere: the number of unread messages in the title, and notifications.
/** @import { Client } from '../client/client.js' */
/** @import { Message } from '../client/events.js' */
import { byId } from '../shared/dom.js';
import { fold } from '../shared/names.js';
import { load, save } from '../shared/store.js';

const KEY = 'parlor:notify';
/** The time after the last message in which another is part of the same notification. */
const BURST = 2_000;

export class Attention {
  #client;
  #title = '';
  /** The room in a notification. */
  place;
  #unread = 0;
  /** The present notification: its first message, the number of messages, and the time of the last. */
  #burst = { first: 0, count: 0, at: -BURST };
  #box = byId('notify', HTMLInputElement);

  /** @param {Client} client */
  constructor(client) {
    this.#client = client;
    this.place = `#${client.room}`;
    client.addEventListener('chat_message', ({ detail }) => this.#arrived(detail.message));
    document.addEventListener('visibilitychange', () => {
      if (document.hidden) return;
      this.#unread = 0;
      this.#show();
    });
    this.#box.checked = load('localStorage', KEY) === true && globalThis.Notification?.permission === 'granted';
    this.#box.addEventListener('change', () => this.#ask());
    if (!globalThis.Notification) this.#forbid('Not available here: notifications need HTTPS.');
  }

  /** @param {string} title */
  set title(title) {
    this.#title = title;
    this.#show();
  }

  #show() {
    document.title = `${this.#unread ? `(${this.#unread}) ` : ''}${this.#title} · Parlor`;
  }

  async #ask() {
    const answer = this.#box.checked ? await Notification.requestPermission() : undefined;
    if (this.#box.checked && answer !== 'granted') this.#forbid('Your browser does not allow notifications from here.');
    else save('localStorage', KEY, this.#box.checked);
  }

  /** @param {string} words */
  #forbid(words) {
    this.#box.checked = false;
    byId('notify-hint').textContent = words;
  }

  /** @param {Message} message */
  #arrived({ id, username, content, deleted_at: deletedAt }) {
    if (!document.hidden || deletedAt || fold(username) === fold(this.#client.username ?? '')) return;
    this.#unread += 1;
    this.#show();
    if (this.#box.checked) this.#notify(id, username, content);
  }

  /**
   * A message is one notification, and so is all that comes at once to whoever was away.
   * @param {number} id
   * @param {string} username
   * @param {string} content
   */
  #notify(id, username, content) {
    const { room } = this.#client;
    const [{ first, count, at }, now] = [this.#burst, performance.now()];
    this.#burst = now - at < BURST ? { first, count: count + 1, at: now } : { first: id, count: 1, at: now };
    const isOne = this.#burst.count === 1;
    try {
      const notification = new Notification(isOne ? `${username} in ${this.place}` : `${this.#burst.count} new messages in ${this.place}`, {
        body: isOne ? content : `${username}: ${content}`,
        // A notification takes the place of one with the same tag, also of another tab's.
        tag: `parlor:${room}:${this.#burst.first}`,
      });
      notification.onclick = () => {
        window.focus();
        notification.close();
      };
    } catch {
      this.#forbid('This browser shows notifications only for installed pages.');
    }
  }
}
