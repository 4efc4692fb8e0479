// What calls somebody back who looks elsewhere: the number of unread messages in the title, and notifications.
import { byId } from './dom.js';
import { fold } from './names.js';
import { load, save } from './store.js';

const KEY = 'parlor:notify';

export class Attention {
  #client;
  #title = '';
  #unread = 0;
  #box = byId('notify');

  constructor(client) {
    this.#client = client;
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

  #forbid(words) {
    this.#box.checked = false;
    byId('notify-hint').textContent = words;
  }

  #arrived({ id, username, content }) {
    if (!document.hidden || fold(username) === fold(this.#client.username)) return;
    this.#unread += 1;
    this.#show();
    if (!this.#box.checked) return;
    try {
      // The same tag in every tab, so that one message is one notification.
      const tag = `parlor:${this.#client.room}:${id}`;
      const notification = new Notification(`${username} in #${this.#client.room}`, { body: content, tag });
      notification.onclick = () => {
        window.focus();
        notification.close();
      };
    } catch {
      this.#forbid('This browser shows notifications only for installed pages.');
    }
  }
}
