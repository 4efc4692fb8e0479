// Presence and typing, kept up by events and shown in the list beside the messages and the line below them.
/** @import { Client } from '../client/client.js' */
/** @import { ServerEvents } from '../client/events.js' */
import { avatar, byId, make } from '../shared/dom.js';
import { fold, hue } from '../shared/names.js';

export class People {
  #me;
  /** The names as they are shown, by the folded ones. @type {Map<string, string>} */
  #users = new Map();
  /** @type {Map<string, string>} */
  #typing = new Map();
  #online = 0;
  #isCrowd = false;

  /**
   * @param {Client} client
   * @param {string} me
   */
  constructor(client, me) {
    this.#me = fold(me);
    client.addEventListener('presence_state', ({ detail }) => this.#replace(detail));
    client.addEventListener('user_status', ({ detail }) => this.#change(detail));
    client.addEventListener('typing_indicator', ({ detail: { username, is_typing } }) => {
      if (is_typing) this.#typing.set(fold(username), username);
      else this.#typing.delete(fold(username));
      this.#showTyping();
    });
    client.addEventListener('chat_message', ({ detail }) => {
      if (this.#typing.delete(fold(detail.message.username))) this.#showTyping();
    });
    client.addEventListener('state', ({ detail: { name } }) => {
      if (name === 'connected') return;
      // Nobody tells any more when they stop.
      this.#typing.clear();
      this.#showTyping();
    });
  }

  /** @param {ServerEvents['presence_state']} state */
  #replace({ online, users, typing }) {
    this.#isCrowd = users.length < online;
    this.#online = online;
    this.#users = new Map(users.map(({ username }) => [fold(username), username]));
    this.#typing = new Map(typing.map((username) => [fold(username), username]));
    this.#showPeople();
    this.#showTyping();
  }

  /** @param {ServerEvents['user_status']} event */
  #change({ username, status }) {
    if (status === 'online') this.#users.set(fold(username), username);
    else this.#users.delete(fold(username));
    this.#online = this.#users.size;
    this.#showPeople();
  }

  #showPeople() {
    const count = this.#online;
    byId('count').textContent = String(count);
    byId('show-people').setAttribute('aria-label', `Who is here: ${count}`);
    byId('people-title').textContent = `Here now: ${count}`;
    const keys = [...this.#users.keys()].sort((a, b) => a.localeCompare(b));
    /** @type {HTMLElement[]} */
    const items = keys.map((key) => {
      const name = this.#users.get(key) ?? key;
      const you = key === this.#me ? make('span', { class: 'you' }, 'you') : undefined;
      return make('li', { 'data-user': name }, avatar(name, hue(name)), make('bdi', {}, name), you);
    });
    if (this.#isCrowd) items.push(make('li', { class: 'hint' }, 'Too many to be listed.'));
    byId('people-list').replaceChildren(...items);
  }

  #showTyping() {
    const names = [...this.#typing].filter(([key]) => key !== this.#me).map(([, name]) => make('bdi', {}, name));
    const words = names.length > 3 ? ['Several people are typing'] : sentence(names);
    const dots = make('span', { class: 'dots', 'aria-hidden': 'true' }, make('i'), make('i'), make('i'));
    byId('typing').replaceChildren(...(names.length ? [dots, make('span', {}, ...words)] : []));
  }
}

/** @param {HTMLElement[]} names */
function sentence(names) {
  const joined = names.flatMap((name, index) => {
    if (index === 0) return [name];
    return [index === names.length - 1 ? ' and ' : ', ', name];
  });
  return [...joined, names.length === 1 ? ' is typing' : ' are typing'];
}
