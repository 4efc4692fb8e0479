// Finding messages by their words: a list of links to them.
/** @import { Client } from '../client/client.js' */
/** @import { Message } from '../client/events.js' */
import { isFinal } from '../client/request.js';
import { byId, closest, make, within } from '../shared/dom.js';
import { exact } from './message.js';
import { hue } from '../shared/names.js';

/** After how long without a key it is searched. */
const IDLE = 300;

const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

export class Search {
  #client;
  #panel = byId('search');
  #button = byId('show-search');
  #field = byId('query', HTMLInputElement);
  #status = byId('found-status');
  #list = byId('found');
  #more = byId('found-more', HTMLButtonElement);
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  /** @type {string | undefined} */
  #words = '';
  /** @type {number | null | undefined} */
  #next;
  #hasFailed = false;
  /** Stands for what was asked last: an answer to anything else comes too late. @type {object | undefined} */
  #asking;

  /** @param {Client} client */
  constructor(client) {
    this.#client = client;
    this.#button.addEventListener('click', () => (this.#panel.hidden ? this.#open() : this.#close()));
    byId('search-close').addEventListener('click', () => this.#close());
    this.#panel.addEventListener('keydown', (event) => event.key === 'Escape' && this.#close());
    this.#field.addEventListener('input', () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#search(), IDLE);
    });
    byId('search-form').addEventListener('submit', (event) => {
      event.preventDefault();
      // There may be more by now.
      this.#words = undefined;
      this.#search();
    });
    this.#more.addEventListener('click', () => this.#ask(this.#next));
    this.#list.addEventListener('click', ({ target }) => {
      // On a phone the results cover the messages.
      if (closest(target, 'a') && matchMedia('(max-width: 55.99rem)').matches) this.#close();
    });
    // What is deleted can be found no longer; what is edited may say something else.
    client.addEventListener('message_deleted', ({ detail }) => this.#changed({ id: detail.message_id, content: '', deleted_at: detail.deleted_at }));
    client.addEventListener('message_edited', ({ detail }) => this.#changed(detail.message));
    client.addEventListener('state', ({ detail }) => {
      if (detail.name === 'connected' && this.#hasFailed) this.#ask(this.#next);
    });
  }

  #open() {
    this.#panel.hidden = false;
    this.#button.setAttribute('aria-expanded', 'true');
    document.body.classList.add('searching');
    this.#field.focus();
    this.#field.select();
  }

  #close() {
    this.#panel.hidden = true;
    this.#button.setAttribute('aria-expanded', 'false');
    document.body.classList.remove('searching');
    this.#button.focus();
  }

  #search() {
    clearTimeout(this.#timer);
    const words = this.#field.value.trim();
    if (words === this.#words) return;
    this.#words = words;
    this.#asking = undefined;
    this.#next = undefined;
    this.#hasFailed = false;
    this.#list.replaceChildren();
    this.#more.hidden = true;
    this.#status.textContent = '';
    if (words) this.#ask();
  }

  /** @param {number | null} [before] */
  async #ask(before) {
    const asking = {};
    this.#asking = asking;
    this.#more.disabled = true;
    this.#hasFailed = false;
    this.#status.textContent = 'Searching…';
    try {
      const page = await this.#client.search(this.#words ?? '', { before: before ?? undefined });
      if (this.#asking !== asking) return;
      const first = this.#list.children.length;
      this.#list.append(...page.messages.map(result));
      this.#next = page.next;
      this.#more.hidden = !page.next;
      this.#status.textContent = this.#count();
      if (before) this.#list.children[first]?.querySelector('a')?.focus();
    } catch (error) {
      if (this.#asking !== asking) return;
      // Asked again when the line is back, or on request.
      this.#hasFailed = !isFinal(error);
      this.#status.textContent = isFinal(error) ? error.message : 'The search can’t be reached at the moment.';
    } finally {
      this.#more.disabled = false;
    }
  }

  #count() {
    const { length } = this.#list.children;
    if (!length) return this.#next ? 'Nothing found so far.' : 'Nothing found.';
    return `${length}${this.#next ? ' or more' : ''} message${length > 1 || this.#next ? 's' : ''} found, the newest first.`;
  }

  /** @param {Pick<Message, 'id' | 'content' | 'deleted_at'>} message */
  #changed(message) {
    const item = this.#list.querySelector(`[data-found="${message.id}"]`);
    if (!item) return;
    if (!message.deleted_at) {
      within(item, '.words').textContent = message.content;
      return;
    }
    item.remove();
    this.#status.textContent = this.#count();
  }
}

/** @param {Message} message */
function result({ id, username, content, timestamp }) {
  const time = new Date(timestamp);
  return make('li', { 'data-found': id },
    make('a', { href: `#${id}` },
      make('span', { class: 'byline' },
        make('bdi', { class: `author hue-${hue(username)}` }, username), ' ',
        make('time', { datetime: timestamp, title: exact.format(time) }, day.format(time))),
      make('span', { class: 'words', dir: 'auto' }, content)));
}
