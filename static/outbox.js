// Messages that the server has not answered for yet: kept in this browser, shown as unsent, and sent until it does.
import { byId, linked, make } from './dom.js';
import { quote, showQuote } from './message.js';
import { fold } from './names.js';
import { newClientId } from './parlor.js';
import { load, save } from './store.js';

export class Outbox {
  #client;
  #known;
  #key;
  #list = byId('unsent');
  /** In the order they were written: {client_id, content, reply_to?, problem?}; `isSent` once answered but not yet in the log. */
  #entries = [];
  /** Whether the last attempt had no answer; those behind it wait with it. */
  #isStuck = false;
  #isSending = false;
  #onEdit;
  #onShown;

  /** `onEdit` gets a refused message back, its text and what it answers; `onShown` is called when the list has changed. */
  constructor(client, known, { onEdit, onShown }) {
    this.#client = client;
    this.#known = known;
    this.#key = `parlor:outbox:${client.room}:${fold(client.username)}`;
    this.#onEdit = onEdit;
    this.#onShown = onShown;
    client.addEventListener('retry', () => {
      this.#isStuck = true;
      this.#show();
    });
    const arrived = ({ client_id: id, username }) => id && fold(username) === fold(client.username) && this.#remove(id);
    client.addEventListener('chat_message', ({ detail }) => arrived(detail.message));
    client.addEventListener('message_history', ({ detail }) => detail.messages.forEach(arrived));
    // Other tabs of the same user keep theirs in the same place.
    addEventListener('storage', ({ key }) => key === this.#key && this.#load());
    this.#load();
    this.#send();
  }

  add(content, replyTo) {
    this.#entries.push({ client_id: newClientId(), content, reply_to: replyTo });
    this.#keep();
    this.#send();
  }

  #load() {
    const sent = this.#entries.filter(({ isSent }) => isSent);
    this.#entries = [...sent, ...(load('localStorage', this.#key) ?? [])];
    this.#show();
  }

  #keep() {
    const unsent = this.#entries.filter(({ isSent }) => !isSent);
    save('localStorage', this.#key, unsent.length ? unsent : undefined);
    this.#show();
  }

  #remove(id) {
    const left = this.#entries.filter((entry) => entry.client_id !== id);
    if (left.length === this.#entries.length) return;
    this.#entries = left;
    this.#keep();
  }

  #mark(id, marks) {
    const entry = this.#entries.find(({ client_id }) => client_id === id);
    if (!entry) return;
    Object.assign(entry, marks);
    this.#keep();
  }

  /** One after the other, so that they arrive in the order they were written; one tab at a time. */
  async #send() {
    if (this.#isSending) return;
    this.#isSending = true;
    const lock = (act) => (navigator.locks ? navigator.locks.request(this.#key, act) : act());
    await lock(async () => {
      for (let entry; (entry = this.#entries.find(({ problem, isSent }) => !problem && !isSent)); ) {
        const id = entry.client_id;
        try {
          const message = await this.#client.post(entry.content, { clientId: id, replyTo: entry.reply_to });
          this.#isStuck = false;
          // It is answered before it is read; until then it stays in view.
          if (this.#client.cursor >= message.id) this.#remove(id);
          else this.#mark(id, { isSent: true });
        } catch (error) {
          if (!error.isFinal) return;
          this.#mark(id, { problem: error.message });
        }
      }
    });
    this.#isSending = false;
  }

  #show() {
    this.#list.hidden = !this.#entries.length;
    this.#list.replaceChildren(...this.#entries.map((entry) => this.#item(entry)));
    this.#onShown();
  }

  #item(entry) {
    const { client_id: id, content, reply_to: target, problem, isSent } = entry;
    const waiting = this.#isStuck ? 'Not sent yet. It is kept here and sent as soon as possible.' : 'Sending…';
    const words = problem ?? (isSent ? '' : waiting);
    const button = (label, act) => {
      const made = make('button', { type: 'button', class: 'quiet' }, label);
      made.addEventListener('click', () => {
        this.#remove(id);
        act?.();
      });
      return made;
    };
    const buttons = problem ? [button('Edit', () => this.#onEdit(content, target)), button('Discard')] : [];
    const quoted = target && this.#known.quoted(target);
    const link = target && quote(target);
    if (quoted) showQuote(link, quoted);
    return make('li', { class: `message own first unsent${problem ? ' refused' : ''}`, 'data-client-id': id },
      make('div', { class: 'body' },
        link || undefined,
        make('p', { class: 'content', dir: 'auto' }, ...linked(content)),
        make('p', { class: 'fate' }, words, ...buttons)));
  }
}
