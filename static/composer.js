// The field one writes in: Enter sends, what is written survives a reload, and others see that one types.
import { byId } from './dom.js';
import { load, save } from './store.js';

/** After how long without a key one no longer types. */
const IDLE = 3_000;
/** The server forgets after 6 s that somebody types. */
const RENEW = 4_000;

export class Composer {
  #client;
  #field = byId('content');
  #key;
  #typingSince = 0;
  #idle;

  constructor(client, onSend) {
    this.#client = client;
    this.#key = `parlor:draft:${client.room}`;
    this.#field.placeholder = `Message #${client.room}`;
    this.#field.value = load('sessionStorage', this.#key) ?? '';
    this.#field.addEventListener('input', () => this.#written());
    this.#field.addEventListener('blur', () => this.#stop());
    addEventListener('pagehide', () => this.#stop());
    this.#field.addEventListener('keydown', (event) => {
      // While an input method composes, Enter chooses a word.
      if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      byId('form').requestSubmit();
    });
    byId('form').addEventListener('submit', (event) => {
      event.preventDefault();
      const text = this.#field.value;
      this.#field.focus();
      if (!text.trim()) return;
      this.text = '';
      // The message itself tells the others that the typing is over.
      this.#typingSince = 0;
      clearTimeout(this.#idle);
      onSend(text);
    });
    // On a touch screen the focus would bring the keyboard up over the messages.
    if (matchMedia('(pointer: fine)').matches) this.#field.focus();
  }

  get text() {
    return this.#field.value;
  }

  set text(text) {
    this.#field.value = text;
    save('sessionStorage', this.#key, text || undefined);
  }

  focus() {
    this.#field.focus();
  }

  #written() {
    save('sessionStorage', this.#key, this.#field.value || undefined);
    if (!this.#field.value.trim()) return this.#stop();
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.#stop(), IDLE);
    if (Date.now() - this.#typingSince < RENEW) return;
    this.#typingSince = Date.now();
    this.#client.typing(true);
  }

  #stop() {
    clearTimeout(this.#idle);
    if (!this.#typingSince) return;
    this.#typingSince = 0;
    this.#client.typing(false);
  }
}
